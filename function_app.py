"""Every trigger that Azure loads, one short function each; what they do lives in the areas, built by
`wiring`.

Areas load on first use, so that a timer tick pays for no web framework. What happens when the process dies
in the
middle is said in each area's module; the host repeats queue messages and timers.
"""

from __future__ import annotations

import azure.functions as func

import wiring

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.function_name("mailbox_poll")
@app.timer_trigger(arg_name="timer", schedule="%MAILBOX_POLL_SCHEDULE%", use_monitor=True)
def poll_mailboxes(timer: func.TimerRequest) -> None:
    """Claims the mailboxes that are due."""
    wiring.poll_due_mailboxes()


@app.function_name("mailbox_sync")
@app.queue_trigger(arg_name="message", queue_name="mailbox-sync", connection="DataStorage")
def sync_mailbox(message: func.QueueMessage) -> None:
    """Asks one mailbox's folders what changed."""
    wiring.sync_mailbox(message.get_body().decode())


@app.function_name("folder_sync")
@app.queue_trigger(arg_name="message", queue_name="folder-sync", connection="DataStorage")
def sync_folder(message: func.QueueMessage) -> None:
    """Syncs one folder for its time budget."""
    wiring.sync_folder(message.get_body().decode())


@app.function_name("incident_changed")
@app.queue_trigger(arg_name="message", queue_name="incident-changed", connection="DataStorage")
def relink_mails(message: func.QueueMessage) -> None:
    """Re-decides the mails that a change of an incident, a unit or a mail touches."""
    wiring.relink(message.get_body().decode())


@app.function_name("mail_export")
@app.queue_trigger(arg_name="message", queue_name="mail-export", connection="DataStorage")
def export_mails(message: func.QueueMessage) -> None:
    """Writes an export of an incident's correspondence."""
    wiring.export_mails(message.get_body().decode())


@app.function_name("mail_delivery")
@app.queue_trigger(arg_name="message", queue_name="mail-delivery", connection="DataStorage")
def deliver_mail(message: func.QueueMessage) -> None:
    """Delivers one outbox entry."""
    wiring.deliver_mail(message.get_body().decode())


@app.function_name("pending_sweep")
@app.timer_trigger(arg_name="timer", schedule="%PENDING_SWEEP_SCHEDULE%", use_monitor=True)
def sweep_pending(timer: func.TimerRequest) -> None:
    """Finishes what a crash left half done."""
    wiring.sweep_pending()


@app.function_name("config_api")
@app.route(route="api/config/{*rest}", methods=["GET", "POST", "PUT", "HEAD", "OPTIONS", "PATCH", "DELETE"])
async def serve_config(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Configuration: mailboxes, folders, status, business units."""
    return await wiring.serve(req, context)


@app.function_name("incidents")
@app.route(route="api/incidents/{id?}", methods=["GET", "POST", "PUT", "HEAD", "OPTIONS", "PATCH", "DELETE"])
async def serve_incidents(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Incidents, as Respond tells them."""
    return await wiring.serve(req, context)


@app.function_name("incident_merge")
@app.route(
    route="api/incidents/{id}/merge", methods=["GET", "POST", "PUT", "HEAD", "OPTIONS", "PATCH", "DELETE"]
)
async def serve_merge(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Merges an incident into another one."""
    return await wiring.serve(req, context)


@app.function_name("incident_mails")
@app.route(
    route="api/incidents/{id}/mails/{*rest}",
    methods=["GET", "POST", "PUT", "HEAD", "OPTIONS", "PATCH", "DELETE"],
)
async def serve_incident_mails(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """An incident's Business Unit Mails tab, its changes and its export."""
    return await wiring.serve(req, context)


@app.function_name("mail_reply")
@app.route(
    route="api/incidents/{id}/replies/{*rest}",
    methods=["GET", "POST", "PUT", "HEAD", "OPTIONS", "PATCH", "DELETE"],
)
async def serve_replies(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """An incident's replies: sending, preview, drafts, and what became of each."""
    return await wiring.serve(req, context)


@app.function_name("incident_notifications")
@app.route(
    route="api/incidents/{id}/notifications/{*rest}",
    methods=["GET", "POST", "PUT", "HEAD", "OPTIONS", "PATCH", "DELETE"],
)
async def serve_notifications(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Notifications of an incident's business units, and who has answered."""
    return await wiring.serve(req, context)


@app.function_name("triage")
@app.route(route="api/triage/{*rest}", methods=["GET", "POST", "PUT", "HEAD", "OPTIONS", "PATCH", "DELETE"])
async def serve_triage(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Mails that wait for their incident."""
    return await wiring.serve(req, context)


@app.function_name("me")
@app.route(route="api/me", methods=["GET", "HEAD"])
async def serve_me(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Who the caller is and what they may do."""
    return await wiring.serve(req, context)


@app.function_name("health")
@app.route(route="api/health", methods=["GET", "HEAD"])
async def serve_health(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Liveness."""
    return await wiring.serve(req, context)


@app.function_name("openapi")
@app.route(route="api/openapi.json", methods=["GET", "HEAD"])
async def serve_openapi(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The API's description."""
    return await wiring.serve(req, context)


@app.function_name("docs")
@app.route(route="api/docs", methods=["GET", "HEAD"])
async def serve_docs(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The API's description as a page."""
    return await wiring.serve(req, context)


@app.function_name("web")
@app.route(route="ui/{*rest}", methods=["GET", "HEAD"])
async def serve_pages(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Pages and their static files."""
    return await wiring.serve(req, context)
