// @ts-check
// The foot of every widget: the Python code of what is on the screen, and a button that copies it.
import { h } from "./dom.mjs";

const COPY = "Copy as Python";
const SAID_MS = 2000;

/**
 * @param {string} kind the widget's class prefix @param {string} thing what the code is of: "board", "lens", "atlas"
 * @returns {{ button: any, details: any, draw: (code: string) => void }}
 */
export function codeOf(kind, thing) {
  const code = h("pre", { class: `${kind}-code`, tabindex: 0, "aria-label": `Python code of this ${thing}` });
  const details = h("details", {}, h("summary", { text: "The code of what is on the screen" }), code);
  const button = h("button", { type: "button", class: "wb-button", text: COPY, onclick: () => copy() });
  const copy = async () => {
    details.open = true;
    try {
      await navigator.clipboard.writeText(code.textContent ?? "");
      button.textContent = "Copied";
    } catch {
      getSelection()?.selectAllChildren(code); // no clipboard permission: the code is marked for Ctrl+C
      button.textContent = "Press Ctrl+C";
    }
    setTimeout(() => (button.textContent = COPY), SAID_MS);
  };
  return { button, details, draw: (text) => (code.textContent = text) };
}
