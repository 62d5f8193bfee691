"""The pages of the fusion board: which there are, what each shows, its code and its table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from widgets.fusion import tables
from widgets.fusion.advice_view import advice_view
from widgets.fusion.analysis_view import contributions_view, proof_view, robustness_view
from widgets.fusion.attention import crossings
from widgets.fusion.datasets import SETS
from widgets.fusion.example_view import Order, examples_view, look_view, space_view, why_not_looked
from widgets.fusion.graph import fusion_graph
from widgets.fusion.plane_store import DEPTH, card_of
from widgets.fusion.plane_view import Plane, plane_view, slider_name
from widgets.fusion.presets import PRESETS
from widgets.fusion.real_models import REAL_MODELS, meeting_view
from widgets.fusion.report_code import board_code, meetings_code
from widgets.fusion.report_view import COSTS, MEASURES, cost_view, curves_view, quality_view
from widgets.fusion.sheet import Sheet
from workbench import fusion as lab
from workbench.formatting import plural
from workbench.fusion import FusionCard, Look

if TYPE_CHECKING:
    from widgets.fusion.fusion_board import FusionBoard

__all__ = ["TABS", "Pages"]

TABS = (
    ("choose", "Choose"),
    ("plane", "Decision regions"),
    ("proof", "Proof"),
    ("quality", "Quality"),
    ("training", "Training"),
    ("robustness", "Robustness"),
    ("contributions", "Contributions"),
    ("cost", "Cost"),
    ("examples", "Examples"),
    ("space", "Fused space"),
    ("models", "Real models"),
)
_NEED_REPORT = ("quality", "robustness", "contributions", "cost", "examples", "space")
_WITHOUT_REPORT = ("plane", "proof", "models")
_NO_REPORT = "needs a comparison: choose data on the page Training, or show(compare(data, fusions))"


class Pages:
    """Views of a board's state. Reads the board, never changes it."""

    def __init__(self, board: FusionBoard) -> None:
        self._board = board

    def view(self) -> dict[str, Any]:
        """Everything the front end draws of the page in view, but arrays and pictures."""
        board = self._board
        report = board.report
        tab = board.tab if board.tab in dict(TABS) and not self._why_not(board.tab) else "plane"
        named = None if report is None else report.fusions
        page = getattr(self, f"_{tab}")()
        return {
            "tab": tab,
            "tabs": [{"name": name, "title": title, "why": self._why_not(name)} for name, title in TABS],
            "title": self._title(),
            "said": self._said(),
            "origin": self._origin(),
            tab: page,
            "looked": None if report is None or not named else self._looked(),
            "fusions": [] if report is None else [_brief(card) for card in report.cards],
            "all": [_brief(card) for card in lab.available()]
            + [_brief(self.card(f"only-{side}")) for side in ("image", "text")],
            "measures": {
                name: row[0] for name, row in MEASURES.items() if report is None or name in report.metrics
            },
            "costs": {name: row[0] for name, row in COSTS.items()},
            "notes": [] if report is None else list(report.plain_notes),
            "leaks": [] if report is None or tab in _WITHOUT_REPORT else [leak.text for leak in report.leaks],
            "credit": self._credit(),
        }

    def card(self, name: str) -> FusionCard:
        """The card of a fusion by name."""
        report = self._board.report
        cards = {} if report is None else {card.name: card for card in report.cards}
        return card_of(name, cards)

    def items(self) -> list[int]:
        """Items on the page of examples."""
        return [row["item"] for row in self._examples()["items"]]

    def code(self) -> str:
        """Python that shows the board again."""
        board = self._board
        if board.tab == "models" and (board.meetings or board.specimens):
            return meetings_code(board.meetings, list(board.specimens))
        return board_code(board, self.on_screen())

    def tables(self) -> Sheet:
        """The page in view as rows."""
        board = self._board
        if board.tab == "proof" and board.proof is not None:
            return tables.proof_sheet(board.proof)
        if board.tab == "models":
            return tables.models_sheet(REAL_MODELS, [*board.meetings, *board.specimens.values()])
        if board.tab == "choose" and board.advice is not None:
            return tables.advice_sheet(board.advice)
        if board.report is None or board.tab in ("plane", "proof", "choose"):
            base, shown = self.planes()
            return tables.plane_sheet(base, shown, task=board.task, seed=board.seed)
        if board.tab == "robustness":
            return tables.robustness_sheet(board.report, self.measure)
        if board.tab == "contributions":
            return tables.contributions_sheet(board.report)
        return tables.report_sheet(board.report, self.measure)

    @property
    def measure(self) -> str:
        """The board's measure; accuracy where an older report has not got it."""
        report, wish = self._board.report, self._board.measure
        return wish if report is None or wish in report.metrics else "accuracy"

    # One page each ---------------------------------------------------------------------------

    def _choose(self) -> dict[str, Any]:
        board = self._board
        return {"advice": None if board.advice is None else advice_view(board.advice)}

    def _plane(self) -> dict[str, Any]:
        board = self._board
        base, shown = self.planes()
        screen = self.on_screen()
        card = card_of(screen[0], {})
        missing = board.store.missing(board.task, board.seed, board.steps, screen)
        tasks = [{"name": row.name, "title": row.title, "why": row.why} for row in lab.plane_tasks()]
        return {
            "depth": DEPTH,
            "tasks": tasks,
            "why": next((row["why"] for row in tasks if row["name"] == board.task), ""),
            "regions": plane_view(base, shown, seed=board.seed),
            "missing": missing,
            "steps": board.steps,
            "graph": fusion_graph(card, depth=DEPTH, layer=board.layer, bottleneck=board.bottleneck),
            "slider": _brief(card) | {"trap": card.trap, "equation": card.equation, "paper": card.paper},
            "presets": [
                {"name": row.name, "title": row.title, "works": row.works, "why": row.why} for row in PRESETS
            ],
        }

    def _proof(self) -> dict[str, Any]:
        proof = self._board.proof
        return {"proof": None if proof is None else proof_view(proof)}

    def _quality(self) -> dict[str, Any]:
        board = self._board
        assert board.report is not None
        return quality_view(board.report, self.measure, board.baseline)

    def _training(self) -> dict[str, Any]:
        board = self._board
        report = board.report
        return {
            "curves": None if report is None else curves_view(report, board.curve),
            "live": board.examples is not None,
            "examples": repr(board.examples) if board.examples is not None else "",
            "sets": [[name, entry.title] for name, entry in SETS.items()],
        }

    def _robustness(self) -> dict[str, Any]:
        assert self._board.report is not None
        return robustness_view(self._board.report, self.measure)

    def _contributions(self) -> dict[str, Any]:
        assert self._board.report is not None
        return {"parts": contributions_view(self._board.report)}

    def _cost(self) -> dict[str, Any]:
        assert self._board.report is not None
        return cost_view(self._board.report, self._board.cost, self.measure)

    def _examples(self) -> dict[str, Any]:
        board = self._board
        assert board.report is not None
        order = cast("Order", board.order)
        view = examples_view(board.report, board.fusion, order, board.page, board.focus)
        pairs = getattr(board.examples, "pairs", None)
        for row in view["items"]:
            row["text"] = "" if pairs is None else pairs.texts[row["item"]]
        look = self._seen()
        return view | {
            "pictures": pairs is not None,
            "text": "" if pairs is None or not 0 <= board.focus < len(pairs) else pairs.texts[board.focus],
            "look": None if look is None else self._look_of(look),
            "why": why_not_looked(board.report, board.fusion),
        }

    def _space(self) -> dict[str, Any]:
        assert self._board.report is not None
        return space_view(self._board.report)

    def _models(self) -> dict[str, Any]:
        rows = [
            row
            | {
                "measured": meeting_view(self._board.specimens.get(row.get("specimen", ""))),
                "graph": fusion_graph(lab.card(row["closest"]), depth=2, join=row.get("join", "")),
                "kind": lab.card(row["closest"]).kind,
            }
            for row in REAL_MODELS
        ]
        return {"rows": rows, "own": [meeting_view(one) for one in self._board.meetings]}

    # Parts -----------------------------------------------------------------------------------

    def on_screen(self) -> list[str]:
        """The slider's fusion, then those beside it, each once."""
        board = self._board
        return list(dict.fromkeys([slider_name(board.layer, board.bottleneck, DEPTH), *board.beside]))

    def planes(self) -> tuple[Any, list[tuple[FusionCard, Plane | None]]]:
        """The right answer, and each fusion's plane: until it is trained, that of the seed that ships."""
        board, names = self._board, self.on_screen()
        own = board.store.shown(board.task, board.seed, board.steps, names)
        first = board.store.shown(board.task, 0, board.steps, names)
        planes = [plane if plane is not None else kept for plane, kept in zip(own, first, strict=True)]
        cards = [card_of(name, {}) for name in names]
        return board.store.base(board.task), list(zip(cards, planes, strict=True))

    def _seen(self) -> Look | None:
        board = self._board
        assert board.report is not None
        return board.looks.get((board.report.config_hash, board.fusion, board.focus))

    def _look_of(self, look: Look) -> dict[str, Any]:
        board = self._board
        assert board.report is not None
        meta = getattr(board.examples, "meta", {})
        words = meta.get("words")
        said = words[board.focus] if words is not None and 0 <= board.focus < len(words) else ()
        return look_view(look, board.report.classes, said, meta.get("image_grid"))

    def _looked(self) -> dict[str, Any]:
        """The fusion looked at: its card and its graph, with the crossing attention where it was seen."""
        board = self._board
        assert board.report is not None
        name = board.fusion if board.fusion in board.report.fusions else board.report.fusions[0]
        design = board.report.plan.design
        card = board.report.cards[board.report.index(name)]
        look = self._seen() if board.tab == "examples" else None
        shares = None
        if look is not None:
            shares = crossings(look.attentions, {side: mask.shape[1] for side, mask in look.masks.items()})
        setting: dict[str, Any] = {"bottleneck": design.bottleneck}
        if name.startswith("slider-"):
            layer, _, bottleneck = name.removeprefix("slider-").partition("b")
            setting = {"layer": int(layer), "bottleneck": int(bottleneck or 0)}
        return _brief(card) | {
            "equation": card.equation, "paper": card.paper, "trap": card.trap, "channel": card.channel,
            "operator": card.operator, "rank": card.rank,
            "graph": fusion_graph(card, depth=design.depth, crossing=shares, **setting),
        }  # fmt: skip

    def _why_not(self, tab: str) -> str:
        return _NO_REPORT if tab in _NEED_REPORT and self._board.report is None else ""

    def _title(self) -> str:
        report, held = self._board.report, self._board.examples
        return report.data if report is not None else held.name if held is not None else "Fusion lab"

    def _said(self) -> str:
        report = self._board.report
        if report is None:
            return ""
        cut = "" if report.complete else "interrupted: what was finished is shown. "
        items, tested = sum(report.counts.values()), report.counts.get("test", 0)
        return f"{cut}{items:,} items, {tested:,} of them test; {plural(len(report.seeds), 'seed')}"

    def _origin(self) -> str:
        """What an exported picture says of where its figures are from."""
        report = self._board.report
        if report is None:
            return ""
        counts = ", ".join(f"{count:,} {name}" for name, count in report.counts.items())
        seeds = ", ".join(map(str, report.seeds))
        return f"{counts} items; seeds {seeds}; configuration {report.config_hash}"

    def _credit(self) -> str:
        pairs = getattr(self._board.examples, "pairs", None)
        return "" if pairs is None else pairs.credit


def _brief(card: FusionCard) -> dict[str, str]:
    return {"name": card.name, "title": card.title, "where": card.where, "kind": card.kind}
