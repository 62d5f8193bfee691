// @ts-check
// Fields in which people type, with their error beside them; nothing is sent in the middle of a composed
// word.
import { activeIn, h } from "./dom.mjs";

/** @import { Control } from "./types.d.ts" */

/**
 * A control keeps what is being typed: it is only set from outside while it is not in use.
 * @param {Control} control
 * @param {string | number} value
 */
export function keep(control, value) {
  const busy = activeIn(control) === control || control.dataset.composing === "true";
  if (!busy && control.value !== String(value)) control.value = String(value);
}

/**
 * Call `send(text)` once nothing has been typed for `pause_ms`, or at once when the field is left: what is
 * typed last would otherwise be overwritten by what was sent before it. Words under composition (Chinese,
 * Japanese, Korean, dead keys) are not words yet: they wait until the composition ends.
 * @template {HTMLInputElement | HTMLTextAreaElement} C
 * @param {C} control
 * @param {(text: string) => void} send
 * @param {number} pause_ms
 * @returns {C}
 */
export function whenTyped(control, send, pause_ms) {
  let timer = 0;
  const now = () => {
    timer = 0;
    send(control.value);
  };
  const soon = () => {
    clearTimeout(timer);
    timer = control.dataset.composing === "true" ? 0 : setTimeout(now, pause_ms);
  };
  control.addEventListener("compositionstart", () => {
    clearTimeout(timer);
    timer = 0;
    control.dataset.composing = "true";
  });
  control.addEventListener("compositionend", () => {
    delete control.dataset.composing;
    soon();
  });
  control.addEventListener("input", soon);
  control.addEventListener("blur", () => {
    if (!timer) return;
    clearTimeout(timer);
    now();
  });
  return control;
}

/**
 * Call `act()` when Enter ends a line, but not the Enter that takes a composed word.
 * @template {HTMLElement} C
 * @param {C} control
 * @param {() => void} act
 * @returns {C}
 */
export function onEnter(control, act) {
  control.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    act();
  });
  return control;
}

/**
 * A control with a place for its error. The error lies over what is below it, so that nothing moves.
 * @template {HTMLElement} C
 * @param {C} control
 * @param {string} place the name under which the kernel reports errors of this field
 * @param {{label?: string, beside?: HTMLElement | null}} [options] `label` before the control, `beside`
 *   after it
 */
export function field(control, place, { label = "", beside = null } = {}) {
  const error = h("p", { class: "wb-field-error", role: "alert", hidden: true });
  const element = h(
    label ? "label" : "div",
    { class: "wb-field" },
    label ? h("span", { class: "wb-field-name", text: label }) : null,
    control,
    beside,
    error,
  );
  return {
    element,
    control,
    /** @param {{errors: Record<string, string>}} status */
    draw(status) {
      const text = status.errors[place] ?? "";
      error.hidden = !text;
      error.textContent = text;
      if (text) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    },
  };
}
