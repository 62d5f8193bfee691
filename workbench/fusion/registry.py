"""The registry: every fusion with its class, its equation and its paper. No torch is needed to read it."""

from __future__ import annotations

import re

from workbench.axes import check_count
from workbench.calling import verb
from workbench.errors import UnknownNameError, did_you_mean
from workbench.formatting import html_table
from workbench.fusion.design import FusionCard, Kind, Where

__all__ = ["CARDS", "DEFAULT", "FusionTable", "available", "card", "slider_card", "slider_settings"]

CARDS: tuple[FusionCard, ...] = (
    FusionCard(
        "early-tokens", "token concatenation", "early", "full tokens", "attention", "universal",
        "X = [cls; T + e_t; V + e_v];  X <- Block(X) x L;  s = W X_cls",
        "Kim et al. 2021, ViLT, arXiv 2102.03334; Li et al. 2019, VisualBERT, arXiv 1908.03557",
        trap="nothing of it can be trained or kept for one modality alone", experts=False,
    ),
    FusionCard(
        "early-input", "input concatenation", "early", "vector", "MLP", "universal",
        "s = MLP([flatten V; flatten T])", "Baltrušaitis et al. 2019, survey, arXiv 1705.09406, section 6.1",
        trap="token positions are fixed: a picture shifted by one patch is a new input", experts=False,
    ),
    FusionCard(
        "co-attention", "co-attention", "mid", "directed tokens", "attention", "universal",
        "V' = V + MHA(V, T, T),  T' = T + MHA(T, V, V) at once;  then Block_v, Block_t;  s = W [v'; t']",
        "Lu et al. 2019, ViLBERT, arXiv 1908.02265; Tan & Bansal 2019, LXMERT, arXiv 1908.07490",
    ),
    FusionCard(
        "cross-attention", "cross-attention, text asks picture", "mid", "directed tokens", "attention",
        "universal", "T' = T + MHA(T, [null; V], [null; V]);  s = W T'_cls",
        "Tsai et al. 2019, MulT, arXiv 1906.00295; Li et al. 2021, ALBEF, arXiv 2107.07651",
        trap="onto one pooled vector it does nothing: a softmax over one key is 1 whatever the query says",
    ),
    FusionCard(
        "bottleneck", "bottleneck tokens (MBT)", "mid", "bottleneck tokens", "attention", "universal",
        "[V; b_v] = Block_v([V; b]),  [T; b_t] = Block_t([T; b]),  b = (b_v + b_t) / 2;  s = mean_m W m_cls",
        "Nagrani et al. 2021, MBT, arXiv 2107.00135",
        trap="with exactly one fused layer it is late fusion: b is averaged after the layer and never read",
    ),
    FusionCard(
        "film", "feature-wise modulation (FiLM)", "mid", "vector", "gate", "universal",
        "V' = (1 + W_g t) * V + W_b t;  then Block_v;  s = W v'_cls",
        "Perez et al. 2018, FiLM, arXiv 1709.07871",
    ),
    FusionCard(
        "gmu", "gated multimodal unit", "mid", "vector", "gate", "universal",
        "h = sum_m z_m * tanh(W_m m),  z = sigmoid(W_z [v; t]), z_t = 1 - z_v;  s = W h",
        "Arevalo et al. 2017, GMU, arXiv 1702.01992",
        trap="with a gate of width 1 it falls to the class of the scalar gate",
    ),
    FusionCard(
        "perceiver", "latent queries (Perceiver)", "mid", "bottleneck tokens", "attention", "universal",
        "Z <- Z + MHA(Z, [V; T]);  Z <- Block(Z);  s = W mean Z",
        "Jaegle et al. 2021, Perceiver IO, arXiv 2107.14795",
    ),
    FusionCard(
        "mean-logits", "mean of logits", "late", "logits", "sum", "additive",
        "s = (s_v + s_t) / 2", "Kittler et al. 1998, On combining classifiers, IEEE TPAMI 20(3)",
        trap="experts trained apart come out underconfident: half the evidence is averaged away",
    ),
    FusionCard(
        "mean-probabilities", "mean of probabilities", "late", "logits", "sum", "additive",
        "p = (softmax s_v + softmax s_t) / 2",
        "Kittler et al. 1998, On combining classifiers, IEEE TPAMI 20(3)",
        trap="one sure expert cannot overrule the other: p never exceeds the mean",
    ),
    FusionCard(
        "product-of-experts", "product of experts", "late", "logits", "sum", "additive",
        "log p = sum_m log p_m - (M - 1) log prior + const", "Hinton 2002, Neural Computation 14(8)",
        trap="evidence that both modalities share is counted twice",
    ),
    FusionCard(
        "learned-weights", "learned weights", "late", "logits", "sum", "additive",
        "s = w_v s_v + w_t s_t,  w = M softmax(a)", "Kittler et al. 1998; Snoek et al. 2005, ACM Multimedia",
    ),
    FusionCard(
        "stacking", "stacking", "late", "logits", "MLP", "universal",
        "s = MLP([s_v; s_t])", "Wolpert 1992, Stacked generalization, Neural Networks 5(2)",
        trap="over experts trained apart it sees only what each modality says alone: chance on XOR",
    ),
    FusionCard(
        "concat-linear", "concatenation, one linear map", "late", "vector", "sum", "additive",
        "s = W [v; t] = W_v v + W_t t", "Peng et al. 2022, OGM-GE, arXiv 2203.15332 (equation 2 splits it)",
        trap="called feature fusion, and yet a sum of one score a modality",
    ),
    FusionCard(
        "concat-mlp", "concatenation, MLP", "late", "vector", "MLP", "universal",
        "s = MLP([v; t])", "Ngiam et al. 2011, Multimodal deep learning, ICML",
    ),
    FusionCard(
        "tensor", "tensor fusion", "late", "vector", "bilinear", "bilinear",
        "s = W vec([1; P_v v] x [1; P_t t])", "Zadeh et al. 2017, TFN, arXiv 1707.07250",
        rank="full", trap="its size is a product: (d_v + 1)(d_t + 1) K weights",
    ),
    FusionCard(
        "low-rank", "low-rank tensor fusion", "late", "vector", "bilinear", "bilinear",
        "s_k = sum_r w_r (A_rk [1; v]) (B_rk [1; t]) + b_k", "Liu et al. 2018, LMF, arXiv 1806.00064",
        rank="rank of the design", trap="in the field's reference code its factors are never trained",
    ),
    FusionCard(
        "scalar-gate", "one weight a modality", "late", "vector", "gate", "scalar-gated",
        "h = sum_m g_m P_m m,  g = softmax(W [v; t]);  s = W h",
        "torchmultimodal AttentionFusionModule; Arevalo et al. 2017 with a gate of width 1",
        trap="looks like attention, and cannot do XOR: its decision is that of an additive score",
    ),
    FusionCard(
        "hybrid", "early and late together", "hybrid", "full tokens", "attention", "universal",
        "s = w_v s_v + w_t s_t + w_vt s_vt,  w = softmax(a);  all three are trained on the label",
        "Wang et al. 2020, Gradient blending, arXiv 1905.12681",
    ),
)  # fmt: skip

