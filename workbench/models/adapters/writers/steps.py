"""A model's next-token distributions, one step after another, with its cache: `Steps`.

What goes before the first step (encoding pictures, positions, the cache) is the library's own preparation:
its `generate` is asked to do it, and to hand over what it made instead of choosing tokens.
"""

from __future__ import annotations

import copy
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import BadCallError, BadInputError, UnsupportedError
from workbench.hooks import evaluated
from workbench.quiet import no_records

__all__ = ["Prepared", "Steps", "first_step", "one_at_a_time", "prepare"]

_CACHES = ("past_key_values", "cache_params", "state", "mems", "past_buckets_states")
_PLAINLY: dict[str, Any] = {
    "do_sample": False, "num_beams": 1, "num_return_sequences": 1, "temperature": None, "top_k": None,
    "top_p": None, "min_p": None, "typical_p": None, "use_cache": True, "cache_implementation": None,
    "max_length": None, "max_new_tokens": 1 << 30, "prefill_chunk_size": None, "guidance_scale": None,
    "watermarking_config": None, "return_dict_in_generate": False, "output_attentions": False,
    "output_hidden_states": False, "token_healing": False, "forced_eos_token_id": None, "max_time": None,
}  # fmt: skip
"""What `generate` is told whatever the model's own settings are: how a token is chosen is not its affair
here, nor when to stop; of what it does to the distribution, the rest of `generation_config` holds."""

_RULES: dict[str, Any] = {
    "sequence_bias": None, "encoder_repetition_penalty": 1.0, "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0, "encoder_no_repeat_ngram_size": 0, "bad_words_ids": None, "min_length": 0,
    "min_new_tokens": 0, "forced_bos_token_id": None, "remove_invalid_values": None,
    "exponential_decay_length_penalty": None, "suppress_tokens": None, "begin_suppress_tokens": None,
}  # fmt: skip
"""Settings that change the distribution, and the value at which they do not."""
_STATES = ("rope_deltas",)
"""What models remember of their last request on themselves (the positions of Qwen-VL's pictures)."""

_known: weakref.WeakKeyDictionary[nn.Module, tuple[Any, list[tuple[str, str]]]]
_known = weakref.WeakKeyDictionary()
"""A model -> its lock, and where it remembers something."""
_making = threading.Lock()


@dataclass(frozen=True)
class Prepared:
    """What `generate` has made of a request before it would choose the first token.

    Attributes:
        model: the part that writes (the text decoder of BLIP, the language model of BLIP-2, or the whole).
        ids: row x position, what stands in front of the first new token.
        settings: the `generation_config` that holds.
        named: the keyword arguments that go from step to step, of one item, the cache among them.
    """

    model: Any
    ids: Tensor
    settings: Any
    named: Mapping[str, Any]

    @property
    def ends(self) -> frozenset[int]:
        """The tokens that end an answer."""
        found = getattr(self.settings, "_eos_token_tensor", None)
        return frozenset() if found is None else frozenset(int(one) for one in found.reshape(-1))

    @property
    def rules(self) -> tuple[str, ...]:
        """What the settings do to the distribution, in their own words."""
        found = []
        for name, neutral in _RULES.items():
            value = getattr(self.settings, name, None)
            if value is None or value is False or value == neutral:
                continue
            if name == "min_length" and self.settings.min_new_tokens:
                continue  # the library has made it of that
            many = isinstance(value, list | tuple | dict)
            found.append(f"{name} ({len(value)} of them)" if many else f"{name}={value!r}")
        return tuple(found)


