"""A refusal as a page, for addresses that people open in a browser: what is wrong, and the way to sign in."""

from __future__ import annotations

from collections.abc import MutableMapping
from html import escape
from typing import Any
from urllib.parse import quote

from starlette.responses import HTMLResponse, Response

from api.caller import SIGN_IN_PATH
from api.problems import Problem, correlation_id, problem_response

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title></head>
<body>
<main>
<h1>{title}</h1>
<p>{detail}</p>
{action}
<p><small>Code {code}, correlation id {correlation}</small></p>
</main>
</body>
</html>
"""


PAGE_SCOPE_KEY = "respond_mailbox.page"
"""Set in the scope of routes that people open in a browser."""


def answer_problem(problem: Problem, scope: MutableMapping[str, Any]) -> Response:
    """A page for pages, problem details for everything else."""
    return (problem_page if scope.get(PAGE_SCOPE_KEY) else problem_response)(problem, scope)


def problem_page(problem: Problem, scope: MutableMapping[str, Any]) -> HTMLResponse:
    """The answer for this problem as HTML; signed out, with a link that leads back here."""
    title, action = problem.title, ""
    if problem.status == 401:
        title = "Signed out"
        target = quote(str(scope.get("path", "/ui/")), safe="")
        action = f'<p><a href="{SIGN_IN_PATH}?post_login_redirect_uri={target}">Sign in</a></p>'
    return HTMLResponse(
        _PAGE.format(
            title=escape(title),
            detail=escape(problem.detail),
            action=action,
            code=escape(problem.code),
            correlation=escape(correlation_id(scope)),
        ),
        status_code=problem.status,
        headers=problem.headers,
    )
