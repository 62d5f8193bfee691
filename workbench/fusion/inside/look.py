"""`look`: one or more examples inside a fusion that was compared, from the weights its report holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.calling import verb
from workbench.data.examples import Examples
from workbench.errors import BadInputError, UnavailableError
from workbench.fusion.comparison.report import FusionReport
from workbench.fusion.comparison.saved_reports import made_by
from workbench.fusion.inside.cross_attention import crossing
from workbench.fusion.inside.look_and_regions import Look

if TYPE_CHECKING:
    from torch import nn

    from workbench.fusion.comparison.dataset import Batch
    from workbench.fusion.design import Fusion

__all__ = ["look"]

_REFERENCE = 40  # items over which a sum's functions are averaged


@verb
def look(report: FusionReport, fusion: str, items: Sequence[int]) -> Look:
    """Where a fusion looked, what its gates said, and what it would say to each modality alone.

    The model of the report's first seed is built again from the weights in it.

    Args:
        report: of `compare`, or one opened with its data.
        fusion: a name in it.
        items: item numbers in `report.examples` (such as `report.items[:3]`).

    Returns:
        A `Look`: `.probability` is item x class.

    Raises:
        UnknownNameError: the fusion is not in the report.
        UnavailableError: it was not reached before the comparison was interrupted, the report was
            opened without its data, or the fusion is one of your own and its code is not in the report.
        BadInputError: no items, or one that the examples do not have.

    Example:
        >>> from workbench.fusion import Plan, compare, gaussian, look
        >>> tiny = Plan(epochs=1, contributions=False, noise_test=(0.0,), p_missing_test=(0.0,))
        >>> report = compare(gaussian(200), ["mean-logits"], seeds=1, plan=tiny)
        >>> look(report, "mean-logits", report.items[:3]).probability.shape
        (3, 2)
    """
    import torch

    from workbench.fusion.comparison.dataset import on_device, scaling_of

    report.index(fusion)  # raises where it was not compared
    if report.examples is None:
        raise UnavailableError(
            "This report came without its examples, so there is nothing to look at. Open it with the data it "
            "was measured on: open_report(folder, data)."
        )
    if fusion not in report.weights:
        raise UnavailableError(
            f"{fusion} was not finished in this comparison, so there is nothing to look into. Compare again."
        )
    examples: Examples = report.examples
    wanted = _checked(items, len(examples))
    module = _rebuilt(report, fusion)
    reference = report.items[:_REFERENCE]
    rows = np.concatenate([wanted, reference])
    inputs: Batch = {}
    for name, (mean, scale) in scaling_of(examples, report.plan).items():
        inputs[name] = on_device(examples.modalities[name][rows], mean, scale, "cpu")
    own = {name: (x[: len(wanted)], mask[: len(wanted)]) for name, (x, mask) in inputs.items()}
    with torch.inference_mode():
        out = module(own, look=True, alone=True)
        joint = _interaction(module, inputs, len(wanted)) if len(inputs) == 2 else None
    attentions = {name: weights.numpy() for name, weights in out.attentions.items()}
    masks = {name: mask.numpy() for name, (_, mask) in own.items()}
    return Look(
        fusion,
        wanted,
        out.logits.softmax(dim=-1).numpy(),
        {name: logits.softmax(dim=-1).numpy() for name, logits in out.per_modality.items()},
        attentions,
        {name: values.numpy() for name, values in out.gates.items()},
        masks,
        crossing(attentions, masks),
        examples.labels[wanted],
        joint,
    )


def _checked(items: Sequence[int], count: int) -> NDArray[np.int64]:
    wanted = np.asarray(list(items), dtype=np.int64)
    strange = [int(item) for item in wanted if not 0 <= item < count]
    if not len(wanted) or strange:
        what = f"item {strange[0]}" if strange else "no items"
        raise BadInputError(f"look got {what}; expected at least one item number from 0 to {count - 1}.")
    return wanted


def _rebuilt(report: FusionReport, name: str) -> nn.Module:
    import torch

    from workbench.fusion.design import Spec
    from workbench.fusion.modules.builders import build

    modalities = report.examples.modalities
    spec = Spec(
        {m: tokens.values.shape[2] for m, tokens in modalities.items()},
        {m: tokens.values.shape[1] for m, tokens in modalities.items()},
        len(report.classes),
    )
    module = build(_built(report, name), spec, report.plan.design)
    state = {key: torch.from_numpy(np.array(value)) for key, value in report.weights[name].items()}
    module.load_state_dict(state)
    return module.eval()


def _built(report: FusionReport, name: str) -> Fusion:
    made = made_by(report, name)
    if made is None:
        raise UnavailableError(
            f"{name} is a fusion of your own, and a saved report holds weights and no code. Compare again to "
            "look into it."
        )
    return made


def _interaction(module: Any, inputs: Batch, count: int) -> NDArray[np.float32]:
    """item x class: logits minus those of the nearest sum of one function a modality.

    The functions are means over the reference items, which follow the first `count` rows of `inputs`.
    """
    import torch

    (first, (a, a_mask)), (second, (b, b_mask)) = inputs.items()

    def logits(i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
        found = module({first: (a[i], a_mask[i]), second: (b[j], b_mask[j])}).logits
        return found - found.mean(dim=1, keepdim=True)

    others = torch.arange(count, len(a))
    each, every = others.repeat_interleave(len(others)), others.repeat(len(others))
    middle = logits(each, every).mean(dim=0)
    joint = []
    for item in range(count):
        here = torch.full_like(others, item)
        summed = logits(here, others).mean(dim=0) + logits(others, here).mean(dim=0) - middle
        joint.append(logits(here[:1], here[:1])[0] - summed)
    return torch.stack(joint).numpy()
