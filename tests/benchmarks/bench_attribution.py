"""What explanations cost, and what they are worth where the right answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

__all__ = ["attribution", "words"]


def attribution(_work: Path) -> list[tuple[str, str, str]]:
    """The pointing game of the card, 1 to 4 things, every method on shapes-clip; and the cost of a map."""
    from workbench import models
    from workbench.attribution import play_pointing, pointing_card

    card = pointing_card("shapes-clip")
    table = play_pointing(models.load("shapes-clip"), scenes=card.provenance.parameters["scenes"])
    rows = []
    for game, by_method in table.scores.items():
        for name, shares in by_method.items():
            carded = card.scores[game][name]
            # Two decimals, as the card prints them: the last bit of a map differs between machines.
            same = all(abs(one - other) < 0.005 for one, other in zip(shares, carded, strict=True))
            told = "as in the card" if same else f"card says {_line(carded)}"
            rows.append((f"{game}: {name}", _line(shares), told))
    rows += [
        (f"a map by {name}", f"{forwards:.0f} forwards", f"{backwards:.0f} backwards")
        for name, (forwards, backwards) in table.cost.items()
    ]
    four = {name: shares[3] for name, shares in table.scores["all named"].items()}
    best = max(share for name, share in four.items() if name != "interactions")
    rows.append(("four things all named: interactions", f"{four['interactions']:.2f}", "aim 0.80"))
    rows.append(("four things all named: best first-order map", f"{best:.2f}", "chance 0.25 at most"))
    return rows


def words(_work: Path) -> list[tuple[str, str, str]]:
    """How often the patch nearest a word lies on what it names, both readings, for the shipped models."""
    from workbench.attribution import word_pointing_card
    from workbench.recipes.word_pointing import MEASURED, measured_again

    rows = []
    for name in MEASURED:
        found, card = measured_again(name), word_pointing_card(name)
        for reading, share in found.right.items():
            told = card.right[reading] if card is not None else float("nan")
            same = "as in the card" if abs(share - told) < 0.005 else f"card says {told:.3f}"
            rows.append((f"{name}, {reading}: {found.words} words", f"{share:.3f}", same))
        rows.append(
            (f"{name}: a blind patch, a blind one on things", f"{found.chance:.3f} {found.things:.3f}", "")
        )
    return rows


def _line(shares: Sequence[float]) -> str:
    return " ".join(f"{share:.2f}" for share in shares)
