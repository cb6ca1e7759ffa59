"""Where a sandbox keeps its state unless told otherwise: the user's state folder of the platform. Pure."""

import os
import sys
from pathlib import Path


def default_data() -> Path:
    """The default of `--data`."""
    home = Path.home()
    if sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        configured = os.environ.get("XDG_STATE_HOME", "")
        # The XDG Base Directory Specification has relative paths ignored.
        base = Path(configured) if configured.startswith("/") else home / ".local" / "state"
    return base / "respond-mailbox" / "sandbox"
