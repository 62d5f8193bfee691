// @ts-check
// What the model could have said instead, under temperature, top-k and top-p; and taking it.
import { fill, h } from "../shared/dom.mjs";
import { percent } from "../shared/format.mjs";
import { counted, slider } from "./controls.mjs";
import { listed } from "./numbers.mjs";

/** @import { Alternative, View } from "./types.d.ts" */
/** @import { Reading } from "./state.mjs" */

const SHOWN = 8;

/** @param {Reading} lens */
export function alternatives(lens) {
  const { board } = lens;
  const head = h("h3", {});
  const list = h("ol", { class: "an-others" });
  const note = h("p", { class: "wb-help" });
  const sliders = [
    slider(lens, "temperature", {
      label: "temperature",
      says: "temperature",
      min: 0.1,
      max: 2,
      step: 0.05,
      text: (value) => value.toFixed(2),
    }),
    counted(lens, "top_k", { label: "top-k", says: "top-k", min: 1, none: "all" }),
    slider(lens, "top_p", {
      label: "top-p",
      says: "top-p",
      min: 0.05,
      max: 1,
      step: 0.05,
      text: (value) => value.toFixed(2),
    }),
  ];
  let built = "";
  return {
    element: h(
      "section",
      { class: "an-panel" },
      head,
      h("div", { class: "wb-row an-sliders" }, ...sliders.map((one) => one.element)),
      list,
      note,
    ),
    draw() {
      sliders.forEach((one) => one.draw());
      const { view, selected, writing } = lens;
      const step = selected[0];
      const rows = (view.alternatives[step] ?? []).filter((one) => one.logp !== null);
      head.textContent = `What could stand at token ${step + 1}`;
      const key = JSON.stringify([step, view.tokens, rows.slice(0, SHOWN).map((one) => one.token)]);
      if (key !== built) {
        built = key;
        fill(list, ...shown(rows, view.tokens[step]).map((one) => rowOf(lens, step, one)));
      }
      const found = listed(
        rows.map((one) => one.logp ?? -Infinity),
        lens.settings,
      );
      const shares = new Map(rows.map((one, place) => [one.token, found.shares[place]]));
      for (const line of /** @type {Iterable<HTMLElement>} */ (list.children)) {
        const token = Number(line.dataset.token);
        const own = token === view.tokens[step];
        const share = shares.get(token) ?? (own ? Math.exp(view.logp[step] ?? -Infinity) : 0);
        drawRow(line, share, own, Boolean(view.refusal) || writing || Boolean(board.gone));
      }
      note.textContent = noteOf(view, step, found);
    },
  };
}

/** The likeliest, and the one that was written. @param {Alternative[]} rows @param {number} written */
function shown(rows, written) {
  const first = rows.slice(0, SHOWN);
  const own = rows.find((one) => one.token === written);
  return own && !first.includes(own) ? [...first.slice(0, -1), own] : first;
}

/** @param {Reading} lens @param {number} step @param {Alternative} one */
function rowOf(lens, step, one) {
  const { text } = one;
  const take = h("button", {
    type: "button",
    class: "wb-button an-take",
    text: "take instead",
    title: "the model goes on from here, and the tree grows a branch",
    "aria-label": `take “${text}” instead`,
    onclick: () => lens.board.tell({ kind: "take", step, token: one.token }),
  });
  return h(
    "li",
    { class: "an-other", "data-token": one.token },
    h("span", { class: "an-other-text", text }),
    h("span", { class: "an-other-bar", "aria-hidden": "true" }, h("i", {})),
    h("span", { class: "an-number" }),
    take,
    h("span", { class: "wb-help an-own", text: "written" }),
  );
}

/** @param {HTMLElement} line @param {number} share @param {boolean} own @param {boolean} off */
function drawRow(line, share, own, off) {
  const [, bar, said, take, mark] = /** @type {HTMLElement[]} */ ([...line.children]);
  /** @type {HTMLElement} */ (bar.firstElementChild).style.width = `${100 * share}%`;
  said.textContent = share > 0 ? percent(share) : "cut off";
  line.toggleAttribute("data-cut", !(share > 0));
  line.toggleAttribute("data-own", own);
  take.hidden = own;
  mark.hidden = !own;
  /** @type {HTMLButtonElement} */ (take).disabled = off;
}

/** @param {View} view @param {number} step @param {{rest: number, exact: boolean}} found */
function noteOf(view, step, { rest, exact }) {
  const many = view.alternatives[step]?.length ?? 0;
  if (!many) return "What else it could have said was not kept.";
  if (!exact) return `Shares among the ${many} likeliest tokens; the others are not here.`;
  return rest > 0.0005 ? `All other tokens together: ${percent(rest)}.` : "";
}
