"""The managed identity endpoint that App Service and Functions give to an app.

Source: "How to use managed identities for App Service and Azure Functions", REST endpoint reference. Keeps
nothing.
"""

import hmac
import time
import uuid
from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Middleware

from sandbox.tokens import TokenKeys

TOKEN_LIFETIME_S = 24 * 3600
PATH = "/msi/token"


class ManagedIdentity:
    """One user-assigned identity; `resources` maps what tokens may be asked for to audiences."""

    def __init__(
        self, *, client_id: str, secret: str, tenant_id: str, keys: TokenKeys, resources: Mapping[str, str]
    ) -> None:
        self._client_id = client_id
        self._secret = secret
        self._tenant_id = tenant_id
        self._keys = keys
        self._resources = resources

    def app(self, edge: Middleware) -> web.Application:
        """The HTTP application; `edge` goes before every handler."""
        app = web.Application(middlewares=[edge])
        app.router.add_get(PATH, self._token)
        return app

    async def _token(self, request: web.Request) -> web.Response:
        shown = request.headers.get("X-IDENTITY-HEADER", "")
        if not hmac.compare_digest(shown.encode(), self._secret.encode()):
            return _refusal(403, "The X-IDENTITY-HEADER is missing or wrong.")
        if request.query.get("client_id", "").lower() != self._client_id.lower():
            return _refusal(
                400, "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId."
            )
        resource = request.query.get("resource", "")
        audience = self._resources.get(resource.rstrip("/").lower())
        if audience is None:
            return _refusal(400, f"The resource principal named {resource} was not found.")
        object_id = str(uuid.uuid5(uuid.NAMESPACE_OID, self._client_id))
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{self._tenant_id}/",
            "appid": self._client_id,
            "oid": object_id,
            "sub": object_id,
            "tid": self._tenant_id,
            "idtyp": "app",
        }
        return web.json_response(
            {
                "access_token": self._keys.sign(claims, TOKEN_LIFETIME_S),
                "expires_on": str(int(time.time()) + TOKEN_LIFETIME_S),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": self._client_id,
            }
        )


async def describe(request: web.Request) -> tuple[str, str | None]:
    """The operation that a request asks the endpoint for."""
    return "token" if request.path == PATH else "other", None


def _refusal(status: int, message: str) -> web.Response:
    return web.json_response({"statusCode": status, "message": message}, status=status)
