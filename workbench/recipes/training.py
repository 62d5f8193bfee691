"""What recipes that train a model share: one update, the averaged weights, and going on after a kill."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

__all__ = ["Pace", "Training"]


class Pace(Protocol):
    """A dataclass of settings with at least these; all its fields head the log."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def steps(self) -> int:
        """Updates in all."""

    @property
    def warm_up(self) -> int:
        """Updates until the learning rate is largest."""

    @property
    def peak(self) -> float:
        """Largest learning rate of AdamW."""

    @property
    def muon(self) -> float:
        """Largest learning rate of Muon."""

    @property
    def weight_decay(self) -> float:
        """Of the matrices inside the blocks."""

    @property
    def average(self) -> float:
        """Share of the averaged weights that one step keeps, once there have been many."""


class Training:
    """A model under training in `folder`, which keeps `checkpoint.pt` and `log.jsonl`; None keeps nothing.

    A run that was killed goes on from its checkpoint, at step `first`; what it logged later is dropped.

    Muon for the matrices inside the blocks (with a part of `blocks` in their names), AdamW for everything
    else. At this length of training Muon needs about half the steps of AdamW alone (measured, see the card of
    emoji-clip).
    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers".
    """

    def __init__(
        self,
        model: Any,
        pace: Pace,
        folder: Path | None,
        *,
        epsilon: float = 1e-8,
        every: int = 100,
        blocks: tuple[str, ...] = ("resblocks",),
    ) -> None:
        self.average: dict[str, Tensor] = {name: value.clone() for name, value in model.state_dict().items()}
        self._model, self._pace, self._every = model, pace, every
        self._optimizers = _optimizers(model, pace, epsilon, blocks)
        self.first = 0
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._checkpoint, self._log = folder / "checkpoint.pt", folder / "log.jsonl"
            self.first = self._resume()
            self._start_log()

    def update(self, step: int, loss: Tensor) -> None:
        """One step down the gradient of `loss`; the averaged weights follow."""
        share = _share(step, self._pace)
        for optimizer, peak in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = share * peak
        loss.backward()
        nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        for optimizer, _ in self._optimizers:
            optimizer.step()
            optimizer.zero_grad()
        with torch.no_grad():
            if hasattr(self._model, "logit_scale"):  # of a CLIP
                self._model.logit_scale.clamp_(0, math.log(100))
            self._blend(min(self._pace.average, (1 + step) / (10 + step)))

    def log(self, **entry: Any) -> None:
        """A line of JSON."""
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def keep(self, step: int) -> None:
        """Write the checkpoint where one is due after `step`: complete, or not at all."""
        if (step + 1) % self._every and step + 1 != self._pace.steps:
            return
        state = {
            "step": step + 1,
            "model": self._model.state_dict(),
            "average": self.average,
            "optimizers": [optimizer.state_dict() for optimizer, _ in self._optimizers],
        }
        part = self._checkpoint.with_suffix(".part")
        torch.save(state, part)
        part.replace(self._checkpoint)

    def _blend(self, keep: float) -> None:
        moving = {
            name: value for name, value in self._model.state_dict().items() if value.is_floating_point()
        }
        # All tensors in one go: a GPU would wait for a hundred small calls.
        torch._foreach_lerp_([self.average[name] for name in moving], list(moving.values()), 1 - keep)

    def _resume(self) -> int:
        if not self._checkpoint.is_file():
            return 0
        state = torch.load(self._checkpoint, map_location="cpu", weights_only=True)
        self._model.load_state_dict(state["model"])
        for name, value in state["average"].items():
            self.average[name].copy_(value)
        for (optimizer, _), kept in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        return int(state["step"])

    def _start_log(self) -> None:
        lines = self._log.read_text("utf-8").splitlines() if self._log.is_file() and self.first else []
        kept = [line for line in lines if json.loads(line).get("step", -1) < self.first]
        own = {"settings": asdict(self._pace)}
        # A run that goes on with other settings says so where it does.
        if [entry for entry in map(json.loads, kept) if "settings" in entry][-1:] != [own]:
            kept.append(json.dumps(own))
        self._log.write_text("\n".join(kept) + "\n", "utf-8")


def _optimizers(
    model: nn.Module, pace: Pace, epsilon: float, blocks: tuple[str, ...]
) -> list[tuple[torch.optim.Optimizer, float]]:
    """Each with its largest learning rate."""
    named = list(model.named_parameters())
    inside = {name for name, value in named if value.ndim == 2 and any(part in name for part in blocks)}
    hidden = [value for name, value in named if name in inside]
    others = [value for name, value in named if name not in inside]
    muon = torch.optim.Muon(hidden, lr=pace.muon, momentum=0.95, weight_decay=pace.weight_decay)
    adam = torch.optim.AdamW(others, lr=pace.peak, betas=(0.9, 0.98), eps=epsilon, weight_decay=0.0)
    return [(muon, pace.muon), (adam, pace.peak)]


def _share(step: int, pace: Pace) -> float:
    """Of the largest learning rate: up in a line, then down along a cosine to a hundredth."""
    if step < pace.warm_up:
        return (step + 1) / pace.warm_up
    along = (step - pace.warm_up) / max(1, pace.steps - pace.warm_up)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * along)) / 2
