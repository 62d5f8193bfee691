// @ts-check
// Small controls that every part of the answer lens uses.
import { h, throttled } from "../shared/dom.mjs";
import { keep } from "../shared/fields.mjs";

/** @import { Traits } from "./types.d.ts" */
/** @import { Reading } from "./state.mjs" */

const SLIDER_INTERVAL = 40;
/** @typedef {"temperature" | "top_p" | "length_penalty" | "opacity"} Slid */
/** @typedef {"width" | "seed" | "max_new_tokens" | "top_k" | "shown_width"} Counted */

/** @param {string} text @param {...(HTMLElement | null)} controls */
export const labelled = (text, ...controls) =>
  h("label", { class: "an-control" }, h("span", { text }), ...controls);

/**
 * A slider of a trait with its number beside it.
 * @param {Reading} lens
 * @param {Slid} name
 * @param {{label: string, says: string, min: number, max: number, step: number, text?: (value: number) =>
 *   string}} options
 */
export function slider(lens, name, { label, says, min, max, step, text = String }) {
  const move = throttled((/** @type {number} */ value) => lens.choose(name, value), SLIDER_INTERVAL);
  const said = h("output", { class: "an-number" });
  const control = h("input", {
    type: "range",
    min,
    max,
    step,
    "aria-label": says,
    oninput: () => {
      said.textContent = text(Number(control.value));
      move(Number(control.value));
    },
  });
  return {
    element: labelled(label, control, said),
    draw() {
      const value = lens.model.get(name);
      keep(control, value);
      said.textContent = text(value);
    },
  };
}

/**
 * A whole number that may be left out.
 * @param {Reading} lens
 * @param {Counted} name
 * @param {{label: string, says: string, min: number, none?: string}} options `none` is what no number means
 */
export function counted(lens, name, { label, says, min, none = "" }) {
  const control = h("input", {
    type: "number",
    min,
    step: 1,
    class: "an-count",
    "aria-label": says,
    placeholder: none,
    oninput: () => {
      const value = control.value === "" ? null : Math.round(Number(control.value));
      if (value === null ? !none : !(value >= min)) return;
      lens.choose(name, /** @type {Traits[Counted]} */ (value));
    },
  });
  return {
    element: labelled(label, control),
    draw: () => keep(control, lens.model.get(name) ?? ""),
  };
}

/**
 * A choice of names.
 * @template {"how" | "map" | "row"} K
 * @param {Reading} lens
 * @param {K} name
 * @param {string} says
 * @param {[Traits[K], string, string][]} options value, text, title
 */
export function pick(lens, name, says, options) {
  const control = h(
    "select",
    {
      "aria-label": says,
      onchange: () => {
        lens.choose(name, /** @type {Traits[K]} */ (control.value));
      },
    },
    ...options.map(([value, text, title]) => h("option", { value, text, title })),
  );
  return {
    element: control,
    draw: () => {
      control.value = lens.model.get(name);
    },
  };
}
