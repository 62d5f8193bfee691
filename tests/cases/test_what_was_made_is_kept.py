"""What was made can be kept: every result comes back from a folder as it was saved, and nothing in it runs."""

from __future__ import annotations

import ast
import copy
import html
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from fakes import FakeEncoder, colour_pairs

from tests.cases.specimens import APART, NAMES, public_results
from tests.workbench.fusion.small import same
from widgets import show
from workbench import data, fusion
from workbench.attribution import open_maps, open_scores
from workbench.capture import capture, open_trace
from workbench.embedding import embed, open_embeddings
from workbench.errors import BadInputError, UnavailableError
from workbench.generation import (
    open_answer,
    open_beams,
    open_caption_scores,
    open_readout,
    open_reliance,
    open_truth,
    open_word_attention,
)
from workbench.keeping import Form, Kept, opened
from workbench.projection import (
    extend,
    known_stability,
    measures,
    open_alignment,
    open_layers,
    open_projection,
    place,
    project,
    stability,
)  # fmt: skip
from workbench.results import Embeddings, Provenance, Ranking
from workbench.zeroshot import (
    classify,
    open_ranking,
    open_retrieval,
    rescore,
)


def openers() -> dict[str, Any]:
    return {
        "Embeddings": open_embeddings, "Projection": open_projection, "LayerMaps": open_layers,
        "Alignment": open_alignment,
        "Ranking": open_ranking, "Retrieval": open_retrieval, "Trace": open_trace, "Heatmap": open_maps,
        "Attributions": open_maps, "Faithfulness": open_scores, "FusionReport": fusion.open_report,
        "Regions": fusion.open_regions, "Proof": fusion.open_proof,
        "CaptionScores": open_caption_scores, "TruthShares": open_truth,
        "Answer": open_answer, "Beams": open_beams, "Readout": open_readout, "Reliance": open_reliance,
        "WordAttention": open_word_attention,
    }  # fmt: skip


def kept_kinds() -> list[type]:
    return [kind for kind in public_results() if issubclass(kind, Kept)]


@pytest.mark.parametrize("kind", kept_kinds(), ids=lambda kind: kind.__name__)
def test_what_was_saved_is_opened_to_the_last_bit(
    specimens: dict[type, Any], kind: type, tmp_path: Path
) -> None:
    one = specimens[kind]
    folder = one.save(tmp_path / "kept")
    form = kind._form
    assert sorted(file.name for file in folder.iterdir()) == sorted(["arrays.npz", f"{form.name}.json"])
    opener = openers()[kind.__name__]
    assert form.opener == f"{_room(opener)}.{opener.__name__}"
    for back in (opener(folder), opener(str(folder)), opener(folder / f"{form.name}.json")):
        assert type(back) is kind
        own = ("pair", "question") if kind.__name__ == "Heatmap" else ("pair", "pairs", "question")
        assert same(one, back, (*APART, *own))
        assert repr(back) == repr(one)


def _room(opener: Any) -> str:
    return ".".join(opener.__module__.split(".")[:2])


@pytest.mark.parametrize("kind", kept_kinds(), ids=lambda kind: kind.__name__)
def test_nothing_that_is_kept_runs_when_it_is_opened(
    specimens: dict[type, Any], kind: type, tmp_path: Path
) -> None:
    folder = specimens[kind].save(tmp_path / "kept")
    with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype.kind in "biufcUS" for name in arrays.files)
    file = folder / f"{kind._form.name}.json"
    whole = json.loads(file.read_text("utf-8"))
    for said in (
        {"eval": "1"},
        {"Path": {}},
        {"array": "none"},
        [],
        {"a": 1, "b": 2},
        {"map": [[{"list": []}, 1]]},
        3,
    ):
        file.write_text(json.dumps(whole | {kind._form.name: said}), "utf-8")
        with pytest.raises(BadInputError, match=r"changed since it was saved|holds a"):
            openers()[kind.__name__](folder)
    for raw in (b"", b"{", b"[" * 100_000, b"\xff"):
        file.write_bytes(raw)
        with pytest.raises(BadInputError, match="There is no whole"):
            openers()[kind.__name__](folder)


