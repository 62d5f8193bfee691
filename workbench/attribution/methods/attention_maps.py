"""Maps made from the attention of all layers: as it is, rolled out, weighted by gradients.

The function on tensors at the end is the equation of the paper and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.attention.rollout import with_shortcut
from workbench.attention.sites import Site
from workbench.attention.token_layout import TokenLayout
from workbench.attribution.explained.attention_pass import DECODER, AttentionPass, Route
from workbench.attribution.explained.explained import Explained
from workbench.attribution.method_interface import Maps, Options, pick_layer
from workbench.attribution.methods.relevance_propagation import Propagation

__all__ = ["attention_maps", "relevance_maps", "rollout_maps", "weighted"]


def attention_maps(explained: Explained, options: Options) -> Maps:
    """The attention of one layer (the last, if none is named) from which the score is read, heads averaged.

    Read are the rows on which the score depends: the class token's, the last token's, a pooling head's, or
    all. Patches and words stand each in the last layer that holds them. A layer that is named is one of
    blocks and no pooling head; of a text tower with fewer layers the last is taken.
    """
    passed = explained.attention
    image, layer = _one_layer(passed, options.layer, passed.on_patches)
    text, other = _one_layer(passed, options.layer, passed.on_words, clamped=image is not None)
    return Maps(image, text, layer=layer if layer is not None else other)


def rollout_maps(explained: Explained, options: Options) -> Maps:
    """Attention multiplied from layer to layer, what a token keeps of itself counted as half.

    It begins at `start_layer`, the first if none is named. Where attention crosses, the other sequence's
    matrix comes in.

    Source: Abnar and Zuidema 2020, section 3.
    """
    passed = explained.attention
    propagation = Propagation(passed)
    starts, start, notes = _starts(passed, options.start_layer, two_towers=0)
    for site, route in passed.routes.items():
        propagation.enter(site)
        if site.layer < starts(site):
            continue
        attention = passed.weights(site).mean(dim=0)
        if route.kind == "self":
            propagation.mix(site, with_shortcut(attention, torch.eye(len(attention)).to(attention)))
        else:
            propagation.average(site, attention)
    return _rows(propagation, start, notes, identity=0.0)


def relevance_maps(explained: Explained, options: Options) -> Maps:
    """Gradient-weighted attention, accumulated over the layers from `start_layer` on.

    Where none is named it is what the authors do: every layer counts, as in the paper. Two towers that never
    meet (a CLIP, however it was given) are read at their last layer alone, as in the authors' notebook for
    CLIP: with all layers of a large CLIP the maps spread over the whole picture (their issue 8).
    So one model has one map, whether it came as a dual encoder or with tensors of its own.

    Source: Chefer, Gur and Wolf, ICCV 2021: equations 5 to 7 within a sequence, 8 to 11 across.
    """
    passed = explained.attention
    propagation = Propagation(passed)
    starts, start, notes = _starts(passed, options.start_layer, two_towers=-1)
    used = [site for site in passed.routes if site.layer >= starts(site)]
    slopes = dict(zip(used, passed.gradients(used), strict=True))
    for site, route in passed.routes.items():
        propagation.enter(site)
        if site in slopes:
            through = weighted(passed.weights(site), slopes[site])
        elif route.kind == "self":
            continue
        else:
            through = torch.zeros_like(passed.weights(site)[0])
        if route.kind == "self":
            propagation.add(site, through)
        elif route.kind == "cross":
            propagation.cross(site, through)
        else:
            propagation.pool(site, through)
    return _rows(propagation, start, notes, identity=1.0)


def weighted(attention: Tensor, gradient: Tensor) -> Tensor:
    """The mean over heads of (gradient * attention)+: query x key.

    Source: Chefer, Gur and Wolf 2021, equation 5.
    """
    return (gradient * attention).clamp(min=0).mean(dim=0)


def _starts(
    passed: AttentionPass, asked: int | None, *, two_towers: int
) -> tuple[Callable[[Site], int], int, tuple[str, ...]]:
    """From which layer on a site's sequence counts, the number to report, and what to say.

    In two towers that never meet layers are counted in each, and `two_towers` is where they begin by default;
    in all other models they are counted together, from the first. A pooling head always counts.
    """
    routes = passed.routes
    depths: dict[str, int] = {}
    for site, route in routes.items():
        if route.kind != "pooling":
            depths[route.stream] = max(depths.get(route.stream, 0), site.layer + 1)
    meet = any(route.kind == "cross" for route in routes.values()) or set(depths) != {"image", "text"}
    if meet:
        start = pick_layer(asked, max(depths.values(), default=1), default=0, called="start_layer")
        own = dict.fromkeys(depths, start)
        notes: tuple[str, ...] = ()
    else:
        start = pick_layer(asked, depths["image"], default=two_towers, called="start_layer")
        count, wanted = depths["text"], two_towers if asked is None else asked
        words = wanted % count if -count <= wanted < count else count - 1
        own = {"image": start, "text": words}
        notes = (f"the words from layer {words} on",) if words != start else ()
    return lambda site: own.get(routes[site].stream, 0), start, notes


def _rows(propagation: Propagation, start: int, notes: tuple[str, ...], *, identity: float) -> Maps:
    """The rows read of every sequence that no other reads later; what a token is by itself is left out."""
    passed, routes = propagation.passed, propagation.passed.routes
    image: NDArray[Any] | None = None
    text: NDArray[Any] | None = None
    for stream, sources in propagation.held.items():
        own = [site for site, route in routes.items() if route.stream == stream]
        if not own or _read_later(passed, stream, own[-1]):
            continue
        rows = passed.rows_read(own[-1])
        if not len(rows):
            continue
        for source, matrix in sources.items():
            if source == DECODER:
                continue
            kept = matrix - identity * propagation.began[source] if source == stream else matrix
            values, layout = kept[rows].mean(dim=0), propagation.layout_of(source)
            patches, words = passed.on_patches(layout, values), passed.on_words(layout, values)
            image = patches if image is None else image if patches is None else image + patches
            text = words if text is None else text if words is None else text + words
    return Maps(image, text, start_layer=start, notes=notes if text is not None else ())


def _read_later(passed: AttentionPass, stream: str, last: Site) -> bool:
    """Whether a later attention on which the score depends reads the sequence; a pooling head that stands
    beside a mean, and is not asked, does not.
    """
    sites = list(passed.routes)
    after = [site for site in sites[sites.index(last) + 1 :] if len(passed.rows_read(site))]
    routes = [passed.routes[site] for site in after]
    reads = any(route.key == stream and route.stream != stream for route in routes)
    return reads or (stream in ("image", "text") and any(route.stream == "joint" for route in routes))


def _one_layer(
    passed: AttentionPass,
    layer: int | None,
    shown: Callable[[TokenLayout, Tensor], NDArray[Any] | None],
    *,
    clamped: bool = False,
) -> tuple[NDArray[Any] | None, int | None]:
    """The rows read of one layer that holds what is shown; the last, if none is named, and its number."""
    routes = passed.routes
    layouts = {
        site: found
        for site in routes
        if len(passed.rows_read(site))
        and (found := _layout_read(routes, site)) is not None
        and shown(found, passed.weights(site)[0, 0]) is not None
    }
    fitting = list(layouts)
    if not fitting:
        return None, None
    chosen = fitting[-1]
    if layer is not None:
        blocks: Sequence[Site] = [site for site in fitting if routes[site].kind != "pooling"] or fitting
        beyond = clamped and not -len(blocks) <= layer < len(blocks)
        chosen = blocks[-1] if beyond else blocks[pick_layer(layer, len(blocks))]
    read = passed.weights(chosen)[:, passed.rows_read(chosen)]
    return shown(layouts[chosen], read.mean(dim=(0, 1))), chosen.layer


def _layout_read(routes: Mapping[Site, Route], site: Site) -> TokenLayout | None:
    """How the tokens lie that a site reads; None of those that a decoder has written."""
    if routes[site].key == DECODER:
        return None
    if routes[site].stream == DECODER:  # the encoder's own attention tells how its tokens lie
        return next(one.query for one in routes if routes[one].stream == routes[site].key)
    return site.key
