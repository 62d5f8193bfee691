// @ts-check
// Controls that the pages of the fusion board share.
import { h, fill } from "../shared/dom.mjs";
import { decimal } from "../shared/format.mjs";

/** @import { Brief, Fusion } from "./types.d.ts" */

/** @param {string} title @param {...(Node | string | null)} children */
export function fieldset(title, ...children) {
  return h("fieldset", { class: "fb-panel" }, h("legend", { text: title }), ...children);
}

/**
 * Choices of a select, filled again only if they changed.
 * @param {HTMLSelectElement} select
 * @param {string[][]} rows
 * @param {string} value
 */
export function options(select, rows, value) {
  const wanted = JSON.stringify(rows);
  if (select.dataset.rows !== wanted) {
    fill(select, ...rows.map(([name, text]) => h("option", { value: name, text })));
    select.dataset.rows = wanted;
  }
  if (select.value !== value) select.value = value;
}

/**
 * A select for a trait of the board, with words before it where there are any.
 * @param {Fusion} board
 * @param {"measure" | "baseline" | "cost" | "order" | "curve" | "training" | "preset" | "task"} trait
 * @param {string | null} words
 * @param {{label: string, first?: () => void}} options `label` for a screen reader, `first` before it is sent
 */
export function choice({ send }, trait, words, { label, first }) {
  const select = h("select", {
    "aria-label": label,
    onchange: () => {
      first?.();
      send(trait, select.value);
    },
  });
  return {
    element: words === null ? select : h("label", { class: "fb-row" }, words, select),
    draw: (/** @type {string[][]} */ rows, /** @type {string} */ value) => options(select, rows, value),
  };
}

/**
 * Fusions to tick; those that are ticked are a trait of the board.
 * @param {Fusion} board
 * @param {"beside" | "chosen"} trait
 * @param {{wide?: boolean, kinds?: boolean}} [options] in columns; with the class of each
 */
export function fusionChecks({ model, send }, trait, { wide = false, kinds = false } = {}) {
  const element = h("ul", { class: wide ? "fb-checks fb-checks-wide" : "fb-checks" });
  let drawn = "";
  const flip = (/** @type {string} */ name, /** @type {boolean} */ on) => {
    const others = model.get(trait).filter((other) => other !== name);
    send(trait, on ? [...others, name] : others);
  };
  const row = (/** @type {Brief} */ fusion) => {
    const box = h("input", {
      type: "checkbox",
      value: fusion.name,
      onchange: () => {
        flip(fusion.name, box.checked);
      },
    });
    return h(
      "li",
      {},
      h(
        "label",
        { "data-where": fusion.where },
        box,
        h("span", { class: "fb-dot", "aria-hidden": "true" }),
        h("span", { text: fusion.title }),
        kinds ? h("small", { text: fusion.kind }) : null,
      ),
    );
  };
  return {
    element,
    draw(/** @type {Brief[]} */ fusions) {
      const key = fusions.map((fusion) => fusion.name).join();
      if (key !== drawn) {
        drawn = key;
        fill(element, ...fusions.map(row));
      }
      const ticked = model.get(trait);
      element.querySelectorAll("input").forEach((box) => {
        box.checked = ticked.includes(box.value);
      });
    },
  };
}

/**
 * Radio buttons.
 * @param {string} name
 * @param {string} label
 * @param {string[][]} rows
 * @param {(value: string) => void} chosen
 */
export function radios(name, label, rows, chosen) {
  const group = `${name}-${Math.random().toString(36).slice(2)}`; // two views of one board are two groups
  const inputs = rows.map(([value]) =>
    h("input", { type: "radio", name: group, value, onchange: () => chosen(value) }),
  );
  const element = h(
    "div",
    { class: "fb-choice", role: "radiogroup", "aria-label": label },
    ...rows.map(([, text], place) => h("label", {}, inputs[place], text)),
  );
  return {
    element,
    set: (/** @type {string} */ value) =>
      inputs.forEach((input) => {
        input.checked = input.value === value;
      }),
  };
}

/**
 * A table of numbers behind a chart, folded away.
 * @param {string} title
 * @param {string[]} head
 * @param {(string | number | null)[][]} rows
 */
export function numbers(title, head, rows) {
  return h(
    "details",
    { class: "fb-numbers" },
    h("summary", { text: title }),
    h(
      "div",
      { class: "fb-scroll", tabindex: 0, role: "region", "aria-label": title },
      h(
        "table",
        {},
        h("thead", {}, h("tr", {}, ...head.map((text) => h("th", { scope: "col", text })))),
        h(
          "tbody",
          {},
          ...rows.map((row) =>
            h(
              "tr",
              {},
              ...row.map((cell, place) =>
                place ? h("td", { text: cell ?? "–" }) : h("th", { scope: "row", text: cell }),
              ),
            ),
          ),
        ),
      ),
    ),
  );
}

/** Keep a folded table open over a redraw. @param {Element} place @param {...(Node | null)} children */
export function refill(place, ...children) {
  const open = [...place.querySelectorAll("details[open] > summary")].map((summary) => summary.textContent);
  fill(place, ...children);
  for (const details of place.querySelectorAll("details"))
    if (open.includes(details.querySelector("summary")?.textContent ?? "")) details.open = true;
}

/** 0.12345 -> "0.123"; nothing -> "–". @param {number | null | undefined} value @param {number} [digits] */
export function fixed(value, digits = 3) {
  return value === null || value === undefined ? "–" : decimal(value, digits);
}

/** "+0.012 (0.004 to 0.020)". @param {(number | null)[] | null} triple */
export function spread(triple) {
  if (!triple || triple[0] === null) return "–";
  const sign = triple[0] > 0 ? "+" : "";
  const ends =
    triple[1] === null || triple[2] === null ? "" : ` (${fixed(triple[1])} to ${fixed(triple[2])})`;
  return `${sign}${fixed(triple[0])}${ends}`;
}
