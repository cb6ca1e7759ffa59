"""The demo's incidents, as Respond tells them, and what an analyst has decided about mails. Pure data."""

from dataclasses import dataclass

PHISHING, RANSOMWARE, LAPTOP, ACCOUNT, DUPLICATE = (f"INC-{number}" for number in range(1042, 1047))


@dataclass(frozen=True, slots=True)
class Case:
    """An incident. `units`: names of the impacted business units; `merged_into`: told after all others."""

    id: str
    title: str
    type: str
    severity: str
    units: tuple[str, ...]
    merged_into: str | None = None


CASES = (
    Case(PHISHING, "Phishing page in the name of the invoice portal", "Phishing", "high", ("Finance",)),
    Case(RANSOMWARE, "Encrypted files on HR-FS02", "Ransomware", "critical", ("Human Resources",)),
    Case(LAPTOP, "Laptop lost on the way to the trade fair", "Lost device", "medium", ("Sales",)),
    Case(ACCOUNT, "A supplier's new bank account", "Fraud", "high", ("Finance", "Sales")),
    Case(DUPLICATE, "Invoice portal, second report", "Phishing", "low", ("Finance",), merged_into=PHISHING),
)

LINKED_BY_HAND = (("Laptop lost on the train to the trade fair", LAPTOP),)
"""Subjects of mails in triage that an analyst has linked; their answers follow."""
DISMISSED = ("FW: Your payment run is on hold",)
