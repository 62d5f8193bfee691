// @ts-check
// What is selected, in a bar over the map, so that nothing moves when it comes.
import { h } from "../shared/dom.mjs";

/** @import { Atlas } from "./types.d.ts" */

/**
 * @param {Atlas} board
 * @param {() => void} clearAll
 */
export function selectionBar(board, clearAll) {
  const { model, send } = board;
  const text = h("span", { role: "status", "aria-live": "polite" });
  const clear = h("button", {
    type: "button",
    class: "wb-button",
    text: "Clear",
    title: "select nothing (Escape on the map)",
    onclick: () => clearAll(),
  });
  const list = h("button", {
    type: "button",
    class: "wb-button",
    text: "List",
    title: "list them beside the map",
    onclick: () => send("gallery", "selection"),
  });
  const only = h("input", {
    type: "checkbox",
    onchange: () => {
      send("only", only.checked);
    },
  });
  const chosen = h("span", { class: "atl-chosen" }, list, clear);
  const element = h(
    "div",
    { class: "atl-selection", role: "group", "aria-label": "selection", hidden: true },
    text,
    chosen,
    h("label", { class: "atl-tick" }, only, "hide the rest"),
  );
  return {
    element,
    draw: () => {
      const words = board.view().said_selection;
      const filtered = model.get("labels").length + model.get("kinds").length > 0;
      element.hidden = !words && !filtered;
      text.textContent = words || "filtered by the legend";
      chosen.hidden = !words;
      only.checked = model.get("only");
    },
  };
}
