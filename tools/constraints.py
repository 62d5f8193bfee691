"""Write `constraints.txt`: the versions in this environment of everything the project wants, one a line.

    python tools/constraints.py            write the file
    python tools/constraints.py --check    say what differs, exit 1 if anything does

Run it after an upgrade, in the environment in which every test has passed.
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "constraints.txt"
HEAD = "# Versions that were tested together. Written by tools/constraints.py, not by hand.\n"


def main() -> int:
    """Write or check; the exit status."""
    wanted = HEAD + "".join(f"{name}=={version}\n" for name, version in sorted(closure(direct()).items()))
    if "--check" not in sys.argv:
        FILE.write_text(wanted, "utf-8")
        return 0
    differing = set(wanted.splitlines()) ^ set(FILE.read_text("utf-8").splitlines())
    sys.stderr.writelines(f"differs: {line}\n" for line in sorted(differing))
    return 1 if differing else 0


def direct() -> list[str]:
    """What pyproject.toml asks for, the extras included, without what it leaves out; requirement strings."""
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project, left_out = whole["project"], whole["tool"]["constraints"]["left_out"]
    extras = project["optional-dependencies"].values()
    asked = ["pip", *project["dependencies"], *(item for extra in extras for item in extra)]
    return [item for item in asked if canonical(item) not in (project["name"], *left_out)]


def closure(requirements: list[str]) -> dict[str, str]:
    """Name and installed version of each requirement and of all that it requires here."""
    found: dict[str, str] = {}
    queue = [(Requirement(item), "") for item in requirements]
    seen: set[tuple[str, str]] = set()
    while queue:
        wanted, extra = queue.pop()
        if wanted.marker and not wanted.marker.evaluate({"extra": extra}):
            continue
        name = canonical(wanted.name)
        for own in {"", *wanted.extras}:
            if (name, own) in seen:
                continue
            seen.add((name, own))
            installed = distribution(name)
            found[name] = installed.version.split("+")[0]
            queue += [(Requirement(item), own) for item in installed.requires or ()]
    return found


def canonical(requirement: str) -> str:
    """The name a requirement starts with, as indexes spell it: lower case, dashes."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement.strip())[0]).lower()


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except PackageNotFoundError as missing:
        raise SystemExit(f"{missing}: run this where `pip install -e .[photos,test]` was run.") from None
