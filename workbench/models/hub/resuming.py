"""A large file in pieces: what arrived is kept when a download stops, and the next one goes on from there.

The library gives each download a file of its own, so that whatever stops it loses all that had come:
gigabytes, in a classroom. Here the part keeps its name, and is put where the library looks for the finished
file.
"""

from __future__ import annotations

import os
from typing import Any

from workbench.models.hub.answers import endpoint
from workbench.models.hub.cache import storage

__all__ = ["bring"]

#: Smaller files are fetched whole, which costs one question less.
_WORTH_RESUMING = 1 << 16
#: The hub gives out larger files in another way, which is left to its library.
_MOST = 50_000_000_000


def bring(repo: str, file: str, commit: str, digest: str, size: int, bar: type[Any]) -> None:
    """Bring one large file into the hub's cache, if it is not there; the library then finds it by its digest.

    Args:
        repo: ORG/NAME.
        file: the name in the repository.
        commit: which version of it.
        digest: its sha256 as the hub states it; the cache names the file after it.
        size: bytes.
        bar: a progress bar's class, told of each piece; what it raises stops the download, the part is kept.
    """
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import WeakFileLock, build_hf_headers

    target = storage(repo) / "blobs" / digest
    if target.exists() or len(digest) != 64 or not _WORTH_RESUMING <= size <= _MOST:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{digest}.workbench.incomplete")
    with WeakFileLock(part.with_suffix(".lock")):
        if target.exists():  # another kernel brought it while we waited
            return
        with open(part, "ab") as stream:
            here = stream.tell()
            if here > size:
                stream.truncate(0)
                here = 0
            http_get(
                hf_hub_url(repo, file, revision=commit, endpoint=endpoint()),
                stream,
                resume_size=here,
                headers=build_hf_headers(),
                expected_size=size,
                tqdm_class=bar,
            )
        os.replace(part, target)
