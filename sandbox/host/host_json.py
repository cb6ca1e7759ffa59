"""Reads an app's host.json: the settings that the Functions host itself obeys.

Names and defaults are those of Microsoft's "host.json reference for Azure Functions 2.x and later".
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,7}))?\Z")
DEFAULT_FUNCTION_TIMEOUT_S = 30 * 60.0
OVERRIDE = "azurefunctionsjobhost__"


class HostJsonError(ValueError):
    """host.json is missing, no JSON, or holds a value that the host does not take."""


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """`extensions.queues`: how messages are taken and given back. Times in seconds."""

    max_polling_interval_s: float = 60.0
    visibility_timeout_s: float = 0.0
    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    message_encoding: str = "base64"


@dataclass(frozen=True, slots=True)
class HostOptions:
    """What host.json says. `function_timeout_s` is None where it is unbounded ("-1")."""

    route_prefix: str = "api"
    function_timeout_s: float | None = DEFAULT_FUNCTION_TIMEOUT_S
    queues: QueueOptions = QueueOptions()


def load_host_json(file: Path, settings: Mapping[str, str] | None = None) -> HostOptions:
    """Reads host.json, then the app settings which override its values ("Override host.json values"), such as
    `AzureFunctionsJobHost__extensions__queues__batchSize`.

    Raises HostJsonError, whose message names the setting.
    """
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HostJsonError(f"there is no {file}") from None
    except ValueError as error:
        raise HostJsonError(f"{file} is not JSON: {error}") from error
    if not isinstance(raw, dict) or raw.get("version") != "2.0":
        raise HostJsonError(f'{file} must be an object with "version": "2.0"')
    for name, value in (settings or {}).items():
        if name.lower().startswith(OVERRIDE):
            _override(raw, name[len(OVERRIDE) :].split("__"), value)
    extensions = _section(raw, "extensions")
    prefix = _section(extensions, "http").get("routePrefix", "api")
    if not isinstance(prefix, str):
        raise HostJsonError("extensions.http.routePrefix must be a string")
    return HostOptions(prefix.strip("/"), _function_timeout(raw), _queues(_section(extensions, "queues")))


def time_span_s(text: object, name: str) -> float:
    """Seconds of a .NET TimeSpan such as "00:05:00" or "1.02:00:00". Raises HostJsonError naming `name`."""
    match = TIME_SPAN.match(text) if isinstance(text, str) else None
    if match is None:
        raise HostJsonError(f'{name} must be a time span such as "00:00:30", not {text!r}')
    days, hours, minutes, seconds, fraction = match.groups()
    if int(hours) > 23 or int(minutes) > 59 or int(seconds) > 59:
        raise HostJsonError(f"{name} is out of range: {text!r}")
    whole = ((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds)
    return whole + float(f"0.{fraction or 0}")


def _override(raw: dict[str, Any], path: list[str], value: str) -> None:
    """Names fit whatever their case; numbers come as text, as all settings do."""
    for depth, wanted in enumerate(path):
        name = next((one for one in raw if one.lower() == wanted.lower()), wanted)
        if depth + 1 == len(path):
            raw[name] = int(value) if value.isascii() and value.isdigit() else value
        else:
            section = raw[name] if isinstance(raw.get(name), dict) else {}
            raw[name] = section
            raw = section


def _function_timeout(raw: dict[str, Any]) -> float | None:
    value = raw.get("functionTimeout")
    if value is None:
        return DEFAULT_FUNCTION_TIMEOUT_S
    return None if value == "-1" else time_span_s(value, "functionTimeout")


def _queues(raw: dict[str, Any]) -> QueueOptions:
    default = QueueOptions()
    section = "extensions.queues"
    encoding = str(raw.get("messageEncoding", default.message_encoding)).lower()
    if encoding not in ("base64", "none"):
        raise HostJsonError(f'{section}.messageEncoding must be "base64" or "none"')
    batch_size = _whole(raw, "batchSize", default.batch_size, 1, 32)
    polling, visibility = raw.get("maxPollingInterval"), raw.get("visibilityTimeout")
    return QueueOptions(
        max_polling_interval_s=(
            default.max_polling_interval_s
            if polling is None
            else max(0.1, time_span_s(polling, f"{section}.maxPollingInterval"))
        ),
        visibility_timeout_s=(
            default.visibility_timeout_s
            if visibility is None
            else time_span_s(visibility, f"{section}.visibilityTimeout")
        ),
        batch_size=batch_size,
        new_batch_threshold=_whole(raw, "newBatchThreshold", batch_size // 2, 0, 1000),
        max_dequeue_count=_whole(raw, "maxDequeueCount", default.max_dequeue_count, 1, 1000),
        message_encoding=encoding,
    )


def _whole(raw: dict[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = raw.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise HostJsonError(f"extensions.queues.{name} must be a number from {low} to {high}, not {value!r}")
    return value


def _section(raw: dict[str, Any], name: str) -> dict[str, Any]:
    value = raw.get(name, {})
    if not isinstance(value, dict):
        raise HostJsonError(f"{name} in host.json must be an object")
    return value
