"""What the workbench itself wrote and reads again: results, corpora, caches, answers of a hub."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.stress.readers import Reader, noise

__all__ = ["KINDS", "of_caches", "of_results", "results"]

KINDS = (
    "Embeddings", "Projection", "LayerMaps", "Alignment", "Ranking", "Retrieval", "Trace", "Heatmap", "Attributions",
    "Faithfulness", "FusionReport", "Regions", "Proof",
)  # fmt: skip


@lru_cache(maxsize=1)
def results() -> dict[str, Any]:
    """One result of every kind that is saved, by the name of its class."""
    import tempfile

    from tests.cases.specimens import made
    from tests.fakes import FakeEncoder
    from workbench import models

    with tempfile.TemporaryDirectory() as folder:
        found = made(FakeEncoder(), models.load("emoji-clip"), Path(folder) / "corpus")
    return {kind.__name__: one for kind, one in found.items() if kind.__name__ in KINDS}


def opener(kind: str) -> Callable[[Path], Any]:
    """The function that opens a kind of result."""
    import importlib

    from workbench import attribution, capture, embedding, fusion, projection, zeroshot

    rooms = (attribution, capture, embedding, fusion, projection, zeroshot)
    from workbench.keeping import Kept, _all_kinds

    form = next(one._form for one in _all_kinds(Kept) if one.__name__ == kind)  # type: ignore[attr-defined]
    module, _, name = form.opener.rpartition(".")
    assert importlib.import_module(module) in rooms
    return getattr(importlib.import_module(module), name)


def _save(kind: str, folder: Path) -> None:
    results()[kind].save(folder / "kept")


def _open(kind: str, folder: Path) -> None:
    found = opener(kind)(folder / "kept")
    repr(found), getattr(found, "_repr_html_", str)()
    from widgets import show

    if kind in ("Projection", "Trace", "Heatmap", "Attributions", "FusionReport", "Regions", "Proof"):
        board = show(found)
        wait = getattr(board, "wait", None)
        if wait is not None:
            wait(60)
        getattr(board, "close", lambda: None)()
    if kind in ("Embeddings", "Ranking", "Projection"):
        found.save(folder / "again")


def _rehashed(folder: Path) -> None:
    """The digest in the JSON is that of the arrays as they are now: whoever forges a file does that too."""
    arrays = folder / "kept" / "arrays.npz"
    for file in (folder / "kept").glob("*.json"):
        try:
            whole = json.loads(file.read_text("utf-8"))
            whole["arrays"] = hashlib.sha256(arrays.read_bytes()).hexdigest()
            file.write_text(json.dumps(whole), "utf-8")
        except (ValueError, TypeError, OSError, RecursionError):
            return


def of_results() -> dict[str, Reader]:
    """A reader for each kind of result, whose digests are right, and one whose digests are not."""
    wrong = ("kept/*.json", "kept/*.json", "kept/arrays.npz")
    found = {
        f"saved {kind}": Reader(partial(_save, kind), partial(_open, kind), wrong, _rehashed)
        for kind in KINDS
    }
    found["saved Ranking, damaged"] = Reader(partial(_save, "Ranking"), partial(_open, "Ranking"), wrong)
    return found


# Corpora and caches


def _pairs() -> Any:
    from tests.fakes import colour_pairs

    return colour_pairs(("red", "green", "blue", "red", "green"))


def many(count: int = 40) -> Any:
    """So many pairs that their vectors are kept on disk, no two alike."""
    from workbench import data

    return data.from_pictures(
        [noise(number) for number in range(count)], texts=[f"text {n}" for n in range(count)]
    )


def _corpus(folder: Path) -> None:
    from tests.fakes import FakeEncoder
    from workbench.embedding import embed_to

    embed_to(folder / "corpus", FakeEncoder(), _pairs(), partition=2)


def _open_corpus(folder: Path) -> None:
    from tests.fakes import FakeEncoder
    from workbench.embedding import embed_to, open_corpus
    from workbench.errors import WorkbenchError

    try:
        corpus = open_corpus(folder / "corpus")
        repr(corpus), corpus.notes, corpus.complete, corpus.left_out
        repr(corpus.embeddings())
    except WorkbenchError:
        embed_to(folder / "corpus", FakeEncoder(), _pairs(), partition=2).embeddings()
        raise


def _cache(folder: Path) -> None:
    from workbench.cache import ArrayStore

    ArrayStore(folder).put("ab" * 32, {"x": np.arange(40, dtype=np.float32).reshape(8, 5), "y": np.ones(3)})


def _read_cache(folder: Path) -> None:
    """A damaged entry is one that is not there; one that is there is an array of numbers."""
    from workbench.cache import ArrayStore

    for value in (ArrayStore(folder).get("ab" * 32) or {}).values():
        value.sum()


def _embedded(folder: Path) -> None:
    from tests.fakes import FakeEncoder
    from workbench.embedding import embed, forget

    before = os.environ.get("WORKBENCH_CACHE")
    os.environ["WORKBENCH_CACHE"] = str(folder / "cache")
    try:
        forget()
        found = embed(FakeEncoder(), many())
        assert found.image is not None and found.image.shape == (40, 7) and np.isfinite(found.image).all()
        np.testing.assert_allclose(np.linalg.norm(found.image, axis=1), 1, atol=1e-5)
    finally:
        os.environ.pop("WORKBENCH_CACHE")
        if before is not None:
            os.environ["WORKBENCH_CACHE"] = before


def _hub(folder: Path) -> None:
    from tests.stress.model_readers import _of_transformers

    place = folder / "root" / "org" / "tiny"
    place.mkdir(parents=True)
    _of_transformers("siglip", place)
    from tests.local_hub import Hub

    with Hub(folder / "root") as hub:
        import urllib.request

        asked = urllib.request.urlopen(f"{hub.url}/api/models/org/tiny/revision/main?blobs=true")
        (folder / "answer.json").write_bytes(asked.read())


def _ask_hub(folder: Path) -> None:
    """A hub whose answer about a repository was made wrong; its files are as they should be."""
    import huggingface_hub.constants as constants

    from tests.local_hub import Hub
    from workbench import models

    kept = {name: getattr(constants, name) for name in ("HF_HUB_CACHE", "HF_HUB_OFFLINE")}
    constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE = str(folder / "hub"), False
    os.environ["HF_HUB_OFFLINE"] = "0"
    with Hub(folder / "root") as hub:
        os.environ["HF_ENDPOINT"] = hub.url
        answer = (folder / "answer.json").read_bytes().decode("utf-8", "replace")
        hub.fault(r"GET /api/models/", status=200, body=answer)
        try:
            models.fetch("hf:org/tiny")
            models.load("hf:org/tiny").encode_texts(["a cat"])
        finally:
            models.unload()
            del os.environ["HF_ENDPOINT"]
            for name, value in kept.items():
                setattr(constants, name, value)


def of_caches() -> dict[str, Reader]:
    """Corpora, caches and a hub."""
    return {
        "corpus": Reader(_corpus, _open_corpus, ("corpus/*",)),
        "cache entry": Reader(_cache, _read_cache, ("*/*.npz",)),
        "vectors in the cache": Reader(_embedded, _embedded, ("cache/*/*.npz",)),
        "answers of a hub": Reader(_hub, _ask_hub, ("answer.json",)),
    }
