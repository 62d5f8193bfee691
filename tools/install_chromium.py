"""Find a Chromium for the browser tests, else install one, else say how.

    python tools/install_chromium.py        print the program that will be used

Looked for, in this order: `$CHROMIUM`, the usual names on the PATH, macOS's applications, Playwright's
own download. Installed: Debian's package where this user may, else Playwright's download.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["HOW", "find_chromium"]

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
HOW = (
    "No Chromium for the browser tests. Install one (Debian, Ubuntu: apt-get install chromium), "
    "or run: python -m playwright install --with-deps chromium, or set CHROMIUM=/path/to/chromium."
)


def find_chromium() -> str | None:
    """The path of a Chromium that starts, or None."""
    given = os.environ.get("CHROMIUM")
    candidates = [given] if given else [*filter(None, map(shutil.which, NAMES)), *MAC, _of_playwright()]
    return next((path for path in candidates if path and _starts(path)), None)


def main() -> int:
    """Find or install; the exit status."""
    for install in (None, _from_debian, _from_playwright):
        if install is not None:
            install()
        found = find_chromium()
        if found:
            sys.stdout.write(f"Chromium: {found}\n")
            return 0
    sys.stderr.write(HOW + "\n")
    return 1


def _starts(path: str) -> bool:
    """A file of that name is not enough: Ubuntu's `chromium-browser` may only say to install a snap."""
    if not Path(path).is_file():
        return False
    try:
        return (
            subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False).returncode == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def _of_playwright() -> str:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def _from_debian() -> None:
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update"],
        ["apt-get", "install", "-y", "--no-install-recommends", "chromium"],
    ):
        subprocess.run(command, env=quiet, check=False)


def _from_playwright() -> None:
    can_add_libraries = os.name == "posix" and os.geteuid() == 0 and shutil.which("apt-get")
    with_libraries = ["--with-deps"] if can_add_libraries else []
    subprocess.run([sys.executable, "-m", "playwright", "install", *with_libraries, "chromium"], check=False)


if __name__ == "__main__":
    raise SystemExit(main())
