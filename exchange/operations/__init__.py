"""One module an EWS operation, each with `request(...)` (the SOAP body) and `parse(...)` (its response
messages)."""
