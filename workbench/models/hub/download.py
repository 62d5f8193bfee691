"""`fetch`: a repository's files on this machine, downloaded if they must be and known to be right."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from workbench.errors import BadWeightsError, Cancelled, UnavailableError
from workbench.formatting import human_bytes
from workbench.models.hub.answers import endpoint, in_words, not_a_hub
from workbench.models.hub.cache import COMMIT, find_snapshot, offline, on_this_machine, storage, under_way
from workbench.models.hub.choosing import Choose, listing
from workbench.models.hub.digests import damaged, drop
from workbench.models.hub.resuming import bring
from workbench.progress import Event, OnEvent, ShouldStop

__all__ = ["fetch"]

#: Seconds to a first connection: a classroom without network should not wait longer.
_CONNECT_S = 5.0
#: Seconds for an answer of a hub that is there: slow is not silent.
_ANSWER_S = 30.0
_TOLD_EVERY_S = 0.2
#: Seconds since the last byte after which nobody writes a begun file any more.
_STALE_S = 3600.0
#: Of git (SHA-1) or of large files (SHA-256); the cache calls files by it.
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def fetch(
    repo: str,
    choose: Choose,
    *,
    name: str,
    revision: str | None = None,
    check: Callable[[Path], None] | None = None,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Path:
    """The folder of a repository's snapshot with the chosen files in it; its name is the commit.

    What is on this machine is taken without asking the network, after its digests were compared once. Files
    that arrive are compared with the digests that the hub states; what differs is dropped and fetched once
    more. A download that was interrupted goes on where it stopped.

    Args:
        repo: ORG/NAME.
        choose: which of its files are needed.
        name: what the user called it, for messages.
        revision: a branch, a tag or a commit; None for the default branch.
        check: sees config.json as soon as it is here, before the weights come, and may raise.
        on_event: hears bytes done of bytes in all.
        should_stop: asked while bytes arrive.

    Raises:
        UnavailableError: not here, and the network is off, does not answer or denies access.
        UnknownNameError: the hub has no such repository or revision.
        BadWeightsError: the repository holds nothing that can be loaded, or its files are damaged.
        Cancelled: `should_stop` said so; what has arrived is kept.
    """
    folder = find_snapshot(repo, revision, choose)
    wrong = damaged(folder, choose(listing(folder)) or ()) if folder is not None else []
    if folder is not None and not wrong:
        _clear_up(repo)  # another kernel may have brought it after one that was killed
        return folder
    try:
        offer = (
            _offer(repo, choose, name, revision) if not offline() else _refuse_offline(name, revision, wrong)
        )
    except UnavailableError:
        spare = (
            find_snapshot(repo, None, choose, newest=True) if revision is None and folder is None else None
        )
        if spare is None or damaged(spare, choose(listing(spare)) or ()):
            raise
        return spare
    if folder is not None:
        drop(folder, wrong)
    return _download(offer, _Teller(offer, on_event, should_stop), check)


@dataclass(frozen=True)
class _Offer:
    """What the hub says it would give: the commit, the chosen files, their bytes and digests."""

    repo: str
    name: str
    revision: str | None
    commit: str
    files: Mapping[str, int]
    digests: Mapping[str, str]
    licence: str

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(self.files.values())


def _refuse_offline(name: str, revision: str | None, wrong: Sequence[str]) -> NoReturn:
    """Say why a model cannot be had with the network switched off."""
    if wrong:
        raise BadWeightsError(
            f"{name} is damaged on this machine: {', '.join(wrong)} is not what was published (its digest "
            "differs), and HF_HUB_OFFLINE is set. Unset it and load again; only that is fetched anew."
        )
    pinned = f" at {revision!r}" if revision else ""
    raise UnavailableError(
        f"{name} is not on this machine{pinned} and HF_HUB_OFFLINE is set.{on_this_machine()}"
    )


def _offer(repo: str, choose: Choose, name: str, revision: str | None) -> _Offer:
    """Ask the hub what it has."""
    from huggingface_hub import HfApi

    try:
        _knock()
        info = HfApi(endpoint=endpoint()).model_info(
            repo, revision=revision, files_metadata=True, timeout=_ANSWER_S
        )
        sizes = {entry.rfilename: entry.size or 0 for entry in info.siblings or ()}
        digests = {
            entry.rfilename: entry.lfs.sha256 if entry.lfs else entry.blob_id for entry in info.siblings or ()
        }
        commit = str(info.sha or "")
        _check_answer(commit, sizes, digests)
    except _silences() as problem:
        raise in_words(problem, name=name, repo=repo, revision=revision) from problem
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as problem:
        raise not_a_hub(name, problem) from problem
    chosen = choose(sizes)
    if chosen is None:
        raise BadWeightsError(f"{name}: {_nothing_to_load(repo, sizes)}")
    licence = getattr(info.card_data, "license", None) or "not stated"
    stated = {file: digest for file, digest in digests.items() if file in chosen and digest}
    return _Offer(repo, name, revision, commit, {file: sizes[file] for file in chosen}, stated, licence)


def _check_answer(commit: str, sizes: Mapping[Any, Any], digests: Mapping[Any, Any]) -> None:
    """What becomes names of files here is what it should be: an answer of anybody can say anything.

    Raises:
        ValueError: it is not.
    """
    if not COMMIT.fullmatch(commit):
        raise ValueError(f"commit {commit[:60]!r}")
    for name, size in sizes.items():
        parts = PurePosixPath(name).parts if isinstance(name, str) else ()
        if not parts or name.startswith("/") or "\\" in name or ".." in parts:
            raise ValueError(f"a file called {str(name)[:60]!r}")
        if type(size) is not int or size < 0:
            raise ValueError(f"{name} of {str(size)[:60]!r} bytes")
        digest = digests[name]
        if digest is not None and not (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
            raise ValueError(f"{name} with the digest {str(digest)[:80]!r}")


def _download(offer: _Offer, teller: _Teller, check: Callable[[Path], None] | None = None) -> Path:
    """The snapshot with every file of an offer, each of them right."""
    folder = storage(offer.repo) / "snapshots" / offer.commit
    with under_way(folder):
        for _ in range(2):
            teller.begin()
            for file in sorted(
                offer.files, key=lambda file: offer.files[file]
            ):  # a refusal is met before the gigabytes
                _one(offer, file, teller)
                if check is not None and file == "config.json":
                    check(folder / file)
            wrong = damaged(folder, offer.files, offer.digests)
            if not wrong:
                break
            drop(folder, wrong)
        else:
            raise BadWeightsError(
                f"{', '.join(wrong)} of {offer.name} arrived damaged twice: the content is not what the hub "
                "says it is (its digest differs). Try another network or later; nothing of it was kept."
            )
    _name_the_commit(offer)
    _clear_up(offer.repo)
    teller.end()
    return folder


def _clear_up(repo: str) -> None:
    """Take away what the library began in downloads that were killed: it begins a new file each time.

    Our own parts stay: they are gone on with. By an empty `tmp_...` the library learns the modes of files.
    """
    blobs = storage(repo) / "blobs"
    for left in (*blobs.glob("*.incomplete"), *blobs.glob("tmp_*")):
        try:
            known = left.stat()
            stale = time.time() - known.st_mtime > _STALE_S
            if left.suffix != ".incomplete":
                stale = stale and not known.st_size
            if stale and not left.name.endswith(".workbench.incomplete"):
                left.unlink()
        except OSError:
            continue  # another kernel was quicker


def _one(offer: _Offer, file: str, teller: _Teller) -> None:
    """One file into the cache, going on where an earlier try stopped."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    teller.check()
    try:
        bring(offer.repo, file, offer.commit, offer.digests.get(file, ""), offer.files[file], teller.bar())
        hf_hub_download(
            offer.repo,
            file,
            revision=offer.commit,
            endpoint=endpoint(),
            etag_timeout=_ANSWER_S,
            tqdm_class=teller.bar(),
        )
    except _silences() as problem:
        cause = problem.__cause__ if isinstance(problem, LocalEntryNotFoundError) else None
        cause = cause if isinstance(cause, Exception) else problem
        raise in_words(cause, name=offer.name, repo=offer.repo, revision=offer.revision) from problem
    teller.settle(file)


