"""The attention lens as a static page, and the code that computes what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from widgets.lens.view import COLOURS, Group, shown_weights
from widgets.snapshot import Snapshot, contact_sheet, picture_table
from workbench.capture import Trace, head_statistics

if TYPE_CHECKING:
    from workbench.attribution.without import Without

__all__ = ["as_python", "coloured", "lens_snapshot"]

_SIDE = 192  # pixels of a picture
_HEADER = ("layer", "entropy, bits (even: most)", "distance, patches (even)", "attends most to")
_COVER = 0.65


def lens_snapshot(
    trace: Trace, group: Group, selected: Mapping[str, Any], *, without: Without | None, code: str
) -> Snapshot:
    """The chosen token's attention in every layer: over the picture, in figures, and as arrays."""
    rows, pictures, arrays = [], [], {}
    top = 0.0
    maps: list[NDArray[np.float32]] = []
    for name in group.sites:
        weights = shown_weights(group, dict(selected) | {"site": name})
        maps.append(weights)
        arrays[f"{name}.shown"] = weights
        top = max(top, float(_place_values(group, weights, selected).max()))
    for number, (name, weights) in enumerate(zip(group.sites, maps, strict=True)):
        rows.append(_row(group, number, name, weights, selected))
        pictures.append(_drawn(trace, group, weights, selected, top))
    asked = (group.maps[0].key if selected["backwards"] else group.maps[0].query).names[selected["token"]]
    reading = {
        "head": f"head {selected['head']}",
        "mean": "mean of heads",
        "rollout": "rollout to that layer",
    }
    towards = f"who attends to {asked}" if selected["backwards"] else f"what {asked} attends to"
    caption = f"{trace.provenance.model or 'model'}, {group.title}: {towards}; {reading[selected['reading']]}"
    notes = [
        f"Dark is 0, yellow is {top:.3g}, one scale for all layers, steps of the square root. Every row of "
        "attention adds up to 1; what tokens beside the patches take is not in the picture.",
        "" if without is None else str(without),
        getattr(trace.pair, "credit", ""),
    ]
    for name in group.sites:
        arrays[name] = trace.attention(name).values
    return Snapshot(
        caption,
        picture_table(caption, _HEADER, rows, pictures, notes=notes),
        contact_sheet(pictures, [(row[0], row[3]) for row in rows]),
        arrays,
        trace.provenance.to_dict() | {"selected": dict(selected), "code": code},
    )


def as_python(trace: Trace, group: Group, selected: Mapping[str, Any], *, masked: Mapping[str, Any]) -> str:
    """A cell that captures the same pair and takes the same row of attention."""
    lines = ["from workbench import data, models", "from workbench.capture import capture, rollout", ""]
    if trace.score is not None:
        lines += [
            f"model = models.load({trace.provenance.model!r})",
            f"pair = {getattr(trace.pair, 'code', repr('pair'))}" if not isinstance(trace.pair, tuple)
            else f"pair = (picture, {trace.text!r})",
            "trace = capture(model, pair)",
        ]  # fmt: skip
    else:
        lines += ["trace = capture(model, inputs)  # the model and the tensors captured before"]
    site, token = selected["site"], selected["token"]
    if selected["reading"] == "rollout":
        layers = group.sites[: group.sites.index(site) + 1]
        lines.append(f"flow = rollout([trace.attention(name) for name in {layers!r}])")
        lines.append(f"weights = flow[:, {token}]" if selected["backwards"] else f"weights = flow[{token}]")
    elif selected["backwards"]:
        heads = f"values[{selected['head']}]" if selected["reading"] == "head" else "values.mean(axis=0)"
        lines.append(f"weights = trace.attention({site!r}).{heads}[:, {token}]")
    else:
        head = f", head={selected['head']}" if selected["reading"] == "head" else ""
        lines.append(f"weights = trace.attention({site!r}).row({token}{head})")
    patches, words = (list(masked.get(name, ())) for name in ("patches", "words"))
    if (patches or words) and trace.score is not None:
        lines.insert(2, "from workbench.attribution.without import score_without")
        lines.append(f"score_without(model, pair, patches={patches!r}, words={words!r})")
    return "\n".join(lines) + "\n"


def coloured(values: NDArray[np.floating[Any]], top: float) -> NDArray[np.float64]:
    """... x 3 colours, 0 to 255: the square root of a weight on the scale from 0 to `top`."""
    stops = np.array([[int(one[k : k + 2], 16) for k in (1, 3, 5)] for one in COLOURS], float)
    share = np.sqrt(np.clip(values / top if top > 0 else np.zeros_like(values), 0, 1))
    return np.stack(
        [np.interp(share, np.linspace(0, 1, len(stops)), stops[:, channel]) for channel in range(3)], axis=-1
    )


def _row(
    group: Group, number: int, name: str, weights: NDArray[np.float32], selected: Mapping[str, Any]
) -> tuple[str, ...]:
    figures = head_statistics(group.maps[number])
    heads = slice(selected["head"], selected["head"] + 1) if selected["reading"] == "head" else slice(None)
    distance = float(figures.distance[heads].mean())
    side = group.maps[number].query if selected["backwards"] else group.maps[number].key
    best = int(weights.argmax())
    return (
        name,
        f"{figures.entropy[heads].mean():.2f} ({figures.uniform:.2f})",
        "" if np.isnan(distance) else f"{distance:.2f} ({figures.even_distance:.2f})",
        f"{side.names[best]}, {weights[best]:.1%}",
    )


def _place_values(
    group: Group, weights: NDArray[np.float32], selected: Mapping[str, Any]
) -> NDArray[np.float32]:
    side = group.maps[0].query if selected["backwards"] else group.maps[0].key
    return weights[side.patches] if side.grid is not None else weights


def _drawn(
    trace: Trace, group: Group, weights: NDArray[np.float32], selected: Mapping[str, Any], top: float
) -> Image.Image:
    """The picture under its patches' colours; without a picture, a strip of the tokens."""
    side = group.maps[0].query if selected["backwards"] else group.maps[0].key
    if side.grid is None:
        strip = coloured(weights[None], top).round().astype(np.uint8)
        return Image.fromarray(strip).resize((_SIDE, 24), Image.Resampling.NEAREST)
    tint = coloured(side.on_grid(weights), top).round().astype(np.uint8)
    shape = trace.picture.shape[:2] if trace.picture is not None else side.grid
    size = (_SIDE, max(1, round(_SIDE * shape[0] / shape[1])))
    over = Image.fromarray(tint).resize(size, Image.Resampling.NEAREST)
    if trace.picture is None:
        return over
    ground = Image.fromarray(np.asarray(trace.picture)).convert("L").convert("RGB")
    return Image.blend(ground.resize(size, Image.Resampling.BICUBIC), over, _COVER)
