"""What holds for every test: where the installed parts are, and how long a generated example may take."""

import os
import sys
from pathlib import Path

from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
INSTALLED = ROOT / ".local" / f"{sys.version_info.major}.{sys.version_info.minor}"

# scripts/test sets these two; an editor that starts pytest by itself gets the same values here.
os.environ.setdefault("APP_PYTHON", str(INSTALLED / "app" / "bin" / "python"))
os.environ.setdefault("AZURITE", str(ROOT / "node_modules" / ".bin" / "azurite"))

# A busy machine is no fault of the code: time limits are the business of tests that say so themselves.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
