"""`logit_lens`: the states between the layers, read by the model's own end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from workbench.attention.blocks import list_of, outputs_of
from workbench.attention.recorder import Recorder, recording
from workbench.attention.site_naming import sites_of
from workbench.attention.sites import writing
from workbench.attention.subject import kind_of
from workbench.calling import verb
from workbench.capture.inputs import subjects_of
from workbench.errors import BadInputError, UnsupportedError
from workbench.formatting import plural
from workbench.generation.answer import Answer
from workbench.generation.evidence.readout import Readout
from workbench.generation.forcing import (
    GATE,
    called,
    check_replayed,
    go_on,
    log_probabilities,
    logits_in,
    question_of,
    writer_behind,
)
from workbench.hooks import evaluated, output_changed
from workbench.models.writer import Forced, Writer
from workbench.results import OnEvent, Provenance, ShouldStop

__all__ = ["logit_lens"]


@verb
def logit_lens(
    model: Any,
    answer: Answer,
    *,
    top: int = 5,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Readout:
    """What the model would write after each of its layers, at the rows that produce the answer's tokens.

    The states of all layers are laid side by side in the place of what the last block gives, so that the
    model's own end reads them: its norm, a projection, its head, a cap on its scores, whatever it has. All of
    these look at one position at a time. What the last layer gives must then be the model's own logits.

    Args:
        model: the one that wrote the answer, from `models.load`; None for the one that the answer remembers.
        answer: of `write`.
        top: words kept for each layer and step.
        on_event: is told how far it is.
        should_stop: asked before each pass.

    Returns:
        A `Readout` of every block of the stack that writes: layer x step.

    Raises:
        BadInputError: the answer is empty, the model writes nothing, or `top` is below 1.
        UnsupportedError: the model is not the one that wrote the answer; its states are no rows (Gemma 3n
            carries several streams), or its end reads them otherwise than its last layer's.
        Cancelled: `should_stop` returned true.

    Source: nostalgebraist 2020, "interpreting GPT: the logit lens".

    Example:
        >>> import torch
        >>> from transformers import GPT2Config, GPT2LMHeadModel
        >>> from workbench.generation import logit_lens, write
        >>> from workbench.models import as_writer
        >>> config = GPT2Config(vocab_size=9, n_embd=8, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=8)
        >>> given = {"input_ids": torch.tensor([[5, 6, 7]])}
        >>> model = as_writer(GPT2LMHeadModel(config).eval(), tensors=given)  # of random weights
        >>> answer = write(model, start=[1, 2], max_new_tokens=3)
        >>> found = logit_lens(model, answer)
        >>> found.rank.shape  # layer x step
        (2, 3)
        >>> bool(abs(found.chosen[-1] - answer.logp).max() < 1e-4)
        True
    """
    if isinstance(top, bool) or top < 1:
        raise BadInputError(f"top={top!r} was given; expected how many words to keep, a number from 1.")
    writer = writer_behind(model, answer)
    question = question_of(writer, answer)
    forced = writer.force(question, answer.tokens.tolist())
    go_on(should_stop, on_event, "passes", 0, 0)
    names, blocks, states, logits = _states(forced)
    own = log_probabilities(logits, forced.rows)
    wanted = torch.as_tensor(answer.tokens.copy(), device=own.device)
    check_replayed(writer, answer, own.gather(1, wanted[:, None])[:, 0].cpu().numpy())
    told: list[Tensor] = []
    each = max(1, len(logits) // len(answer))  # layers a pass, as many as the model's own positions hold
    passes = range(0, len(states), each)
    for done, start in enumerate(passes):
        go_on(should_stop, on_event, "passes", done, len(passes))
        read = _read(forced, blocks[-1], states[start : start + each], len(logits))
        told += list(log_probabilities(read, range(len(read))).split(len(answer)))
    difference = float((told[-1] - own).abs().nan_to_num(0).max())
    if not difference <= GATE:
        raise UnsupportedError(
            f"Read as the last layer is, the last layer of {kind_of(forced.module)} gives log-probabilities "
            f"{difference:.2g} away from the model's own ({GATE:g} is allowed): what follows its blocks does "
            "not look at one position at a time, so no layer can be read by it."
        )
    return _readout(writer, answer, names, torch.stack(told), wanted, top, difference, question.notes)


def _readout(
    writer: Writer,
    answer: Answer,
    layers: Sequence[str],
    told: Tensor,
    wanted: Tensor,
    top: int,
    difference: float,
    notes: Sequence[str],
) -> Readout:
    best = told.topk(min(top, told.shape[-1]), dim=-1)
    chosen = told.gather(2, wanted[None, :, None].expand(len(told), -1, 1))
    pieces = {int(token): "".join(writer.decode([int(token)])) for token in best.indices.unique()}
    tokens = best.indices.cpu().numpy()
    return Readout(
        answer,
        tuple(layers),
        tokens,
        best.values.cpu().numpy(),
        tuple(tuple(tuple(pieces[int(one)] for one in step) for step in layer) for layer in tokens),
        (told > chosen).sum(dim=-1).cpu().numpy() + 1,
        chosen[..., 0].cpu().numpy(),
        difference,
        tuple(notes),
        Provenance("logit_lens", writer.card.name, writer.weights_hash, "", {"top": top}),
    )


def _states(forced: Forced) -> tuple[list[str], list[nn.Module], list[Tensor], Tensor]:
    """Paths and modules of the blocks that write, what each hands on at the answer's rows, and the logits.

    Raises:
        UnsupportedError: no such stack, or no rows of states.
    """
    root = forced.module
    given = {**forced.settings, **forced.tensors}
    subject, modules = subjects_of(root, given, ())[0], dict(root.named_modules())
    recorder = Recorder()
    with torch.no_grad(), evaluated(root), recording(root, recorder):
        subject.run()
    sites = writing(sites_of(subject, recorder.calls))
    where = list_of(modules, sites[-1].path) if sites else ""
    if not where:
        raise UnsupportedError(
            f"{kind_of(root)} has no stack of blocks that writes, so no layer can be read."
        )
    names = [f"{where}.{name}" for name, _ in modules[where].named_children()]
    blocks = [modules[name] for name in names]
    with outputs_of(*blocks) as states:
        output = called(forced)
    odd = [state for state in states if state.ndim != 3 or len(state) != 1]
    if len(states) != len(blocks) or odd:
        shapes = tuple(odd[0].shape) if odd else f"{len(states)} states"
        raise UnsupportedError(
            f"The {plural(len(blocks), 'block')} of {kind_of(root)} hand on {shapes}; expected item=1, "
            "position, feature of each. A model of several streams (Gemma 3n) has no one state to read."
        )
    logits, positions = logits_in(output), states[0].shape[1]
    if len(logits) != positions:
        raise UnsupportedError(
            f"{kind_of(root)} gives {len(logits)} rows of scores for {positions} states, so no layer can be "
            "read."
        )
    rows = torch.as_tensor(forced.rows.copy(), device=states[0].device)
    return names, blocks, [state[:, rows] for state in states], logits


def _read(forced: Forced, last: nn.Module, states: Sequence[Tensor], positions: int) -> Tensor:
    """position x token: what the model's end makes of these states, one behind the other."""
    together = torch.cat(list(states), dim=1)
    count = together.shape[1]
    filled = torch.cat([together, together[:, -1:].expand(-1, positions - count, -1)], dim=1)  # GPT-2 counts
    with output_changed(last, lambda _: filled):
        read = logits_in(called(forced))
    if len(read) != positions:
        raise UnsupportedError(
            f"{kind_of(forced.module)} gives {len(read)} rows of scores for {positions} states, so they "
            "cannot be told apart."
        )
    return read[:count]
