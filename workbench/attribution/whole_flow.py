"""Attention maps of a model explained as a whole: as it is, rolled out, weighted by gradients."""

from __future__ import annotations

import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.attention.rollout import with_shortcut
from workbench.attention.sites import Site
from workbench.attribution.case import Options
from workbench.attribution.maps import Maps
from workbench.attribution.streams import DECODER, Flow, routes_of
from workbench.attribution.towers import pick_layer
from workbench.attribution.whole import Whole

__all__ = ["attention_whole", "relevance_whole", "rollout_whole"]


def attention_whole(whole: Whole, options: Options) -> Maps:
    """The last attention to patches (and that to words) from which the number is read, heads averaged.

    The rows are those on which the number depends: the class token's, the last token's, or all.
    """
    image, layer = _read_last(whole, options.layer, of_patches=True)
    text, other = _read_last(whole, options.layer, of_patches=False)
    return Maps(image, text, layer=layer if layer is not None else other)


def rollout_whole(whole: Whole, options: Options) -> Maps:
    """Attention multiplied from layer to layer, with what a token keeps of itself counted as half.

    Source: Abnar and Zuidema 2020, section 3, with the other sequence's matrix where attention crosses.
    """
    flow = Flow(whole)
    for site in flow.sites:
        attention = whole.graph.attention[site].mean(dim=0)
        flow.enter(site)
        if flow.routes[site].kind == "self":
            flow.mix(site, with_shortcut(attention, torch.eye(len(attention)).to(attention)))
        else:
            flow.average(site, attention)
    return _shown(whole, flow, identity=0.0)


def relevance_whole(whole: Whole, options: Options) -> Maps:
    """Gradient-weighted attention accumulated over every layer from `start_layer` (0) on.

    Source: Chefer, Gur and Wolf, ICCV 2021: equations 5 to 7 within a sequence, 8 to 11 across.
    """
    flow = Flow(whole)
    deepest = max((site.layer for site in flow.sites), default=0) + 1
    start = pick_layer(options.start_layer, deepest, default=0, called="start_layer")
    for site in flow.sites:
        weighted = whole.graph.gradient[site] * whole.graph.attention[site]
        through = weighted.clamp(min=0).mean(dim=0)
        if site.layer < start:
            through = torch.zeros_like(through)
        flow.enter(site)
        if flow.routes[site].kind == "self":
            flow.add(site, through)
        elif flow.routes[site].kind == "cross":
            flow.cross(site, through)
        else:
            flow.pool(site, through)
    return _shown(whole, flow, identity=1.0, start_layer=start)


def _shown(whole: Whole, flow: Flow, *, identity: float, start_layer: int | None = None) -> Maps:
    """The rows read of every sequence that no other reads later; what a token is by itself is left out."""
    image: NDArray | None = None
    text: NDArray | None = None
    for stream, sources in flow.held.items():
        own = [site for site in flow.sites if flow.routes[site].stream == stream]
        if not own or _read_later(flow, stream, own[-1]):
            continue
        rows = whole.graph.rows_read(own[-1])
        if not len(rows):
            continue
        for source, matrix in sources.items():
            if source == DECODER:
                continue
            kept = matrix - identity * flow.began[source] if source == stream else matrix
            values, layout = kept[rows].mean(dim=0), flow.layout_of(source)
            patches, words = whole.of_patches(layout, values), whole.of_words(layout, values)
            image = patches if image is None else image if patches is None else image + patches
            text = words if text is None else text if words is None else text + words
    return Maps(image, text, start_layer=start_layer)


def _read_later(flow: Flow, stream: str, last: Site) -> bool:
    """Whether a later attention on which the number depends reads the sequence; a pooling head that stands
    beside a mean, and is not asked, does not.
    """
    after = [
        site for site in flow.sites[flow.sites.index(last) + 1 :] if len(flow.whole.graph.rows_read(site))
    ]
    routes = [flow.routes[site] for site in after]
    reads = any(route.key == stream and route.stream != stream for route in routes)
    return reads or (stream in ("image", "text") and any(route.stream == "joint" for route in routes))


def _read_last(whole: Whole, layer: int | None, *, of_patches: bool) -> tuple[NDArray | None, int | None]:
    routes, graph = routes_of(whole), whole.graph

    def shown(site: Site, values: Tensor) -> NDArray | None:
        if routes[site].key == DECODER:
            return None
        layout = site.key
        if routes[site].stream == DECODER:  # the encoder's own attention tells how its tokens lie
            layout = next(one.query for one in whole.sites if routes[one].stream == routes[site].key)
        return whole.of_patches(layout, values) if of_patches else whole.of_words(layout, values)

    fitting = [
        site
        for site in whole.sites
        if len(graph.rows_read(site)) and shown(site, graph.attention[site][0, 0]) is not None
    ]
    if not fitting:
        return None, None
    chosen = fitting[pick_layer(layer, len(fitting))] if layer is not None else fitting[-1]
    rows = graph.rows_read(chosen)
    return shown(chosen, graph.attention[chosen][:, rows].mean(dim=(0, 1))), chosen.layer