def test_the_readers_own_pictures_and_model_are_taken_again(encoder: FakeEncoder, tmp_path: Path) -> None:
    pairs = colour_pairs(NAMES)
    told = project(embed(encoder, pairs), epochs=3, seed=0, neighbours=3)
    folder = told.save(tmp_path / "map")
    bare, whole = open_projection(folder), open_projection(folder, pairs, model=encoder)
    assert bare.pairs is None and bare.model is None
    assert whole.pairs is pairs and whole.model is encoder
    np.testing.assert_array_equal(place(whole, "red").points, place(told, "red").points)
    others = colour_pairs(("blue", *NAMES[1:]))
    with pytest.raises(BadInputError, match=r"made of other pairs .* open it without pairs"):
        open_projection(folder, others)
    with pytest.raises(BadInputError, match="made of other model"):
        open_projection(folder, model=FakeEncoder(weights_hash="another"))
    bare.save(tmp_path / "bare")
    with pytest.raises(BadInputError, match="does not say which pairs"):
        open_projection(tmp_path / "bare", pairs)


def test_an_opened_ranking_is_scored_again_as_before(encoder: FakeEncoder, tmp_path: Path) -> None:
    ranking = classify(encoder, colour_pairs(NAMES), ["red", "green"], templates=["a {}", "one {}"])
    back = open_ranking(ranking.save(tmp_path / "kept"))
    one, other = (rescore(given, temperature=2.0, ensemble="probability") for given in (ranking, back))
    np.testing.assert_array_equal(one.probability, other.probability)


def test_an_opened_map_is_judged_and_extended_as_before(encoder: FakeEncoder, tmp_path: Path) -> None:
    space = embed(encoder, colour_pairs(NAMES))
    more = embed(encoder, colour_pairs(("green", "red", "blue")))
    told = extend(project(space, mode="centred", epochs=3, seed=0, neighbours=3), more)
    for back in (
        open_projection(told.save(tmp_path / "kept")),
        pickle.loads(pickle.dumps(told)),
        copy.deepcopy(told),
    ):
        # Centred on its own means, the extended map would lie in another space than the one it was drawn from.
        np.testing.assert_array_equal(back.space.vectors, told.space.vectors)
        assert measures(back) == measures(told)
    assert not np.array_equal(replace(told, offset=None).space.vectors, told.space.vectors)


def test_what_was_measured_since_is_kept_too(encoder: FakeEncoder, tmp_path: Path) -> None:
    told = project(embed(encoder, colour_pairs(NAMES)), epochs=3, seed=0, neighbours=3)
    found = stability(told, seeds=1)
    for back in (
        open_projection(told.save(tmp_path / "kept")),
        pickle.loads(pickle.dumps(told)),
        copy.deepcopy(told),
    ):
        assert same(known_stability(back), found)
    assert known_stability(replace(told, seed=1)) is None


@pytest.mark.parametrize(
    "labels",
    [
        (1, 2, None), (True, False, True), (1.5, float("inf"), -0.0), ("", "a\u0000b", "\ud800"), (2**70, -1, 0),
        (date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5), None), (("a", 1), ("b", 2), ("a", 1)), None,
    ],
)  # fmt: skip
def test_labels_come_back_as_they_came(labels: Any, tmp_path: Path) -> None:
    made = Embeddings.from_array(np.eye(3), labels=labels)
    assert same(open_embeddings(made.save(tmp_path / "kept")).labels, made.labels)


def test_half_precision_stays_half(clip: Any, tmp_path: Path) -> None:
    trace = capture(clip, data.load("emoji")[0], precision="float16")
    assert same(trace, open_trace(trace.save(tmp_path / "kept")), (*APART, "pair"))
    assert open_trace(tmp_path / "kept").maps["image.0"].values.dtype == np.float16


def test_an_array_that_is_held_twice_is_written_once(encoder: FakeEncoder, tmp_path: Path) -> None:
    space = embed(encoder, colour_pairs(NAMES))
    twin = Embeddings(space.image, space.image)
    object.__setattr__(twin, "text", twin.image)
    with np.load(twin.save(tmp_path / "kept") / "arrays.npz") as arrays:
        assert len(arrays.files) == 1
    assert same(open_embeddings(tmp_path / "kept").text, space.image)


