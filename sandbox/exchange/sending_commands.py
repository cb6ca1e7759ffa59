"""What people and other mail systems do to mails that are sent: refuse recipients, fill mailboxes, limits.

Each command is one write of the store; a process that dies in it leaves the state before it, or after.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.exchange.limits import MESSAGE_SIZE, set_quota
from sandbox.exchange.mail_queue import MailQueue
from sandbox.exchange.refusals import Refusal
from sandbox.exchange.sending import REPLACE_MESSAGE_IDS, SENT_ITEMS_DELAY
from sandbox.exchange.store import Store


@dataclass(frozen=True, slots=True)
class SendingCommands:
    """Commands on one server; `wake` is called when the queue has something to do. ValueError says what is
    wrong.
    """

    store: Store
    queue: MailQueue
    wake: Callable[[], None]

    def refuse(self, pattern: str, code: int, text: str, *, later: bool = False) -> None:
        """Refuses recipients; later: the SMTP server takes the mail, and a report comes back.

        What is sent over EWS is always taken, so there a report comes back in any case.
        """
        self.queue.refusals.set(Refusal(pattern, code, text, later))
        self._try_again()

    def accept(self, pattern: str | None) -> int:
        """Takes one refusal back, or all: delayed mails are delivered now. How many went."""
        gone = self.queue.refusals.remove(pattern)
        self._try_again()
        return gone

    def refusals(self) -> list[Refusal]:
        """The refusals in force."""
        return self.queue.refusals.list()

    def quota(self, mailbox: str, value: str) -> None:
        """`full`: nothing is saved, sent or received; `send`: nothing is sent; `off`: there is room."""
        box = self.store.mailbox(mailbox)
        if box is None:
            raise ValueError(f"there is no mailbox {mailbox}")
        set_quota(self.store, box, value)

    def message_size_limit(self, size_bytes: int) -> None:
        """How large a mail may be that is sent over EWS or SMTP."""
        if size_bytes < 1:
            raise ValueError("a limit is 1 byte or more")
        self.store.change_setting(MESSAGE_SIZE, str(size_bytes))

    def replace_message_ids(self, on: bool) -> None:
        """Whether mails that are sent over EWS get a Message-ID of the server's own."""
        self.store.change_setting(REPLACE_MESSAGE_IDS, "on" if on else "off")

    def sent_items_delay(self, seconds: float) -> None:
        """How late the copy in Sent Items comes, of mails that leave from now on."""
        if not 0 <= seconds <= 86_400:
            raise ValueError("a delay is 0 to 86400 seconds")
        self.store.change_setting(SENT_ITEMS_DELAY, str(seconds))

    def _try_again(self) -> None:
        self.queue.try_now()
        self.wake()
