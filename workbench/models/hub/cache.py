"""The hub's cache on this machine: what is in it, and which snapshot of a repository is whole."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.cache import cache_folder
from workbench.errors import UnknownNameError
from workbench.models.hub.choosing import Choose, listing

__all__ = ["COMMIT", "find_snapshot", "offline", "on_this_machine", "storage", "stored", "under_way"]

COMMIT = re.compile(r"[0-9a-f]{40}")
_YES = {"1", "ON", "YES", "TRUE"}


def offline() -> bool:
    """Whether the user has switched the network off for models (`HF_HUB_OFFLINE=1`)."""
    from huggingface_hub import constants

    # The library reads the variable once, when it is imported; a notebook may set it later.
    return constants.HF_HUB_OFFLINE or os.environ.get("HF_HUB_OFFLINE", "").upper() in _YES


def stored() -> dict[str, int]:
    """Repositories in the hub's cache on this machine, with their bytes."""
    from huggingface_hub import CacheNotFound, constants, scan_cache_dir

    try:
        found = scan_cache_dir(constants.HF_HUB_CACHE)
    except CacheNotFound:
        return {}
    return {repo.repo_id: repo.size_on_disk for repo in found.repos if repo.repo_type == "model"}


def on_this_machine() -> str:
    """A sentence that names the models which need no download, to end a message with."""
    from workbench.models.cards import SHIPPED, WEIGHTS

    here = [card.name for card in SHIPPED if (WEIGHTS / card.name).is_dir()]
    here += [f"hf:{repo}" for repo in sorted(stored())]
    return f" On this machine: {', '.join(here) or 'no model yet'}. models.available() lists them with sizes."


def storage(repo: str) -> Path:
    """The folder in which the cache keeps a repository.

    Raises:
        UnknownNameError: no repository can have this name.
    """
    from huggingface_hub import constants
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.file_download import repo_folder_name
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo)
    except HFValidationError as problem:
        raise UnknownNameError(f"{repo!r} cannot be a repository: {problem} Expected ORG/NAME.") from problem
    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo, repo_type="model")


def find_snapshot(repo: str, revision: str | None, choose: Choose, *, newest: bool = False) -> Path | None:
    """The folder of a snapshot that holds all that `choose` needs, or None. The network is not asked.

    Args:
        repo: ORG/NAME.
        revision: a branch, a tag or a whole commit; None for the default branch.
        choose: says which files are needed.
        newest: take the snapshot that came last if the cache does not know the revision's commit: whoever
            downloaded by commit left no branch name there.
    """
    for folder in _candidates(storage(repo), revision, newest):
        if not _marker(folder).exists() and choose(listing(folder)) is not None:
            return folder
    return None


@contextmanager
def under_way(folder: Path) -> Iterator[None]:
    """Until this block has ended well, the snapshot does not count as whole, whatever files it has.

    A tokeniser of which only the vocabulary arrived looks complete and reads every text wrongly.
    """
    marker = _marker(folder)
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()
    yield
    marker.unlink(missing_ok=True)


def _marker(folder: Path) -> Path:
    name = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:32]
    return cache_folder() / "hub" / f"{name}.partial"


def _candidates(place: Path, revision: str | None, newest: bool) -> Iterator[Path]:
    """Snapshots that the revision may mean, the likeliest first."""
    snapshots = place / "snapshots"
    if revision is not None and COMMIT.fullmatch(revision):
        named = [revision]
    else:
        reference = place / "refs" / (revision or "main")
        named = [reference.read_text("utf-8").strip()] if reference.is_file() else []
    yield from (snapshots / commit for commit in named if (snapshots / commit).is_dir())
    if newest and snapshots.is_dir():
        folders = [folder for folder in snapshots.iterdir() if folder.is_dir()]
        yield from sorted(folders, key=lambda folder: folder.stat().st_mtime, reverse=True)
