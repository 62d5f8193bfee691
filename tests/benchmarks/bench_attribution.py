"""What explanations cost, and what they are worth where the right answer is known."""

from __future__ import annotations

from pathlib import Path

__all__ = ["attribution"]


def attribution(_work: Path) -> list[tuple[str, str, str]]:
    """Pointing game with 1 to 4 things and the cost of a map, every method on shapes-clip."""
    from workbench import models
    from workbench.attribution.pointing import play_pointing

    model = models.load("shapes-clip")
    table = play_pointing(model, scenes=4)
    rows = []
    for game, by_method in table.scores.items():
        for name, shares in by_method.items():
            cost = table.cost.get(name)
            told = "" if cost is None else f"{cost[0]:.0f} forwards, {cost[1]:.0f} backwards"
            rows.append((f"{game}: {name}", " ".join(f"{share:.2f}" for share in shares), told))
    four = {name: shares[3] for name, shares in table.scores["all named"].items()}
    best = max(share for name, share in four.items() if name != "interactions")
    rows.append(("four things all named: interactions", f"{four['interactions']:.2f}", "aim 0.80"))
    rows.append(("four things all named: best first-order map", f"{best:.2f}", "chance 0.25 at most"))
    return rows