@contextmanager
def one_at_a_time(
    module: nn.Module, states: dict[int, Any] | None = None, *, asleep: bool = False
) -> Iterator[None]:
    """One request at a time runs on a model; the second waits. What the model remembers is its own.

    Args:
        states: what it remembers for this request, by module; brought up to date at the end.
        asleep: its parts were all in eval mode a moment ago: asking each of them again costs time.
    """
    with _making:
        if module not in _known:
            named = module.named_modules()  # by path: the model itself would never be let go
            places = [(path, name) for path, part in named for name in _STATES if name in vars(part)]
            _known[module] = threading.RLock(), places
        lock, places = _known[module]
    parts = [(module.get_submodule(path), name) for path, name in places]
    still = nullcontext() if asleep and not module.training else evaluated(module)
    with lock, torch.no_grad(), still, torch.autocast(_device(module).type, enabled=False):
        before = [getattr(part, name) for part, name in parts]
        mine = states if states is not None else {}
        for number, (part, name) in enumerate(parts):
            setattr(part, name, mine.get(number))
        try:
            yield
        finally:
            for number, (part, name) in enumerate(parts):
                mine[number] = getattr(part, name)
                setattr(part, name, before[number])


def prepare(module: nn.Module, tensors: Mapping[str, Tensor], states: dict[int, Any]) -> Prepared:
    """Everything that the library's `generate` does with a request up to its first choice.

    Raises:
        UnsupportedError: it has no `generate`, or one that chooses in a way of its own.
    """
    if not hasattr(module, "generate"):
        raise UnsupportedError(f"{type(module).__name__} does not write: it has no generate()")
    if "input_features" in tensors or "input_values" in tensors:
        raise UnsupportedError(f"{type(module).__name__} writes from sound, which is not read here yet")
    caught: list[Prepared] = []

    def keep(
        model: Any, input_ids: Tensor, logits_processor: Any, stopping_criteria: Any, generation_config: Any,
        **named: Any,
    ) -> Tensor:  # fmt: skip
        caught.append(Prepared(model, input_ids, generation_config, named))
        return input_ids

    # BLIP writes into the ids that it is given.
    given = {name: value.clone() if isinstance(value, Tensor) else value for name, value in tensors.items()}
    start = given.get("decoder_input_ids")
    how = _PLAINLY if start is None else _PLAINLY | {"decoder_start_token_id": int(start[0, 0])}
    with one_at_a_time(module, states):
        module.generate(**given, **how, custom_generate=keep)  # type: ignore[operator]
    if not caught:
        raise UnsupportedError(f"{type(module).__name__} writes in a way of its own, not token after token")
    return caught[0]


def first_step(
    module: nn.Module, prepared: Prepared, states: dict[int, Any], asked: int, encoded: Tensor | None = None
) -> Steps:
    """The distribution behind what was prepared; one row.

    Args:
        asked: how many of its ids are the question: the rest is an answer that was begun.
        encoded: the ids that an encoder-decoder has encoded; None of a decoder, and where it reads none.
    """
    model, named = prepared.model, dict(prepared.named)
    with one_at_a_time(module, states):
        inputs = model.prepare_inputs_for_generation(prepared.ids, is_first_iteration=True, **named)
        output = model(**inputs, return_dict=True)
    settings = copy.copy(prepared.settings)
    if settings.min_new_tokens:  # the library has counted an answer that was begun to the question
        settings.min_length = asked + settings.min_new_tokens
    rules = model._get_logits_processor(
        generation_config=settings,
        input_ids_seq_length=asked,
        encoder_input_ids=encoded if model.config.is_encoder_decoder else prepared.ids[:, :asked],
        device=prepared.ids.device,
        model_kwargs=named,
    )
    first = Steps(module, prepared, states, rules)._after(output, named, prepared.ids)
    first._asleep = not any(part.training for part in module.modules())
    return first


