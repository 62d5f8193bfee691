"""The front end's formatting and types: prettier and tsc over every .mjs of the widgets and of their tests.

tsc passes over what is typed as `any`, so that word is looked for here.

    python tools/check_front_end.py            checks, as `make check` does
    python tools/check_front_end.py --write    formats the files in place

Both programs are pinned in tools/js, and npm brings them into tools/js/node_modules when they are first asked
for. The product needs neither. Where there is no node, or no network to bring them, that is said and the rest
of `make check` goes on.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
JS = ROOT / "tools" / "js"
FOLDERS = ("widgets/static", "tests/js")
# `any` as a type or as a part of one: what stands around it tells it from the word.
_ANY = re.compile(r"[{:<|(,]\s*any\s*(?:\[\]|[}>|),;&])")


def missing(js: Path) -> list[str]:
    """What is pinned in `js`/package.json and not installed in that version, as "name version"."""
    pinned = json.loads((js / "package.json").read_text("utf-8"))["devDependencies"]
    return [f"{name} {version}" for name, version in pinned.items() if _installed(js, name) != version]


def _installed(js: Path, name: str) -> str | None:
    try:
        return json.loads((js / "node_modules" / name / "package.json").read_text("utf-8"))["version"]
    except FileNotFoundError:
        return None


def bring(npm: str, js: Path) -> str:
    """Install what is pinned, exactly as locked; "" if it is there now, else why not."""
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"],
        cwd=js, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lacking = missing(js)
    if not lacking:
        return ""
    reasons = [line for line in done.stderr.splitlines() if line.strip()]
    why = reasons[0] if reasons else "npm does not say why"
    return f"{' and '.join(lacking)} could not be installed ({why})"


def parsed(node: str, root: Path) -> int:
    """Whether node can read every file: all that can be said without the two programs."""
    files = sorted(file for folder in FOLDERS for file in (root / folder).rglob("*.mjs"))
    return max(subprocess.run([node, "--check", str(file)], check=False).returncode for file in files)


def untyped(root: Path) -> list[str]:
    """Where a type is `any`, which tsc would believe: "file:line" for each."""
    return [
        f"{file.relative_to(root).as_posix()}:{number}"
        for folder in FOLDERS
        for file in sorted((root / folder).rglob("*"))
        if file.suffix in (".mjs", ".ts")
        for number, line in enumerate(file.read_text("utf-8").splitlines(), start=1)
        if _ANY.search(line)
    ]


def main(arguments: list[str]) -> int:
    """The exit status: 0 if all is well, or if there is nothing to check it with."""
    if loose := untyped(ROOT):
        sys.stdout.write(
            f"Typed as any, so that nothing is checked there: {', '.join(loose)}. Say the type.\n"
        )
        return 1
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        sys.stdout.write(
            "No node and npm here: .mjs files are not checked; make test loads them in Chromium.\n"
        )
        return 0
    if missing(JS) and (why := bring(npm, JS)):
        sys.stdout.write(f"The front end is only parsed: {why}. Run make check where there is a network.\n")
        return parsed(node, ROOT)
    modules = JS / "node_modules"
    prettier = [node, str(modules / "prettier/bin/prettier.cjs"), "--config", str(JS / "prettier.json")]
    patterns = [f"{folder}/**/*.{{mjs,ts}}" for folder in FOLDERS]
    if "--write" in arguments:
        return subprocess.run([*prettier, "--write", "--log-level=warn", *patterns], cwd=ROOT).returncode
    checks = (
        [*prettier, "--check", "--log-level=warn", *patterns],
        [node, str(modules / "typescript/bin/tsc"), "--project", str(JS / "tsconfig.json")],
    )
    return max(subprocess.run(check, cwd=ROOT, check=False).returncode for check in checks)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
