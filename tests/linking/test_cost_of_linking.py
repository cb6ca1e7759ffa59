"""What linking costs in storage operations beyond storing the mail: bounded, whatever else is stored."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.mail import Address, Direction, Evidence, Mail
from linking.link_mails import link_mails
from tests.support.linking_memory import START, Memory


def mail(number: int, references: tuple[str, ...] = (), conversation: str | None = "c") -> Mail:
    return Mail(
        id=f"default.{number:032x}",
        mailbox_id="default",
        received_at=START + timedelta(minutes=number),
        direction=Direction.INCOMING,
        internet_message_id=f"<m{number}@fin.example>",
        conversation_id=conversation,
        sender=Address("", "ann@fin.example"),
        evidence=Evidence(in_reply_to=references[-1:], references=references),
    )


def linking_costs(stored: int) -> int:
    """Operations of linking one mail with ten references, where so many other mails are stored."""
    memory = Memory()
    for number in range(stored):
        memory.store(mail(number))
        link_mails(memory.context(), [mail(number)])
    answer = mail(stored, tuple(f"m{number}@fin.example" for number in range(10)))
    memory.store(answer)
    memory.operations.clear()
    link_mails(memory.context(), [answer])
    return memory.operations.total()


def test_linking_a_mail_with_ten_references_costs_a_bounded_number_of_operations() -> None:
    assert linking_costs(10) <= 20


@pytest.mark.parametrize("stored", [50, 400])
def test_the_cost_does_not_grow_with_the_mails_stored(stored: int) -> None:
    assert linking_costs(stored) == linking_costs(10)


def answering_costs(length: int) -> int:
    """Operations of linking the next answer of a thread of this length, each mail naming the ten before."""
    memory = Memory()
    for number in range(length + 1):
        memory.operations.clear()
        names = tuple(f"m{one}@fin.example" for one in range(max(0, number - 10), number))
        memory.store(mail(number, names, conversation=None))
        memory.operations.clear()
        link_mails(memory.context(), [mail(number, names, conversation=None)])
    return memory.operations.total()


def test_the_cost_does_not_grow_with_the_length_of_the_thread() -> None:
    assert answering_costs(60) == answering_costs(15)


def test_a_page_of_mails_costs_little_more_than_one() -> None:
    memory = Memory()
    page = [mail(number, conversation=f"c{number}") for number in range(64)]
    for one in page:
        memory.store(one)
    memory.operations.clear()
    link_mails(memory.context(), page)
    # One write a mail and its projections (batched by the table store); the reads are asked together.
    reads = (
        memory.operations.total()
        - memory.operations["save_state"]
        - sum(count for name, count in memory.operations.items() if name.startswith("project"))
    )
    assert reads <= 64 * 2 + 20, memory.operations  # its conversation is asked before and after
