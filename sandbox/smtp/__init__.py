"""The sandbox's SMTP server: aiosmtpd, with what goes wrong on purpose and the mail system behind it."""
