"""The readable API page, made from the OpenAPI description: no scripts, nothing loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_STYLE = (
    "body{font:14px/1.45 'Segoe UI',system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font:13px/1.4 ui-monospace,monospace}pre{overflow:auto;padding:8px;background:#8881}"
    "section{border-top:1px solid #8886;padding:8px 0}h2{font-size:16px}.method{font-weight:600}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:2px 12px 2px 0;vertical-align:top}"
    ":root{color-scheme:light dark}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
DOCS_CSP = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def docs_page(document: Mapping[str, Any]) -> str:
    """The description as one HTML page."""
    info = document["info"]
    operations = list(_operations(document))
    contents = "".join(
        f'<li><a href="#{escape(one.anchor)}"><span class="method">{one.method}</span> '
        f"{escape(one.path)}</a> "
        f"{escape(one.data.get('summary', ''))}</li>"
        for one in operations
    )
    sections = "".join(one.section(document) for one in operations)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(info["title"])} API</title>'
        f"<style>{_STYLE}</style></head><body><main><h1>{escape(info['title'])} API</h1>"
        f"<p>{escape(info['description'])}</p>"
        '<p>Description for programs: <a href="/api/openapi.json">/api/openapi.json</a>. Refusals are '
        "problem details "
        "(RFC 9457) with a stable <code>code</code>.</p>"
        f"<nav aria-label='Operations'><ul>{contents}</ul></nav>{sections}</main></body></html>"
    )


class _Operation:
    def __init__(self, method: str, path: str, data: Mapping[str, Any]) -> None:
        self.method, self.path, self.data = method.upper(), path, data
        self.anchor = str(data.get("operationId", f"{method}{path}"))

    def section(self, document: Mapping[str, Any]) -> str:
        """The operation in full."""
        permission = self.data.get("x-permission", "")
        parts = [
            f'<section id="{escape(self.anchor)}"><h2><span class="method">{self.method}</span> '
            f"<code>{escape(self.path)}</code></h2><p>{escape(self.data.get('summary', ''))}. "
            f"{escape(self.data.get('description', ''))}</p><p>Permission: "
            f"<code>{escape(permission)}</code></p>"
        ]
        if parameters := self.data.get("parameters"):
            rows = "".join(
                f"<tr><th scope=row><code>{escape(one['name'])}</code></th><td>{escape(one['in'])}"
                f"{', required' if one.get('required') else ''}</td>"
                f"<td>{escape(one.get('description', ''))}</td></tr>"
                for one in parameters
            )
            parts.append(f"<table>{rows}</table>")
        content = self.data.get("requestBody", {}).get("content", {}).get("application/json")
        if content:
            schema = _resolve(content["schema"], document)
            parts.append(f"<p>Body:</p><pre>{escape(json.dumps(schema, indent=2, ensure_ascii=False))}</pre>")
        return "".join(parts) + "</section>"


def _operations(document: Mapping[str, Any]) -> Iterator[_Operation]:
    for path, methods in document["paths"].items():
        for method, data in methods.items():
            yield _Operation(method, path, data)


def _resolve(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found: Mapping[str, Any] = document["components"]["schemas"].get(name, schema)
    return found
