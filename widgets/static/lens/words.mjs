// @ts-check
// Every token of the lens that is no patch: the words of the text, and the class token beside the picture.
import { h, fill } from "../shared/dom.mjs";
import { decimal, percent } from "../shared/format.mjs";
import { swatch } from "./paint.mjs";

/** @import { Lens } from "./state.mjs" */
/** @import { View } from "./types.d.ts" */

/**
 * A button for each token that is no patch; its size never depends on its number.
 * @param {Lens} lens
 * @param {HTMLElement} place
 * @param {string} panel
 */
export function tokens(lens, place, panel) {
  /** @type {View | null} */ let built = null;
  /** @type {[string, HTMLButtonElement, HTMLElement, HTMLElement][]} */ let rows = [];
  const click = (/** @type {string} */ id) => {
    const number = Number(id.slice(2));
    if (lens.tool === "mask" && id.startsWith("w:") && lens.view.tokens[id].kind === "word") {
      lens.toggle("words", [number]);
    } else lens.pick(id);
  };
  const hover = (/** @type {string} */ id) => {
    lens.hover = lens.tool === "look" ? id : "";
    lens.redraw();
  };
  const build = () => {
    built = lens.view;
    rows = Object.entries(lens.view.tokens)
      .filter(([, token]) => token.panel === panel)
      .map(([id, token]) => {
        const [colour, number] = [h("i", { "aria-hidden": "true" }), h("small", {})];
        const button = h(
          "button",
          {
            type: "button",
            class: "al-token",
            "data-kind": token.kind,
            "data-id": id,
            onclick: () => click(id),
            onpointerenter: () => hover(id),
            onpointerleave: () => hover(""),
            onfocus: () => {
              button.matches(":focus-visible") && hover(id);
            },
            onblur: () => hover(""),
          },
          h("span", { text: token.name }),
          colour,
          number,
        );
        return [id, button, colour, number];
      });
    fill(place, ...rows.map((row) => row[1]));
  };
  return {
    count: () => rows.length,
    draw() {
      if (built !== lens.view) build();
      place.hidden = !rows.length;
      const linked = lens.linked?.kind === "words" ? lens.linked.values : null;
      const limit = linked ? lens.cosineLimit(linked) : 1;
      for (const [id, button, colour, number] of rows) {
        const own = lens.values.get(id);
        const cosine = linked?.get(id);
        const value = own ?? cosine;
        const none = value === undefined || Number.isNaN(value);
        colour.style.background = none
          ? "transparent"
          : swatch(value, own !== undefined ? lens.top : limit, own === undefined);
        const said = none
          ? value === undefined
            ? ""
            : "–"
          : own !== undefined
            ? percent(value)
            : decimal(value, 2);
        if (number.textContent !== said) number.textContent = said;
        button.setAttribute("aria-pressed", String(id === lens.pinned));
        button.toggleAttribute("data-asked", id === lens.asked || id === lens.hover);
        button.toggleAttribute(
          "data-masked",
          id.startsWith("w:") && lens.masked.words.includes(Number(id.slice(2))),
        );
      }
    },
  };
}

/** The words, what stands under them, and how far cosines can be trusted. @param {Lens} lens */
export function wordsPart(lens) {
  const list = h("div", { class: "al-words", role: "group", "aria-label": "words" });
  const chips = tokens(lens, list, "words");
  const caption = h("p", { class: "al-caption", "aria-live": "polite" });
  const trust = h("p", { class: "wb-help al-trust" });
  const measure = h("button", {
    type: "button",
    class: "wb-button",
    text: "Measure on 60 drawn scenes",
    title: "how often the patch with the highest cosine lies on what the word names",
    onclick: () => lens.board.tell({ kind: "measure" }),
  });
  const element = h(
    "div",
    { class: "al-text" },
    list,
    caption,
    h("div", { class: "al-row" }, trust, measure),
  );
  return {
    element,
    draw() {
      chips.draw();
      element.hidden = !chips.count();
      const said = saidOf(lens);
      if (caption.textContent !== said) caption.textContent = said;
      const { said: link, means, measure: can } = lens.model.get("_now").link ?? {};
      trust.textContent = link ?? "";
      trust.title = means ?? "";
      measure.hidden = !can;
      measure.disabled = "cosines" in lens.board.status().working;
    },
  };
}

/** What the numbers under the words are. @param {Lens} lens */
function saidOf(lens) {
  const attended = lens.shownIds.some((/** @type {string} */ id) => lens.view.tokens[id]?.panel === "words");
  const asked = lens.nameOf(lens.asked);
  if (attended && lens.hasPatches()) return "Under each word: its share of the same attention.";
  if (attended && lens.backwards) return `Under each word: how much it attends to “${asked}”.`;
  if (attended)
    return (
      `Under each word: its share of what “${asked}” attends ` +
      `to${lens.group.causal ? "; no word sees a later one" : ""}.`
    );
  if (lens.linked?.kind === "words")
    return `Under each word: its cosine with the ${lens.nameOf(lens.linked.id)}.`;
  return lens.alike
    ? "Hover or click a patch for its cosine with each word; click a word for its patches."
    : "Click a word to see what it attends to.";
}
