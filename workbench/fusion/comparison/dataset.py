"""Examples made ready for training: checked, scaled by the training rows, and on the device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.data.examples import SPLITS, Examples, Tokens, measured_numbers
from workbench.devices import choose_device
from workbench.errors import BadInputError
from workbench.formatting import one_line, plural
from workbench.fusion.design import Plan, Spec

__all__ = ["Bundle", "bundle", "gather", "gather_rows", "on_device", "scaling_of"]

_ROWS_A_SEED = 4  # an interval over seeds means little when the test rows are fewer than a few a seed
Batch = dict[str, tuple[Tensor, Tensor]]


@dataclass(frozen=True, eq=False)
class Bundle:
    """What training and testing read.

    Attributes:
        inputs: modality to (tokens, mask) of every item; each feature has mean 0 and deviation 1 over
            the present tokens of the training rows.
        labels: item.
        rows: part of the data to item numbers, those without a label left out.
        mean, scale: modality to what was taken away and divided by, in the precision of its tokens.
    """

    spec: Spec
    inputs: Batch
    labels: Tensor
    rows: dict[str, NDArray[np.int64]]
    mean: dict[str, NDArray[np.floating]]
    scale: dict[str, NDArray[np.floating]]
    notes: tuple[str, ...]

    @property
    def log_prior(self) -> Tensor:
        """class: log share of each class among the training rows, one item added to each."""
        count = torch.bincount(self.labels[self.rows["train"]], minlength=self.spec.classes) + 1.0
        return (count / count.sum()).log()


def bundle(examples: Examples, plan: Plan, seeds: int) -> Bundle:
    """Checked and scaled examples.

    Raises:
        BadInputError: one class, labels missing everywhere, a modality absent from all training rows,
            NaN or infinite features, classes that are tested and never trained, or too few rows.
    """
    if examples.measured:
        raise BadInputError(measured_numbers("labels", examples.measured))
    rows, notes = _rows(examples, plan)
    _check_classes(examples, rows)
    _check_counts(examples, rows, seeds)
    notes += _check_tokens(examples, rows)
    device = choose_device()
    inputs, means, scales = {}, {}, {}
    for name, tokens in examples.modalities.items():
        means[name], scales[name] = _scaling(tokens[rows["train"]])
        inputs[name] = on_device(tokens, means[name], scales[name], device)
    spec = Spec(
        {name: tokens.values.shape[2] for name, tokens in examples.modalities.items()},
        {name: tokens.values.shape[1] for name, tokens in examples.modalities.items()},
        len(examples.classes),
    )
    labels = torch.tensor(np.maximum(examples.labels, 0), device=device)
    return Bundle(spec, inputs, labels, rows, means, scales, notes)


def on_device(
    tokens: Tokens, mean: NDArray[np.floating], scale: NDArray[np.floating], device: torch.device | str
) -> tuple[Tensor, Tensor]:
    """(values, mask) scaled in the precision of the tokens, then float32; what is masked zero."""
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.where(tokens.mask[..., None], (tokens.values - mean) / scale, 0).astype(np.float32)
    return torch.from_numpy(scaled).to(device), torch.tensor(tokens.mask, device=device)


def gather(inputs: Batch, rows: Tensor) -> Batch:
    """The items `rows` (any shape) of every modality: rows.shape x token x feature."""
    return {name: (values[rows], mask[rows]) for name, (values, mask) in inputs.items()}


def scaling_of(
    examples: Examples, plan: Plan
) -> dict[str, tuple[NDArray[np.floating], NDArray[np.floating]]]:
    """Modality to (mean, scale) of the training rows: what `bundle` scales by."""
    train = _rows(examples, plan)[0]["train"]
    return {name: _scaling(tokens[train]) for name, tokens in examples.modalities.items()}


def gather_rows(data: Bundle, rows: NDArray[np.int64]) -> Batch:
    """The items `rows` of every modality."""
    return gather(data.inputs, torch.from_numpy(rows).to(data.labels.device))


def _rows(examples: Examples, plan: Plan) -> tuple[dict[str, NDArray[np.int64]], tuple[str, ...]]:
    known = examples.labels >= 0
    notes: tuple[str, ...] = ()
    if not known.any():
        raise BadInputError(f"No item of {examples.name!r} has a label, so there is nothing to learn.")
    if not known.all():
        notes += (f"{plural(int((~known).sum()), 'item')} without a label left out",)
    rows: dict[str, NDArray[np.int64]] = {}
    for part in SPLITS:
        found = examples.rows(part)
        rows[part] = found[known[found]]
    train = rows["train"]
    if plan.most_train is not None and len(train) > plan.most_train:
        order = train[np.random.default_rng(0).permutation(len(train))]
        rows["train"] = np.sort(_of_every_class(order, examples.labels, plan.most_train))
        notes += (f"{plan.most_train:,} of {len(train):,} training rows, the same for all",)
    return rows, notes


def _of_every_class(order: NDArray[np.int64], labels: NDArray, most: int) -> NDArray[np.int64]:
    """The first `most` rows of an order; a class that is not among them gets its first row in, for another.

    A class of few rows is easily drawn out of training altogether, and no fusion can name it then.
    """
    kept = order[:most]
    classes, first = np.unique(labels[order], return_index=True)
    lost = order[np.sort(first[~np.isin(classes, labels[kept])])][:most]
    for row in lost:
        common, count = np.unique(labels[kept], return_counts=True)
        spare = np.flatnonzero(labels[kept] == common[count.argmax()])[-1]
        kept = np.append(np.delete(kept, spare), row)
    return kept


def _check_classes(examples: Examples, rows: dict[str, NDArray[np.int64]]) -> None:
    trained = np.unique(examples.labels[rows["train"]])
    if len(trained) < 2:
        raise BadInputError(
            f"The training rows of {examples.name!r} hold {plural(len(trained), 'class', 'classes')}; "
            "to compare fusions there must be at least two."
        )
    for part in ("validation", "test"):
        found, count = np.unique(examples.labels[rows[part]], return_counts=True)
        strange = [k for k in range(len(found)) if found[k] not in trained]
        if strange:
            names = ", ".join(
                f"{one_line(examples.classes[found[k]], most=30)!r} ({plural(int(count[k]), 'row')})"
                for k in strange[:3]
            )
            raise BadInputError(
                f"The {part} rows of {examples.name!r} hold {plural(len(strange), 'class', 'classes')} that "
                f"the training rows do not: {names}. No fusion can name what it was never shown. Move some "
                "of these rows to train, or leave them out."
            )


def _check_counts(examples: Examples, rows: dict[str, NDArray[np.int64]], seeds: int) -> None:
    counts = {part: len(found) for part, found in rows.items()}
    least = max(_ROWS_A_SEED * seeds, 2)
    need = {"train": least, "validation": 2, "test": least}
    short = [part for part in SPLITS if counts[part] < need[part]]
    if short:
        found = ", ".join(f"{counts[part]} {part}" for part in SPLITS)
        raise BadInputError(
            f"{examples.name!r} has too few rows ({found}) for {plural(seeds, 'seed')}: at least "
            f"{least} to train on, 2 to choose the epoch by and {least} to test on are needed, or the "
            "interval over seeds says nothing about new data. Bring more rows, or ask for fewer seeds."
            + _hint(examples)
        )


def _hint(examples: Examples) -> str:
    """Texts taken for labels: nearly every row its own class."""
    labels = examples.labels[examples.labels >= 0]
    if len(np.unique(labels)) <= len(labels) / 2:
        return ""
    return f" {len(np.unique(labels))} classes in {len(labels)} rows: is this the column of the labels?"


def _check_tokens(examples: Examples, rows: dict[str, NDArray[np.int64]]) -> tuple[str, ...]:
    notes: tuple[str, ...] = ()
    for name, tokens in examples.modalities.items():
        if not tokens.present[rows["train"]].any():
            raise BadInputError(
                f"{name!r} is absent from every training row of {examples.name!r}: its mask is False "
                "throughout. Nothing can be fused with it. Leave the modality out, or check its column."
            )
        bad = ~np.isfinite(np.where(tokens.mask[..., None], tokens.values, 0)).all(axis=(1, 2))
        if bad.any():
            first = int(np.flatnonzero(bad)[0])
            raise BadInputError(
                f"{name!r} holds NaN or infinite features in {plural(int(bad.sum()), 'item')}, first in item "
                f"{first}. Repair them, or set their mask to False so that they count as missing."
            )
        missing = int((~tokens.present).sum())
        if missing:
            notes += (f"{name} is missing from {plural(missing, 'item')}",)
        coarse = _coarse(tokens[rows["train"]])
        if coarse:
            notes += (
                f"{name}: {plural(coarse, 'feature')} came in float32, whose steps there are a hundredth or "
                "more of what tells the values apart; give float64",
            )
    return notes


def _scaling(tokens: Tokens) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """feature: mean and deviation over present tokens; a feature that never changes is divided by 1.

    "Never" is judged beside the size of the feature's own numbers, so that a unit changes nothing.
    """
    there = tokens.values[tokens.mask]
    with np.errstate(over="ignore", invalid="ignore"):
        mean, scale = there.mean(axis=0), there.std(axis=0)
    far = ~((scale > 1e-6) & (scale < 1e6))
    if far.any():  # the squares of such numbers may lie outside float32
        wide = there[:, far].astype(np.float64)
        mean[far], scale[far] = wide.mean(axis=0), wide.std(axis=0)
    rounding = 8 * np.finfo(there.dtype).eps * np.abs(there).max(axis=0, initial=0)
    return mean, np.where(scale > rounding, scale, 1).astype(there.dtype)


def _coarse(tokens: Tokens) -> int:
    """Features in float32 that change, and by so little that rounding is a hundredth of it."""
    there = tokens.values[tokens.mask]
    if there.dtype != np.float32 or not len(there):
        return 0
    step = np.spacing(np.abs(there).max(axis=0))
    spread = there.max(axis=0) - there.min(axis=0)
    return int(((spread > 0) & (step > 0.01 * spread)).sum())
