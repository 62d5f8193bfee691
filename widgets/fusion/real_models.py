"""Fusion inside models in use, in the terms of the lab: where the modalities meet, and through what."""

from __future__ import annotations

from typing import Any

from workbench.fusion import Meeting

__all__ = ["REAL_MODELS", "meeting_view"]

REAL_MODELS: tuple[dict[str, Any], ...] = (
    {
        "model": "CLIP, SigLIP, ALIGN", "specimen": "clip",
        "where": "late", "channel": "one vector each", "closest": "tensor", "join": "dot product",
        "words": "Two towers; nothing crosses before one dot product of the two vectors. Made for retrieval: "
        "every picture and text is encoded once.",
        "read": "attention inside each tower; cosine", "source": "arXiv 2103.00020",
        "trap": "One number for a pair says how well they fit, not why: who did what to whom is lost.",
    },
    {
        "model": "ViLT, VisualBERT", "specimen": "vilt",
        "where": "early", "channel": "full tokens", "closest": "early-tokens",
        "words": "Words and patches in one sequence from the first layer of one transformer.",
        "read": "self-attention in four blocks: text or patch asks text or patch",
        "source": "arXiv 2102.03334",
        "trap": "Nothing can be encoded beforehand: every pair costs a whole forward pass.",
    },
    {
        "model": "FLAVA", "specimen": "flava",
        "where": "early", "channel": "full tokens", "closest": "hybrid",
        "words": "A tower for each modality, then a joint transformer over the tokens of both; each part "
        "also answers alone.",
        "read": "joint self-attention; each tower's own", "source": "arXiv 2112.04482",
        "trap": "Three encoders and several losses: more to balance.",
    },
    {
        "model": "LXMERT, ViLBERT", "specimen": "lxmert",
        "where": "mid", "channel": "directed tokens", "closest": "co-attention",
        "words": "Each modality alone for some layers; then both ask each other, layer after layer.",
        "read": "cross-attention, in both directions", "source": "arXiv 1908.07490; arXiv 1908.02265",
        "trap": "The usual implementation of LXMERT returns only one direction's attention.",
    },
    {
        "model": "BridgeTower", "specimen": "bridgetower",
        "where": "mid", "channel": "directed tokens", "closest": "co-attention",
        "words": "Cross-modal layers fed by a bridge from each of the last layers of both towers.",
        "read": "cross-attention of each bridge layer", "source": "arXiv 2206.08657",
        "trap": "Keeps both towers' activations of many layers.",
    },
    {
        "model": "ALBEF, BLIP", "specimen": "blip",
        "where": "mid", "channel": "directed tokens", "closest": "cross-attention",
        "words": "The text's blocks ask the picture's tokens; the picture never sees the text.",
        "read": "words to patches, layer by layer", "source": "arXiv 2107.07651; arXiv 2201.12086",
        "trap": "Onto one pooled vector cross-attention does nothing: a softmax over one key is 1.",
    },
    {
        "model": "BLIP-2, Q-Former", "specimen": "blip2",
        "where": "mid", "channel": "bottleneck tokens", "closest": "perceiver",
        "words": "A few learned queries read the frozen picture tower; only they go on to the language "
        "model.",
        "read": "queries to patches", "source": "arXiv 2301.12597",
        "trap": "What the queries leave out, the language model never learns.",
    },
    {
        "model": "Flamingo, Idefics", "specimen": "idefics",
        "where": "mid", "channel": "directed tokens, gated",
        "closest": "cross-attention",
        "words": "Cross-attention between the language model's blocks, times tanh(a) with a = 0 at the "
        "start: it begins as the language model alone.",
        "read": "cross-attention, and tanh(a) of each layer", "source": "arXiv 2204.14198",
        "trap": "A gate that stays near 0 is a picture that is ignored.",
    },
    {
        "model": "LLaVA", "specimen": "llava",
        "where": "early", "channel": "full tokens (prefix)", "closest": "early-tokens",
        "words": "Picture tokens, mapped to word vectors, stand before the words of a language model.",
        "read": "attention of words to the picture's tokens", "source": "arXiv 2304.08485",
        "trap": "Causal: patches never see the question; only later words do.",
    },
)  # fmt: skip
"""Rows by model family. `closest` names the fusion of the lab whose graph is nearest."""


def meeting_view(found: Meeting | None) -> dict[str, Any] | None:
    """What was measured in one model, a bar for each direction of each layer."""
    if found is None:
        return None
    return {
        "model": found.model, "said": str(found), "trained": found.trained,
        "layers": [
            {
                "site": one.site, "asks": one.asks, "seen": one.seen, "kind": one.kind, "share": one.share,
                "low": one.low, "high": one.high, "even": one.even, "gate": one.gate,
            }
            for one in found.layers
        ],
    }  # fmt: skip
