// @ts-check
// Plain views of the atlas: a point's card, the measures, the gallery. Data in, elements out.
import { h } from "../shared/dom.mjs";
import { decimal, number, percent, whole } from "../shared/format.mjs";

/** @import { Card, Gallery, Measures, Neighbour, ShownCard } from "./types.d.ts" */

const MINI = 24; // px of a neighbour's picture; the style sheet scales the strip to it

/**
 * A figure as people read it; an unknown one is a dash, never a zero.
 * @param {number | null | undefined} value
 * @param {string} unit "%", "" or a word
 */
export function figure(value, unit) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (unit === "%") return percent(value);
  // Ranks and counts are whole: zeros behind them would look measured.
  const text = Number.isInteger(value) && Math.abs(value) >= 1 ? whole(value) : number(value);
  return unit ? `${text} ${unit}` : text;
}

/** How many true neighbours the map kept. @param {Pick<Card, "kept" | "of">} card */
const keptWords = (card) =>
  card.kept === null ? "" : `${card.kept} of ${card.of} true neighbours are near on the map`;

/**
 * What a screen reader says of a point.
 * @param {Pick<Card, "kind" | "text" | "label" | "kept" | "of">} card
 */
export function cardSays(card) {
  return (
    `${card.kind} ` +
    `“${card.text}”${card.label ? `, ${card.label}` : ""}${keptWords(card) && `; ${keptWords(card)}`}`
  );
}

/** @param {Card} card */
const nameOf = (card) => [card.kind, card.label, `#${card.point}`].filter(Boolean).join(" · ");

/** The small card at the pointer. @param {ShownCard} card @returns {Node[]} */
export function tipBody(card) {
  const first = card.figures.find((row) => row.first && row.unit !== "%");
  return [
    h(
      "div",
      { class: "atl-card-head" },
      card.picture ? h("img", { src: card.picture, alt: `${card.kind} ${card.text}` }) : null,
      h(
        "div",
        {},
        h("strong", { text: card.text }),
        h("p", { class: "wb-help", text: nameOf(card) }),
        h("p", {
          class: "atl-figure",
          text: [
            card.kept === null ? "" : `${card.kept} of ${card.of} neighbours kept`,
            first ? `${first.name} ${figure(first.value, first.unit)}` : "",
          ]
            .filter(Boolean)
            .join(" · "),
        }),
      ),
    ),
  ];
}

/** @param {ShownCard} card @param {(id: number) => void} go @returns {Node[]} */
export function cardBody(card, go) {
  const head = h(
    "div",
    { class: "atl-card-head" },
    card.picture ? h("img", { src: card.picture, alt: `${card.kind} ${card.text}` }) : null,
    h("div", {}, h("strong", { text: card.text }), h("p", { class: "wb-help", text: nameOf(card) })),
  );
  const figures = h(
    "details",
    {},
    h("summary", { class: "wb-help", text: "Figures of this point" }),
    h(
      "p",
      { class: "atl-figure" },
      ...card.figures.map((row) =>
        h("span", { title: row.help }, `${row.name} `, h("b", { text: figure(row.value, row.unit) })),
      ),
    ),
  );
  if (!card.neighbours.length) return card.figures.length ? [head, figures] : [head];
  const list = h(
    "ol",
    { class: "atl-near", "aria-label": "true neighbours" },
    ...card.neighbours.map((other, /** @type {number} */ place) => neighbour(other, place, card, go)),
  );
  return [
    head,
    h("p", { class: "wb-help", text: keptWords(card) || "true neighbours, in the model's space" }),
    list,
    ...(card.figures.length ? [figures] : []),
  ];
}

/**
 * @param {Neighbour} other
 * @param {number} place
 * @param {ShownCard} card
 * @param {(id: number) => void} go
 */
function neighbour(other, place, card, go) {
  const picture =
    other.kind === "picture" && card.strip && other.cell !== null
      ? h("i", {
          class: "atl-mini",
          style: { backgroundImage: `url("${card.strip}")`, backgroundPosition: `-${MINI * other.cell}px 0` },
        })
      : h("i", { class: "atl-mini", "data-kind": other.kind, text: other.kind === "text" ? "“”" : "" });
  const close = decimal(other.close);
  const body = [
    picture,
    h("span", { class: "atl-near-text", text: other.text }),
    h("span", { class: "atl-number", text: close }),
    h("span", {
      class: other.kept ? "atl-good" : "atl-bad",
      title: other.kept ? "near on the map too" : "torn away by the map",
      text: other.kept ? "✓" : "✗",
    }),
  ];
  return h(
    "li",
    {},
    h(
      "button",
      {
        type: "button",
        "aria-label":
          `${place + 1}: ${other.kind} ${other.text}, ${other.by} ${close}, ` +
          `${other.kept ? "near on the map" : "far on the map"}`,
        onclick: () => go(other.point),
      },
      ...body,
    ),
  );
}

/** @param {Measures} measures */
export function measuresTable(measures) {
  const chosen = measures.selection !== null;
  return h(
    "table",
    { class: "atl-measures" },
    h("caption", { text: measures.caption }),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...["", "all", ...(measures.selection === null ? [] : [measures.selection]), "baseline"].map((text) =>
          h("th", { scope: "col", text }),
        ),
      ),
    ),
    h(
      "tbody",
      {},
      ...measures.rows.map((row) =>
        h(
          "tr",
          { title: row.help },
          h("th", { scope: "row", text: row.name }),
          h("td", { text: row.all }),
          chosen ? h("td", { text: row.selection }) : null,
          h("td", { class: "atl-twin", text: row.baseline }),
        ),
      ),
    ),
  );
}

/**
 * @param {Gallery} found
 * @param {string} url
 * @param {number} focus
 * @param {(id: number) => void} go
 * @returns {Node[]}
 */
export function galleryCards(found, url, focus, go) {
  return found.rows.map((row) => {
    const score = row.score === null ? "" : decimal(row.score);
    const right = row.right === null ? "" : row.right ? " ✓" : "";
    const picture =
      row.cell === null
        ? h("i", { class: "atl-thumb", text: "“”" })
        : h("i", {
            class: "atl-thumb",
            style: {
              width: `${found.thumb}px`,
              height: `${found.thumb}px`,
              backgroundImage: `url("${url}")`,
              backgroundPosition:
                `-${(row.cell % found.columns) * found.thumb}px ` +
                `-${Math.floor(row.cell / found.columns) * found.thumb}px`,
            },
          });
    return h(
      "li",
      {},
      h(
        "button",
        {
          type: "button",
          "data-point": row.point,
          "aria-current": row.point === focus,
          "aria-label":
            `rank ${row.rank}: ` + `${row.text}${score && `, ${score}`}${row.right ? ", its own pair" : ""}`,
          title: row.text,
          onclick: () => go(row.point),
        },
        picture,
        h("span", { class: "atl-near-text", text: row.text }),
        h("span", { class: "atl-number", text: `${row.rank}.  ${score}${right}` }),
      ),
    );
  });
}
