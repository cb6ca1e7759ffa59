"""An app's functions as the host sees them: trigger and output bindings, read from what the worker indexed.

`%SETTING%` names are resolved from the app settings as Azure does it ("Binding expression patterns"), and
what this host cannot run is refused at start-up, by name, and never silently ignored.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.host.errors import HostError

SETTING = re.compile(r"%([^%]+)%")
QUEUE_NAME = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}\Z")
DEFAULT_CONNECTION = "AzureWebJobsStorage"
OWN_ROUTES = ("admin", "runtime")

Binding = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HttpTrigger:
    """`httpTrigger`. `route` has no prefix yet; `methods` are upper case, empty for all."""

    route: str
    methods: frozenset[str]
    key_required: bool


@dataclass(frozen=True, slots=True)
class TimerTrigger:
    """`timerTrigger`. `schedule` is the NCRONTAB expression."""

    schedule: str
    run_on_startup: bool
    use_monitor: bool


@dataclass(frozen=True, slots=True)
class QueueTrigger:
    """`queueTrigger`."""

    queue_name: str


@dataclass(frozen=True, slots=True)
class Function:
    """One function. `outputs` maps the parameter of each queue output (`$return` too) to its queue's name."""

    name: str
    function_id: str
    parameter: str
    trigger: HttpTrigger | TimerTrigger | QueueTrigger
    outputs: Mapping[str, str] = field(default_factory=dict)
    disabled: bool = False


def read_functions(described: list[dict[str, Any]], settings: Mapping[str, str]) -> tuple[Function, ...]:
    """The functions in the order in which the host tries them. Raises HostError, naming the function."""
    functions = [_read_function(one, settings) for one in described]
    return tuple(sorted(functions, key=lambda function: function.name.lower()))


def _read_function(described: dict[str, Any], settings: Mapping[str, str]) -> Function:
    name = described["name"]
    if described["has_retry_policy"]:
        raise HostError(f"function {name}: retry policies are not supported by the sandbox's host")
    bindings: list[Binding] = [_resolved(binding, settings, name) for binding in described["bindings"]]
    triggers = [binding for binding in bindings if str(binding["type"]).lower().endswith("trigger")]
    if len(triggers) != 1:
        raise HostError(f"function {name}: it needs one trigger and has {len(triggers)}")
    outputs = {}
    for binding in bindings:
        if binding is triggers[0]:
            continue
        kind, direction = str(binding["type"]).lower(), str(binding.get("direction", "")).lower()
        if kind == "queue" and direction == "out":
            outputs[binding["name"]] = _queue_name(binding, settings, name)
        elif not (kind == "http" and direction == "out"):
            raise HostError(f"function {name}: the sandbox's host has no binding of type {binding['type']}")
    return Function(
        name=name,
        function_id=described["id"],
        parameter=triggers[0]["name"],
        trigger=_trigger(triggers[0], settings, name),
        outputs=outputs,
        disabled=settings.get(f"AzureWebJobs.{name}.Disabled", "").lower() in ("1", "true"),
    )


def _trigger(
    binding: Binding, settings: Mapping[str, str], name: str
) -> HttpTrigger | TimerTrigger | QueueTrigger:
    kind = str(binding["type"]).lower()
    if kind == "httptrigger":
        route = str(binding.get("route") or name)
        first = route.lstrip("/").split("/")[0].lower()
        if first in OWN_ROUTES:
            raise HostError(
                f"function {name}: the route {route!r} conflicts with the host's own routes below /{first}"
            )
        methods = frozenset(str(method).upper() for method in binding.get("methods") or ())
        level = str(binding.get("authLevel") or "function").lower()
        return HttpTrigger(route, methods, level != "anonymous")
    if kind == "timertrigger":
        run_on_startup, use_monitor = binding.get("runOnStartup"), binding.get("useMonitor")
        return TimerTrigger(str(binding["schedule"]), _true(run_on_startup, False), _true(use_monitor, True))
    if kind == "queuetrigger":
        return QueueTrigger(_queue_name(binding, settings, name))
    raise HostError(f"function {name}: the sandbox's host has no trigger of type {binding['type']}")


def _queue_name(binding: Binding, settings: Mapping[str, str], name: str) -> str:
    connection = str(binding.get("connection") or DEFAULT_CONNECTION)
    if not any(key == connection or key.startswith(f"{connection}__") for key in settings):
        raise HostError(f"function {name}: the storage connection {connection!r} is not in the app settings")
    queue_name = str(binding["queueName"]).lower()
    if not QUEUE_NAME.match(queue_name):
        raise HostError(f"function {name}: {queue_name!r} is not a queue's name")
    return queue_name


def _resolved(binding: Binding, settings: Mapping[str, str], function: str) -> Binding:
    def setting(match: re.Match[str]) -> str:
        try:
            return settings[match[1]]
        except KeyError:
            raise HostError(f"function {function}: there is no app setting {match[1]!r}") from None

    return {
        key: SETTING.sub(setting, value) if isinstance(value, str) else value
        for key, value in binding.items()
    }


def _true(value: object, default: bool) -> bool:
    return default if value is None else str(value).lower() == "true"
