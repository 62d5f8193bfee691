"""Whether this machine is ready for a class: models brought here, and proved to load without a network."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workbench.doctor import Finding
from workbench.errors import WorkbenchError
from workbench.formatting import human_bytes
from workbench.progress import Event, OnEvent

__all__ = ["checked", "fetched"]

_STEP = 0.1  # of a download, between two lines


def fetched(names: Sequence[str], say: Callable[[str], None]) -> Iterator[Finding]:
    """Bring each model onto this machine; a finding a model, and a line to `say` at each tenth of a download.

    Args:
        names: as `models.load` takes them.
        say: takes a line.
    """
    from workbench import models

    for name in names:
        try:
            files = models.fetch(name, on_event=_by_tenths(say))
        except WorkbenchError as problem:
            yield Finding("error", name, str(problem))
            continue
        size = sum(file.stat().st_size for file in files)
        yield Finding("ok", name, f"on this machine, {human_bytes(size)}; `workbench models check` proves it")


def checked(names: Sequence[str] = ()) -> Iterator[Finding]:
    """Load each model with the network switched off, after reading every file it is made from.

    Args:
        names: as `models.load` takes them; every model that ships or is on this machine if empty.
    """
    from workbench import models

    with _switched_off():
        for name in names or [card.name for card in models.available() if _is_here(card.source)]:
            try:
                damaged = _damaged(models.fetch(name))
                if damaged:
                    listed = ", ".join(damaged)
                    fix = f"workbench models fetch {name}"
                    yield Finding(
                        "error", name, f"{listed} is not what was published; its digest differs", fix
                    )
                    continue
                model = models.load(name)
                proof = _works(model)
            except WorkbenchError as problem:
                yield Finding("error", name, str(problem))
            else:
                commit = f", commit {model.card.commit[:12]}" if model.card.commit else ""
                yield Finding("ok", name, f"loads without a network; {proof}{commit}")
            finally:
                models.unload(name)


def _works(model: Any) -> str:
    """What it did just now: a text became numbers, or numbers of a next token (tried when it was loaded)."""
    from workbench.models.given import is_writer

    if is_writer(model):
        return "it writes about pictures" if model.capabilities["see"] is None else "it writes from a text"
    return f"{len(model.encode_texts(['a photograph'])[0])} features"


def _is_here(source: str) -> bool:
    return source in ("shipped", "on this machine")


def _damaged(files: Sequence[Path]) -> list[str]:
    """Files of the hub's cache whose content is not what they were stored as; all are read."""
    from workbench.models.hub.digests import damaged

    stored = [file for file in files if file.parent.parent.name == "snapshots"]
    return [name for file in stored for name in damaged(file.parent, [file.name], again=True)]


def _by_tenths(say: Callable[[str], None]) -> OnEvent:
    """Says a download's progress whenever another tenth has come."""
    next_at = {"share": 0.0}

    def heard(event: Event) -> None:
        share = event.done / event.total if event.total else 1.0
        if share >= next_at["share"] or share == 0:
            next_at["share"] = share + _STEP
            say(f"{share:4.0%}  {event.message}")

    return heard


@contextmanager
def _switched_off() -> Iterator[None]:
    """`HF_HUB_OFFLINE=1` inside."""
    before = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["HF_HUB_OFFLINE"]
        else:
            os.environ["HF_HUB_OFFLINE"] = before
