"""The area's routers, for the composition root."""

from __future__ import annotations

from config_api import (
    audit,
    business_unit_settings,
    business_units,
    connection_test,
    email_server,
    folders,
    mailboxes,
    notification_process,
    notification_template,
    retention,
    sending,
    status,
    subject_token_key,
)

ROUTERS = (
    mailboxes.router,
    connection_test.router,
    folders.router,
    status.router,
    business_units.router,
    business_unit_settings.router,
    email_server.router,
    notification_template.router,
    notification_process.router,
    retention.router,
    sending.router,
    subject_token_key.router,
    audit.router,
)
