"""One model, several threads: every verb gives what it gives alone, whatever the others are in the middle of.

Widgets work in threads of their own. Here a verb is stopped inside each of its passes, with all its hooks set,
and other verbs run on the same model meanwhile; then it goes on. Nothing is left to chance.
"""

from __future__ import annotations

import queue
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cached_property
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from tests.shared_model import METHODS, WORDS, Verb, vectors, verbs
from tests.workbench.attribution.conftest import clip_folder, hf_folder  # noqa: F401 - fixtures
from tests.workbench.models.conftest import pictures  # noqa: F401 - fixtures
from tests.workbench.test_hooks import elsewhere
from workbench import data, models
from workbench.attribution.explained.dual_encoder import ExplainedPair
from workbench.attribution.explained.network import ExplainedNetwork
from workbench.embedding import embed
from workbench.fusion.modules.flops import count_flops

PASSES = 6  # of a verb that are interrupted: methods that perturb make the same pass again and again


@pytest.fixture(scope="module", params=["clip", "open_clip"])
def model(request: pytest.FixtureRequest) -> Any:
    """A small model of either library."""
    if request.param == "clip":
        return models.load(str(request.getfixturevalue("hf_folder")("clip")))
    return models.load(str(request.getfixturevalue("clip_folder")()))


@pytest.fixture(scope="module")
def pairs(pictures) -> Any:  # noqa: F811
    return data.from_pictures(pictures[:2], texts=WORDS)


@pytest.fixture(scope="module")
def every(model, pairs) -> dict[str, Verb]:
    return verbs(model, pairs)


@pytest.fixture(scope="module")
def quiet(every) -> dict[str, list[NDArray]]:
    """What every verb gives with nobody else at work."""
    return {name: run() for name, run in every.items()}


