"""Python's smtplib as the client of a world's SMTP server."""

import smtplib
import ssl
import uuid
from email.message import EmailMessage
from typing import Any

from tests.sandbox.world.conftest import World

SENDER = "notifications@corp.example"


def connect(world: World, security: str = "starttls") -> smtplib.SMTP:
    """A connection that said EHLO; secured, not signed in."""
    settings = world.control.run("smtp-settings", security=security)
    trust = ssl.create_default_context(cafile=str(world.state.ca_file))
    if security == "tls":
        client: smtplib.SMTP = smtplib.SMTP_SSL(settings["host"], settings["port"], timeout=10, context=trust)
    else:
        client = smtplib.SMTP(settings["host"], settings["port"], timeout=10)
        if security == "starttls":
            client.starttls(context=trust)
    client.ehlo()
    return client


def sign_in(world: World, security: str = "starttls") -> smtplib.SMTP:
    settings = world.control.run("smtp-settings", security=security)
    client = connect(world, security)
    client.login(settings["userName"], settings["password"])
    return client


def mail(**headers: str) -> EmailMessage:
    """A message with a Message-ID of its own."""
    message = EmailMessage()
    fields = {"From": SENDER, "To": "fin@fin.example", "Subject": "Report", **headers}
    for name, value in {**fields, "Message-ID": f"<{uuid.uuid4()}@corp.example>"}.items():
        message[name] = value
    message.set_content("Please look at this.\n")
    return message


def left(world: World, message: EmailMessage) -> list[dict[str, Any]]:
    """What the outbound list says of a message."""
    return [one for one in world.control.run("outbound") if one["messageId"] == message["Message-ID"]]
