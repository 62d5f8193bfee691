// @ts-check
// What colours and shapes mean. An entry filters: a click leaves only it, more clicks add others.
import { fill, h } from "../shared/dom.mjs";
import { whole } from "../shared/format.mjs";

/** @import { Atlas, Legend, LegendEntry } from "./types.d.ts" */

const LABELS = 400; // of them listed; more are reached by searching

/**
 * Labels or kinds after one more click on an entry.
 * @template {string} E
 * @param {E[]} on
 * @param {E} entry
 */
export function flipped(on, entry) {
  return on.includes(entry) ? on.filter((other) => other !== entry) : [...on, entry];
}

/** @param {Atlas} board */
export function legend(board) {
  const { model, send, view } = board;
  const list = h("ul", { class: "atl-legend" });
  const find = h("input", {
    type: "search",
    "aria-label": "find a label",
    placeholder: "find a label",
    oninput: () => draw(),
  });
  const clear = h("button", {
    type: "button",
    class: "wb-button",
    text: "Show all",
    onclick: () => {
      model.set("kinds", []);
      send("labels", []);
    },
  });
  const choose = h("button", {
    type: "button",
    class: "wb-button",
    text: "Select these",
    onclick: () => board.tell({ kind: "choose", what: "labels" }),
  });
  const state = h("span", { class: "atl-number", role: "status" });
  let drawn = "";
  const draw = () => {
    const { legend: now } = view();
    const [labels, kinds] = [model.get("labels"), model.get("kinds")];
    const wanted = find.value.trim().toLowerCase();
    const shown = now.entries.filter((entry) => entry.text.toLowerCase().includes(wanted)).slice(0, LABELS);
    find.hidden = now.entries.length < 12;
    clear.hidden = choose.hidden = state.hidden = !labels.length && !kinds.length;
    choose.hidden ||= Boolean(view().saved);
    state.textContent =
      labels.length || kinds.length
        ? `only ${[...labels, ...kinds.map((/** @type {string} */ kind) => `${kind}s`)].join(", ")}`
        : "";
    const key = JSON.stringify([now, labels, kinds, wanted]);
    if (key === drawn) return;
    drawn = key;
    const held = document.activeElement?.getAttribute("data-entry");
    fill(
      list,
      ...(now.kinds.length > 1
        ? now.kinds.map((one) =>
            chip(
              `${one.kind}s`,
              { shape: one.shape, count: one.count },
              kinds.includes(one.kind),
              kinds.length > 0,
              () => send("kinds", flipped(kinds, one.kind)),
            ),
          )
        : []),
      ...(now.ramp ? [ramp(now)] : []),
      ...shown.map((entry) =>
        chip(
          entry.text,
          entry,
          labels.includes(entry.text),
          labels.length > 0,
          entry.filter ? () => send("labels", flipped(labels, entry.text)) : null,
        ),
      ),
    );
    // the entry just clicked keeps the keyboard
    if (held)
      /** @type {HTMLElement | null} */ (list.querySelector(`[data-entry="${CSS.escape(held)}"]`))?.focus();
  };
  return {
    element: h(
      "div",
      { class: "atl-labels", role: "group", "aria-label": "legend and filter" },
      list,
      h("span", { class: "atl-row" }, state, find, choose, clear),
    ),
    draw,
  };
}

/**
 * @param {string} text
 * @param {Partial<LegendEntry>} entry
 * @param {boolean} on
 * @param {boolean} some
 * @param {(() => void) | null} act
 */
function chip(text, entry, on, some, act) {
  const count =
    entry.count === null || entry.count === undefined
      ? null
      : h("span", { class: "atl-number", text: whole(entry.count) });
  const swatch = h("i", {
    class: "atl-swatch",
    "data-shape": entry.shape ?? "disc",
    style: { background: entry.colour ?? "currentColor" },
  });
  const inside = [swatch, `${text} `, count];
  return h(
    "li",
    {},
    act
      ? h(
          "button",
          {
            type: "button",
            class: "atl-chip",
            "data-entry": text,
            "aria-pressed": String(on),
            "data-off": some && !on,
            title: on ? "click to take it out of the filter" : "click to see only these",
            onclick: act,
          },
          ...inside,
        )
      : h("span", { class: "atl-chip" }, ...inside),
  );
}

/** @param {Legend} legend */
function ramp(legend) {
  return h(
    "li",
    { class: "atl-ramp" },
    h("span", { class: "atl-number", text: legend.title }),
    h("span", { text: legend.low }),
    h("i", { style: { background: `linear-gradient(90deg, ${(legend.ramp ?? []).join(", ")})` } }),
    h("span", { text: legend.high }),
  );
}