@pytest.fixture(autouse=True)
def _no_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.11 computes a cached property of a class in one thread at a time, 3.12 no longer does.

    A verb that is stopped in such a property would hold up the others, which is no disturbance.
    """
    for kind in (ExplainedPair, ExplainedNetwork):
        for held in vars(kind).values():
            if isinstance(held, cached_property):
                monkeypatch.setattr(held, "lock", nullcontext(), raising=False)


@contextmanager
def _stopping(model: Any, stop: Callable[[], None]) -> Iterator[None]:
    """`stop` is called in the middle of every pass of either tower, by whichever thread runs it."""
    found = [list(tower.modules())[-1] for tower in (model.image_tower, model.text_tower)]
    handles = [part.register_forward_pre_hook(lambda *_: stop()) for part in found]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _run_with_stops(model: Any, work: Verb, meanwhile: Callable[[int], None]) -> list[NDArray]:
    """What `work` gives in a thread of its own; `meanwhile` runs here during each of its passes."""
    here = threading.get_ident()
    arrived: queue.Queue[bool] = queue.Queue()
    go_on = threading.Semaphore(0)
    result: list[Any] = []

    def stop() -> None:
        if threading.get_ident() != here:
            arrived.put(True)
            assert go_on.acquire(timeout=60), "the others wait for this thread"

    def run() -> None:
        try:
            result.append(work())
        except Exception as problem:
            result.append(problem)
        arrived.put(False)

    with _stopping(model, stop):
        worker = threading.Thread(target=run)
        worker.start()
        step = 0
        while arrived.get(timeout=120):
            try:
                meanwhile(step)
            finally:
                go_on.release()
            step += 1
        worker.join()
    assert step, "it made no pass of the model"
    if isinstance(result[0], Exception):
        raise result[0]
    return result[0]


def _assert_same(found: list[NDArray], quiet: list[NDArray], whose: str) -> None:
    assert len(found) == len(quiet), whose
    for one, two in zip(found, quiet, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5, err_msg=whose)


@pytest.mark.parametrize(
    "name", ["embed", "classify", "retrieve", "capture", "stopped", "faithfulness", *METHODS]
)
def test_a_verb_in_the_middle_of_its_work_disturbs_no_other_and_is_not_disturbed(
    model, every, quiet, name
) -> None:
    names = list(every)

    def others(step: int) -> None:
        for other in ("embed", names[(names.index(name) + step) % len(names)]) if step < PASSES else ():
            _assert_same(every[other](), quiet[other], f"{other} while {name} was in its pass {step}")

    found = _run_with_stops(model, every[name], others)
    _assert_same(found, quiet[name], f"{name} while others ran")
    _assert_same(every["embed"](), quiet["embed"], "embed afterwards, from what was kept")


def test_nothing_is_kept_while_hooks_of_others_stand_on_the_model(model, pairs) -> None:
    right = vectors(model, pairs)
    handle = model.image_tower.register_forward_hook(lambda *given: _turned_over(given[2]))
    try:
        wrong = embed(model, pairs)
        assert not np.allclose(wrong.image, right[0], atol=1e-3)  # the hook acts: kept vectors are not given
        assert any("hooks of others" in note for note in wrong.provenance.notes)
    finally:
        handle.remove()
    _assert_same(vectors(model, pairs), right, "embed once the hook is gone")


def test_a_hook_that_came_and_went_while_it_embedded_is_noticed(model, pairs) -> None:
    fresh = data.from_pictures([pairs.picture(0).rotate(90)], texts=["a hook came and went"])
    encode, seen = model.encode_images, []

    def hooked_once(given: Any) -> Any:
        if not seen:
            seen.append(True)
            handle = model.image_tower.register_forward_hook(lambda *given: _turned_over(given[2]))
            try:
                return encode(given)
            finally:
                handle.remove()
        return encode(given)

    model.encode_images = hooked_once
    try:
        embed(model, fresh)
    finally:
        del model.encode_images
    _assert_same([embed(model, fresh).image], [encode([fresh.picture(0)])], "embed once the hook is gone")


def _turned_over(output: Any) -> Any:
    if isinstance(output, torch.Tensor):
        return -output + 1
    output.pooler_output = -output.pooler_output + 1
    return output


def test_no_switch_of_torch_is_turned_for_other_threads(model, every) -> None:
    def switches() -> list[Any]:
        return [
            torch.backends.mha.get_fastpath_enabled(),
            torch.backends.cuda.flash_sdp_enabled(),
            torch.backends.cuda.mem_efficient_sdp_enabled(),
            torch.is_grad_enabled(),
            functional.softmax(torch.zeros(2), dim=0).tolist(),
        ]

    usual, seen = switches(), []
    for name in ("capture", "relevance"):
        _run_with_stops(model, every[name], lambda _: seen.append(switches()))

    class Counted(nn.Module):
        def forward(self, inputs: Any) -> torch.Tensor:
            seen.append(elsewhere(switches))
            return inputs["image"][0] @ inputs["image"][0].T

    count_flops(Counted(), {"image": (torch.ones(2, 3), torch.ones(2, 3))})
    assert seen and all(one == usual for one in seen)


def test_loading_a_model_takes_no_random_numbers_from_others(clip_folder) -> None:  # noqa: F811
    torch.manual_seed(1)
    wanted = float(torch.rand(1))
    torch.manual_seed(1)
    models.load(str(clip_folder()))
    assert float(torch.rand(1)) == wanted


def test_two_threads_that_tokenise_otherwise_read_nothing_of_each_other(hf_folder) -> None:  # noqa: F811
    model = models.load(str(hf_folder("clip")))
    texts = ["a cat", "two small red birds on a wire, seen from below " * 9]
    wanted, view = model.words(texts)["input_ids"], model.tokens(texts[1])
    problems: list[str] = []

    def read() -> None:
        for _ in range(25):
            try:
                if not torch.equal(model.words(texts)["input_ids"], wanted) or model.tokens(texts[1]) != view:
                    problems.append("another reading")
            except Exception as problem:
                problems.append(repr(problem))

    workers = [threading.Thread(target=read) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not problems


def test_a_method_that_draws_leaves_everybodys_random_numbers_where_they_were(model, every) -> None:
    every["kernel-shap"]()  # its libraries are imported, which may draw as it likes
    before = torch.random.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    every["kernel-shap"]()
    after = torch.random.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    assert torch.equal(before[0], after[0]) and before[1:] == after[1:]
