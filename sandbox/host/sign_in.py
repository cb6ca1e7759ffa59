"""App Service authentication: who called, by bearer token or session cookie, and the pages below /.auth/.

In Azure a person signs in at Microsoft Entra ID; here a plain page takes a role and a name, for whoever
reaches this machine's loopback address may. Sessions live in the signed cookie alone, so a restart of the
host ends none.
"""

import html
import uuid
from typing import Any

from aiohttp import web

from sandbox.control.roles import APPLICATIONS, ROLES, sign_in_claims
from sandbox.host.principal import principal_claims, user_id
from sandbox.state import SIGN_IN_AUDIENCE
from sandbox.tokens import InvalidTokenError, TokenKeys

SESSION_COOKIE = "AppServiceAuthSession"
SESSION_AUDIENCE = f"{SIGN_IN_AUDIENCE}/session"
SESSION_LIFETIME_S = 8 * 3600
NAME_LIMIT_CHARACTERS = 100
LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")

PERSON_ROLES = tuple(role for role in ROLES if role not in APPLICATIONS)

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in to the sandbox</title>
<style>body{{font:16px system-ui;max-width:26rem;margin:4rem auto}}label{{display:block}}</style>
<h1>Sign in to the sandbox</h1>
<p>In Azure, Microsoft Entra ID asks here. In the sandbox you choose who you are.</p>
<form method="post"><input type="hidden" name="post_login_redirect_uri" value="{target}">
<fieldset><legend>Role</legend>{roles}</fieldset>
<label>Name <input name="name" value="Local user" maxlength="{limit}" required></label>
<button>Sign in</button></form></html>"""


class Authentication:
    """App Service authentication for one app; `tenant_id` is the tenant whose people sign in."""

    def __init__(self, keys: TokenKeys, tenant_id: str) -> None:
        self._keys = keys
        self._tenant_id = tenant_id

    def caller(self, request: web.Request) -> dict[str, Any] | None:
        """The caller's claims, None for an anonymous one. Raises InvalidTokenError for a bearer token that
        does
        not hold.

        A session cookie that does not hold counts as none, as App Service has it for `AllowAnonymous`.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._keys.verify(token.strip(), SIGN_IN_AUDIENCE)
        cookie = request.cookies.get(SESSION_COOKIE)
        if cookie is None:
            return None
        try:
            return self._keys.verify(cookie, SESSION_AUDIENCE)
        except InvalidTokenError:
            return None

    async def handle(self, request: web.Request) -> web.Response:
        """Answers a request below /.auth/."""
        if not _is_local(request):  # a page elsewhere must not reach this one under a name of its own
            return web.Response(status=403, text="The sandbox's sign-in page answers on this machine only.\n")
        path, method = request.path, request.method
        if path == "/.auth/login/aad" and method in ("GET", "HEAD"):
            return _login_page(local_target(request.query.get("post_login_redirect_uri")))
        if path == "/.auth/login/aad" and method == "POST":
            return await self._log_in(request)
        if path == "/.auth/logout" and method in ("GET", "HEAD"):
            return _log_out(local_target(request.query.get("post_logout_redirect_uri")))
        if path == "/.auth/me" and method in ("GET", "HEAD"):
            return self._me(request)
        return web.Response(status=404)

    async def _log_in(self, request: web.Request) -> web.Response:
        origin = request.headers.get("Origin")
        if origin not in (None, f"http://{request.host}"):
            return web.Response(status=403, text="Sign in from the sandbox's own page.\n")
        form = await request.post()
        role, name = str(form.get("role", "")), str(form.get("name", "")).strip()
        if (
            role not in PERSON_ROLES
            or not name
            or len(name) > NAME_LIMIT_CHARACTERS
            or not name.isprintable()
        ):
            return web.Response(
                status=400, text="Choose one of the roles, and a name of up to 100 characters.\n"
            )
        person = str(uuid.uuid5(uuid.NAMESPACE_URL, f"sandbox:{self._tenant_id}:{name.lower()}"))
        claims = {
            **sign_in_claims(role, self._tenant_id),
            "aud": SESSION_AUDIENCE,
            "oid": person,
            "sub": person,
            "name": name,
            "preferred_username": f"{'.'.join(name.lower().split())}@corp.example",
        }
        target = local_target(str(form.get("post_login_redirect_uri", "")))
        response = web.Response(status=302, headers={"Location": target})
        response.set_cookie(
            SESSION_COOKIE,
            self._keys.sign(claims, SESSION_LIFETIME_S),
            httponly=True,
            samesite="Lax",
            path="/",
        )
        return response

    def _me(self, request: web.Request) -> web.Response:
        try:
            claims = self.caller(request)
        except InvalidTokenError:
            claims = None
        if claims is None:
            return web.Response(status=401)
        me = {"provider_name": "aad", "user_id": user_id(claims), "user_claims": principal_claims(claims)}
        return web.json_response([me], headers={"Cache-Control": "no-store"})


def local_target(target: str | None) -> str:
    """Where to go after signing in or out: `target` if it is a path of this site, else its start page."""
    ours = target and target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if target and ours else "/"


def _is_local(request: web.Request) -> bool:
    host, _, port = request.host.rpartition(":")
    return (host if host and port.isdigit() else request.host).lower() in LOCAL_HOSTS


def _login_page(target: str) -> web.Response:
    roles = "".join(
        f'<label><input type="radio" name="role" value="{role}" required> {role}</label>'
        for role in PERSON_ROLES
    )
    page = PAGE.format(target=html.escape(target, quote=True), roles=roles, limit=NAME_LIMIT_CHARACTERS)
    headers = {"Cache-Control": "no-store", "X-Frame-Options": "DENY"}
    return web.Response(text=page, content_type="text/html", headers=headers)


def _log_out(target: str) -> web.Response:
    response = web.Response(status=302, headers={"Location": target})
    response.del_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="Lax")
    return response
