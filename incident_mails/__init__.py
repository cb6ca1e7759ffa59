"""HTTP area: triage, and a mail's body, raw message and attachments."""
