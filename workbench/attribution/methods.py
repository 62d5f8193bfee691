"""The methods by name: what each explains, what it needs of a model, and what it cannot tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from workbench.calling import verb
from workbench.errors import UnknownNameError, did_you_mean

__all__ = ["METHODS", "MethodCard", "method_card"]

Need = Literal["attention", "gradients", "features"]


@dataclass(frozen=True)
class MethodCard:
    """A method in one row.

    Attributes:
        name: what `attribute` takes.
        family: "attention", "gradient x attention", "class activation", "path", "perturbation",
            "second order" or "baseline".
        sides: what it maps: "image", "text" or both.
        needs: "attention" (of the image tower), "gradients", "features" (a grid of image features).
        signed: whether negative values mean "speaks against".
        order: 2 where it gives importance to pairs of word and patch.
        uses_target: False where the map is the same for every text: then it explains the tower, no score.
        blind_to: one sentence: what it cannot tell.
        source: paper and year.
    """

    name: str
    title: str
    family: str
    sides: tuple[str, ...]
    needs: tuple[Need, ...]
    signed: bool
    blind_to: str
    source: str
    order: int = 1
    uses_target: bool = True


_BOTH = ("image", "text")
_IMAGE = ("image",)

_CARDS = (
    MethodCard(
        "attention", "Raw attention", "attention", _BOTH, ("attention",), False,
        "The same for every text: where the pooled token reads in one layer, not why the score is high.",
        "Vaswani et al. 2017; Dosovitskiy et al. 2021", uses_target=False,
    ),
    MethodCard(
        "rollout", "Attention rollout", "attention", _BOTH, ("attention",), False,
        "It is the same for every text, and treats every head as equally important.",
        "Abnar and Zuidema 2020", uses_target=False,
    ),
    MethodCard(
        "relevance", "Chefer et al. relevance", "gradient x attention", _BOTH,
        ("attention", "gradients"), False,
        "It keeps what speaks for the target and drops what speaks against it.",
        "Chefer, Gur and Wolf, ICCV 2021, equations 5 and 6",
    ),
    MethodCard(
        "legrad", "LeGrad", "gradient x attention", _IMAGE, ("attention", "gradients"), False,
        "It keeps positive gradients only, and a patch counts for what it could do, not for what it holds.",
        "Bousselham et al., ICCV 2025, equations 5 to 9; on a pooling head's attention where there is one",
    ),
    MethodCard(
        "grad-eclip", "Grad-ECLIP", "gradient x attention", _BOTH, ("attention", "gradients"), False,
        "It reads the last blocks alone; what earlier ones mixed is laid at the wrong place.",
        "Zhao et al., ICML 2024, equations 8 to 11",
    ),
    MethodCard(
        "grad-cam", "Grad-CAM", "class activation", _IMAGE, ("gradients", "features"), False,
        "It averages the gradient over the picture, which hides an object that speaks for and one against.",
        "Selvaraju et al., ICCV 2017",
    ),
    MethodCard(
        "hires-cam", "HiResCAM", "class activation", _IMAGE, ("gradients", "features"), False,
        "It is exact for a linear head over one layer only; what later layers mix, it does not see.",
        "Draelos and Carin 2020",
    ),
    MethodCard(
        "element-cam", "ElementWise CAM", "class activation", _IMAGE, ("gradients", "features"), False,
        "It drops every negative product before summing, so it looks surer than it is.",
        "Pillai and Pirsiavash 2021; as in pytorch-grad-cam",
    ),
    MethodCard(
        "layer-cam", "LayerCAM", "class activation", _IMAGE, ("gradients", "features"), False,
        "It keeps positive gradients only: evidence against is invisible.",
        "Jiang et al., TIP 2021",
    ),
    MethodCard(
        "integrated-gradients", "Integrated gradients", "path", _BOTH, ("gradients",), True,
        "It is the difference from a picture of one colour: what has that colour cannot be important.",
        "Sundararajan, Taly and Yan, ICML 2017; computed by captum",
    ),
    MethodCard(
        "layer-integrated-gradients", "Layer integrated gradients", "path", _BOTH,
        ("gradients", "features"), True,
        "It explains the tokens of one layer, which by then have read each other.",
        "Sundararajan et al. 2017; computed by captum",
    ),
    MethodCard(
        "kernel-shap", "KernelSHAP", "perturbation", _BOTH, (), True,
        "Beyond ten parts it is an estimate from samples: with few of them its noise hides the differences.",
        "Lundberg and Lee, NeurIPS 2017; computed by captum",
    ),
    MethodCard(
        "occlusion", "Occlusion", "perturbation", _BOTH, (), True,
        "It masks one patch at a time: what is there twice seems unimportant.",
        "Zeiler and Fergus, ECCV 2014; computed by captum",
    ),
    MethodCard(
        "interactions", "Pairwise (word-patch) interactions", "second order", _BOTH, (), True,
        "It is a bilinear fit over samples: what three words say together is not in it.",
        "weighted Banzhaf interactions of two modalities, as FIxLIP, Baniecki et al., NeurIPS 2025", order=2,
    ),
    MethodCard(
        "random", "Random map", "baseline", _BOTH, (), False,
        "Everything: it is here to be compared with.", "", uses_target=False,
    ),
    MethodCard(
        "centre", "Centre prior", "baseline", _IMAGE, (), False,
        "Everything but that things are mostly photographed in the middle.", "", uses_target=False,
    ),
)  # fmt: skip

METHODS: Mapping[str, MethodCard] = {card.name: card for card in _CARDS}
"""Every method by name, in the order in which they are shown."""


@verb
def method_card(name: str) -> MethodCard:
    """The row of a method.

    Raises:
        UnknownNameError: there is none of this name.
    """
    if isinstance(name, str) and name not in METHODS:
        name = {_plain(one): one for one in METHODS}.get(_plain(name), name)
    if name not in METHODS:
        raise UnknownNameError(
            f"There is no attribution method {name!r}; there are {', '.join(METHODS)}."
            f"{did_you_mean(str(name), METHODS)}"
        )
    return METHODS[name]


def _plain(name: str) -> str:
    """A name without case and hyphens: "Grad-CAM", "gradcam" and "grad-cam" are one."""
    return re.sub(r"[\s_-]", "", name).casefold()