class Steps:
    """Several beginnings of an answer, one a row; see `workbench.models.Continuation`.

    Attributes:
        logits: row x token, float32: unprocessed scores of the next token; float64 of a model in float64.
        ruled: the same under the rules of the model's own `generation_config`; `logits` itself without any.
    """

    logits: Tensor
    ruled: Tensor

    def __init__(self, module: nn.Module, prepared: Prepared, states: dict[int, Any], rules: Any) -> None:
        self._module, self._prepared, self._states, self._rules = module, prepared, states, rules
        self._named: dict[str, Any] = {}
        self._ids, self._cache, self._cached, self._used = prepared.ids, None, "", False
        self._asleep = False

    def extend(self, tokens: Sequence[int], rows: Sequence[int] | None = None) -> Steps:
        """One token more: row `i` of what is returned is row `rows[i]` of this one, then `tokens[i]`."""
        before = len(self._ids)
        chosen = list(range(before)) if rows is None else [int(row) for row in rows]
        self._check(tokens, chosen, before)
        self._used = True
        model, device = self._prepared.model, self._ids.device
        if chosen != list(range(before)):
            self._cache.reorder_cache(torch.tensor(chosen, device=device))  # type: ignore[attr-defined]
        new = torch.tensor([[int(token)] for token in tokens], device=device)
        ids = torch.cat([self._ids[torch.tensor(chosen, device=device)], new], dim=-1)
        with one_at_a_time(self._module, self._states, asleep=self._asleep):
            wide = {name: _widened(name, value, len(ids)) for name, value in self._named.items()}
            inputs = model.prepare_inputs_for_generation(
                ids, next_sequence_length=1, **wide, **{self._cached: self._cache}
            )
            with no_records("transformers"):  # it warns of padding where a padding mark was drawn
                output = model(**inputs, return_dict=True)
        following = Steps(self._module, self._prepared, self._states, self._rules)
        following._asleep = self._asleep
        return following._after(output, self._named, ids)

    def _check(self, tokens: Sequence[int], chosen: Sequence[int], before: int) -> None:
        if self._used:
            raise BadCallError(
                "This continuation was extended before, and its cache went on with that one. Extend what "
                "extend() returned, or begin again."
            )
        if not chosen or len(tokens) != len(chosen) or not all(0 <= row < before for row in chosen):
            raise BadInputError(
                f"{len(tokens)} tokens for rows {list(chosen)[:8]} were given; expected one token for each "
                f"row, and rows of 0 to {before - 1}."
            )

    def _after(self, output: Any, named: Mapping[str, Any], ids: Tensor) -> Steps:
        """Take over what a forward pass gave."""
        model = self._prepared.model
        self._cached = next((name for name in _CACHES if getattr(output, name, None) is not None), "")
        self._cache = getattr(output, self._cached, None) if self._cached else None
        if not hasattr(self._cache, "reorder_cache"):
            raise UnsupportedError(f"{type(model).__name__} keeps no cache from one token to the next")
        going = {name: value for name, value in named.items() if name != self._cached}
        going = model._update_model_kwargs_for_generation(
            output, going, is_encoder_decoder=model.config.is_encoder_decoder
        )
        self._named = {name: value for name, value in going.items() if name not in _CACHES}
        self._ids = ids
        last = output.logits[:, -1].detach()
        self.logits = last if last.dtype == torch.float64 else last.float()
        self.ruled = self._rules(ids, self.logits.clone()) if len(self._rules) else self.logits
        return self


def _widened(name: str, value: Any, rows: int) -> Any:
    """What every row shares, for so many rows: all of them go on from one question."""
    if isinstance(value, Tensor):
        axis = 1 if name.endswith("position_ids") and value.ndim == 3 else 0
        if value.ndim <= axis or value.shape[axis] != 1 or rows == 1:
            return value
        return value.expand(*(rows if place == axis else -1 for place in range(value.ndim)))
    if hasattr(value, "to_tuple"):
        inside = {key: _widened(key, part, rows) for key, part in value.items()}
        return type(value)(**inside)
    if isinstance(value, tuple):
        return tuple(_widened(name, part, rows) for part in value)
    return value


def _device(module: nn.Module) -> torch.device:
    return next((tensor.device for tensor in module.parameters()), torch.device("cpu"))
