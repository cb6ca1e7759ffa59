"""Timer functions for the host's tests; each invocation adds a line of JSON to the file named TRACE_FILE."""

import json
import os
import time
from typing import Any

import azure.functions as func

app = func.FunctionApp()


def trace(**fields: Any) -> None:
    """Adds one line in one write, so that workers can share the file."""
    line = json.dumps({"pid": os.getpid(), "at": time.time(), **fields}) + "\n"
    descriptor = os.open(os.environ["TRACE_FILE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line.encode())
    os.close(descriptor)


@app.timer_trigger(arg_name="timer", schedule="%TICK_SCHEDULE%")
def tick(timer: func.TimerRequest) -> None:
    """Runs longer than its interval when TICK_SECONDS says so."""
    trace(name="tick", event="start", past_due=timer.past_due)
    time.sleep(float(os.environ["TICK_SECONDS"]))
    trace(name="tick", event="end")


@app.timer_trigger(arg_name="timer", schedule="0 0 3 * * *")
def nightly(timer: func.TimerRequest) -> None:
    """Runs at three in the morning."""
    trace(name="nightly", past_due=timer.past_due)
