// @ts-check
// Every token of the lens that is no patch: the words of the text, and the class token beside the picture.
import { h, fill } from "./dom.mjs";
import { weight } from "./attention_maps.mjs";

/** @typedef {import("./lens_state.mjs").Lens} Lens */

/** A button for each token that is no patch. @param {Lens} lens @param {any} place @param {string} panel */
export function tokens(lens, place, panel) {
  /** @type {any} */ let built = null;
  /** @type {[string, any, any, any][]} */ let rows = [];
  const click = (/** @type {string} */ id) => {
    const number = Number(id.slice(2));
    if (lens.tool === "mask" && id.startsWith("w:") && lens.view.tokens[id].kind === "word") {
      lens.toggle("words", [number]);
    } else lens.pick(id);
  };
  const hover = (/** @type {string} */ id) => { lens.hover = lens.tool === "look" ? id : ""; lens.redraw(); };
  const build = () => {
    built = lens.view;
    rows = Object.entries(lens.view.tokens).filter(([, token]) => token.panel === panel).map(([id, token]) => {
      const [swatch, number] = [h("i", { "aria-hidden": "true" }), h("small", {})];
      const button = h("button", { type: "button", class: "al-token", "data-kind": token.kind, "data-id": id, onclick: () => click(id),
        onpointerenter: () => hover(id), onpointerleave: () => hover(""), onfocus: () => button.matches(":focus-visible") && hover(id), onblur: () => hover("") },
        h("span", { text: token.name }), swatch, number);
      return [id, button, swatch, number];
    });
    fill(place, ...rows.map((row) => row[1]));
  };
  return {
    count: () => rows.length,
    draw() {
      if (built !== lens.view) build();
      place.hidden = !rows.length;
      const linked = lens.linked?.kind === "words" ? lens.linked.values : null;
      for (const [id, button, swatch, number] of rows) {
        const own = lens.values.get(id);
        const value = own ?? linked?.get(id);
        const level = value === undefined ? 0 : lens.shadeOf(value, own !== undefined ? { range: [0, lens.top], root: true } : { range: lens.alikeRange, root: false });
        swatch.style.background = value === undefined ? "transparent" : lens.css(level);
        const said = value === undefined ? "" : own !== undefined ? weight(value) : value.toFixed(2);
        if (number.textContent !== said) number.textContent = said;
        button.setAttribute("aria-pressed", String(id === lens.pinned));
        button.toggleAttribute("data-asked", id === lens.asked || id === lens.hover);
        button.toggleAttribute("data-masked", id.startsWith("w:") && lens.masked.words.includes(Number(id.slice(2))));
      }
    },
  };
}

export function wordsPart(/** @type {Lens} */ lens) {
  const caption = h("p", { class: "al-caption", "aria-live": "polite" });
  const list = h("div", { class: "al-words", role: "group", "aria-label": "words" });
  const chips = tokens(lens, list, "words");
  const element = h("div", { class: "al-text" }, list, caption);
  return {
    element,
    draw() {
      chips.draw();
      element.hidden = !chips.count();
      const attended = lens.shownIds.some((/** @type {string} */ id) => lens.view.tokens[id]?.panel === "words");
      const said = attended
        ? lens.hasPatches() ? "Under each word: its share of the same attention." : lens.backwards
          ? `Under each word: how much it attends to “${lens.nameOf(lens.asked)}”.` : `Under each word: its share of what “${lens.nameOf(lens.asked)}” attends to${lens.group.causal ? "; no word sees a later one" : ""}.`
        : lens.linked?.kind === "words" ? "Under each word: cosine with this patch, both read by the towers' own heads. No attention joins picture and words in this model."
        : lens.model.get("_now").link || (lens.alike ? "Hover or click a patch for its cosine with each word; click a word for its patches." : "Click a word to see what it attends to.");
      if (caption.textContent !== said) caption.textContent = said;
    },
  };
}
