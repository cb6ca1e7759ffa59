"""The mail-server adapter for Exchange Web Services (EWS): `domain.ports.MailServers` over SOAP."""
