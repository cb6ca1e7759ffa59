"""Names a storage request by what it does: `blob.Put`, `queue.Get`, `table.Batch`.

Source: the REST references of Blob, Queue and Table Storage. Pure; an unknown request is `<service>.Other`.
"""

from collections.abc import Mapping

_BLOB_BY_COMP = {
    ("PUT", "block"): "PutBlock",
    ("PUT", "blocklist"): "PutBlockList",
    ("GET", "blocklist"): "GetBlockList",
    ("PUT", "metadata"): "SetMetadata",
    ("GET", "metadata"): "GetMetadata",
    ("PUT", "properties"): "SetProperties",
    ("PUT", "lease"): "Lease",
    ("PUT", "tier"): "SetTier",
    ("PUT", "tags"): "SetTags",
    ("GET", "tags"): "GetTags",
    ("PUT", "snapshot"): "Snapshot",
    ("PUT", "appendblock"): "AppendBlock",
    ("PUT", "page"): "PutPage",
    ("POST", "batch"): "Batch",
}
_BLOB = {"PUT": "Put", "GET": "Get", "HEAD": "GetProperties", "DELETE": "Delete"}
_CONTAINER = {
    "PUT": "CreateContainer",
    "GET": "GetContainer",
    "HEAD": "GetContainer",
    "DELETE": "DeleteContainer",
}
_QUEUE = {"PUT": "Create", "DELETE": "DeleteQueue"}
_MESSAGES = {"POST": "Put", "GET": "Get", "DELETE": "Clear"}
_MESSAGE = {"PUT": "Update", "DELETE": "Delete"}
_ENTITY = {"GET": "Get", "DELETE": "Delete"}


def name_operation(
    service: str, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> str:
    """The operation of a request to a path-style address `/account/…`; `service` is blob, queue or table."""
    segments = path.strip("/").split("/")[1:]
    comp = query.get("comp", "")
    match service:
        case "blob":
            name = _blob(method, segments, comp, query, headers)
        case "queue":
            name = _queue(method, segments, comp, query)
        case _:
            name = _table(method, segments, headers)
    return f"{service}.{name or 'Other'}"


def _blob(
    method: str, segments: list[str], comp: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> str | None:
    if not segments or segments == [""]:
        return "ListContainers" if comp == "list" else "ServiceProperties"
    if comp == "list":
        return "List"
    if query.get("restype") == "container":
        return _CONTAINER.get(method) if not comp else f"Container.{comp}"
    if comp:
        return _BLOB_BY_COMP.get((method, comp))
    if method == "PUT" and "x-ms-copy-source" in headers:
        return "Copy"
    return _BLOB.get(method)


def _queue(method: str, segments: list[str], comp: str, query: Mapping[str, str]) -> str | None:
    if not segments or segments == [""]:
        return "List" if comp == "list" else "ServiceProperties"
    if comp:
        return {"GET": "GetProperties", "HEAD": "GetProperties", "PUT": "SetMetadata"}.get(method)
    if len(segments) == 1:
        return _QUEUE.get(method)
    if len(segments) == 2:
        return "Peek" if query.get("peekonly") == "true" else _MESSAGES.get(method)
    return _MESSAGE.get(method)


def _table(method: str, segments: list[str], headers: Mapping[str, str]) -> str | None:
    target = segments[0] if segments else ""
    if target == "$batch":
        return "Batch"
    if target == "Tables":
        return {"POST": "Create", "GET": "List"}.get(method)
    if target.startswith("Tables("):
        return {"DELETE": "DropTable", "GET": "List"}.get(method)
    method = headers.get("X-HTTP-Method", method)
    if "(" not in target or target.endswith("()"):
        return {"POST": "Insert", "GET": "Query"}.get(method)
    conditional = "If-Match" in headers
    if method == "PUT":
        return "Update" if conditional else "InsertOrReplace"
    if method in ("PATCH", "MERGE"):
        return "Merge" if conditional else "InsertOrMerge"
    return _ENTITY.get(method)
