"""Settings of the HTTP side, read from the environment once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """`authentication_on`: the platform's variable and ours both say so. `respond_origins`: who may frame
    pages."""

    authentication_on: bool
    respond_origins: tuple[str, ...] = ()
    poll_interval: timedelta = timedelta(minutes=1)
    """How often mailboxes are polled: what was not looked at for three of them is stale."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> ApiSettings:
        """`WEBSITE_AUTH_ENABLED` and `AUTHENTICATION_REQUIRED` ("true" in any case), `RESPOND_ORIGINS`
        (origins, separated by spaces or commas; what is no origin is left out)."""
        seconds = int(environment.get("MAILBOX_POLL_INTERVAL_SECONDS", "60"))
        names = ("WEBSITE_AUTH_ENABLED", "AUTHENTICATION_REQUIRED")
        origins = re.split(r"[\s,]+", environment.get("RESPOND_ORIGINS", ""))
        return cls(
            authentication_on=all(environment.get(name, "").strip().lower() == "true" for name in names),
            respond_origins=tuple(origin for origin in origins if _ORIGIN.fullmatch(origin)),
            poll_interval=timedelta(seconds=seconds),
        )

    @property
    def frame_ancestors(self) -> str:
        """The CSP directive for everything that Respond may show in a frame."""
        return " ".join(("frame-ancestors 'self'", *self.respond_origins))
