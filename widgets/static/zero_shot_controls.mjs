// @ts-check
// What is asked of the pictures: words, wordings, the temperature, the rule, the threshold, a search.
import { h, fill, settled, throttled } from "./dom.mjs";

const TYPING_PAUSE = 250; // ms without a key before words are sent: they may need the model
const SLIDER_INTERVAL = 40; // ms between two positions of a slider
const HUES = 8; // label colours in the style sheet

/** Labels typed one a line. Blank lines are only spacing. @param {string} text */
export function parseLabels(text) {
  return text
    .split(/\r?\n/)
    .map((line) => line.split(/\s+/).filter(Boolean).join(" "))
    .filter(Boolean);
}

/** A pasted list becomes one label a line, whatever it was separated by. @param {string} text */
export function pastedLabels(text) {
  const separator = text.includes("\n") ? /\r?\n/ : text.includes("\t") ? /\t/ : /[,;，、；]/;
  const parts = text.split(separator).map((part) => part.trim().replace(/^["'“”]+|["'“”]+$/g, ""));
  return parts.filter(Boolean).join("\n");
}

/** The temperature slider is logarithmic: its middle is the model's own, 1. @param {number} position */
export function toTemperature(position) {
  return Number((10 ** position).toPrecision(3));
}

/** Which label colour a label has. @param {number} index its place among the labels, or below 0 for none */
export const hue = (index) => (index < 0 ? "none" : String(index % HUES));

/** @param {string} title @param {string} help @param {...any} children */
export function panel(title, help, ...children) {
  return h("fieldset", { class: "zsb-panel" }, h("legend", { text: title }), help ? h("p", { class: "wb-help", text: help }) : null, ...children);
}

/** A control keeps what is being typed: it is only set from outside while it is not in use. */
function sync(/** @type {any} */ control, /** @type {any} */ value) {
  if (document.activeElement !== control && control.value !== String(value)) control.value = String(value);
}

export function words(/** @type {any} */ { model, send, view }) {
  const sendLabels = settled((/** @type {string} */ text) => send("labels", parseLabels(text)), TYPING_PAUSE);
  const box = h("textarea", {
    rows: 6,
    spellcheck: "false",
    "aria-label": "labels, one a line",
    placeholder: "one label a line",
    oninput: () => sendLabels(box.value),
    onpaste: (/** @type {ClipboardEvent} */ event) => paste(event),
  });
  const paste = (/** @type {ClipboardEvent} */ event) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!text || parseLabels(pastedLabels(text)).length < 2) return;
    event.preventDefault();
    event.stopPropagation();
    const [start, end] = [box.selectionStart, box.selectionEnd];
    box.setRangeText(pastedLabels(text), start, end, "end");
    sendLabels(box.value);
  };
  const counts = h("ul", { class: "zsb-counts", "aria-label": "pictures won by each label" });
  let sent = "";
  return {
    element: panel("Labels", "One a line; paste any list. Pictures are re-ranked as you type.", box, counts),
    draw() {
      const labels = model.get("labels");
      const joined = labels.join("\n");
      if (joined !== sent && joined !== parseLabels(box.value).join("\n")) box.value = joined;
      sent = joined;
      fill(counts, ...view().gallery.counts.map((/** @type {any} */ row) =>
        h("li", {}, h("span", { class: "zsb-chip", "data-hue": hue(row.index), text: row.label }), h("span", { class: "zsb-number", text: row.count }))));
    },
  };
}

export function wordings(/** @type {any} */ { model, send, view }) {
  const list = h("ul", { class: "zsb-wordings" });
  const entry = h("input", { type: "text", "aria-label": "new wording", placeholder: "a photo of a {}" });
  const add = () => {
    const text = entry.value.trim();
    if (!text) return;
    send("templates", [...model.get("templates"), text]);
    entry.value = "";
  };
  entry.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && add());
  let drawn = "";
  const flip = (/** @type {number} */ place) => send("active", model.get("active").map((/** @type {boolean} */ on, /** @type {number} */ at) => (at === place ? !on : on)));
  const drop = (/** @type {number} */ place) => send("templates", model.get("templates").filter((/** @type {string} */ _, /** @type {number} */ at) => at !== place));
  const row = (/** @type {string} */ template, /** @type {number} */ place) =>
    h("li", {},
      h("label", {}, h("input", { type: "checkbox", onchange: () => flip(place) }), h("span", { class: "zsb-template", text: template }), h("span", { class: "zsb-effect" })),
      h("button", { type: "button", class: "wb-icon", "aria-label": `remove the wording ${template}`, text: "×", onclick: () => drop(place) }));
  const combine = choice("combine", "How wordings are combined", [["embedding", "mean vector"], ["probability", "vote"]], (value) => send("ensemble", value));
  return {
    element: panel("Wordings", "{} stands for the label. The number is how the margin of the picture in view changes without that wording.",
      list, h("div", { class: "zsb-row" }, entry, h("button", { type: "button", class: "wb-button", text: "Add", onclick: add })), combine.element),
    draw() {
      const templates = model.get("templates");
      const active = model.get("active");
      if (templates.join("\n") !== drawn) {
        fill(list, ...templates.map(row));
        drawn = templates.join("\n");
      }
      const effects = view().detail.wordings.effect;
      [...list.children].forEach((item, place) => {
        item.querySelector("input").checked = active[place] ?? true;
        const effect = effects[place];
        item.querySelector(".zsb-effect").textContent = effect === null || effect === undefined ? "" : `${effect > 0 ? "+" : ""}${effect.toFixed(3)}`;
      });
      combine.set(model.get("ensemble"));
    },
  };
}

