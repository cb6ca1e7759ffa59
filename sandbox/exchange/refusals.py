"""Which recipients other mail systems refuse, with which answer, and when: at `RCPT`, or after they took it.

One row a pattern; a process that dies in a command leaves the rows as they were before it, or after.
"""

import fnmatch
import re
from dataclasses import dataclass

from sandbox.exchange.store import Store

UNKNOWN_LOCAL_PART = "nobody"
"""Recipients whose local part starts so do not exist anywhere."""

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An SMTP reply for recipients; `code` is 400 to 599, `text` what follows it.

    later: the mail is taken at first. A code of the 400s then means that its delivery is delayed.
    """

    pattern: str
    code: int
    text: str
    later: bool

    @property
    def status(self) -> str:
        """The enhanced status code (RFC 3463): that of the text, or the undefined one of the code's class."""
        found = _ENHANCED.match(self.text)
        return found[1] if found else f"{self.code // 100}.0.0"

    @property
    def reply(self) -> str:
        """The reply as a server gives it."""
        return f"{self.code} {self.text}"


UNKNOWN = Refusal(
    "", 550, "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", True
)
MAILBOX_FULL = Refusal(
    "",
    554,
    "5.2.2 STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded; "
    "Failed to process message due to a permanent exception",
    True,
)


@dataclass(frozen=True, slots=True)
class Refusals:
    """The refusals of one server's surroundings."""

    store: Store

    def set(self, refusal: Refusal) -> None:
        """Refuses the recipients of a pattern such as `hr@fin.example` or `*@fin.example` from now on.

        Raises ValueError for what no server would answer.
        """
        if not 400 <= refusal.code <= 599:
            raise ValueError(f"{refusal.code} is no refusal: 400 to 599")
        if "@" not in refusal.pattern:
            raise ValueError(f"{refusal.pattern} is no address and no pattern of addresses")
        if not refusal.text or not refusal.text.isprintable() or not refusal.text.isascii():
            raise ValueError("the text must be one line of ASCII")
        self.store.execute(
            "INSERT OR REPLACE INTO refusals (pattern, code, text, later) VALUES (?, ?, ?, ?)",
            (refusal.pattern.lower(), refusal.code, refusal.text, refusal.later),
        )

    def remove(self, pattern: str | None) -> int:
        """Takes one refusal back, or all; how many went."""
        gone = [one for one in self.list() if pattern is None or one.pattern == pattern.lower()]
        for refusal in gone:
            self.store.execute("DELETE FROM refusals WHERE pattern = ?", (refusal.pattern,))
        return len(gone)

    def list(self) -> list[Refusal]:
        """The refusals in force; the most special pattern first."""
        rows = self.store.rows(
            "SELECT pattern, code, text, later FROM refusals ORDER BY length(pattern) DESC"
        )
        return [Refusal(pattern, code, text, bool(later)) for pattern, code, text, later in rows]

    def find(self, address: str) -> Refusal | None:
        """The refusal that concerns a recipient."""
        return next((one for one in self.list() if fnmatch.fnmatchcase(address.lower(), one.pattern)), None)
