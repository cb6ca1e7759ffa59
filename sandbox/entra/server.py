"""Microsoft Entra ID's endpoints for applications: tokens by client credentials, and discovery.

Source: "Microsoft identity platform and the OAuth 2.0 client credentials flow". Keeps nothing of its own:
the app registration writes what changes.
"""

import re
import uuid
from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.entra import errors
from sandbox.entra.registration import AppRegistration, SecretCheck
from sandbox.tokens import TokenKeys

TOKEN_LIFETIME_S = 3599
BODY_LIMIT = 64 * 1024
_TENANT_SHAPE = re.compile(r"[0-9a-zA-Z]([0-9a-zA-Z.-]{0,252}[0-9a-zA-Z])?")


class EntraServer:
    """The tenant `tenant_id` (also known by `domains`) with one application.

    `resources` maps each identifier that a scope may name to the audience that its tokens get; `roles` says
    which
    application permissions the app was granted on an audience.
    """

    def __init__(
        self,
        *,
        base_url: str,
        tenant_id: str,
        domains: frozenset[str],
        registration: AppRegistration,
        keys: TokenKeys,
        resources: Mapping[str, str],
        roles: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._tenant_id = tenant_id
        self._domains = domains
        self._registration = registration
        self._keys = keys
        self._resources = resources
        self._roles = roles

    def app(self, edge: Middleware) -> web.Application:
        """The HTTP application; `edge` goes before every handler."""
        app = web.Application(middlewares=[edge, _errors_as_entra], client_max_size=BODY_LIMIT)
        app.router.add_get("/common/discovery/instance", self._instance_discovery)
        for version in ("/v2.0", ""):
            app.router.add_get(f"/{{tenant}}{version}/.well-known/openid-configuration", self._configuration)
        app.router.add_get("/{tenant}/discovery/v2.0/keys", self._jwks)
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._token)
        return app

    async def _instance_discovery(self, request: web.Request) -> web.Response:
        host = self._base_url.removeprefix("https://")
        endpoint = f"{self._base_url}/{self._tenant_id}/v2.0/.well-known/openid-configuration"
        network = {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
        return web.json_response(
            {"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": [network]}
        )

    async def _configuration(self, request: web.Request) -> web.Response:
        tenant = self._known_tenant(request)
        root = f"{self._base_url}/{tenant}"
        return web.json_response(
            {
                "token_endpoint": f"{root}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "jwks_uri": f"{root}/discovery/v2.0/keys",
                "response_modes_supported": ["query", "fragment", "form_post"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "issuer": f"{self._base_url}/{self._tenant_id}/v2.0",
                "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{root}/oauth2/v2.0/devicecode",
                "tenant_region_scope": None,
                "cloud_instance_name": self._base_url.removeprefix("https://"),
            }
        )

    async def _jwks(self, request: web.Request) -> web.Response:
        self._known_tenant(request)
        return web.json_response(self._keys.jwks())

    async def _token(self, request: web.Request) -> web.Response:
        tenant = self._known_tenant(request)
        form = {name: str(value) for name, value in (await request.post()).items()}
        if "grant_type" not in form:
            raise errors.missing_parameter("grant_type")
        if form["grant_type"] != "client_credentials":
            raise errors.unsupported_grant(form["grant_type"])
        app_id = form.get("client_id", "").lower()
        if not app_id:
            raise errors.missing_parameter("client_id")
        if "scope" not in form:
            raise errors.missing_parameter("scope")
        audience = self._audience(form["scope"], tenant)
        if app_id != self._registration.app_id.lower():
            raise errors.unknown_application(form["client_id"], tenant)
        self._check_secret(form.get("client_secret"))
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{self._tenant_id}/",
            "appid": self._registration.app_id,
            "appidacr": "1",
            "idtyp": "app",
            "oid": str(uuid.uuid5(uuid.NAMESPACE_OID, app_id)),
            "sub": str(uuid.uuid5(uuid.NAMESPACE_OID, app_id)),
            "tid": self._tenant_id,
            "roles": list(self._roles.get(audience, ())) if self._registration.consented else [],
            "ver": "1.0",
        }
        token = self._keys.sign(claims, TOKEN_LIFETIME_S)
        return web.json_response(
            {
                "token_type": "Bearer",
                "expires_in": TOKEN_LIFETIME_S,
                "ext_expires_in": TOKEN_LIFETIME_S,
                "access_token": token,
            },
            headers={"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"},
        )

    def _known_tenant(self, request: web.Request) -> str:
        tenant = request.match_info["tenant"]
        if not _TENANT_SHAPE.fullmatch(tenant):
            raise errors.malformed_tenant(tenant)
        if tenant.lower() != self._tenant_id and tenant.lower() not in self._domains:
            raise errors.unknown_tenant(tenant)
        return tenant

    def _audience(self, scope: str, tenant: str) -> str:
        if not scope or " " in scope.strip():
            raise errors.invalid_scope(scope)
        if not scope.endswith("/.default"):
            raise errors.scope_without_default(scope)
        resource = scope.removesuffix("/.default").rstrip("/")
        audience = self._resources.get(resource.lower())
        if audience is None:
            raise errors.unknown_resource(resource, tenant)
        return audience

    def _check_secret(self, secret: str | None) -> None:
        registration = self._registration
        if not registration.enabled:
            raise errors.disabled_application(registration.app_id)
        if not secret:
            raise errors.missing_secret()
        match registration.check(secret):
            case SecretCheck.WRONG:
                raise errors.wrong_secret(registration.app_id)
            case SecretCheck.EXPIRED:
                raise errors.expired_secret(registration.app_id)
            case SecretCheck.VALID:
                return


async def describe(request: web.Request) -> tuple[str, str | None]:
    """The operation that a request asks Entra for."""
    last = request.path.rsplit("/", 1)[-1]
    known = {"token": "token", "openid-configuration": "openid-configuration", "keys": "keys"}
    return known.get(last, "instance-discovery" if last == "instance" else "other"), None


@web.middleware
async def _errors_as_entra(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except errors.EntraError as error:
        return web.json_response(error.as_json(), status=error.status)