def _name_the_commit(offer: _Offer) -> None:
    """Say in the cache which commit the branch or tag is, as other tools that read the cache expect."""
    revision = offer.revision or "main"
    if COMMIT.fullmatch(revision):
        return
    reference = storage(offer.repo) / "refs" / revision
    if not reference.is_file() or reference.read_text("utf-8") != offer.commit:
        reference.parent.mkdir(parents=True, exist_ok=True)
        reference.write_text(offer.commit, "utf-8")


@dataclass
class _Teller:
    """Says how many bytes are here, and hears that they are no longer wanted."""

    offer: _Offer
    on_event: OnEvent | None
    should_stop: ShouldStop | None
    done: int = 0
    sure: int = 0
    told_at: float = field(default=0.0)

    def begin(self) -> None:
        """Before the first byte: how many will come, and under which licence."""
        self.done = self.sure = 0
        self._tell(
            f"downloading {self.offer.name}: {human_bytes(self.offer.size)}, licence {self.offer.licence}",
            now=True,
        )

    def settle(self, file: str) -> None:
        """A file is here, whether it came now or was here before."""
        self.sure += self.offer.files[file]
        self.done = self.sure
        self._tell(f"{file} is here")

    def end(self) -> None:
        """Everything is here."""
        self.done = self.offer.size
        self._tell(f"{self.offer.name} is on this machine now", now=True)

    def check(self) -> None:
        """Stop here if the user has said so.

        Raises:
            Cancelled: they have.
        """
        if self.should_stop is not None and self.should_stop():
            raise Cancelled(
                f"The download of {self.offer.name} was stopped at {human_bytes(self.done)} of "
                f"{human_bytes(self.offer.size)}; what has arrived is kept, and the next try goes on from "
                "there."
            )

    def more(self, count: float) -> None:
        """Bytes have come (or, after a server that began again, are gone)."""
        self.done = max(self.sure, min(self.done + int(count), self.offer.size))
        self._tell(f"downloading {self.offer.name}")
        self.check()

    def bar(self) -> type[Any]:
        """A progress bar of the library's kind that draws nothing and tells us."""
        from huggingface_hub.utils import tqdm

        teller = self

        class Silent(tqdm):
            def __init__(self, *given: Any, **options: Any) -> None:
                super().__init__(*given, **{**options, "disable": True})
                teller.more(options.get("initial") or 0)

            def update(self, n: float | None = 1) -> bool | None:
                teller.more(n or 0)
                return None

        return Silent

    def _tell(self, message: str, *, now: bool = False) -> None:
        clock = time.monotonic()
        if self.on_event is not None and (now or clock - self.told_at > _TOLD_EVERY_S):
            self.told_at = clock
            self.on_event(Event("download", self.done, self.offer.size, message))


def _knock() -> None:
    """A first connection to the hub, so that a network which swallows everything is noticed within seconds.

    Behind a proxy there is nothing to knock at, and the proxy answers by itself.
    """
    parts = urlsplit(endpoint())
    host, port = parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
    if parts.scheme in getproxies() and not proxy_bypass(host):
        return
    socket.create_connection((host, port), timeout=_CONNECT_S).close()


def _silences() -> tuple[type[Exception], ...]:
    """What a hub that refuses or cannot be reached raises.

    The base of the hub's own error is that of its HTTP client, which changed with the hub's versions.
    """
    from huggingface_hub.errors import HfHubHTTPError

    bases = (base for base in HfHubHTTPError.__bases__ if issubclass(base, Exception))
    return (OSError, HfHubHTTPError, *bases)


def _nothing_to_load(repo: str, files: Mapping[str, int]) -> str:
    configs = [file for file in files if file in ("config.json", "open_clip_config.json")]
    if not configs:
        return (
            f"{repo} has neither config.json nor open_clip_config.json, so no model that can be loaded here."
        )
    return (
        f"{repo} has no complete weights in safetensors (or a single pickle), or no tokeniser; "
        f"it holds {len(files)} files. Ask its author for safetensors."
    )
