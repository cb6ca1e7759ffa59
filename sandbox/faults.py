"""What shall go wrong on purpose, by part, operation, mailbox and count. In memory: a restart clears it."""

import fnmatch
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

PARTS = ("exchange", "token", "keyvault", "storage", "msi", "smtp")
KINDS = (
    "status",  # an HTTP status, with Retry-After where given; of SMTP a reply code, `error` being its text
    "exchange-error",  # an Exchange response code, with BackOffMilliseconds where given
    "delay",  # `delay_s` before the request is handled
    "cut-before",  # connection dropped before the request is handled
    "cut-after",  # handled, then dropped with no answer
    "cut-mid",  # handled, half of the answer sent, then dropped
    "malformed-xml",  # an answer that no parser accepts, whatever its format
    "endless",  # an answer that never ends
    "stale-sync-state",  # ErrorInvalidSyncStateData
    "entity-bomb",  # a DTD whose entities grow beyond all bounds
    "forbidden-characters",  # character references that XML 1.0 forbids
    "rebuild-mime",  # MIME is rebuilt from properties, as Exchange does
    "item-error",  # GetItem of the item `item` fails with `error`
)
# Kinds that only the Exchange server knows how to do.
EXCHANGE_KINDS = (
    "exchange-error",
    "stale-sync-state",
    "entity-bomb",
    "forbidden-characters",
    "rebuild-mime",
    "item-error",
)


class FaultError(ValueError):
    """The fault asked for makes no sense; the message says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule. None in `operation` and `mailbox` means any; in `count`, until it is cleared.

    `operation` may be a pattern such as `table.*`; `item`: only requests that name this item. Times are in
    seconds but for `back_off_ms`.
    """

    part: str
    kind: str
    operation: str | None = None
    mailbox: str | None = None
    count: int | None = None
    status: int | None = None
    retry_after_s: int | None = None
    error: str | None = None
    back_off_ms: int | None = None
    delay_s: float | None = None
    item: str | None = None
    id: int = 0

    def matches(self, part: str, operation: str, mailbox: str | None, body: bytes | None = None) -> bool:
        """Whether the rule is about such a call; `body` None: which items it names is seen to elsewhere."""
        return (
            self.part == part
            and (self.item is None or body is None or self.item.encode() in body)
            and (self.operation is None or fnmatch.fnmatchcase(operation.lower(), self.operation.lower()))
            and (self.mailbox is None or (mailbox or "").lower() == self.mailbox.lower())
            # Other operations carry no sync state: they would use the rule up and nothing would go wrong.
            and (self.kind != "stale-sync-state" or operation.lower().startswith("sync"))
        )


@dataclass(slots=True)
class Faults:
    """The rules in force, oldest first."""

    _rules: list[Fault] = field(default_factory=list)
    _last_id: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> Fault:
        """Adds a rule and returns it with its id. Raises FaultError when it makes no sense."""
        check(fault)
        with self._lock:
            self._last_id += 1
            added = replace(fault, id=self._last_id)
            self._rules.append(added)
        return added

    def list(self) -> tuple[Fault, ...]:
        """The rules in force."""
        return tuple(self._rules)

    def clear(self, fault_id: int | None = None) -> int:
        """Removes one rule, or all; returns how many went."""
        with self._lock:
            kept = [rule for rule in self._rules if fault_id is not None and rule.id != fault_id]
            gone = len(self._rules) - len(kept)
            self._rules = kept
        return gone

    def name_items(self, part: str) -> bool:
        """Whether a rule asks which items a request to this part names."""
        return any(rule.part == part and rule.item and rule.kind != "item-error" for rule in self._rules)

    def take(self, part: str, operation: str, mailbox: str | None, body: bytes = b"") -> Fault | None:
        """The rule for this call, used up by one; None where all is well. `body`: needed where `name_items`.

        `item-error` is never among them (see `take_item_error`), and `rebuild-mime`, which usually stands for
        long, comes only where no other rule fits.
        """
        with self._lock:
            fitting = [rule for rule in self._rules if rule.matches(part, operation, mailbox, body)]
            fitting = [rule for rule in fitting if rule.kind != "item-error"]
            fitting.sort(key=lambda rule: rule.kind == "rebuild-mime")
            return self._use(fitting)

    def take_item_error(self, item_id: str, mailbox: str | None) -> Fault | None:
        """The rule that makes `GetItem` of this item fail, used up by one."""
        with self._lock:
            return self._use(
                rule
                for rule in self._rules
                if rule.kind == "item-error"
                and rule.item == item_id
                and rule.matches("exchange", "GetItem", mailbox)
            )

    def _use(self, fitting: Iterable[Fault]) -> Fault | None:
        rule = next(iter(fitting), None)
        if rule is not None and rule.count is not None:
            at = self._rules.index(rule)
            self._rules[at : at + 1] = [replace(rule, count=rule.count - 1)] if rule.count > 1 else []
        return rule


def check(fault: Fault) -> None:
    """Raises FaultError when a rule makes no sense, in the words of the command line."""
    if fault.part not in PARTS:
        raise FaultError(f"no such part: {fault.part} (there are {', '.join(PARTS)})")
    if fault.kind not in KINDS:
        raise FaultError(f"no such kind: {fault.kind} (there are {', '.join(KINDS)})")
    if fault.part != "exchange" and fault.kind in EXCHANGE_KINDS:
        raise FaultError(f"{fault.kind} is a fault of the part exchange only")
    if fault.kind == "status" and not 400 <= (fault.status or 0) <= 599:
        raise FaultError("status wants --status between 400 and 599")
    if fault.kind == "exchange-error" and not fault.error:
        raise FaultError("exchange-error wants --error, for example ErrorServerBusy")
    if fault.kind == "delay" and not fault.delay_s:
        raise FaultError("delay wants --delay with seconds")
    if fault.item and fault.part != "exchange":
        raise FaultError("--item is for the part exchange only")
    if fault.kind == "item-error" and not (fault.item and fault.error):
        raise FaultError("item-error wants --item and --error")
    for name in ("count", "delay_s", "back_off_ms", "retry_after_s"):
        value = getattr(fault, name)
        if value is not None and value < (1 if name == "count" else 0):
            raise FaultError(f"{name} is too small: {value}")
