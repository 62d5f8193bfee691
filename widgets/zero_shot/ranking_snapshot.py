"""The zero-shot board as a static page."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from widgets.format import decimal, percent
from widgets.snapshot import Snapshot, contact_sheet, font_for, picture_table
from widgets.zero_shot.choices import Choices, accepted
from widgets.zero_shot.rejection import deciding
from workbench.formatting import one_line, plural
from workbench.results import Ranking
from workbench.zeroshot import reject_scores

__all__ = ["board_snapshot", "told"]

_HEADER = ("text", "best label", "probability", "cosine", "margin")
_LINE, _MARGIN = 18, 6  # pixels of the caption under the picture


def told(ranking: Ranking, choices: Choices) -> tuple[str, ...]:
    """What must be said with any number here: model, rule, temperature, threshold, templates, labels."""
    on = [text for text, active in zip(ranking.templates, ranking.active, strict=True) if active]
    combined = "" if len(on) == 1 else f", {_ENSEMBLES[ranking.ensemble]}"
    model, labels = ranking.provenance.model, one_line(", ".join(ranking.labels), most=400)
    threshold = (
        "no threshold: every picture gets a label"
        if choices.threshold is None
        else f"none of these below a {choices.measure} of {choices.threshold:.4g}"
    )
    return (
        f"Model {model}; {ranking.rule}, temperature {ranking.temperature:g}; {threshold}.",
        f"{plural(len(on), 'prompt template')}{combined}: {one_line(' | '.join(on), most=300)}",
        f"{plural(len(ranking.labels), 'label')}: {labels}. Probabilities are among these labels only.",
    )


_ENSEMBLES = {"embedding": "embeddings averaged", "probability": "scores averaged"}


def board_snapshot(ranking: Ranking, choices: Choices, items: Sequence[int], *, code: str) -> Snapshot:
    """`items` of a ranking in the order given: a table, a contact sheet, all scores, their provenance."""
    kept, scores = accepted(ranking, choices), reject_scores(ranking, choices.measure)
    rows, lines = [], []
    for item in items:
        best = ranking.best[item]
        probability, cosine = ranking.probability[item, best], ranking.cosine[item, best]
        answer = ranking.labels[best] if kept[item] else f"none of these ({deciding(scores[item], choices)})"
        rows.append(
            (
                ranking.names[item],
                answer,
                percent(float(probability)),
                decimal(float(cosine)),
                decimal(float(ranking.margin[item])),
            )
        )
        lines.append(
            (ranking.labels[best], percent(float(probability)))
            if kept[item]
            else ("none of these", deciding(scores[item], choices))
        )
    pictures = [ranking.pairs.picture(item) for item in items]
    caption = f"{plural(len(items), 'picture')} of {len(ranking):,} named by {ranking.provenance.model}"
    notes = (*told(ranking, choices), ranking.pairs.credit)
    return Snapshot(
        caption,
        picture_table(caption, _HEADER, rows, pictures, notes=notes),
        _captioned(contact_sheet(pictures, lines), notes),
        {"items": np.array(items), "cosine": ranking.cosine, "probability": ranking.probability},
        ranking.provenance.to_dict() | {"code": code},
        [_HEADER, *rows],
    )


def _captioned(png: bytes, lines: Sequence[str]) -> bytes:
    """The picture with `lines` under it, broken where they are wider."""
    with Image.open(io.BytesIO(png)) as opened:
        sheet = opened.convert("RGB")
    wide = max(sheet.width, 520)
    broken = [part for line in lines if line for part in textwrap.wrap(line, wide // 7)]
    out = Image.new("RGB", (wide, sheet.height + _LINE * len(broken) + 2 * _MARGIN), "white")
    out.paste(sheet, (0, 0))
    draw = ImageDraw.Draw(out)
    for number, text in enumerate(broken):
        at = (_MARGIN, sheet.height + _MARGIN + _LINE * number)
        draw.text(at, text, fill="black", font=font_for(text))
    content = io.BytesIO()
    out.save(content, "PNG", optimize=True)
    return content.getvalue()
