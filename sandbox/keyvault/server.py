"""The REST calls of Azure Key Vault that concern secrets. Source: "Azure Key Vault REST API reference",
Secrets.

Answers only after the store has written what changed.
"""

import json
import re
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.keyvault.store import RETENTION_DAYS, Secret, SecretVersion, VaultError, VaultStore
from sandbox.tokens import InvalidTokenError, TokenKeys

BODY_LIMIT = 256 * 1024
VALUE_LIMIT_BYTES = 25 * 1024
DAY_S = 24 * 3600
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_ATTRIBUTES = {"enabled": "enabled", "nbf": "not_before", "exp": "expires"}
_PROPERTIES = {"contentType": "content_type", "tags": "tags"}


class VaultServer:
    """One vault at `base_url`; only `allowed_app_id` may use it, with a token for `resource`."""

    def __init__(
        self,
        store: VaultStore,
        *,
        base_url: str,
        authority: str,
        resource: str,
        allowed_app_id: str,
        keys: TokenKeys,
    ) -> None:
        self._store = store
        self._base_url = base_url.rstrip("/")
        self._challenge = f'Bearer authorization="{authority}", resource="{resource}"'
        self._resource = resource
        self._allowed_app_id = allowed_app_id
        self._keys = keys

    def app(self, edge: Middleware) -> web.Application:
        """The HTTP application; `edge` goes before every handler."""
        app = web.Application(
            middlewares=[edge, self._errors_as_vault, self._authorised], client_max_size=BODY_LIMIT
        )
        routes = app.router
        routes.add_get("/secrets", self._list)
        routes.add_put("/secrets/{name}", self._set)
        routes.add_delete("/secrets/{name}", self._delete)
        routes.add_get("/secrets/{name}/versions", self._list_versions)
        for version in ("", "/", "/{version}"):
            routes.add_get(f"/secrets/{{name}}{version}", self._get)
            routes.add_patch(f"/secrets/{{name}}{version}", self._update)
        routes.add_get("/deletedsecrets", self._list_deleted)
        routes.add_get("/deletedsecrets/{name}", self._get_deleted)
        routes.add_delete("/deletedsecrets/{name}", self._purge)
        routes.add_post("/deletedsecrets/{name}/recover", self._recover)
        return app

    @web.middleware
    async def _errors_as_vault(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except VaultError as error:
            body: dict[str, Any] = {"code": error.code, "message": str(error)}
            if error.inner:
                body["innererror"] = {"code": error.inner}
            # The SDK learns authority and resource from the challenge of its first, empty request.
            headers = {"WWW-Authenticate": self._challenge} if error.status == 401 else {}
            return web.json_response({"error": body}, status=error.status, headers=headers)

    @web.middleware
    async def _authorised(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise VaultError(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
        try:
            claims = self._keys.verify(token, self._resource)
        except InvalidTokenError as error:
            raise VaultError(401, "Unauthorized", f"AKV10022: Invalid token: {error.reason}.") from None
        if claims.get("appid") != self._allowed_app_id:
            raise VaultError(
                403,
                "Forbidden",
                "Caller is not authorized to perform action on resource. If role assignments, deny "
                "assignments or "
                "role definitions were changed recently, please observe propagation time.",
                "ForbiddenByRbac",
            )
        return await handler(request)

    async def _set(self, request: web.Request) -> web.Response:
        body = await _body(request)
        value = body.get("value")
        if not isinstance(value, str) or len(value.encode()) > VALUE_LIMIT_BYTES:
            raise VaultError(400, "BadParameter", "Property value is missing, no string, or too long.")
        return self._bundle(*self._store.set(_name(request), value, _properties(body)))

    async def _get(self, request: web.Request) -> web.Response:
        secret, version = self._store.get(_name(request), request.match_info.get("version"))
        if not version.enabled:
            raise VaultError(
                403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled"
            )
        return self._bundle(secret, version)

    async def _update(self, request: web.Request) -> web.Response:
        properties = _properties(await _body(request))
        secret, version = self._store.update(_name(request), request.match_info.get("version"), properties)
        return web.json_response(self._item(secret, version, with_version=True))

    async def _delete(self, request: web.Request) -> web.Response:
        return web.json_response(self._deleted_item(self._store.delete(_name(request))))

    async def _recover(self, request: web.Request) -> web.Response:
        secret = self._store.recover(_name(request))
        return web.json_response(self._item(secret, secret.latest, with_version=True))

    async def _purge(self, request: web.Request) -> web.Response:
        self._store.get_deleted(_name(request))
        raise VaultError(
            403,
            "Forbidden",
            "Operation purge is not allowed because purge protection is enabled for this vault.",
            "ForbiddenByPolicy",
        )

    async def _list(self, request: web.Request) -> web.Response:
        secrets = self._store.list(deleted=False)
        return _page(request, [self._item(secret, secret.latest, with_version=False) for secret in secrets])

    async def _list_versions(self, request: web.Request) -> web.Response:
        secret, _ = self._store.get(_name(request), None)
        return _page(request, [self._item(secret, v, with_version=True) for v in secret.versions])

    async def _list_deleted(self, request: web.Request) -> web.Response:
        return _page(request, [self._deleted_item(secret) for secret in self._store.list(deleted=True)])

    async def _get_deleted(self, request: web.Request) -> web.Response:
        return web.json_response(self._deleted_item(self._store.get_deleted(_name(request))))

    def _bundle(self, secret: Secret, version: SecretVersion) -> web.Response:
        item = self._item(secret, version, with_version=True)
        return web.json_response({"value": version.value, **item})

    def _item(self, secret: Secret, version: SecretVersion, *, with_version: bool) -> dict[str, Any]:
        attributes = {
            "enabled": version.enabled,
            "created": version.created,
            "updated": version.updated,
            "recoveryLevel": "Recoverable",
            "recoverableDays": RETENTION_DAYS,
        }
        optional = {"nbf": version.not_before, "exp": version.expires}
        attributes |= {name: time for name, time in optional.items() if time is not None}
        identifier = f"{self._base_url}/secrets/{secret.name}"
        item: dict[str, Any] = {
            "id": f"{identifier}/{version.version}" if with_version else identifier,
            "attributes": attributes,
            "tags": version.tags,
        }
        return item | ({"contentType": version.content_type} if version.content_type else {})

    def _deleted_item(self, secret: Secret) -> dict[str, Any]:
        deleted_at = secret.deleted_at or 0
        return {
            **self._item(secret, secret.latest, with_version=True),
            "recoveryId": f"{self._base_url}/deletedsecrets/{secret.name}",
            "deletedDate": deleted_at,
            "scheduledPurgeDate": deleted_at + RETENTION_DAYS * DAY_S,
        }


async def describe(request: web.Request) -> tuple[str, str | None]:
    """The operation, by its name in the REST reference, for example `GetSecret`."""
    parts = [part for part in request.path.split("/") if part]
    deleted = parts[:1] == ["deletedsecrets"]
    if len(parts) == 1:
        return ("GetDeletedSecrets" if deleted else "GetSecrets"), None
    if parts[2:] == ["versions"]:
        return "GetSecretVersions", None
    if parts[2:] == ["recover"]:
        return "RecoverDeletedSecret", None
    if deleted:
        return ("PurgeDeletedSecret" if request.method == "DELETE" else "GetDeletedSecret"), None
    names = {"GET": "GetSecret", "PUT": "SetSecret", "PATCH": "UpdateSecret", "DELETE": "DeleteSecret"}
    return names.get(request.method, "other"), None


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise VaultError(400, "BadParameter", "The request body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise VaultError(400, "BadParameter", "The request body is not a JSON object.")
    return body


def _properties(body: dict[str, Any]) -> dict[str, Any]:
    given = {field: body[name] for name, field in _PROPERTIES.items() if body.get(name) is not None}
    attributes = body.get("attributes") or {}
    return given | {
        f: attributes[name] for name, f in _ATTRIBUTES.items() if attributes.get(name) is not None
    }


def _name(request: web.Request) -> str:
    name = request.match_info["name"]
    if not _NAME.fullmatch(name):
        raise VaultError(
            400, "BadParameter", f"The request URI contains an invalid name: {name}", "InvalidSecretName"
        )
    return name


def _page(request: web.Request, items: list[dict[str, Any]]) -> web.Response:
    start = int(request.query.get("$skiptoken", "0"))
    end = start + min(int(request.query.get("maxresults", "25")), 25)
    following = str(request.url.update_query({"$skiptoken": str(end)})) if end < len(items) else None
    return web.json_response({"value": items[start:end], "nextLink": following})
