"""`write` and `search` give what transformers' own `generate` gives, on every family that writes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.workbench.models.test_writing_families import TABLE, in_double, writes
from workbench.generation import beam, likelihood, search, write
from workbench.models import as_writer

torch.set_num_threads(1)  # tiny models: threads cost more than they bring
MOST = 7
WAYS = [(2, 0.0), (3, 1.0), (4, 2.0), (3, -1.0)]
START = {"t5": 0, "blip2_t5": 0}


class Asked:
    """A family's model with end marks that it does come to, and its own `generate`."""

    def __init__(self, name: str) -> None:
        self.model, self.inputs = in_double(name)
        self.name = name
        if name != "blip":  # which has an end of its own
            self.model.generation_config.eos_token_id = None
            free = write(as_writer(self.model, tensors=self.inputs), max_new_tokens=MOST)
            ends = {int(free.tokens[4]), int(free.alternatives[1, 2]), int(free.alternatives[2, 1])}
            self.model.generation_config.eos_token_id = sorted(ends - set(free.tokens[:2].tolist()))
        self.writer = as_writer(self.model, tensors=self.inputs)

    def generate(self, **settings: Any) -> list[list[int]]:
        more: dict[str, Any] = {"max_new_tokens": MOST, "do_sample": False, "forced_eos_token_id": None}
        if self.name in START:
            more["decoder_start_token_id"] = START[self.name]
        given = {key: value.clone() for key, value in self.inputs.items()}
        if self.name == "blip_vqa":  # whose own generate begins the answer
            del given["decoder_input_ids"]
        found = self.model.generate(**given, **more, **settings)
        rows = found if isinstance(found, torch.Tensor) else found.sequences
        return [row.tolist() for row in rows]


@pytest.fixture(scope="module", params=[name for name in TABLE if writes(name)])
def asked(request: pytest.FixtureRequest) -> Asked:
    return Asked(request.param)


def same(theirs: list[int], ours: list[int], asked: Asked) -> bool:
    """Whether a row of theirs is the question (some leave it out), then ours, then padding after an end."""
    question = len(asked.writer.ask().tokens)
    whole = len(ours) == MOST or ours[-1] in asked.writer.ends
    return whole and ours in (theirs[place : place + len(ours)] for place in (question, 0))


def test_greedy_is_generates_own(asked: Asked) -> None:
    answer = write(asked.writer, max_new_tokens=MOST)
    assert same(asked.generate()[0], answer.tokens.tolist(), asked)


@pytest.mark.parametrize(("width", "penalty"), WAYS)
def test_beams_are_generates_own_and_so_are_the_next_best(asked: Asked, width: int, penalty: float) -> None:
    theirs = asked.generate(
        num_beams=width, length_penalty=penalty, early_stopping="never", num_return_sequences=width
    )
    tree = search(asked.writer, width=width, length_penalty=penalty, max_new_tokens=MOST)
    found = [tree.token[tree.path(int(node))].tolist() for node in tree.best()[:width]]
    for row, ours in zip(theirs, found, strict=True):
        assert same(row, ours, asked)
    best = write(asked.writer, how=beam(width, penalty), max_new_tokens=MOST)
    assert best.tokens.tolist() == found[0]


def test_one_pass_gives_the_numbers_of_the_steps(asked: Asked) -> None:
    answer = write(asked.writer, max_new_tokens=MOST)
    told = likelihood(asked.writer, text=answer.tokens, ending=False)
    exact = 1e-9 if asked.writer.dtype == torch.float64 else 1e-4
    for name in ("logp", "entropy", "alternative_logp"):
        np.testing.assert_allclose(getattr(told, name), getattr(answer, name), atol=exact)
    again = write(asked.writer, max_new_tokens=MOST, start=answer.tokens[:2])
    assert again.tokens.tolist() == answer.tokens.tolist()
    np.testing.assert_allclose(again.logp, answer.logp, atol=exact)
