"""A folder as a repository of a model hub: its files, their digests, its revisions."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

LARGE = 10_000  # bytes: larger files, and binary ones, are kept as LFS and served from the "CDN"
BINARY = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".model", ".onnx", ".msgpack", ".h5")


class Repo:
    """A folder as a repository: its files, their digests, its commit."""

    def __init__(self, root: Path, name: str) -> None:
        self.folder, self.name = root / name, name
        said = self.folder / ".hub.json"
        self.said = json.loads(said.read_text("utf-8")) if said.is_file() else {}

    def place(self, revision: str) -> Path | None:
        """The folder of a revision; None if there is no such revision."""
        named = self.said.get("revisions", {})
        if revision in ("main", self.commit(self.folder)):
            return self.folder
        if revision in named:
            return self.folder / named[revision]
        for inner in named.values():
            if self.commit(self.folder / inner) == revision:
                return self.folder / inner
        return None

    def files(self, folder: Path) -> dict[str, Path]:
        """Name -> path, without what belongs to other revisions."""
        apart = {self.folder / inner for inner in self.said.get("revisions", {}).values()} - {folder}
        found = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name != ".hub.json" and not any(a in path.parents for a in apart):
                found[path.relative_to(folder).as_posix()] = path
        return found

    def commit(self, folder: Path) -> str:
        """A commit hash that changes with the files."""
        total = hashlib.sha1(self.name.encode())
        for name, path in self.files(folder).items():
            state = path.stat()
            total.update(f"{name}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
        return total.hexdigest()


_digests: dict[tuple[str, int, int], tuple[str, str]] = {}


def digests(path: Path) -> tuple[str, str]:
    """sha256 of the content, and git's object name of it."""
    state = path.stat()
    key = (str(path), state.st_size, state.st_mtime_ns)
    if key not in _digests:
        raw = path.read_bytes()
        _digests[key] = (
            hashlib.sha256(raw).hexdigest(),
            hashlib.sha1(b"blob %d\0" % len(raw) + raw).hexdigest(),
        )
    return _digests[key]


def is_large(path: Path) -> bool:
    """Whether the hub keeps it with LFS."""
    return path.suffix in BINARY or (
        path.stat().st_size > LARGE and path.suffix not in (".json", ".txt", ".md")
    )
