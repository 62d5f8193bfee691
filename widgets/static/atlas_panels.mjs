// @ts-check
// Plain views of the atlas: a point's card, the measures, the gallery. Data in, elements out.
import { h } from "./dom.mjs";

const NEIGHBOURS_IN_TIP = 5;
const MINI = 24; // px of a neighbour's picture; the style sheet scales the strip to it

/** A figure as people read it; an unknown one is a dash, never a zero. @param {number | null | undefined} value @param {string} unit "%", "" or a word */
export function figure(value, unit) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (unit === "%") return `${(100 * value).toFixed(1)} %`;
  // Ranks and counts are whole: three zeros behind them would look measured.
  const text = Number.isInteger(value) && value !== 0 ? value.toLocaleString("en") : Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(3);
  return unit ? `${text} ${unit}` : text;
}

/** What a screen reader says of a point. @param {any} card */
export function cardSays(card) {
  const kept = card.kept === null ? "" : `; ${card.kept} of ${card.of} true neighbours are near on the map`;
  return `${card.kind} “${card.text}”${card.label ? `, ${card.label}` : ""}${kept}`;
}

/** @param {any} card @param {{long: boolean, go: ((id: number) => void) | null}} how @returns {Node[]} */
export function cardBody(card, { long, go }) {
  const near = long ? card.neighbours : card.neighbours.slice(0, NEIGHBOURS_IN_TIP);
  const head = h("div", { class: "atl-card-head" },
    card.picture ? h("img", { src: card.picture, alt: `${card.kind} ${card.text}` }) : null,
    h("div", {},
      h("strong", { text: card.text }),
      h("p", { class: "wb-help", text: [card.kind, card.label, `#${card.point}`].filter(Boolean).join(" · ") }),
      ...card.figures.filter((/** @type {any} */ row) => long || row.first).map((/** @type {any} */ row) => h("p", { class: "atl-figure", title: row.help }, `${row.name} `, h("b", { text: figure(row.value, row.unit) })))));
  if (!near.length) return [head];
  const list = h("ol", { class: "atl-near", "aria-label": "true neighbours" }, ...near.map((/** @type {any} */ other, /** @type {number} */ place) => neighbour(other, place, card, go)));
  return [head, h("p", { class: "wb-help", text: `true neighbours${card.kept === null ? "" : `, ${card.kept} of ${card.of} near on the map too`}` }), list];
}

/** @param {any} other @param {number} place @param {any} card @param {((id: number) => void) | null} go */
function neighbour(other, place, card, go) {
  const picture = other.kind === "picture" && card.strip && other.cell !== null
    ? h("i", { class: "atl-mini", style: { backgroundImage: `url("${card.strip}")`, backgroundPosition: `-${MINI * other.cell}px 0` } }) : h("i", { class: "atl-mini", "data-kind": other.kind, text: other.kind === "text" ? "“”" : "" });
  const body = [picture, h("span", { class: "atl-near-text", text: other.text }), h("span", { class: "atl-number", text: other.cosine.toFixed(3) }),
    h("span", { class: other.kept ? "atl-good" : "atl-bad", title: other.kept ? "near on the map too" : "torn away by the map", text: other.kept ? "✓" : "✗" })];
  return h("li", {}, go ? h("button", { type: "button", "aria-label": `${place + 1}: ${other.kind} ${other.text}, cosine ${other.cosine.toFixed(3)}, ${other.kept ? "near on the map" : "far on the map"}`, onclick: () => go(other.point) }, ...body) : h("span", {}, ...body));
}

/** @param {any} measures */
export function measuresTable(measures) {
  const chosen = measures.selection !== null;
  return h("table", { class: "atl-measures" },
    h("caption", { text: measures.caption }),
    h("thead", {}, h("tr", {}, ...["", "all", ...(chosen ? [measures.selection] : []), "beside it"].map((text) => h("th", { scope: "col", text })))),
    h("tbody", {}, ...measures.rows.map((/** @type {any} */ row) => h("tr", { title: row.help },
      h("th", { scope: "row", text: row.name }), h("td", { text: row.all }),
      chosen ? h("td", { text: row.selection }) : null,
      h("td", { class: "atl-twin", text: row.twin })))));
}

/** @param {any} found @param {string} url @param {number} focus @param {(id: number) => void} go @returns {Node[]} */
export function galleryCards(found, url, focus, go) {
  return found.rows.map((/** @type {any} */ row, /** @type {number} */ place) => {
    const score = row.score === null ? "" : row.score.toFixed(3);
    const right = row.right === null ? "" : row.right ? " ✓" : "";
    const picture = row.cell === null ? h("i", { class: "atl-thumb", text: "“”" })
      : h("i", { class: "atl-thumb", style: { backgroundImage: `url("${url}")`, backgroundPosition: `-${(row.cell % found.columns) * found.thumb}px -${Math.floor(row.cell / found.columns) * found.thumb}px` } });
    return h("li", {}, h("button", { type: "button", "data-point": row.point, "aria-current": row.point === focus, "aria-label": `rank ${place + 1}: ${row.text}${score && `, ${score}`}${row.right ? ", its own pair" : ""}`, onclick: () => go(row.point) },
      picture, h("span", { class: "atl-near-text", text: row.text }), h("span", { class: "atl-number", text: `${row.rank}.  ${score}${right}` })));
  });
}
