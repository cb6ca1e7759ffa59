"""The smallest app: says who called it."""

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.function_name("hello")
@app.route(route="api/hello", methods=["GET"])
def hello(req: func.HttpRequest) -> func.HttpResponse:
    """Answers with the caller's name."""
    return func.HttpResponse(req.headers.get("x-ms-client-principal-name", "nobody"))
