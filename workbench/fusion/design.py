"""The contract of a fusion: what goes in, what comes out, what it may cost, what it claims to be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from workbench.axes import check_count
from workbench.calling import check_options
from workbench.errors import BadInputError

if TYPE_CHECKING:
    import torch

__all__ = [
    "TRAININGS",
    "Design",
    "Fusion",
    "FusionCard",
    "FusionOutput",
    "Inputs",
    "Kind",
    "Plan",
    "Spec",
    "Training",
    "Where",
]

Kind = Literal["additive", "scalar-gated", "bilinear", "universal", "unimodal"]
"""What a fusion can represent, from its equation alone.

additive: logits are a sum of one term a modality. AUROC on XOR is exactly one half.
scalar-gated: one weight an item and modality; its *decision* is still that of an additive score.
bilinear: sums of `rank` products of one factor a modality (of features; encoders may be non-linear).
universal: no limit of the operator is known; XOR, match, sum-modulo and products are learned.
unimodal: sees one modality.
"""
Training = Literal["joint", "separate", "experts-first"]
"""How a plan trains; see `Plan.training`."""
TRAININGS: tuple[Training, ...] = ("joint", "separate", "experts-first")
Where = Literal["early", "mid", "late", "hybrid", "alone"]

Inputs = Mapping[str, "tuple[torch.Tensor, torch.Tensor]"]
"""Modality to (tokens, mask): batch x token x feature float, batch x token bool (True = present).

A modality may be missing: leave its key out, or give a mask without a True. Values under a False
mask are never read (they may be NaN).
"""


@dataclass(frozen=True)
class Spec:
    """What the data look like: all that a fusion must know to be built.

    Attributes:
        features: modality to length of a token's vector; the order of modalities is fixed here.
        tokens: modality to the most tokens an item has.
        classes: number of logits.

    Raises:
        BadInputError: not the same modalities in both, or a size below 1.
    """

    features: Mapping[str, int]
    tokens: Mapping[str, int]
    classes: int

    def __post_init__(self) -> None:
        sizes = {"features": self.features, "tokens": self.tokens}
        if not all(isinstance(one, Mapping) for one in sizes.values()):
            raise BadInputError(
                f"Spec got features {self.features!r} and tokens {self.tokens!r}; expected of each modality "
                "a number: {'image': 64, 'text': 32}."
            )
        if list(self.features) != list(self.tokens) or not self.features:
            raise BadInputError(
                f"Spec got features of {list(self.features)} and tokens of {list(self.tokens)}; "
                "expected the same modalities in the same order, at least one."
            )
        for name, of_each in sizes.items():
            for modality, size in of_each.items():
                check_count(f"Spec.{name}[{modality!r}]", size, 1)
        check_count("Spec.classes", self.classes, 1)


@dataclass(frozen=True)
class Design:
    """The size of every fusion alike, so that a comparison compares fusions and not budgets.

    Attributes:
        width: features of a token inside.
        depth: transformer blocks each modality passes (a joint block counts for all).
        heads: attention heads.
        expand: hidden width of a block's MLP, in widths.
        rank: of low-rank fusion.
        bottleneck: tokens of the bottleneck (MBT) and latents of the perceiver.
    """

    width: int = 32
    depth: int = 2
    heads: int = 2
    expand: int = 2
    rank: int = 4
    bottleneck: int = 4

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise BadInputError(f"Design.{name} is {value!r}; expected a whole number of at least 1.")
        if self.width % self.heads:
            raise BadInputError(
                f"width={self.width} cannot be shared among heads={self.heads}; expected a multiple."
            )


@dataclass(frozen=True)
class Plan:
    """How every fusion of one comparison is trained and tested: the same for all of them.

    Attributes:
        design: the size of every fusion.
        epochs: passes over the training rows; the epoch kept is the best on validation.
        batch_size: rows a step.
        learning_rate, weight_decay: of AdamW.
        training: "joint" trains encoders through the fusion; "separate" trains an expert for each
            modality first, freezes it, and then trains only what combines them; "experts-first" trains the
            experts like that too, and then all of it jointly, so that a sum of answers does not begin where
            one expert answers for both (a start, not more data: it takes twice the epochs).
        p_missing_train: chance that a modality of a training item is dropped (never all of them); the
            report's notes count what really was.
        p_missing_test: rates at which one modality of the test rows is dropped.
        noise_test: standard deviations of the noise added to one modality's tokens at test time, in
            units of that modality's own standard deviation.
        most_train: at most so many training rows (chosen once, the same for all); None takes all.
        contributions: whether Shapley values, EMAP and the information decomposition are computed.

    Example:
        >>> from workbench.fusion import Plan
        >>> Plan(epochs=5).with_design(width=64).design.width
        64
    """

    design: Design = field(default_factory=Design)
    epochs: int = 15
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    training: Training = "joint"
    p_missing_train: float = 0.0
    p_missing_test: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    noise_test: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 4.0)
    most_train: int | None = None
    contributions: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.design, Design):
            raise BadInputError(f"Plan.design is {self.design!r}; expected a Design(width=..., depth=...).")
        for name in ("epochs", "batch_size", "most_train"):
            value = getattr(self, name)
            if not (_whole(value) and value >= 1) and not (name == "most_train" and value is None):
                raise BadInputError(f"Plan.{name} is {value!r}; expected a whole number of at least 1.")
        if not (_number(self.learning_rate) and self.learning_rate > 0):
            raise BadInputError(f"Plan.learning_rate is {self.learning_rate!r}; expected a number above 0.")
        if not (_number(self.weight_decay) and self.weight_decay >= 0):
            raise BadInputError(
                f"Plan.weight_decay is {self.weight_decay!r}; expected a number of at least 0."
            )
        if self.training not in TRAININGS:
            raise BadInputError(
                f"Plan.training is {self.training!r}; expected 'joint', 'separate' or 'experts-first'."
            )
        if not (_number(self.p_missing_train) and 0 <= self.p_missing_train <= 1):
            raise BadInputError(
                f"Plan.p_missing_train is {self.p_missing_train!r}; expected the share of items that lose a "
                "modality, from 0 (none) to 1."
            )
        for name, most, what in (
            ("p_missing_test", 1.0, "rates from 0 to 1"),
            ("noise_test", math.inf, "levels"),
        ):
            object.__setattr__(self, name, _levels(name, getattr(self, name), most, what))

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON-ready plain values."""
        return asdict(self)

    def with_design(self, **changes: int) -> Plan:
        """The same plan with `changes` of its `Design`: `plan.with_design(width=64)`.

        Raises:
            BadInputError: a `Design` has no such size, or cannot have this one.
        """
        check_options(Design, changes, of="with_design")
        return replace(self, design=replace(self.design, **changes))


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _levels(name: str, given: Any, most: float, what: str) -> tuple[float, ...]:
    """Levels of a curve, as floats; a curve needs one at least, and each further to the right."""
    levels = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else ()
    fits = bool(levels) and all(_number(level) and 0 <= level <= most for level in levels)
    if not fits or any(later <= level for level, later in pairwise(levels)):
        raise BadInputError(
            f"Plan.{name} is {given!r}; expected rising {what}, at least one: {name}=(0.0, 0.5, 1.0)."
        )
    return tuple(float(level) for level in levels)


