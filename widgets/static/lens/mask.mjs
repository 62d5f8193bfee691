// @ts-check
// Beside the picture: what masked parts do to the score, next to random parts of the same size.
import { h } from "../shared/dom.mjs";
import { decimal } from "../shared/format.mjs";

/** @import { Lens } from "./state.mjs" */
/** @import { Tool, Without } from "./types.d.ts" */

/** Mask parts and see the score. @param {Lens} lens */
export function maskPart(lens) {
  const group = `al-tool-${Math.random().toString(36).slice(2)}`;
  const radio = (/** @type {Tool} */ value, /** @type {string} */ text, /** @type {string} */ title) =>
    h(
      "label",
      { title },
      h("input", {
        type: "radio",
        name: group,
        value,
        onchange: () => {
          lens.hover = "";
          lens.choose("tool", value);
        },
      }),
      text,
    );
  const tools = h(
    "div",
    { class: "al-tools", role: "radiogroup", "aria-label": "what a click does" },
    radio("look", "look", "hover and click show attention"),
    radio("mask", "mask (occlude)", "drag over patches, click words: the score without them"),
  );
  const clear = h("button", {
    type: "button",
    class: "wb-button",
    text: "Clear the mask",
    onclick: () => {
      lens.masked = { patches: [], words: [] };
      lens.sendMask();
      lens.redraw();
    },
  });
  const said = h("p", { class: "al-score", role: "status" });
  const [look, mask] = tools.querySelectorAll("input");
  return {
    element: h("div", { class: "al-mask" }, said),
    tools: h("div", { class: "al-row" }, tools, clear),
    draw() {
      const now = lens.model.get("_now");
      const { patches, words } = lens.masked;
      const none = !patches.length && !words.length;
      mask.disabled = Boolean(now.refusal);
      /** @type {HTMLElement} */ (mask.parentElement).title =
        now.refusal || "drag over patches, click words: the score without them";
      (lens.tool === "mask" ? mask : look).checked = true;
      clear.style.visibility = none ? "hidden" : "visible";
      said.textContent = lens.board.status().errors.mask || (none ? hint(lens) : scored(now.without));
      said.toggleAttribute("data-bad", Boolean(lens.board.status().errors.mask));
    },
  };
}

/** @param {Lens} lens */
const hint = (lens) =>
  lens.tool === "mask" ? "Drag over patches, click words: the cosine without them." : "";

/** @param {Without | null | undefined} found */
function scored(found) {
  if (!found) return "asking the model…";
  const change = (/** @type {number} */ value) => `${value > 0 ? "+" : ""}${decimal(value)}`;
  const twin = found.draws
    ? `; ${found.draws} random masks of the same size: ${change(found.random - found.before)} ± ` +
      `${decimal(found.spread)}`
    : "";
  return (
    `Cosine ${decimal(found.before)} → ${decimal(found.score)} ` +
    `(${change(found.score - found.before)})${twin}`
  );
}
