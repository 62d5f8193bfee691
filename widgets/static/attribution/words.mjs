// @ts-check
// The words of the text, always in view above the maps: chosen by a click, coloured by the map in focus.
import { h } from "../shared/dom.mjs";
import { overlay } from "../shared/colours.mjs";
import { signed } from "../shared/format.mjs";
import { largest, partOfPatches, toggled, wordsNote } from "./values.mjs";

/** @import { Attribution, Pairs } from "./types.d.ts" */

const WORD_SHARE = 0.8; // of the opacity: letters stay readable on it

/**
 * @param {Attribution} board
 * @param {Pairs} pairs
 * @param {() => void} showReacting brings the map that follows words into view
 */
export function words({ model, send, view }, pairs, showReacting) {
  const row = h("div", { class: "atb-words", role: "group", "aria-label": "words of the text" });
  const note = h("p", { class: "wb-help" });
  const clear = h("button", {
    type: "button",
    class: "wb-button",
    text: "Clear choice",
    onclick: () => {
      model.set("words", []);
      send("patches", []);
    },
  });
  const choose = (/** @type {number} */ place) => {
    send("words", toggled(model.get("words"), place));
    showReacting();
  };
  const chip = (/** @type {number} */ place) =>
    h("button", { type: "button", class: "atb-word", onclick: () => choose(place) });
  return {
    element: h("div", { class: "atb-said" }, row, clear),
    note,
    draw() {
      const { tokens, maps } = view();
      const map = maps.find((one) => one.method === model.get("focus")) ?? maps[0];
      const [chosen, patches] = [model.get("words"), model.get("patches")];
      const part = map.pairs && patches.length ? pairs() : null;
      const [rows, cols] = map.grid ?? [0, 0];
      const values = part ? partOfPatches(part, rows * cols, patches) : map.text;
      const limit = values ? largest(values) : 0;
      while (row.children.length > tokens.length) row.lastChild?.remove();
      while (row.children.length < tokens.length) row.append(chip(row.children.length));
      tokens.forEach((token, /** @type {number} */ place) => {
        const button = /** @type {HTMLElement} */ (row.children[place]);
        button.textContent = token.text;
        button.toggleAttribute("data-special", !token.word);
        button.setAttribute("aria-pressed", String(chosen.includes(place)));
        button.title = values ? signed(values[place]) : "";
        button.style.backgroundColor = values
          ? overlay(values[place], limit, WORD_SHARE * model.get("opacity"))
          : "";
      });
      // its place stays, so nothing moves
      clear.style.visibility = chosen.length || patches.length ? "visible" : "hidden";
      note.textContent = wordsNote(map, chosen, patches, maps);
    },
  };
}
