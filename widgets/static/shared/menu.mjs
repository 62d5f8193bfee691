// @ts-check
// A button that opens a small panel over the board: help, export, code. Escape or a click elsewhere closes
// it.
import { h } from "./dom.mjs";

/**
 * @param {string} text of the button
 * @param {Node} content
 * @param {{title?: string, class?: string, opened?: () => void}} [options]
 */
export function menu(text, content, options = {}) {
  const button = h("button", {
    type: "button",
    class: "wb-button",
    "aria-expanded": "false",
    "aria-haspopup": "true",
    title: options.title,
    text,
  });
  const panel = h(
    "div",
    {
      class: `wb-menu-panel ${options.class ?? ""}`.trim(),
      hidden: true,
      role: "group",
      "aria-label": options.title ?? text,
    },
    content,
  );
  const element = h("span", { class: "wb-menu" }, button, panel);
  const open = (/** @type {boolean} */ on) => {
    if (panel.hidden === !on) return;
    panel.hidden = !on;
    button.setAttribute("aria-expanded", String(on));
    if (on) {
      document.addEventListener("pointerdown", outside, true);
      options.opened?.();
    } else document.removeEventListener("pointerdown", outside, true);
  };
  const outside = (/** @type {Event} */ event) => {
    if (!event.composedPath().includes(element)) open(false);
  };
  button.addEventListener("click", () => open(panel.hidden));
  element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || panel.hidden) return;
    event.preventDefault(); // this Escape is spent: it does not leave the board as well
    open(false);
    button.focus();
  });
  return { element, button, open };
}