/** Radio buttons. @param {string} name @param {string} label @param {string[][]} options @param {(value: string) => void} chosen */
function choice(name, label, options, chosen) {
  const group = `${name}-${Math.random().toString(36).slice(2)}`; // two views of one board are two groups
  const inputs = options.map(([value]) => h("input", { type: "radio", name: group, value, onchange: () => chosen(value) }));
  const element = h("div", { class: "zsb-choice", role: "radiogroup", "aria-label": label }, ...options.map(([, text], place) => h("label", {}, inputs[place], text)));
  return { element, set: (/** @type {string} */ value) => inputs.forEach((input) => (input.checked = input.value === value)) };
}

export function scoring(/** @type {any} */ { model, send, view }) {
  const rule = choice("rule", "Rule that makes probabilities", [["softmax", "softmax: shares"], ["sigmoid", "sigmoid: yes or no each"]], (value) => send("rule", value));
  const move = throttled((/** @type {number} */ value) => send("temperature", value), SLIDER_INTERVAL);
  const slider = h("input", { type: "range", min: -1.5, max: 1.5, step: 0.01, "aria-label": "temperature (logarithmic)", oninput: () => move(toTemperature(Number(slider.value))) });
  const number = h("input", { type: "number", min: 0.01, step: 0.1, "aria-label": "temperature", onchange: () => send("temperature", Number(number.value)) });
  const hints = h("ul", { class: "zsb-hints" });
  return {
    element: panel("Scoring", "", rule.element, h("div", { class: "zsb-row" }, h("span", { text: "Temperature" }), slider, number), hints),
    draw() {
      const temperature = model.get("temperature");
      rule.set(model.get("rule"));
      sync(number, temperature);
      sync(slider, Math.log10(temperature).toFixed(2));
      fill(hints, ...view().hints.map((/** @type {string} */ hint) => h("li", { text: hint })));
    },
  };
}

export function rejection(/** @type {any} */ { model, send, view }) {
  const on = h("input", { type: "checkbox", onchange: () => send("threshold", on.checked ? middle() : null) });
  const measure = h("select", { "aria-label": "measure of sureness", onchange: () => { send("threshold", null); send("measure", measure.value); } },
    ...["probability", "margin", "cosine"].map((name) => h("option", { value: name, text: name })));
  const move = throttled((/** @type {number} */ value) => send("threshold", value), SLIDER_INTERVAL);
  const slider = h("input", { type: "range", step: 0.005, "aria-label": "reject below", oninput: () => move(Number(slider.value)) });
  const value = h("output", { class: "zsb-number" });
  const bars = h("div", { class: "zsb-bars", "aria-hidden": "true" });
  const cost = h("p", { class: "zsb-cost", role: "status" });
  const middle = () => (view().reject.low + view().reject.high) / 2;
  return {
    element: panel("None of these", "", h("label", { class: "zsb-switch" }, on, h("span", { text: "Reject pictures whose best label is below a threshold of" })), measure, bars, h("div", { class: "zsb-row" }, slider, value), cost),
    draw() {
      const { low, high, bars: counts, cost: said } = view().reject;
      const threshold = model.get("threshold");
      on.checked = threshold !== null;
      slider.disabled = threshold === null;
      [slider.min, slider.max] = [String(low), String(high)];
      sync(measure, model.get("measure"));
      sync(slider, threshold ?? low);
      value.textContent = threshold === null ? "off" : threshold.toFixed(3);
      const most = Math.max(1, ...counts);
      fill(bars, ...counts.map((/** @type {number} */ count, /** @type {number} */ place) =>
        h("span", { "data-cut": threshold !== null && low + ((place + 0.5) / counts.length) * (high - low) < threshold, style: { height: `${(100 * count) / most}%` } })));
      cost.textContent = said;
    },
  };
}

export function finder(/** @type {any} */ { model, send, view }) {
  const find = settled((/** @type {string} */ text) => send("query", text), TYPING_PAUSE);
  const query = h("input", { type: "search", "aria-label": "find pictures by a sentence", placeholder: "Find pictures by a sentence…", oninput: () => find(query.value) });
  const sort = h("select", { "aria-label": "sort pictures", onchange: () => { send("page", 0); send("sort", sort.value); } },
    ...["as given", "surest first", "doubtful first", "by label", "wrong first"].map((name) => h("option", { value: name, text: name })));
  const flip = (/** @type {number} */ step) => send("page", view().gallery.page + step);
  const back = h("button", { type: "button", class: "wb-icon", "aria-label": "page before", text: "‹", onclick: () => flip(-1) });
  const next = h("button", { type: "button", class: "wb-icon", "aria-label": "next page", text: "›", onclick: () => flip(1) });
  const page = h("span", { class: "zsb-number" });
  return {
    element: h("div", { class: "zsb-row zsb-tools" }, query, sort, back, page, next),
    draw() {
      const shown = view().gallery;
      sync(query, model.get("query"));
      sync(sort, model.get("sort"));
      query.disabled = !view().model.live;
      sort.disabled = Boolean(view().query);
      sort.querySelector('option[value="wrong first"]').disabled = shown.known === 0;
      page.textContent = `${shown.page + 1} / ${shown.pages}`;
      back.disabled = shown.page === 0;
      next.disabled = shown.page + 1 >= shown.pages;
    },
  };
}
