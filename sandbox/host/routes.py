"""HTTP routes: templates as ASP.NET writes them, tried in the order of function names, first match wins.

Taken from ASP.NET Core's routing as the Functions host uses it: literals whatever their case, `{name}`,
`{name?}`, `{name:constraint}` and the catch-alls `{*rest}` and `{**rest}`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from sandbox.host.errors import HostError
from sandbox.host.functions import Function, HttpTrigger

PARAMETER = re.compile(r"\{(\*{0,2})([A-Za-z_][A-Za-z0-9_]*)(?::([a-z]+))?(\?)?\}\Z")
GUID = re.compile(r"\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?\Z", re.IGNORECASE)
CONSTRAINTS: dict[str, Callable[[str], bool]] = {
    "int": lambda text: re.match(r"[+-]?\d{1,10}\Z", text, re.ASCII) is not None and abs(int(text)) < 2**31,
    "long": lambda text: re.match(r"[+-]?\d{1,19}\Z", text, re.ASCII) is not None and abs(int(text)) < 2**63,
    "alpha": lambda text: text.isascii() and text.isalpha(),
    "bool": lambda text: text.lower() in ("true", "false"),
    "guid": lambda text: GUID.match(text) is not None,
}


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a template between slashes; `literal` is lower case, None for a parameter."""

    literal: str | None
    name: str = ""
    catch_all: bool = False
    optional: bool = False
    constraint: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One function's way in."""

    function: Function
    trigger: HttpTrigger
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """The function that answers, and its route parameters, decoded."""

    function: Function
    trigger: HttpTrigger
    parameters: dict[str, str]


class RouteTable:
    """All HTTP functions of an app."""

    def __init__(self, functions: Iterable[Function], prefix: str) -> None:
        """Raises HostError for a template that this host does not understand."""
        self._routes = [
            Route(function, function.trigger, parse_template(f"{prefix}/{function.trigger.route}"))
            for function in functions
            if isinstance(function.trigger, HttpTrigger) and not function.disabled
        ]

    def match(self, method: str, raw_path: str) -> Match | None:
        """The first function whose route and methods fit; `raw_path` is still percent-encoded."""
        parts = [decoded(part) for part in raw_path.strip("/").split("/")] if raw_path.strip("/") else []
        for route in self._routes:
            if route.trigger.methods and method.upper() not in route.trigger.methods:
                continue
            parameters = _fit(route.segments, parts)
            if parameters is not None:
                return Match(route.function, route.trigger, parameters)
        return None


def parse_template(template: str) -> tuple[Segment, ...]:
    """Reads a route template. Raises HostError."""
    texts = [text for text in template.split("/") if text]
    segments = tuple(_segment(text, template) for text in texts)
    for position, segment in enumerate(segments):
        if (segment.catch_all or segment.optional) and position != len(segments) - 1:
            raise HostError(f"the route {template!r} has a parameter that may only come last")
    return segments


def decoded(part: str) -> str:
    """Percent-decoded as Kestrel does it: everything but an encoded slash."""
    return "%2F".join(unquote(piece) for piece in re.split("%2[Ff]", part))


def _segment(text: str, template: str) -> Segment:
    if "{" not in text and "}" not in text:
        return Segment(text.lower())
    match = PARAMETER.match(text)
    if match is None:
        raise HostError(f"the route {template!r} has a part that the sandbox's host cannot read: {text!r}")
    stars, name, constraint, optional = match.groups()
    if constraint is not None and constraint not in CONSTRAINTS:
        raise HostError(f"the route {template!r} has the unknown constraint {constraint!r}")
    return Segment(None, name, bool(stars), bool(optional), constraint)


def _fit(segments: tuple[Segment, ...], parts: list[str]) -> dict[str, str] | None:
    parameters: dict[str, str] = {}
    for position, segment in enumerate(segments):
        if segment.catch_all:
            rest = "/".join(parts[position:])
            if rest:
                parameters[segment.name] = rest
            return parameters
        if position >= len(parts):
            return parameters if segment.optional else None
        part = parts[position]
        if segment.literal is not None:
            if part.lower() != segment.literal:
                return None
        elif not part or (segment.constraint and not CONSTRAINTS[segment.constraint](part)):
            return None
        else:
            parameters[segment.name] = part
    return parameters if len(parts) == len(segments) else None
