// @ts-check
// Where the selected word's attention falls, a bar a layer: picture, instruction, own words, template.
import { NAMED, NEUTRAL } from "../shared/colours.mjs";
import { fill, h } from "../shared/dom.mjs";
import { percent } from "../shared/format.mjs";
import { bandsOf, evenOf, PARTS } from "./numbers.mjs";

/** @import { Reading } from "./state.mjs" */

/** Colours of the parts, also in Python. */
export const COLOURS = [NAMED[1], NAMED[0], NAMED[2], NEUTRAL];

/** @param {Reading} lens */
export function bands(lens) {
  const { model } = lens;
  const legend = h("div", { class: "an-legend" });
  const rows = h("div", { class: "an-bands", role: "group", "aria-label": "attention by layer" });
  const even = h("div", { class: "an-even", "aria-hidden": "true" });
  const note = h("p", { class: "wb-help" });
  const box = h("div", { class: "an-bands-box" }, rows, even);
  return {
    element: h("section", { class: "an-panel" }, h("h3", { text: "Attention by layer" }), legend, box, note),
    draw() {
      const { attention, writing } = lens;
      const lines = attention && lens.rows.length && !writing ? bandsOf(attention, lens.rows) : [];
      box.hidden = !lines.length;
      const alike = attention && lens.rows.length ? evenOf(attention, lens.rows) : [];
      const used = PARTS.map((_, part) => lines.some((line) => line[part] > 0) || alike[part] > 0);
      fill(
        legend,
        ...PARTS.map((name, part) =>
          used[part] && lines.length
            ? h("span", {}, h("i", { style: { background: COLOURS[part] } }), h("span", { text: name }))
            : null,
        ),
      );
      note.textContent = lines.length
        ? "Dashed: shares if every place were attended to alike. Click a layer to see its map."
        : attention
          ? lens.rowWords()
          : lens.view.unread || "There is no attention to show.";
      drawRows(lens, rows, lines);
      const edges = PARTS.slice(0, -1)
        .map((_, part) => alike.slice(0, part + 1).reduce((sum, share) => sum + share, 0))
        .filter((edge) => edge > 0.002 && edge < 0.998);
      fill(even, ...(lines.length ? edges : []).map((edge) => h("i", { style: { left: `${100 * edge}%` } })));
      rows.toggleAttribute("data-chosen", model.get("layer") !== null);
      rows.style.setProperty("--an-layers", String(lines.length || 1));
    },
  };
}

/** @param {Reading} lens @param {HTMLElement} rows @param {number[][]} lines */
function drawRows(lens, rows, lines) {
  while (rows.children.length > lines.length) rows.lastChild?.remove();
  while (rows.children.length < lines.length) {
    const layer = rows.children.length;
    const choose = () => lens.choose("layer", lens.model.get("layer") === layer ? null : layer);
    rows.append(
      h("button", { type: "button", class: "an-band", onclick: choose }, ...PARTS.map(() => h("i", {}))),
    );
  }
  const chosen = lens.model.get("layer");
  lines.forEach((line, layer) => {
    const row = /** @type {HTMLElement} */ (rows.children[layer]);
    const said = PARTS.map((name, part) => (line[part] > 0 ? `${name} ${percent(line[part])}` : ""))
      .filter(Boolean)
      .join(", ");
    row.title = `layer ${layer + 1} (${lens.attention?.names[layer]}): ${said}`;
    row.setAttribute("aria-label", row.title);
    row.setAttribute("aria-pressed", String(layer === chosen));
    line.forEach((share, part) => {
      const bar = /** @type {HTMLElement} */ (row.children[part]);
      bar.style.width = `${100 * share}%`;
      bar.style.background = COLOURS[part];
    });
  });
}
