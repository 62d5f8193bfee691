// @ts-check
// What several parts of the zero-shot board share: panels, choices, and the words for a score.
import { h } from "../shared/dom.mjs";
import { decimal } from "../shared/format.mjs";
import { NAMED, NEUTRAL } from "../shared/colours.mjs";

/** @import { View } from "./types.d.ts" */

export const TYPING_PAUSE = 250; // ms without a key before words are sent: they may need the model
export const SLIDER_INTERVAL = 40; // ms between two positions of a slider

/**
 * The colour of a label: its own if it is among those that win most, else grey.
 * @param {Pick<View, "hues">} view
 * @param {number} index
 */
export function hueOf(view, index) {
  const place = view.hues[index];
  return place === undefined ? NEUTRAL : (NAMED[place] ?? NEUTRAL);
}

/**
 * Why a picture is none of these, in as many digits as tell the two apart.
 * @param {string} measure
 * @param {number} score
 * @param {number} threshold
 */
export function deciding(measure, score, threshold) {
  for (const digits of [3, 4, 5, 6]) {
    const [left, right] = [decimal(score, digits), decimal(threshold, digits)];
    if (left !== right || digits === 6) return `${measure} ${left} < ${right}`;
  }
  return "";
}

/** @param {string} title @param {string} help @param {...(Node | string | null)} children */
export function panel(title, help, ...children) {
  return h(
    "fieldset",
    { class: "zsb-panel" },
    h("legend", { text: title }),
    help ? h("p", { class: "wb-help", text: help }) : null,
    ...children,
  );
}

/**
 * Radio buttons.
 * @param {string} name
 * @param {string} label
 * @template {string} V
 * @param {[V, string][]} options
 * @param {(value: V) => void} chosen
 */
export function choice(name, label, options, chosen) {
  const group = `${name}-${Math.random().toString(36).slice(2)}`; // two views of one board are two groups
  const inputs = options.map(([value]) =>
    h("input", { type: "radio", name: group, value, onchange: () => chosen(value) }),
  );
  const element = h(
    "div",
    { class: "zsb-choice", role: "radiogroup", "aria-label": label },
    ...options.map(([, text], place) => h("label", {}, inputs[place], text)),
  );
  return {
    element,
    set: (/** @type {V} */ value) => inputs.forEach((input) => (input.checked = input.value === value)),
  };
}
