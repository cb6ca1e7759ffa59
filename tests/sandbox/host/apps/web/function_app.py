"""HTTP functions for the host's tests."""

import base64
import json
import logging
import os
import signal
import time

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="api/echo/{*rest}")
def echo(req: func.HttpRequest) -> func.HttpResponse:
    """Tells what it was given."""
    seen = {
        "method": req.method,
        "url": req.url,
        "headers": dict(req.headers),
        "params": dict(req.route_params),
        "query": dict(req.params),
        "body": base64.b64encode(req.get_body()).decode(),
    }
    return func.HttpResponse(json.dumps(seen), mimetype="application/json")


@app.route(route="api/size")
def size(req: func.HttpRequest) -> func.HttpResponse:
    """The size of what it was sent."""
    return func.HttpResponse(str(len(req.get_body())))


@app.route(route="api/order/{name}")
def a_first(req: func.HttpRequest) -> func.HttpResponse:
    """Comes first by its name and takes what b_second was meant for."""
    return func.HttpResponse("a_first")


@app.route(route="api/order/fixed")
def b_second(req: func.HttpRequest) -> func.HttpResponse:
    """Never reached."""
    return func.HttpResponse("b_second")


@app.route(route="api/items/{id:int}", methods=["GET"])
async def items(req: func.HttpRequest) -> func.HttpResponse:
    """Takes a number, and only GET."""
    return func.HttpResponse(req.route_params["id"])


@app.route(route="ui/{*rest}")
def web(req: func.HttpRequest) -> func.HttpResponse:
    """A page without a prefix."""
    return func.HttpResponse("<p>page", mimetype="text/html")


@app.route(route="api/cookies")
def cookies(req: func.HttpRequest) -> func.HttpResponse:
    """Sets two cookies and another status."""
    answer = func.HttpResponse(b"\x00\xff", status_code=201, mimetype="application/octet-stream")
    answer.headers.add("Set-Cookie", "one=1; Path=/; HttpOnly; SameSite=Lax")
    answer.headers.add("Set-Cookie", "two=2; Max-Age=60; Secure")
    answer.headers["X-Own"] = "kept"
    return answer


@app.route(route="api/fails")
def fails(req: func.HttpRequest) -> func.HttpResponse:
    """Raises."""
    logging.info("about to fail")
    raise RuntimeError("as intended")


@app.route(route="api/dies")
def dies(req: func.HttpRequest) -> func.HttpResponse:
    """Kills its own worker."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)
    return func.HttpResponse("never")


@app.route(route="api/hangs")
def hangs(req: func.HttpRequest) -> func.HttpResponse:
    """Runs longer than functionTimeout allows."""
    time.sleep(60)
    return func.HttpResponse("never")


@app.route(route="api/pid")
def pid(req: func.HttpRequest) -> func.HttpResponse:
    """Tells which worker answers."""
    return func.HttpResponse(str(os.getpid()))


@app.route(route="api/keyed", auth_level=func.AuthLevel.FUNCTION)
def keyed(req: func.HttpRequest) -> func.HttpResponse:
    """Needs the function key."""
    return func.HttpResponse("opened")


@app.route(route="api/off")
def off(req: func.HttpRequest) -> func.HttpResponse:
    """Switched off by an app setting."""
    return func.HttpResponse("on")


@app.route(route="api/setting")
def setting(req: func.HttpRequest) -> func.HttpResponse:
    """Shows one app setting and the whole environment's names."""
    return func.HttpResponse(json.dumps({"setting": os.environ["GREETING"], "names": sorted(os.environ)}))
