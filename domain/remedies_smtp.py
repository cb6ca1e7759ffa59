"""Words for what SMTP servers answer and for mails that cannot go out: title, detail, remedy, who can act.

Codes are replies (RFC 5321, section 4.2.3; RFC 4954, section 6) and the client's own names.
"""

from __future__ import annotations

from domain.remedies_exchange import Words

_ADMIN, _SERVER, _NOBODY = "mailbox admin", "Exchange administrator", "nobody"
_AGAIN = "Nothing to do at first: it is tried again by itself, for a day."

SMTP_REMEDIES: dict[str, Words] = {
    "SMTP 421": ("The SMTP server is closing", "It takes no mail for the moment.", _AGAIN, _NOBODY),
    "SMTP 450": ("A recipient's mailbox is busy", "The server takes mail for it later.", _AGAIN, _NOBODY),
    "SMTP 451": ("The SMTP server has trouble", "It says that the mail may be tried later.", _AGAIN, _NOBODY),
    "SMTP 452": (
        "The SMTP server has no room",
        "Its storage is full, or the mail has more recipients than it takes at once.",
        "Send to fewer recipients; otherwise it is tried again by itself, for a day.",
        _SERVER,
    ),
    "SMTP 454": ("The SMTP server cannot check logins", "It says that this passes.", _AGAIN, _NOBODY),
    "SMTP 501": (
        "The SMTP server does not understand an address",
        "Its own words are beside this.",
        "Check the recipients' addresses and the mailbox's own.",
        _ADMIN,
    ),
    "SMTP 530": (
        "The SMTP server wants a login or TLS first",
        "The email server is configured without what it asks for.",
        "Enter user name and password under Email Server, and choose STARTTLS or TLS.",
        _ADMIN,
    ),
    "SMTP 535": (
        "The SMTP server refuses user name or password",
        "The login that is configured for the email server is not accepted.",
        "Enter user name and password again under Email Server; nothing is sent until then.",
        _ADMIN,
    ),
    "SMTP 550": (
        "The SMTP server refuses an address",
        "The mailbox does not exist there, or this login may not send as this sender.",
        "Check the recipients. If all mails fail, the login needs leave to send as the mailbox.",
        _SERVER,
    ),
    "SMTP 552": (
        "The mail is too large for the SMTP server",
        "It refuses the mail because of its size, or a mailbox there is full.",
        "Send fewer or smaller attachments.",
        _NOBODY,
    ),
    "SMTP 553": (
        "The SMTP server does not take an address",
        "Its form is not allowed there.",
        "Check the recipients' addresses and the mailbox's own.",
        _ADMIN,
    ),
    "SMTP 554": (
        "The SMTP server refuses the mail",
        "Its own words, beside this, say why: mostly its content or where it comes from.",
        "Ask the server's administrator with these words.",
        _SERVER,
    ),
    "SmtpServerMissing": (
        "The email server is no longer an SMTP server",
        "The mail was to go out over SMTP, and Email Server was changed meanwhile.",
        "Send the mail anew.",
        _NOBODY,
    ),
    "StartTlsNotOffered": (
        "The SMTP server does not offer STARTTLS",
        "Nothing is sent without encryption where STARTTLS is configured.",
        "Check port and encryption under Email Server: 587 is mostly STARTTLS, 465 TLS.",
        _ADMIN,
    ),
    "StartTlsNotClean": (
        "Somebody speaks between the SMTP server and this app",
        "Bytes came before the connection was encrypted, which no honest server sends.",
        "Ask the network's and the server's administrators; choose TLS instead of STARTTLS meanwhile.",
        _SERVER,
    ),
    "SmtpNotTls": (
        "The SMTP server does not speak TLS at this port",
        "What it answers is no TLS.",
        "Check port and encryption under Email Server: 465 is mostly TLS, 587 STARTTLS.",
        _ADMIN,
    ),
    "NotSmtp": (
        "What listens there is no SMTP server",
        "Its greeting is none that an SMTP server gives.",
        "Check host, port and encryption under Email Server.",
        _ADMIN,
    ),
    "SmtpLoginNotOffered": (
        "The SMTP server takes no login of this kind",
        "It offers neither PLAIN nor LOGIN here; many do only on an encrypted connection.",
        "Choose STARTTLS or TLS, or leave user name and password empty if the server needs none.",
        _ADMIN,
    ),
    "SmtpMessageTooLarge": (
        "The mail is too large for the SMTP server",
        "It says beforehand how much it takes; nothing was sent.",
        "Send fewer or smaller attachments.",
        _NOBODY,
    ),
    "SmtpUtf8NotOffered": (
        "The SMTP server does not take international addresses",
        "An address has other letters than ASCII before the @; the server does not offer SMTPUTF8.",
        "Use another address of this recipient.",
        _NOBODY,
    ),
    "SmtpReplyUnreadable": (
        "The SMTP server answers nothing that can be read",
        "What came is no SMTP reply.",
        _AGAIN,
        _NOBODY,
    ),
    "MessageNotSendable": (
        "The mail cannot be sent as it was written",
        "What it says, or an attachment of it, is no longer there or no longer the same.",
        "Write the mail anew.",
        _NOBODY,
    ),
    "AnswerLost": (
        "Nobody can tell whether the mail left",
        "The connection ended after the whole mail was handed over and before the server's answer.",
        "Ask a recipient, or look at the server's log; then say here whether it went out.",
        _NOBODY,
    ),
    "NoTrace": (
        "Nobody can tell whether the mail left",
        "It was handed over to Exchange, and neither the draft nor its copy in Sent Items is to be found.",
        "It is still looked for. Look into Sent Items or ask a recipient; then say here whether it went out.",
        _NOBODY,
    ),
}
