"""Build the site into build/docs: `make docs`.

    python tools/docs.py              the lessons as they are, with kept pictures of the boards
    python tools/docs.py --execute    the lessons are run first (minutes); what they gave is cached in build/

A warning is an error. Nothing is fetched: not by the build, and not by the pages when they are read.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "docs"
FIRST = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=docs/index.html">\n'


def main(arguments: list[str]) -> int:
    """The exit status of Sphinx."""
    if arguments not in ([], ["--execute"]):
        sys.stderr.write(f"tools/docs.py got {' '.join(arguments)!r}; expected nothing, or --execute.\n")
        return 2
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-c", "docs"]
    command += ["-d", str(ROOT / "build" / "docs-read")]
    if arguments:
        cache = ROOT / "build" / "docs-executed"
        command += ["-D", "nb_execution_mode=cache", "-D", f"nb_execution_cache_path={cache}"]
    status = subprocess.run([*command, ".", str(OUT)], cwd=ROOT, check=False).returncode
    if status == 0:
        (OUT / "index.html").write_text(FIRST, "utf-8")
        sys.stdout.write(f"{OUT / 'index.html'}\n")
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
