// @ts-check
// A name and a button: the kernel writes what is on the screen under that name, as a page, a picture, arrays and JSON.
import { h } from "./dom.mjs";

/** @param {any} model @param {string} name of the files, until another is typed @returns {any} */
export function exportOf(model, name) {
  const typed = h("input", { type: "text", "aria-label": "name of the exported files", value: name });
  const save = h("button", { type: "button", class: "wb-button", text: "Export PNG + NPZ + JSON", onclick: () => model.send({ kind: "export", path: typed.value }) });
  return h("span", { class: "wb-export" }, typed, save);
}
