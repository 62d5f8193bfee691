"""An answer's attention, read in one pass: at the rows that produce its words, held to what was written."""

from __future__ import annotations

import threading
from copy import copy, deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.family_table import MADE, writer_and_answer
from workbench.capture import capture
from workbench.errors import BadInputError, UnsupportedError
from workbench.generation import (
    PARTS,
    Bigrams,
    WordAttention,
    explain_word,
    logit_lens,
    open_readout,
    open_word_attention,
    replay,
    word_attention,
    write,
)
from workbench.models.writer import ROLES


@pytest.fixture(scope="module", params=["llava", "vit_gpt2"])
def written(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    return writer_and_answer(request.param, tokens=4)


def test_each_kept_row_is_the_one_that_produces_the_token(written: Any) -> None:
    """The oracle: the last row of the pass over only what stood there when the token was chosen."""
    writer, answer = written
    trace = replay(writer, answer, precision="float32")
    assert all(len(one.queries) == len(answer) for one in trace.maps.values())
    assert {site.query.side for site in trace.sites} == {"joint" if "joint.0" in trace.maps else "text"}
    for step in range(len(answer)):
        before = writer.force(answer.question, answer.tokens[:step].tolist() or [7])
        whole = capture(writer.module, dict(before.tensors))
        for name, one in trace.maps.items():
            row = int(one.queries[step])
            same = whole.attention(name).values[:, row, : row + 1]
            np.testing.assert_allclose(one.values[:, step, : same.shape[-1]], same, atol=1e-6)


def test_heads_are_averaged_and_halved_where_that_is_asked(written: Any) -> None:
    whole = replay(*written, precision="float32")
    small = replay(*written, heads="mean")
    for name, one in small.maps.items():
        assert one.site.heads == 1 and one.values.dtype == np.float16
        expected = whole.attention(name).values.mean(axis=0)
        np.testing.assert_allclose(one.values[0], expected, atol=1e-3)
    assert small.bytes * 8 == whole.bytes  # four heads, four bytes
    with pytest.raises(BadInputError, match="heads 'all' or 'mean'"):
        replay(*written, heads="some")


def test_what_was_not_written_so_is_refused(written: Any) -> None:
    writer, answer = written
    moved = replace(answer, logp=answer.logp + np.eye(len(answer))[1] * 2e-3)
    with pytest.raises(UnsupportedError, match=r"step 1 .* apart is allowed.*The weights, the processor"):
        replay(writer, moved)
    other = replace(answer, tokens=np.array([*answer.tokens[:-1], (answer.tokens[-1] + 1) % 90]))
    with pytest.raises(UnsupportedError, match=f"step {len(answer) - 1} "):
        replay(writer, other)
    changed = copy(writer)
    changed.module = deepcopy(writer.module)
    with torch.no_grad():
        for weight in changed.module.parameters():
            weight.mul_(1.5)
    with pytest.raises(UnsupportedError, match="load the same model"):
        logit_lens(changed, answer)


def test_in_half_precision_the_gate_is_as_wide_as_its_rounding(written: Any) -> None:
    writer, answer = written

    half = copy(writer)
    half.precision = "bfloat16"
    assert any("to 0.002" in note for note in replay(half, replace(answer, logp=answer.logp + 2e-3)).notes)
    with pytest.raises(UnsupportedError, match=r"0\.5 apart is allowed"):
        replay(half, replace(answer, logp=answer.logp + 0.6))


def test_maps_and_shares_are_the_weights_of_the_trace(written: Any) -> None:
    writer, answer = written
    trace = replay(writer, answer, precision="float32")
    found = word_attention(trace, answer)
    for layer, name in enumerate(found.layers):
        one = trace.attention(name)
        expected = one.key.on_grid(one.values.mean(axis=0))
        np.testing.assert_allclose(found.maps[layer], expected, atol=1e-3)
    np.testing.assert_allclose(found.shares.sum(axis=2), 1, atol=1e-5)
    np.testing.assert_allclose(found.even.sum(axis=1), 1, atol=1e-6)
    picture = found.shares[:, :, PARTS.index("picture")]
    if "joint.0" in trace.maps:
        np.testing.assert_allclose(found.maps.astype(float).sum(axis=(2, 3)), picture, atol=2e-3)
        # Sixteen patches, four words of the prompt, and one more of its own with each step.
        counts = [[16, 4, step, 0] for step in range(len(answer))]
        np.testing.assert_allclose(found.even, [np.array(one) / sum(one) for one in counts], atol=1e-6)
    else:
        assert not picture.any() and any("Maps are of cross-attention" in note for note in found.notes)
    assert found.picture is not None and found.picture.shape == (32, 32, 3)


def test_without_an_own_row_it_is_no_replay(written: Any) -> None:
    writer, answer = written
    forced = writer.force(answer.question, answer.tokens.tolist())
    with pytest.raises(BadInputError, match="is no replay of an answer of 4 tokens"):
        word_attention(capture(writer.module, dict(forced.tensors)), answer)


def test_the_prompts_roles_are_the_parts() -> None:
    writer, answer = writer_and_answer("llava")
    roles = np.array(answer.roles)
    roles[-1] = ROLES.index("frame")  # the mark before the answer
    found = word_attention(replay(writer, answer), replace(answer, roles=roles))
    assert np.allclose(found.even[0], np.array([16, 3, 0, 1]) / 20)


@pytest.mark.parametrize(("name", "number"), [("internvl_tiles", 2), ("llava_next", 0)])
def test_of_tiles_the_one_that_shows_the_whole_picture_is_drawn(name: str, number: int) -> None:
    writer, answer = writer_and_answer(name)
    trace = replay(writer, answer)
    whole, first = word_attention(trace, answer), word_attention(trace, answer, picture=number)
    np.testing.assert_array_equal(whole.maps, first.maps)
    other = word_attention(trace, answer, picture=1)
    assert other.maps.shape != whole.maps.shape or (other.maps != whole.maps).any()
    with pytest.raises(BadInputError, match="picture=7 was given; the prompt holds"):
        word_attention(trace, answer, picture=7)


def test_a_hundred_words_of_a_large_model_fit_into_eight_megabytes(tmp_path: Path) -> None:
    """28 layers, 100 tokens, 34 x 34 merged patches (1,156 keys of the picture)."""
    found = WordAttention(
        tuple(f"joint.{layer}" for layer in range(28)), np.zeros((28, 100, 34, 34)), np.zeros((28, 100, 4)),
        np.zeros((100, 4)),
    )  # fmt: skip
    assert found.bytes <= 8_000_000
    kept = open_word_attention(found.save(tmp_path / "kept"))
    assert kept.maps.dtype == np.float16 and kept.layers == found.layers and "even" in kept._repr_html_()


def test_less_another_picture_is_the_difference_and_needs_the_same_grid() -> None:
    maps = np.random.default_rng(0).random((2, 1, 3, 2, 2)).astype(np.float16)
    one, two = (WordAttention(("a",), part, np.full((1, 3, 4), 0.25), np.full((3, 4), 0.25)) for part in maps)
    difference = one.minus(two)
    np.testing.assert_allclose(difference.maps, maps[0].astype(float) - maps[1], atol=1e-3)
    assert not difference.shares.any() and "Less the same words" in difference.notes[-1]
    with pytest.raises(BadInputError, match="the same layers, steps and grid"):
        one.minus(WordAttention(("a",), np.zeros((1, 3, 2, 3)), np.zeros((1, 3, 4)), np.zeros((3, 4))))


# The logit lens --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["llava", "vit_gpt2", "blip2", "paligemma2", "t5"])
def test_every_layer_is_read_as_the_models_own_end_reads_the_last(name: str, tmp_path: Path) -> None:
    """OPT's projection, Gemma's cap and T5's scale are part of that end."""
    writer, answer = writer_and_answer(name)
    found = logit_lens(writer, answer, top=4)
    np.testing.assert_allclose(found.chosen[-1], answer.logp, atol=1e-4)
    np.testing.assert_array_equal(found.rank[-1], answer.rank)
    np.testing.assert_array_equal(found.tokens[-1, :, 0], answer.alternatives[:, 0])
    assert found.tokens.shape == (len(found.layers), len(answer), 4) and found.difference <= 1e-4
    assert (found.chosen[0] != found.chosen[-1]).any()
    kept = open_readout(found.save(tmp_path / "kept"))
    assert kept.pieces == found.pieces and kept.answer.text == answer.text and "<table" in kept._repr_html_()


def test_a_layer_is_the_norm_and_the_head_on_its_state() -> None:
    """The oracle for LLaVA, written out: the library's own hidden states, its norm, its head."""
    writer, answer = writer_and_answer("llava")
    found = logit_lens(writer, answer)
    forced, model = writer.force(answer.question, answer.tokens.tolist()), writer.module
    with torch.no_grad():
        states = model(**forced.tensors, output_hidden_states=True).hidden_states
        first = model.lm_head(model.model.language_model.norm(states[1][0, forced.rows])).double()
    expected = first.log_softmax(dim=-1).numpy()[np.arange(len(answer)), answer.tokens]
    np.testing.assert_allclose(found.chosen[0], expected, atol=1e-5)


def test_the_lens_is_blind_to_other_threads() -> None:
    writer, answer = writer_and_answer("llava")
    alone = logit_lens(writer, answer)
    forced = writer.force(answer.question, answer.tokens.tolist())
    with torch.no_grad():
        plain = writer.module(**forced.tensors).logits
    seen, done = [], threading.Event()

    def others() -> None:
        while not done.is_set():
            with torch.no_grad():
                seen.append(float((writer.module(**forced.tensors).logits - plain).abs().max()))

    thread = threading.Thread(target=others)
    thread.start()
    try:
        again = [logit_lens(writer, answer) for _ in range(3)]
    finally:
        done.set()
        thread.join()
    assert seen and max(seen) < 1e-5
    assert all(np.abs(one.chosen - alone.chosen).max() < 1e-5 for one in again)


def test_what_has_no_stack_has_no_lens_and_no_replay() -> None:
    model = Bigrams({"": {"yes": 0.9, "no": 0.1}, "yes": {"": 1}, "no": {"": 1}})
    answer = write(model)
    with pytest.raises(UnsupportedError, match="no stack of blocks"):
        logit_lens(model, answer)
    with pytest.raises(UnsupportedError, match="no attention that could be read"):
        replay(model, answer)
    with pytest.raises(BadInputError, match="answer is empty"):
        replay(model, replace(answer, text="", pieces=(), tokens=[], logp=[], entropy=[], rank=[], words=(),
                              alternatives=np.zeros((0, 0)), alternative_logp=np.zeros((0, 0)),
                              alternative_pieces=()))  # fmt: skip


# A word explained ------------------------------------------------------------------------------


def test_the_number_explained_is_the_tokens_own_log_probability(written: Any) -> None:
    writer, answer = written
    for step in range(len(answer)):
        made = explain_word(writer, answer, step, method="attention")
        assert abs(made.score - answer.logp[step]) < 1e-4
        assert made.grid == (4, 4) and any(f"token {step} of the answer" in note for note in made.notes)
    with pytest.raises(BadInputError, match="There is no step 4"):
        explain_word(writer, answer, 4)


def test_rows_of_other_sequences_are_not_kept_and_wrong_places_are_refused() -> None:
    model, inputs = MADE["llava"]()
    trace = capture(model.eval(), inputs, rows=[3, 19], hidden=False)
    assert list(trace.maps) == ["joint.0", "joint.1"]
    whole = capture(model, inputs)
    np.testing.assert_array_equal(
        trace.attention("joint.1").values, whole.attention("joint.1").values[:, [3, 19]]
    )
    with pytest.raises(BadInputError, match="rows names place 20; this model writes into a sequence of 20"):
        capture(model, inputs, rows=[3, 20])
