"""The project as a tree of files: what the tests of its scaffolding ask about it."""

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PINNED = re.compile(
    r"(?P<name>[a-z0-9-]+)==(?P<version>[0-9][0-9a-z.]*)(?: ; (?P<marker>[^#]+?))?(?:\s+#.*)?"
)


def tracked_files() -> list[Path]:
    """The files under version control, relative to the root."""
    said = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [Path(name) for name in said.stdout.split("\0") if name and (ROOT / name).exists()]


def product_packages() -> list[str]:
    """The top-level packages that are deployed to Azure."""
    return sorted(set(packages_under_import_rules()) - {"sandbox"})


def packages_under_import_rules() -> list[str]:
    """The packages that import-linter looks at."""
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    roots: list[str] = configuration["tool"]["importlinter"]["root_packages"]
    return roots


def product_modules() -> list[str]:
    """Every module that is deployed to Azure, by its dotted name."""
    modules = [path for path in tracked_files() if path.suffix == ".py" and _is_product(path)]
    return [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in modules]


def requirements(name: str) -> dict[str, set[str]]:
    """The pinned packages of a requirements file under its section comments; `""` holds what has none.

    Raises ValueError for a line that is neither a comment, an inclusion nor one pinned package.
    """
    sections: dict[str, set[str]] = {"": set()}
    section = ""
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            section = line.removeprefix("#").strip()
        elif line and not line.startswith("-r "):
            pinned = PINNED.fullmatch(line)
            if pinned is None:
                raise ValueError(f"{name}: not one pinned package: {line}")
            sections.setdefault(section, set()).add(pinned["name"])
    return sections


def _is_product(path: Path) -> bool:
    return path.parts[0] in product_packages() or path.name in {"function_app.py", "wiring.py"}
