// @ts-check
// Under the lens: what parts taken away do to the score, and how to keep what is on the screen.
import { codeOf } from "./code.mjs";
import { h, fill } from "./dom.mjs";
import { exportOf } from "./export.mjs";

/** @typedef {import("./lens_state.mjs").Lens} Lens */

/** Take parts away and see the score. */
export function experiment(/** @type {Lens} */ lens) {
  const group = `al-tool-${Math.random().toString(36).slice(2)}`;
  const radio = (/** @type {string} */ value, /** @type {string} */ text) => h("label", {}, h("input", { type: "radio", name: group, value, checked: value === "look", onchange: () => { lens.tool = value; lens.hover = ""; lens.redraw(); } }), text);
  const tools = h("div", { class: "al-tools", role: "radiogroup", "aria-label": "what a click does" }, radio("look", "look"), radio("mask", "take away: drag over patches, click words"));
  const clear = h("button", { type: "button", class: "wb-button", text: "Put all back", onclick: () => { lens.masked = { patches: [], words: [] }; lens.sendMask(); lens.redraw(); } });
  const said = h("p", { class: "al-score", role: "status" });
  const why = h("p", { class: "wb-help" });
  return {
    element: h("div", { class: "al-mask" }, h("div", { class: "al-row" }, tools, clear), said, why),
    draw() {
      const now = lens.model.get("_now");
      const { patches, words } = lens.masked;
      const none = !patches.length && !words.length;
      tools.querySelectorAll("input")[1].disabled = Boolean(now.refusal);
      clear.hidden = none;
      why.textContent = now.refusal ?? "";
      const found = now.without;
      const twin = found ? `; ${found.draws} random parts of the same size: ${signed(found.random - found.before)} ± ${found.spread.toFixed(3)}` : "";
      said.textContent = none ? "" : found ? `Cosine ${found.before.toFixed(3)} → ${found.score.toFixed(3)} (${signed(found.score - found.before)})${twin}` : "asking the model…";
    },
  };
}

/** @param {number} bytes */
const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

/** What the gate found; of maps made by hand there is nothing to say. @param {number | null} difference */
const watched = (difference) => (difference === null ? "" : `The model's output ${difference ? `moved by ${difference.toExponential(0)}` : "did not move"} while it was watched. `);

/** @param {number} value */
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;

export function foot(/** @type {Lens} */ lens) {
  const code = codeOf("al", "lens");
  const facts = h("p", { class: "wb-help" });
  const notes = h("ul", { class: "al-notes" });
  const credit = h("small", { class: "wb-credit" });
  return {
    element: h("footer", { class: "al-foot" }, notes, facts, h("div", { class: "al-row" }, code.button, exportOf(lens.model, "attention"), credit), code.details),
    draw() {
      const { view } = lens;
      code.draw(lens.model.get("_now").code ?? "");
      credit.textContent = view.credit;
      facts.textContent = `${size(view.bytes)} of maps; a weight v is drawn to within √v / ${view.levels}. ${watched(view.difference)}Attention says where a head reads, not why the model answers.`;
      fill(notes, ...view.notes.map((/** @type {string} */ note) => h("li", { text: note })));
    },
  };
}
