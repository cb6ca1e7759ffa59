"""Two queue functions, the first of which feeds the second; that one touches the file named TRACE_FILE."""

import os
from pathlib import Path

import azure.functions as func

app = func.FunctionApp()


@app.queue_trigger(arg_name="message", queue_name="chain-first", connection="DataStorage")
@app.queue_output(arg_name="$return", queue_name="chain-second", connection="DataStorage")
def first(message: func.QueueMessage) -> str:
    """Hands its message on by returning it."""
    return message.get_body().decode()


@app.queue_trigger(arg_name="message", queue_name="chain-second", connection="DataStorage")
def second(message: func.QueueMessage) -> None:
    """Says that it ran."""
    Path(os.environ["TRACE_FILE"]).write_bytes(message.get_body())