DEFAULT: tuple[str, ...] = tuple(card.name for card in CARDS)
"""Every fusion but the slider's settings and the single modalities."""

_SLIDER = re.compile(r"slider-(?P<layer>0|[1-9]\d*)(?:b(?P<bottleneck>[1-9]\d*))?")
_ALONE = re.compile(r"only-(?P<modality>.+)")


class FusionTable(tuple[FusionCard, ...]):
    """Rows of fusions that print as a table."""

    def __repr__(self) -> str:
        return "\n".join(f"{row.name:<19} {row.where:<7} {row.kind:<13} {row.equation}" for row in self)

    def _repr_html_(self) -> str:
        rows = ((row.name, row.where, row.channel, row.kind, row.equation, row.paper) for row in self)
        return html_table("fusions", ("name", "where", "channel", "class", "equation", "paper"), rows)


@verb
def available() -> FusionTable:
    """Every fusion with its class, equation and paper.

    Besides these, `slider-LAYER` and `slider-LAYERbTOKENS` are settings of one family that runs from
    early (`slider-0`) to late (`slider-DEPTH`), and `only-MODALITY` sees one modality.

    Returns:
        A table of `FusionCard`s.

    Example:
        >>> from workbench import fusion
        >>> "mean-logits" in [card.name for card in fusion.available()]
        True
    """
    return FusionTable(CARDS)


