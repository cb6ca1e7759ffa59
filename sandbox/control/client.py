"""Speaks to the control interface of a running sandbox, with the standard library: commands start at once."""

import http.client
import json
import urllib.parse
from typing import Any

from sandbox.state import SandboxState

TIMEOUT_S = 120.0


class ControlError(RuntimeError):
    """The sandbox refused the command, or is not running; the message is one line for people."""


class ControlClient:
    """Commands to one sandbox; each opens a connection of its own."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def run(self, name: str, /, **arguments: Any) -> Any:
        """Does a command and returns its result. Raises ControlError."""
        return self._post(f"/commands/{name}", json.dumps(arguments).encode())

    def deliver(self, raw: bytes, *, mailbox: str, folder: str, envelope_from: str | None = None) -> str:
        """Delivers a message and returns its item id. Raises ControlError."""
        query = {"mailbox": mailbox, "folder": folder}
        if envelope_from is not None:
            query["envelope_from"] = envelope_from
        return str(self._post(f"/deliver?{urllib.parse.urlencode(query)}", raw))

    def _post(self, path: str, body: bytes) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._state.ports.control, timeout=TIMEOUT_S)
        headers = {"Authorization": f"Bearer {self._state.control_token}", "Content-Type": "application/json"}
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except ConnectionError:
            raise ControlError(
                f"the sandbox in {self._state.data} is not running: start it with scripts/run"
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise ControlError(f"the sandbox does not answer: {error}") from error
        finally:
            connection.close()
        if answer.status == 200:
            return json.loads(content)["result"]
        if answer.status == 400:
            raise ControlError(json.loads(content)["error"])
        raise ControlError(f"the sandbox answered {answer.status}: see {self._state.data / 'logs'}")
