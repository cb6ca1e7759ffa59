"""Microsoft Entra ID's errors, in its words and its JSON.

Source: "Microsoft Entra authentication & authorization error codes" and the answers of the token endpoint
themselves.
"""

import datetime
import uuid
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class EntraError(Exception):
    """One refusal: AADSTS number, OAuth 2.0 error (RFC 6749 section 5.2), HTTP status and text."""

    number: int
    error: str
    status: int
    text: str

    def as_json(self) -> dict[str, Any]:
        """The body of the answer, as the token endpoint writes it."""
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        timestamp = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M:%SZ}"
        description = (
            f"AADSTS{self.number}: {self.text} Trace ID: {trace} "
            f"Correlation ID: {correlation} Timestamp: {timestamp}"
        )
        return {
            "error": self.error,
            "error_description": description,
            "error_codes": [self.number],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.number}",
        }


def unknown_tenant(tenant: str) -> EntraError:
    """AADSTS90002."""
    text = (
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing "
        "into the "
        "correct cloud. Check with your subscription administrator, this may happen if there are no active "
        "subscriptions for the tenant."
    )
    return EntraError(90002, "invalid_request", 400, text)


def malformed_tenant(tenant: str) -> EntraError:
    """AADSTS900023."""
    text = f"Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain."
    return EntraError(900023, "invalid_request", 400, text)


def missing_parameter(name: str) -> EntraError:
    """AADSTS900144."""
    text = f"The request body must contain the following parameter: '{name}'."
    return EntraError(900144, "invalid_request", 400, text)


def unsupported_grant(grant: str) -> EntraError:
    """AADSTS70003."""
    text = f"The app requested an unsupported grant type '{grant}'."
    return EntraError(70003, "unsupported_grant_type", 400, text)


def unknown_application(app_id: str, tenant: str) -> EntraError:
    """AADSTS700016."""
    text = (
        f"Application with identifier '{app_id}' was not found in the directory '{tenant}'. This can "
        "happen if the "
        "application has not been installed by the administrator of the tenant or consented to by any "
        "user in the "
        "tenant. You may have sent your authentication request to the wrong tenant."
    )
    return EntraError(700016, "unauthorized_client", 400, text)


def disabled_application(app_id: str) -> EntraError:
    """AADSTS7000112."""
    return EntraError(7000112, "unauthorized_client", 400, f"Application '{app_id}' is disabled.")


def missing_secret() -> EntraError:
    """AADSTS7000216."""
    text = (
        "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant "
        "type."
    )
    return EntraError(7000216, "invalid_client", 401, text)


def wrong_secret(app_id: str) -> EntraError:
    """AADSTS7000215."""
    text = (
        "Invalid client secret provided. Ensure the secret being sent in the request is the client "
        "secret value, "
        f"not the client secret ID, for a secret added to app '{app_id}'."
    )
    return EntraError(7000215, "invalid_client", 401, text)


def expired_secret(app_id: str) -> EntraError:
    """AADSTS7000222."""
    text = (
        f"The provided client secret keys for app '{app_id}' are expired. Visit the Azure portal to "
        "create new keys "
        "for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added "
        "security: https://aka.ms/certCreds."
    )
    return EntraError(7000222, "invalid_client", 401, text)


def invalid_scope(scope: str) -> EntraError:
    """AADSTS70011."""
    text = (
        "The provided request must include a 'scope' input parameter. The provided value for the input "
        "parameter "
        f"'scope' is not valid. The scope {scope} is not valid."
    )
    return EntraError(70011, "invalid_scope", 400, text)


def scope_without_default(scope: str) -> EntraError:
    """AADSTS1002012."""
    text = (
        f"The provided value for scope {scope} is not valid. Client credential flows must have a scope "
        "value with "
        "/.default suffixed to the resource identifier (application ID URI)."
    )
    return EntraError(1002012, "invalid_scope", 400, text)


def unknown_resource(resource: str, tenant: str) -> EntraError:
    """AADSTS500011."""
    text = (
        f"The resource principal named {resource} was not found in the tenant named {tenant}. This can "
        "happen if "
        "the application has not been installed by the administrator of the tenant or consented to by "
        "any user in "
        "the tenant. You might have sent your authentication request to the wrong tenant."
    )
    return EntraError(500011, "invalid_resource", 400, text)
