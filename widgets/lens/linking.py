"""Whether cosines of words and patches are offered in the lens, and how true they are, in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.attribution import WordPointing

__all__ = ["MEANS", "Link", "link_of", "pointing_of"]


MEANS = (
    "Pointing accuracy: for how many words that name a colour or a shape the patch with the highest cosine "
    "lies on what the word names. The cosine is that of the patch's value in the last layer with the word as "
    "a text of its own, after each encoder's projection (MaskCLIP)."
)


@dataclass(frozen=True)
class Link:
    """What the lens says of its cosines.

    Attributes:
        offered: whether they are shown. said: why, in figures. measure: whether they can be measured now.
    """

    offered: bool = False
    said: str = ""
    measure: bool = False

    def to_view(self) -> dict[str, Any]:
        """As plain values for the browser."""
        return {"offered": self.offered, "said": self.said, "measure": self.measure, "means": MEANS}


def pointing_of(model: Any) -> WordPointing | None:
    """What is known of a shipped model, if these are the weights that were measured."""
    from workbench.attribution import word_pointing_card

    card = word_pointing_card(str(model.card.name))
    return card if card is not None and card.provenance.weights == model.weights_hash else None


def link_of(found: WordPointing | None) -> Link:
    """Offered where they tell words apart, or where nobody has measured; never without saying which."""
    if found is None:
        return Link(
            True, "Pointing accuracy of the cosines: not measured for this model. No segmentation.", True
        )
    share, margin = found.right["values"], found.margin("values")
    figures = (
        f"{_percent(share)} ± {_percent(margin)} of {found.words} words of drawn scenes (chance "
        f"{_percent(found.chance)}, a random patch of any object {_percent(found.things)})"
    )
    if found.holds("values"):
        return Link(True, f"Pointing accuracy of the cosines: {figures}. No segmentation.")
    return Link(
        False, f"Cosines of words and patches are not offered here. Their pointing accuracy: {figures}."
    )


def _percent(share: float) -> str:
    """Whole per cents: the interval is some points wide."""
    return f"{100 * share:.0f} %"