@verb
def card(name: str, *, depth: int = 2) -> FusionCard:
    """The row of one fusion.

    Args:
        name: as `available` lists it, `slider-LAYER`, `slider-LAYERbTOKENS` or `only-MODALITY`.
        depth: layers of the model; the slider's card depends on it.

    Returns:
        Its `FusionCard`.

    Raises:
        UnknownNameError: there is none of that name, or none at that depth; the nearest names are given.
        BadInputError: `depth` is below 1.

    Example:
        >>> from workbench import fusion
        >>> fusion.card("mean-logits").kind
        'additive'
    """
    check_count("depth", depth, 1)
    for row in CARDS:
        if row.name == name:
            return row
    if _SLIDER.fullmatch(name):
        layer, bottleneck = slider_settings(name)
        if layer > depth:
            raise UnknownNameError(
                f"There is no fusion {name!r} at depth {depth}: exchange begins at layer 0 to {depth - 1}, "
                f"and slider-{depth} is late. Take one of these, or a deeper design."
            )
        return slider_card(layer, bottleneck, depth=depth)
    alone = _ALONE.fullmatch(name)
    if alone:
        return FusionCard(
            name, f"{alone['modality']} alone", "alone", "vector", "sum", "unimodal", "s = W m", "-",
        )  # fmt: skip
    raise UnknownNameError(
        f"There is no fusion {name!r}; there are {', '.join(DEFAULT)}, slider-0 to slider-DEPTH (late), "
        f"slider-0b4 with four bottleneck tokens, and only-image or only-text."
        f"{did_you_mean(name, DEFAULT)}"
    )


def slider_settings(name: str) -> tuple[int, int]:
    """(fusion layer, bottleneck tokens or 0) of a name such as `slider-1b4`.

    Raises:
        UnknownNameError: not a setting of the slider.
    """
    found = _SLIDER.fullmatch(name)
    if not found:
        raise UnknownNameError(f"{name!r} is no setting of the slider; expected slider-1 or slider-1b4.")
    return int(found["layer"]), int(found["bottleneck"] or 0)


def slider_card(layer: int, bottleneck: int, *, depth: int) -> FusionCard:
    """What one setting of the slider is: its place and its class follow from the layer.

    Layers from `layer` on exchange. Without a bottleneck each stream reads both streams' tokens; with
    one, only shared tokens cross, so the last fused layer carries nothing across.
    """
    last_useful = depth - 2 if bottleneck else depth - 1
    kind: Kind = "universal" if layer <= last_useful else "additive"
    where: Where = "late" if layer >= depth else "early" if layer == 0 and not bottleneck else "mid"
    channel = "logits" if layer >= depth else "bottleneck tokens" if bottleneck else "full tokens"
    trap = ""
    if bottleneck and layer == depth - 1:
        trap = "one fused layer with a bottleneck is late fusion: what crosses is never read"
    through = f", {bottleneck} bottleneck tokens" if bottleneck and layer < depth else ""
    return FusionCard(
        f"slider-{layer}" + (f"b{bottleneck}" if bottleneck else ""),
        f"exchange from layer {layer + 1} of {depth}{through}" if layer < depth else "no exchange: late",
        where, channel, "attention", kind,
        "l < F: m = Block_m(m);  l >= F: m = Block_m(m, keys of both or of b);  s = mean_m W m_cls",
        "Nagrani et al. 2021, MBT, arXiv 2107.00135, figure 2",
        trap=trap,
    )  # fmt: skip
