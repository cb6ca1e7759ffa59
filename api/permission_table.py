"""Who may call what, as a page for whoever assigns roles: made from the routes themselves. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fastapi import APIRouter
from fastapi.routing import APIRoute

from api.permissions import Permission, access_of

NOBODY, NO_ROLE = "not signed in", "no role"
ROLES = tuple(one.value for one in Permission if one not in (Permission.SIGNED_IN, Permission.OPEN))
COLUMNS = (NOBODY, NO_ROLE, *ROLES)
_YES = "yes"
_HEAD = """\
# Who may call what

Made from the routes by `scripts/permissions`; a test fails while this page is not what the routes say, and
tries every route as every column. Each column is a caller with that app role alone; a caller with several
roles may do what any of them gives. Roles include nothing of each other. A signed-in caller without the role
is answered 403, one who is not signed in 401, before the body is read. `ActAs` alone opens nothing: it lets
an application name the acting user (`X-Acting-User`). `HEAD` is `GET`. A write by session cookie needs the
session's CSRF token, too.

"""


def listed_routes(routers: Iterable[APIRouter]) -> list[tuple[str, str, Permission]]:
    """Method, path and permission of every route, by path. Raises `MissingPermissionError`."""
    found = [
        (method, route.path_format, access_of(route.endpoint).permission)
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    ]
    return sorted(found, key=lambda one: (one[1], one[0]))


def may_call(column: str, permission: Permission) -> bool:
    """Whether a caller of this column is let in."""
    if permission is Permission.OPEN:
        return True
    if permission is Permission.SIGNED_IN:
        return column != NOBODY
    return column == permission.value


def permission_page(routes: Sequence[tuple[str, str, Permission]]) -> str:
    """The page in Markdown."""
    lines = [_row("", *COLUMNS), _row(*["---"] * (len(COLUMNS) + 1))]
    for method, path, permission in routes:
        answers = (_YES if may_call(column, permission) else "" for column in COLUMNS)
        lines.append(_row(f"`{method} {path}`", *answers))
    return _HEAD + "\n".join(lines) + "\n"


def read_page(text: str) -> dict[tuple[str, str, str], bool]:
    """What a page says: (method, path, column) to whether that caller is let in."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:1] == "|"]
    columns = rows[0][1:]
    return {
        (*_route(row[0]), column): answer == _YES
        for row in rows[2:]
        for column, answer in zip(columns, row[1:], strict=True)
    }


def _route(cell: str) -> tuple[str, str]:
    method, _, path = cell.strip("`").partition(" ")
    return method, path


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