@dataclass(frozen=True)
class FusionCard:
    """A fusion in one row: where it meets, what it can represent, and whose idea it is.

    Attributes:
        name: what `build`, `prove` and `compare` take.
        title: for people.
        where: early, mid, late, hybrid, or alone (one modality).
        channel: what crosses: "full tokens", "bottleneck tokens", "directed tokens", "vector", "logits".
        operator: "attention", "gate", "bilinear", "MLP", "sum".
        kind: what it can represent; `prove` holds it to that.
        rank: of a bilinear one ("rank of the design", "width"), else "".
        equation: plain text with v, t for the two modalities' vectors, V, T for their tokens.
        paper: authors, year, identifier.
        trap: what goes wrong with it in practice, in one sentence; "" if nothing special does.
        experts: whether each modality has encoders of its own before anything meets, so that
            training can be "separate".
    """

    name: str
    title: str
    where: Where
    channel: str
    operator: str
    kind: Kind
    equation: str
    paper: str
    rank: str = ""
    trap: str = ""
    experts: bool = True


@dataclass(frozen=True)
class Fusion:
    """A fusion that can be built: its card, and how. Make one of your own and pass it to `compare`.

    Attributes:
        card: what it is, where it meets, and its class.
        build: (spec, design) to a torch module; called on `Inputs` it returns a `FusionOutput`.
        options: settings that belong to this fusion alone ({"layer": 1} of the slider).
    """

    card: FusionCard
    build: Callable[[Spec, Design], Any] = field(repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name on its card."""
        return self.card.name


@dataclass
class FusionOutput:
    """What every fusion answers. Tensors, batch first.

    Shapes:
        logits: batch x class
        fused: batch x width, the vector that the last linear map reads (for late fusions the
            concatenated logits or vectors of the experts)
        per_modality: modality to batch x class: the answer when only that modality is given;
            filled by `module(inputs, alone=True)`
        attentions: "LAYER/QUERIES->KEYS" to batch x head x query x key, filled by
            `module(inputs, look=True)`; the sides name what stands there in order, joined by "+": a
            modality (its tokens), or "cls", "null" (one token), "b", "latents" (the design's
            bottleneck). Rows of a masked query are not meaningful
        gates: name to batch x (1, modality or width): values that weigh or scale; filled always
        present: modality to batch, bool
        auxiliary: further logits trained on the same labels (heads of the hybrid)
    """

    logits: torch.Tensor
    fused: torch.Tensor
    per_modality: dict[str, torch.Tensor] = field(default_factory=dict)
    attentions: dict[str, torch.Tensor] = field(default_factory=dict)
    gates: dict[str, torch.Tensor] = field(default_factory=dict)
    present: dict[str, torch.Tensor] = field(default_factory=dict)
    auxiliary: dict[str, torch.Tensor] = field(default_factory=dict)
