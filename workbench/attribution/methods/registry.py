"""Every method by name: its card and the function that computes it, in one row; users add their own.

A function is given an `Explained` and `Options` and returns `Maps`. Those of this package are named by where
they stand in `workbench.attribution.methods` and are imported when they are first called: a card costs no
torch.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, get_args

from workbench.attribution.method_interface import Maps, MethodCard, Need, Options
from workbench.calling import verb
from workbench.errors import BadInputError, UnknownNameError, did_you_mean

if TYPE_CHECKING:
    from workbench.attribution.explained.explained import Explained

__all__ = ["METHODS", "function_of", "method_card", "register_method", "registered_methods"]

Method = Callable[["Explained", Options], Maps]

_BOTH = ("image", "text")
_IMAGE = ("image",)

_BUILT_IN: tuple[tuple[MethodCard, str], ...] = (
    (MethodCard(
        "attention", "Raw attention", "attention", _BOTH, ("attention",), False,
        "The same for every text: where the pooled token reads in one layer, not why the score is high.",
        "Vaswani et al. 2017; Dosovitskiy et al. 2021", uses_target=False,
    ), "attention_maps.attention_maps"),
    (MethodCard(
        "rollout", "Attention rollout", "attention", _BOTH, ("attention",), False,
        "It is the same for every text, and treats every head as equally important.",
        "Abnar and Zuidema 2020", uses_target=False,
    ), "attention_maps.rollout_maps"),
    (MethodCard(
        "relevance", "Chefer et al. relevance", "gradient x attention", _BOTH,
        ("attention", "gradients"), False,
        "It keeps what speaks for the target and drops what speaks against it.",
        "Chefer, Gur and Wolf, ICCV 2021, equations 5 and 6",
    ), "attention_maps.relevance_maps"),
    (MethodCard(
        "legrad", "LeGrad", "gradient x attention", _IMAGE, ("attention", "gradients", "towers"), False,
        "It keeps positive gradients only, and a patch counts for what it could do, not for what it holds.",
        "Bousselham et al., ICCV 2025, equations 5 to 9; on a pooling head's attention where there is one",
    ), "legrad.legrad_maps"),
    (MethodCard(
        "grad-eclip", "Grad-ECLIP", "gradient x attention", _BOTH,
        ("attention", "gradients", "towers"), False,
        "It reads the last blocks alone; what earlier ones mixed is laid at the wrong place.",
        "Zhao et al., ICML 2024, equations 8 to 11",
    ), "grad_eclip.grad_eclip_maps"),
    (MethodCard(
        "grad-cam", "Grad-CAM", "class activation", _IMAGE, ("gradients", "features", "towers"), True,
        "It averages the gradient over the picture, which hides an object that speaks for and one against.",
        "Selvaraju et al., ICCV 2017",
    ), "class_activation.grad_cam_maps"),
    (MethodCard(
        "hires-cam", "HiResCAM", "class activation", _IMAGE, ("gradients", "features", "towers"), True,
        "It is exact for a linear head over one layer only; what later layers mix, it does not see.",
        "Draelos and Carin 2020",
    ), "class_activation.hires_cam_maps"),
    (MethodCard(
        "element-cam", "ElementWise CAM", "class activation", _IMAGE,
        ("gradients", "features", "towers"), False,
        "It drops every negative product before summing, so it looks surer than it is.",
        "Pillai and Pirsiavash 2021; as in pytorch-grad-cam",
    ), "class_activation.element_cam_maps"),
    (MethodCard(
        "layer-cam", "LayerCAM", "class activation", _IMAGE, ("gradients", "features", "towers"), False,
        "It keeps positive gradients only: evidence against is invisible.",
        "Jiang et al., TIP 2021",
    ), "class_activation.layer_cam_maps"),
    (MethodCard(
        "integrated-gradients", "Integrated gradients", "path", _BOTH, ("gradients",), True,
        "It is the difference from a picture of one colour: what has that colour cannot be important.",
        "Sundararajan, Taly and Yan, ICML 2017; computed by captum",
    ), "integrated_gradients.integrated_maps"),
    (MethodCard(
        "layer-integrated-gradients", "Layer integrated gradients", "path", _BOTH,
        ("gradients", "features", "towers"), True,
        "It explains the tokens of one layer, which by then have read each other.",
        "Sundararajan et al. 2017; computed by captum",
    ), "integrated_gradients.layer_integrated_maps"),
    (MethodCard(
        "kernel-shap", "KernelSHAP", "perturbation", _BOTH, (), True,
        "Beyond ten parts it is an estimate from samples: with few of them its noise hides the differences.",
        "Lundberg and Lee, NeurIPS 2017; computed by captum",
    ), "perturbation.kernel_shap_maps"),
    (MethodCard(
        "occlusion", "Occlusion", "perturbation", _BOTH, (), True,
        "It masks one patch at a time: what is there twice seems unimportant.",
        "Zeiler and Fergus, ECCV 2014; computed by captum",
    ), "perturbation.occlusion_maps"),
    (MethodCard(
        "interactions", "Pairwise (word-patch) interactions", "second order", _BOTH, ("towers",), True,
        "It is a bilinear fit over samples: what three words say together is not in it.",
        "weighted Banzhaf interactions of two modalities, as FIxLIP, Baniecki et al., NeurIPS 2025", order=2,
    ), "interactions.interaction_maps"),
    (MethodCard(
        "random", "Random map", "baseline", _BOTH, (), False,
        "Everything: it is here to be compared with.", "", uses_target=False,
    ), "baselines.random_maps"),
    (MethodCard(
        "centre", "Centre prior", "baseline", _IMAGE, (), False,
        "Everything but that things are mostly photographed in the middle.", "", uses_target=False,
    ), "baselines.centre_maps"),
)  # fmt: skip


@dataclass(frozen=True)
class _Row:
    card: MethodCard
    function: Method | str  # of this package: "file.function"
    own: bool = False  # added by `register_method`


class _Methods(Mapping[str, MethodCard]):
    """The cards by name, in the order in which they are shown; a method that is added is there at once.

    The rows are exchanged as a whole, never changed: a thread that goes through them is not disturbed.
    """

    def __init__(self, rows: Mapping[str, _Row]) -> None:
        self.rows = dict(rows)
        self.lock = threading.Lock()

    def __getitem__(self, name: str) -> MethodCard:
        return self.rows[name].card

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


METHODS = _Methods({card.name: _Row(card, function) for card, function in _BUILT_IN})
"""Every method by name, in the order in which they are shown."""


@verb
def method_card(name: str) -> MethodCard:
    """The row of a method: what it explains, what it needs, what it cannot tell.

    Args:
        name: as `attribute` takes it; case, spaces and hyphens do not matter.

    Returns:
        Its `MethodCard`.

    Raises:
        UnknownNameError: there is none of this name.

    Example:
        >>> from workbench.attribution import method_card
        >>> method_card("GradCAM").blind_to[:29]
        'It averages the gradient over'
    """
    return _row(name).card


@verb
def register_method(
    card: MethodCard, function: Callable[[Any, Options], Maps], *, replace: bool = False
) -> MethodCard:
    """A method of your own, from then on known to `attribute`, `faithfulness` and the attribution board.

    It lasts as long as the process, and is known in every thread.

    Args:
        card: its name and what it says of itself. With "towers" among its `needs` it is asked for pairs in a
            dual encoder alone; without, for every model, and should use nothing but what
            `workbench.attribution.explained.explained.Explained` promises.
        function: what computes it: given that model with its inputs and the `Options` of the call, it returns
            `Maps`. "Add an attribution method" in CONTRIBUTING.md shows one from beginning to end.
        replace: whether it may take the place of a method of your own with this name: a cell run again.

    Returns:
        The card.

    Raises:
        BadInputError: there is a method of this name already, the card says what no card can say, or
            `function` cannot be called.

    Example:
        >>> import numpy as np
        >>> from workbench import attribution, data
        >>> card = attribution.MethodCard(
        ...     "top-row", "Top row", "baseline", ("image",), (), False, "Everything but the sky.", ""
        ... )
        >>> def top_row(explained, options):
        ...     if explained.grid is None:
        ...         return attribution.Maps()
        ...     rows, columns = explained.grid
        ...     return attribution.Maps(np.arange(rows)[::-1, None].repeat(columns, axis=1))
        >>> _ = attribution.register_method(card, top_row, replace=True)
        >>> attribution.attribute("emoji-clip", data.load("emoji")[0], method="top-row").best_patch()
        (0, 0)
    """
    _check(card, function)
    with METHODS.lock:
        twin = {_plain(name): name for name in METHODS}.get(_plain(card.name))
        if twin is not None and not (replace and METHODS.rows[twin].own):
            advice = (
                "Give replace=True to put this one in its place, or take another name."
                if METHODS.rows[twin].own
                else "Take another name: those of the package stay as they are."
            )
            raise BadInputError(f"There is a method {twin!r} already ({METHODS[twin].title}). {advice}")
        kept = {name: row for name, row in METHODS.rows.items() if name != twin}
        METHODS.rows = {**kept, card.name: _Row(card, function, own=True)}
    return card


@verb
def registered_methods() -> tuple[str, ...]:
    """The methods that `register_method` has added in this process.

    Returns:
        Their names, in the order in which they came.

    Example:
        >>> from workbench.attribution import METHODS, registered_methods
        >>> set(registered_methods()) < set(METHODS)
        True
    """
    return tuple(name for name, row in METHODS.rows.items() if row.own)


def function_of(name: str) -> Method:
    """What computes a method.

    Raises:
        UnknownNameError: there is none of this name.
    """
    function = _row(name).function
    if not isinstance(function, str):
        return function
    file, _, called = function.partition(".")
    found: Method = getattr(import_module(f"workbench.attribution.methods.{file}"), called)
    return found


def _row(name: str) -> _Row:
    rows = METHODS.rows
    if isinstance(name, str) and name not in rows:
        name = {_plain(one): one for one in rows}.get(_plain(name), name)
    if name not in rows:
        raise UnknownNameError(
            f"There is no attribution method {name!r}; there are {', '.join(rows)}."
            f"{did_you_mean(str(name), rows)}"
        )
    return rows[name]


def _check(card: MethodCard, function: Any) -> None:
    if not isinstance(card, MethodCard):
        raise BadInputError(f"card is of type {type(card).__name__}; expected a MethodCard(...).")
    if not isinstance(card.name, str) or not _plain(card.name) or card.name == "all":
        raise BadInputError(f"The card's name is {card.name!r}; expected a word such as 'gradient-input'.")
    for what, given, known in (
        ("sides", card.sides, ("image", "text")),
        ("needs", card.needs, get_args(Need)),
    ):
        if not isinstance(given, tuple) or not set(given) <= set(known):
            raise BadInputError(f"{what} of the card is {given!r}; expected a tuple of {', '.join(known)}.")
    if not callable(function):
        raise BadInputError(
            f"function is of type {type(function).__name__}; expected one that is called with what is "
            "explained and the options, and returns Maps(...)."
        )


def _plain(name: str) -> str:
    """A name without case and hyphens: "Grad-CAM", "gradcam" and "grad-cam" are one."""
    return re.sub(r"[\s_-]", "", name).casefold()
