"""Calls the app's API as a signed-in admin, as a person with curl would. Keeps nothing."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 60.0
SHOWN_CHARACTERS = 300


class FrontDoorError(RuntimeError):
    """The app refused a request, or did not answer; the message is one line for people."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON answer with its `ETag`, if it has one."""

    body: Any
    etag: str | None


class FrontDoor:
    """The app at `address`, with a bearer token."""

    def __init__(self, address: str, token: str) -> None:
        self._address = address
        self._token = token

    def get(self, path: str) -> Answer:
        """Reads a resource. Raises FrontDoorError."""
        return self._call("GET", path, None, {})

    def find(self, path: str) -> Answer | None:
        """Reads a resource; None where there is none. Raises FrontDoorError."""
        try:
            return self.get(path)
        except FrontDoorError as error:
            if error.status == 404:
                return None
            raise

    def put(self, path: str, body: object, *, etag: str | None) -> Answer:
        """Makes or changes a resource; with `etag` only this version of it. Raises FrontDoorError."""
        return self._call("PUT", path, body, {"If-Match": etag} if etag else {})

    def post(self, path: str, body: object) -> Answer:
        """Posts to a resource. Raises FrontDoorError."""
        return self._call("POST", path, body, {})

    def _call(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> Answer:
        request = urllib.request.Request(self._address + path, method=method)
        request.add_header("Authorization", f"Bearer {self._token}")
        for name, value in headers.items():
            request.add_header(name, value)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                content = answer.read()
                return Answer(json.loads(content) if content else None, answer.headers.get("ETag"))
        except urllib.error.HTTPError as error:
            said = " ".join(error.read().decode(errors="replace").split())[:SHOWN_CHARACTERS]
            raise FrontDoorError(f"{method} {path} answered {error.code}: {said}", error.code) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise FrontDoorError(f"{method} {path} failed: {error}") from error
