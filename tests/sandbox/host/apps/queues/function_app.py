"""Queue functions for the host's tests; each invocation adds a line of JSON to the file named TRACE_FILE."""

import json
import os
import signal
import time
from datetime import UTC, datetime
from typing import Any

import azure.functions as func

app = func.FunctionApp()


def trace(**fields: Any) -> None:
    """Adds one line in one write, so that workers can share the file."""
    line = json.dumps({"pid": os.getpid(), "at": time.time(), **fields}) + "\n"
    descriptor = os.open(os.environ["TRACE_FILE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line.encode())
    os.close(descriptor)


@app.queue_trigger(arg_name="message", queue_name="%WORK_QUEUE%", connection="DataStorage")
def work(message: func.QueueMessage) -> None:
    """Does what the message says."""
    body = message.get_body().decode()
    count = message.dequeue_count or 0
    now = datetime.now(UTC)
    inserted, visible = message.insertion_time, message.time_next_visible
    trace(
        body=body,
        id=message.id,
        count=count,
        pop_receipt=bool(message.pop_receipt),
        age_s=(now - inserted).total_seconds() if inserted else None,
        invisible_s=(visible - now).total_seconds() if visible else None,
    )
    order, _, detail = body.partition(" ")
    if order == "sleep":
        time.sleep(float(detail))
        trace(body=f"woke {detail}")
    elif order == "fail" and count <= int(detail):
        raise RuntimeError("as intended")
    elif order == "die" and count <= int(detail):
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)


@app.queue_trigger(arg_name="message", queue_name="fan-in", connection="DataStorage")
@app.queue_output(arg_name="sent", queue_name="fan-out", connection="DataStorage")
def fan(message: func.QueueMessage, sent: func.Out[str]) -> None:
    """Sends its message on, as it came; "late" fails after it has set its output."""
    sent.set(message.get_body().decode())
    if message.get_body() == b"late":
        raise RuntimeError("as intended")
