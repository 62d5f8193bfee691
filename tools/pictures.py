"""Take the README's pictures, or the kept looks of the widgets, from a lab that is started for it.

    python tools/pictures.py            docs/*.png, as a window of 1440 x 900 shows them
    python tools/pictures.py --looks    tests/browser/looks, at three sizes and in two themes

Both are the screens of tests/browser/five_widgets.py; tests/browser/test_looks.py holds the widgets to them.
Look at what was taken before it is committed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]

import five_widgets as five  # noqa: E402
import looks  # noqa: E402
from jupyter_page import LabPage, Notebook  # noqa: E402
from lab_server import page_of, running_lab  # noqa: E402

DOCS = ROOT / "docs"
LOOKS = ROOT / "tests" / "browser" / "looks"


def main() -> int:
    """Start a lab, draw the widgets, take the pictures; the exit status."""
    with tempfile.TemporaryDirectory() as folder, running_lab(Path(folder)) as server, page_of(server) as lab:
        notebook = five.opened(lab)
        (take_looks if "--looks" in sys.argv else take_pictures)(lab, notebook)
    return 0


def take_pictures(lab: LabPage, notebook: Notebook) -> None:
    """The pictures of README.md."""
    five.resized(lab, *five.SIZES[0])
    for name, file in five.PICTURES.items():
        picture = five.visible_part(notebook, name).convert("RGB")
        picture.save(DOCS / file, optimize=True)
        _say(DOCS / file, picture.size)


def take_looks(lab: LabPage, notebook: Notebook) -> None:
    """Every screen that test_looks.py compares; pictures of screens that are no more are taken away."""
    for old in LOOKS.glob("*.webp"):
        old.unlink()
    for size in five.SIZES:  # in the order of the tests: a map may keep something of the size it had before
        five.resized(lab, *size)
        for theme in five.THEMES:
            lab.theme(theme)
            for name in five.WIDGETS:
                picture = five.visible_part(notebook, name)
                looks.keep(picture, LOOKS / looks.name_of(name, size, theme))
                _say(LOOKS / looks.name_of(name, size, theme), picture.size)


def _say(path: Path, size: tuple[int, int]) -> None:
    kilobytes = path.stat().st_size / 1000
    sys.stdout.write(f"{path.relative_to(ROOT)}: {size[0]} x {size[1]}, {kilobytes:.0f} kB\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