def test_what_cannot_be_kept_is_said_before_anything_is_written(tmp_path: Path) -> None:
    odd = Embeddings.from_array(np.eye(2), labels=[object(), object()])
    with pytest.raises(BadInputError, match="object was found in it"):
        odd.save(tmp_path / "odd")
    assert not (tmp_path / "odd").exists()
    loose = Ranking(
        ("a",), ("{}",), np.ones((1, 2)), np.ones((1, 1, 2)), *[np.ones((1, 1))] * 3, np.ones(1, bool), "softmax", 1.0, 0.0,
        provenance=Provenance("classify", parameters={"what": np.array([object()])}),
    )  # fmt: skip
    with pytest.raises(BadInputError, match="array of object"):
        loose.save(tmp_path / "loose")
    assert not (tmp_path / "loose").exists()


def test_nothing_is_written_over_and_a_full_disk_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Embeddings.from_array(np.eye(3))
    folder = made.save(tmp_path / "kept")
    before = (folder / "embeddings.json").read_bytes()
    with pytest.raises(BadInputError, match="name a new folder"):
        made.save(folder)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BadInputError, match="name a new folder"):
        made.save(tmp_path / "file")
    assert (folder / "embeddings.json").read_bytes() == before and (tmp_path / "file").read_text() == "mine"

    def full(self: Path, *_: Any, **__: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(UnavailableError, match="No space left"):
        made.save(tmp_path / "full")
    monkeypatch.undo()
    assert made.save(tmp_path / "full").is_dir()  # what was half written is gone


def test_a_wrong_opener_names_the_right_one(tmp_path: Path) -> None:
    folder = Embeddings.from_array(np.eye(3)).save(tmp_path / "kept")
    with pytest.raises(
        BadInputError, match=r"It holds a embeddings: open it with workbench.embedding.open_embeddings"
    ):
        open_projection(folder)
    with pytest.raises(BadInputError, match=r"Expected a folder that projection.save\(\) wrote"):
        open_projection(tmp_path / "nowhere")


def test_damaged_arrays_are_refused(tmp_path: Path) -> None:
    folder = Embeddings.from_array(np.eye(3)).save(tmp_path / "kept")
    raw = (folder / "arrays.npz").read_bytes()
    (folder / "arrays.npz").write_bytes(raw[:-7])
    with pytest.raises(BadInputError, match="damaged"):
        open_embeddings(folder)


@pytest.mark.parametrize(
    "kind", ["Projection", "LayerMaps", "Alignment", "Trace", "Attributions", "Heatmap", "Ranking"]
)
def test_a_board_shows_what_was_opened_and_says_whose_pictures_they_are(
    specimens: dict[type, Any], kind: str, tmp_path: Path
) -> None:
    one = next(found for of, found in specimens.items() if of.__name__ == kind)
    given = (specimens[data.Pairs],) if kind == "Ranking" else ()  # a ranking's board is made of its pictures
    back = openers()[kind](one.save(tmp_path / "kept"), *given)
    board = show(back)
    assert board.wait(60)
    ast.parse(board.code())
    assert board.snapshot().html
    if kind in ("Trace", "Attributions", "Heatmap"):
        credit = data.load("emoji").credit
        assert credit and html.escape(credit, quote=False) in board.snapshot().html


@dataclass(frozen=True, eq=False)
class _Own(Kept):
    """A result that a reader made, of the house's parts."""

    _form: ClassVar[Form] = Form("own", "own", "nowhere")

    values: np.ndarray
    named: Mapping[Any, Any]


def test_a_result_of_ones_own_is_kept_by_naming_its_form(tmp_path: Path) -> None:
    one = _Own(np.arange(3), {"a": (1, [2.0, float("nan")]), 3: None})
    back = opened(one.save(tmp_path / "kept"), _Own._form, _Own)
    assert same(one, back) and [entry.name for entry in fields(back)] == ["values", "named"]
