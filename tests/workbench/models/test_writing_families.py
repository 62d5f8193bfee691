"""Every family that writes: step by step as the library's own `generate`, and one pass that says the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers as hf

from tests import families, reading_families, writing_families
from tests.families import EYE, PICTURE, SMALL, WORDS
from workbench.errors import BadCallError, BadInputError, UnsupportedError
from workbench.models import as_writer
from workbench.models.adapters.writers import TransformersWriter

STEPS = 6
OTHER = {"whisper", "blip_vqa"}


def blip() -> Any:
    text = {**WORDS, "encoder_hidden_size": 32, "sep_token_id": 2, **SMALL}
    model = hf.BlipForConditionalGeneration(hf.BlipConfig(text_config=text, vision_config=EYE))
    return model, families.ids() | families.pixels()


TABLE: dict[str, Any] = {
    **{name: row[0] for name, row in writing_families.FAMILIES.items() if name not in OTHER},
    **{name: row[0] for name, row in reading_families.FAMILIES.items()},
    "blip2": lambda: families.made("blip2"),
    "blip": blip,
    "blip_vqa": writing_families.blip_vqa,
}


def in_double(name: str) -> tuple[Any, dict[str, torch.Tensor]]:
    """The model and one item's inputs; Kosmos-2's own masks know no float64."""
    torch.manual_seed(0)
    model, inputs = TABLE[name]()
    if PICTURE in inputs.get("input_ids", ()):  # a trained model never writes the mark of a picture
        model.generation_config.suppress_tokens = [PICTURE]
    if name == "kosmos2":
        return model.eval(), inputs
    floats = {key: value.double() for key, value in inputs.items() if value.is_floating_point()}
    return model.double().eval(), inputs | floats


def writes(name: str) -> bool:
    return hasattr(TABLE[name]()[0], "generate")


@pytest.fixture(params=[name for name in TABLE if writes(name)])
def named(request: pytest.FixtureRequest) -> tuple[str, TransformersWriter, dict[str, torch.Tensor]]:
    model, inputs = in_double(request.param)
    return request.param, as_writer(model, tensors=inputs), inputs  # type: ignore[return-value]


def greedy(writer: TransformersWriter, steps: int = STEPS) -> tuple[list[int], torch.Tensor]:
    step, tokens, logits = writer.begin(writer.ask()), [], []
    for _ in range(steps):
        logits.append(step.logits[0])
        tokens.append(int(step.ruled[0].argmax()))
        step = step.extend([tokens[-1]])
    return tokens, torch.stack(logits)


def apart(one: torch.Tensor, two: torch.Tensor) -> float:
    return float((one - two).abs().max() / two.abs().max())


def test_steps_are_those_of_generate_and_one_pass_gives_the_same(named: Any) -> None:
    name, writer, inputs = named
    tokens, logits = greedy(writer)
    settings: dict[str, Any] = {"max_new_tokens": STEPS, "do_sample": False, "forced_eos_token_id": None}
    if not name.startswith("blip") or name.startswith("blip2"):
        settings["eos_token_id"] = None
    if name in ("t5", "blip2_t5"):
        settings["decoder_start_token_id"] = 0
    given = {key: value.clone() for key, value in inputs.items()}
    if name == "blip_vqa":
        given.pop("decoder_input_ids")
    theirs = writer.module.generate(**given, **settings)
    assert theirs[0, -STEPS:].tolist() == tokens

    exact = 1e-9 if writer.dtype == torch.float64 else 1e-4
    question = writer.ask()
    forced = writer.force(question, tokens)
    with torch.no_grad():
        whole = forced.module(**forced.tensors, **forced.settings).logits[0, forced.rows]
    assert apart(whole, logits) < exact
    assert apart(writer.begin(question, tokens[:3]).logits[0], logits[3]) < exact
    assert len(question.tokens) == len(question.pieces) == len(question.roles)


def test_rows_may_be_repeated_exchanged_and_left_out(named: Any) -> None:
    _, writer, _ = named
    tokens, logits = greedy(writer, 4)
    wide = writer.begin(writer.ask()).extend([tokens[0]]).extend([7, tokens[1], 8], [0, 0, 0])
    back = wide.extend([9, tokens[2]], [0, 1]).extend([5], [1])
    exact = 1e-9 if writer.dtype == torch.float64 else 1e-4
    again = writer.begin(writer.ask(), [*tokens[:3], 5])
    assert apart(back.logits[0], again.logits[0]) < exact
    assert apart(writer.begin(writer.ask(), tokens[:3]).logits[0], logits[3]) < exact


def test_what_the_settings_rule_is_told_and_the_distribution_stays_the_models_own() -> None:
    model, inputs = in_double("llava")
    model.generation_config.update(repetition_penalty=1.3, min_new_tokens=2, suppress_tokens=[PICTURE, 7])
    writer = as_writer(model, tensors=inputs)
    assert writer.rules == ("repetition_penalty=1.3", "min_new_tokens=2", "suppress_tokens (2 of them)")
    tokens, logits = greedy(writer)
    theirs = model.generate(**inputs, max_new_tokens=STEPS, do_sample=False)[
        0, inputs["input_ids"].shape[1] :
    ]
    assert tokens[: len(theirs)] == theirs.tolist()
    step = writer.begin(writer.ask(), tokens[:3])
    assert torch.isinf(step.ruled[0, 7]) and torch.isfinite(step.logits).all()
    assert apart(step.logits[0], logits[3]) < 1e-9
    # The answer that was begun is no part of the question: the end may come from the third token on.
    assert torch.isinf(writer.begin(writer.ask(), tokens[:1]).ruled[0, 2])
    assert torch.isfinite(writer.begin(writer.ask(), tokens[:2]).ruled[0, 2])


def test_the_mark_of_a_picture_is_no_token_of_an_answer() -> None:
    model, inputs = in_double("llava")
    writer = as_writer(model, tensors=inputs)
    with pytest.raises(BadInputError, match="reads a part of a picture"):
        writer.force(writer.ask(), [5, PICTURE])


def test_a_continuation_goes_on_once() -> None:
    model, inputs = in_double("llava")
    step = as_writer(model, tensors=inputs)
    first = step.begin(step.ask())
    first.extend([5])
    with pytest.raises(BadCallError, match="extended before"):
        first.extend([5])
    with pytest.raises(BadInputError, match="one token for each row"):
        step.begin(step.ask()).extend([5, 6])
    with pytest.raises(BadInputError, match="rows of 0 to 0"):
        step.begin(step.ask()).extend([5], [1])


def test_what_does_not_write_is_refused_in_words() -> None:
    model, inputs = writing_families.whisper()
    with pytest.raises(UnsupportedError, match="writes from sound"):
        as_writer(model.eval(), tensors=inputs)
    with pytest.raises(BadInputError, match="without its processor"):
        as_writer(model)
    with pytest.raises(BadInputError, match="A dict was given"):
        as_writer({})
