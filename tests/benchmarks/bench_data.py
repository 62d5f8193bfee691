"""Reading what people bring: a table of a million rows, a folder of 50,000 files, a tar of 100,000 members."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from PIL import Image

__all__ = ["reading"]

Rows = list[tuple[str, str, str]]
_ROWS, _FILES, _SAMPLES, _PICTURES = 1_000_000, 50_000, 50_000, 10_000
_READ = (
    "import json, resource, sys, time\nfrom workbench import data\nbegan = time.perf_counter()\n"
    "pairs = data.load(sys.argv[1])\ntook = time.perf_counter() - began\n"
    "print(json.dumps([len(pairs), took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000]))"
)


def reading(_work: Path) -> Rows:
    """Seconds and memory of data.load, each in a process of its own."""
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        tried = (
            (f"a table of {_ROWS:,} rows, {_PICTURES:,} pictures", _table(root), _ROWS, "aim 15 s, 400 MB"),
            (f"a folder of {_FILES:,} files", _folder(root / "folder"), _FILES, "aim 5 s"),
            (f"a tar of {2 * _SAMPLES:,} members", _tar(root / "x.tar"), _SAMPLES, ""),
        )
        rows = []
        for name, path, expected, aim in tried:
            count, seconds, megabytes = _read(path)
            assert count == expected
            rows.append((name, f"{seconds:.1f} s, {megabytes:.0f} MB", aim))
        return rows


def _read(path: Path) -> tuple[int, float, float]:
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(path)], capture_output=True, text=True, check=True
    )
    count, seconds, megabytes = json.loads(done.stdout)
    return count, seconds, megabytes


def _picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    return out.getvalue()


def _table(root: Path) -> Path:
    (root / "p").mkdir()
    for number in range(_PICTURES):
        (root / "p" / f"{number:05d}.png").write_bytes(_picture())
    with (root / "t.csv").open("w") as file:
        file.write("image,text,label,id\n")
        for row in range(_ROWS):
            told = f"a picture of number {row} in a row of many,{row % 10},{10**15 + row}"
            file.write(f"p/{row % _PICTURES:05d}.png,{told}\n")
    return root / "t.csv"


def _folder(folder: Path) -> Path:
    content = _picture()
    for number in range(_FILES):
        place = folder / f"class {number % 20}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.png").write_bytes(content)
    return folder


def _tar(path: Path) -> Path:
    content = _picture()
    with tarfile.open(path, "w") as archive:
        for number in range(_SAMPLES):
            for ending, raw in ((".png", content), (".txt", f"text {number}".encode())):
                told = tarfile.TarInfo(f"{number:06d}{ending}")
                told.size = len(raw)
                archive.addfile(told, io.BytesIO(raw))
    return path
