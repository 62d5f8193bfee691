"""How answers and searches show themselves where there is no kernel: plain HTML, everything escaped."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from workbench.formatting import html_table, one_line

if TYPE_CHECKING:
    from workbench.generation.answer import Answer
    from workbench.generation.beams import Beams

__all__ = ["answer_html", "beams_html"]

_SHOWN = 10  # answers of a search
_WORD = (
    "display: inline-block; white-space: pre-wrap; vertical-align: top; margin: 0 1px 6px 0; "
    "background: linear-gradient(#3f7fd3, #3f7fd3) left bottom / {share:.0f}% 3px no-repeat, "
    "linear-gradient(#8884, #8884) left bottom / 100% 3px no-repeat; padding-bottom: 4px"
)


def answer_html(answer: Answer) -> str:
    """The text, under each word a thin bar: the probability that the model gave it, 0 to 1."""
    shown = "".join(_word(answer, *word) for word in answer.words)
    notes = "".join(f"<li>{escape(note)}</li>" for note in answer.notes)
    under = f'<ul style="margin: 4px 0; font-size: 90%">{notes}</ul>' if notes else ""
    credit = f'<p style="margin: 4px 0; font-size: 80%">{escape(answer.credit)}</p>' if answer.credit else ""
    asked = f"<p style='margin: 4px 0; opacity: .75'>{escape(answer.prompt)}</p>" if answer.prompt else ""
    return (
        f'<figure style="margin: 0; max-width: 60em">{asked}'
        f'<p style="margin: 4px 0; line-height: 1.8">{shown}</p>'
        f'<figcaption style="font-size: 90%">{escape(_said(answer))}</figcaption>{under}{credit}</figure>'
    )


def _word(answer: Answer, start: int, stop: int) -> str:
    text = "".join(answer.pieces[start:stop])
    share = math.exp(min(0.0, float(answer.logp[start:stop].sum())))
    rank = ", ".join(str(int(one)) for one in answer.rank[start:stop])
    told = f"p = {share:.3g}, rank {rank}"
    return f'<span style="{_WORD.format(share=100 * share)}" title="{told}">{escape(text) or "⏹"}</span>'


def _said(answer: Answer) -> str:
    ways = {"end": "ended by the model", "length": "cut at its length", "stopped": "not ended"}
    return (
        f"{answer.provenance.model or 'a model'}, {answer.how}: log-probability {answer.total:.2f} nats in "
        f"{len(answer)} tokens, {ways[answer.ended]}. Bars: the probability of each word."
    )


def beams_html(tree: Beams) -> str:
    """The best answers with what they are judged by."""
    best = tree.best()
    rows = []
    for node in best[:_SHOWN]:
        length, total = int(tree.step[node]) + 1, float(tree.total[node])
        judged = total / length**tree.how.length_penalty
        rows.append((one_line(tree.text(int(node)), most=80), f"{total:.3f}", str(length), f"{judged:.3f}"))
    more = f" (the best {_SHOWN} of {len(best)})" if len(best) > _SHOWN else ""
    return html_table(f"{tree!r}{more}", ("answer", "log-probability", "tokens", "/ length ** penalty"), rows)
