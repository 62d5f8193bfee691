// @ts-check
// The answer as words, a thin bar on each; arrow keys walk along it.
import { DIVERGING, css } from "../shared/colours.mjs";
import { fill, h, rove } from "../shared/dom.mjs";
import { decimal, number, percent, plural } from "../shared/format.mjs";
import { barsOf, partAt, total, wordsAt } from "./numbers.mjs";

/** @import { Part, View } from "./types.d.ts" */
/** @import { Reading } from "./state.mjs" */

/** @type {Record<Part, string>} what was done before a word lost its bits, also in Python */
export const LOST = {
  others: "when the picture is exchanged for others of its set",
  blur: "when the picture is blurred",
  mean: "when the picture is made one colour",
  instruction: "without the instruction",
  history: "when its own earlier words are exchanged",
};
const TINT = 0.55; // opacity of the word that looks most at the chosen patch

/** @param {Reading} lens @param {HTMLElement} pages what stands before the head of the bars */
export function words(lens, pages) {
  const { board, model } = lens;
  const head = h("span", { class: "an-bar-head" });
  const measure = h("button", {
    type: "button",
    class: "wb-button",
    text: "Measure reliance",
    title:
      "takes away the picture, the instruction, its own earlier words, one by one: how many bits does each " +
      "word lose?",
    onclick: () => board.tell({ kind: "measure" }),
  });
  const part = h("select", {
    "aria-label": "what is taken away",
    onchange: () => {
      lens.choose("part", /** @type {Part} */ (part.value));
    },
  });
  const problem = h("p", { class: "wb-field-error", role: "alert", hidden: true });
  const list = h("div", { class: "an-words", role: "group", "aria-label": "words of the answer" });
  const written = h("p", { class: "an-written", "aria-live": "polite", hidden: true });
  /** @type {View | null} */ let built = null;
  /** @type {{button: HTMLButtonElement, bar: HTMLElement}[]} */ let chips = [];
  list.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const next = rove(lens.word, event.key, chips.length, chips.length);
    if (next === null || !["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return;
    event.preventDefault();
    lens.pick(next);
    chips[next].button.focus();
  });
  const build = () => {
    built = lens.view;
    chips = built.texts.map((text, word) => {
      const bar = h("i", {});
      const button = h(
        "button",
        { type: "button", class: "an-word", onclick: () => lens.pick(word) },
        h("span", { class: "an-bar", "aria-hidden": "true" }, bar),
        h("span", { text }),
      );
      button.toggleAttribute("data-mark", text === "(end)");
      return { button, bar };
    });
    fill(list, ...chips.map((chip) => chip.button));
  };
  return {
    element: h(
      "div",
      { class: "an-text" },
      h("div", { class: "wb-row an-text-head" }, pages, head, part, measure, problem),
      list,
      written,
    ),
    draw() {
      if (built !== lens.view) build();
      const { view, writing } = lens;
      list.hidden = writing;
      written.hidden = !writing;
      if (writing) written.textContent = `${model.get("_writing").text.trimStart()}▍`;
      head.textContent = view.bits ? "Bar: bits lost" : "Bar: probability";
      drawPart(part, view, model.get("part"));
      measure.hidden = Boolean(view.bits);
      measure.disabled = Boolean(view.refusal) || writing || "reliance" in board.status().working;
      problem.textContent = board.status().errors.bits ?? "";
      problem.hidden = !problem.textContent;
      const bars = barsOf(view, model.get("part"));
      const patch = model.get("patch");
      const attention = lens.attention;
      const how = { row: model.get("row"), layer: model.get("layer") };
      const tints = patch === null || !attention?.cells ? [] : wordsAt(attention, view.words, patch, how);
      chips.forEach(({ button, bar }, word) => {
        bar.style.width = `${Math.round(100 * bars[word].length)}%`;
        bar.toggleAttribute("data-below", (bars[word].value ?? 0) < 0 && Boolean(view.bits));
        button.setAttribute("aria-pressed", String(word === lens.word));
        button.tabIndex = word === lens.word ? 0 : -1;
        button.title = titleOf(view, word, model.get("part"));
        button.style.background = tints.length ? css(DIVERGING[2], TINT * tints[word]) : "";
      });
    },
  };
}

/** What was taken away: a choice of all that was measured.
 * @param {HTMLSelectElement} control @param {View} view @param {Part | ""} part */
function drawPart(control, { bits }, part) {
  control.hidden = !bits;
  if (!bits) return;
  const names = bits.parts.map((name, place) => `${LOST[name]} (${plural(bits.count[place], "time")})`);
  if (control.dataset.names !== names.join()) {
    control.dataset.names = names.join();
    fill(control, ...names.map((text, place) => h("option", { value: bits.parts[place], text })));
  }
  control.value = bits.parts[partAt(bits, part)];
}

/** @param {View} view @param {number} word @param {Part | ""} [part] */
export function titleOf(view, word, part = "") {
  const [start, stop] = view.words[word];
  const logp = total(view.logp.slice(start, stop));
  const said = [`“${view.texts[word]}”`];
  if (logp !== null) said.push(`probability ${percent(Math.exp(logp))}, log ${decimal(logp, 2)}`);
  if (stop - start > 1) said.push(plural(stop - start, "token"));
  const { bits } = view;
  if (bits) {
    const [value, low, high] = [bits.bits, bits.low, bits.high].map((rows) =>
      total(rows[partAt(bits, part)].slice(start, stop)),
    );
    if (value !== null) {
      const spread = low === null || high === null ? "" : ` (${number(low)} to ${number(high)})`;
      said.push(`loses ${number(value)} bits ${LOST[bits.parts[partAt(bits, part)]]}${spread}`);
    }
  }
  return said.join("; ");
}
