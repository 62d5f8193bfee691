// @ts-check
// The zero-shot board. It draws what the kernel computed (`_view`) and sends back what the user chose.
import { codeOf } from "./code.mjs";
import { h, fill, keepKeys, percent, throttled, settled, rove, PictureUrl } from "./dom.mjs";
import { split, nameOf, prepared } from "./upload.mjs";

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

/**
 * The selection after a click: alone, with Ctrl or Cmd one more or less, with Shift a run in screen order.
 * @param {number[]} selected @param {number} item @param {number[]} shown @param {number | null} anchor
 * @param {{ctrl: boolean, shift: boolean}} keys
 */
export function select(selected, item, shown, anchor, keys) {
  const from = anchor === null ? -1 : shown.indexOf(anchor);
  if (keys.shift && from >= 0) {
    const to = shown.indexOf(item);
    const run = shown.slice(Math.min(from, to), Math.max(from, to) + 1);
    return [...new Set([...(keys.ctrl ? selected : []), ...run])];
  }
  if (keys.ctrl) return selected.includes(item) ? selected.filter((other) => other !== item) : [...selected, item];
  return [item];
}

/** A cell's share of the colour scale. @param {number} value @param {number} low @param {number} high */
export function tint(value, low, high) {
  return high > low ? (value - low) / (high - low) : 0.5;
}

/** @param {number} index */
const hue = (index) => (index < 0 ? "none" : String(index % HUES));

/** What a screen reader says of a card. @param {any} card */
export function cardLabel(card) {
  const answer = card.kept ? `${card.label}, ${percent(card.probability)}` : "none of these";
  const judged = card.right === null ? "" : card.right ? ", right" : `, wrong: it is ${card.truth}`;
  return `${card.name}: ${answer}${judged}`;
}

/** @param {{model: any, el: HTMLElement}} context */
function render({ model, el }) {
  const stop = new AbortController();
  const send = (/** @type {string} */ name, /** @type {any} */ value) => {
    model.set(name, value);
    model.save_changes();
  };
  const board = { model, send, stop, view: () => model.get("_view") };
  const parts = [status, words, wordings, scoring, rejection, pictures, finder, cards, lookedAt, foot].map((part) => part(board));
  const [statusPart, wordsPart, wordingsPart, scoringPart, rejectionPart, picturesPart, finderPart, cardsPart, lookedAtPart, footPart] = parts;
  const root = h(
    "section",
    { class: "wb zsb", "aria-label": "Zero-shot board" },
    statusPart.element,
    h(
      "div",
      { class: "zsb-columns" },
      h("div", { class: "zsb-side" }, ...[wordsPart, wordingsPart, scoringPart, rejectionPart, picturesPart].map((part) => part.element)),
      h("div", { class: "zsb-main" }, finderPart.element, cardsPart.element, lookedAtPart.element),
    ),
    footPart.element,
  );
  keepKeys(root, stop.signal);
  acceptPictures(root, board);
  let frame = 0; // many traits change together; one drawing serves them all
  const draw = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      parts.forEach((part) => part.draw());
    });
  };
  const traits = ["_view", "_status", "_sprite", "_large", "_seen", "labels", "templates", "active", "selected", "focus"]
    .concat(["temperature", "rule", "ensemble", "measure", "threshold", "sort", "query", "page"]);
  traits.forEach((name) => model.on(`change:${name}`, draw));
  draw();
  el.append(root);
  return () => {
    stop.abort();
    cancelAnimationFrame(frame);
    traits.forEach((name) => model.off(`change:${name}`, draw));
    parts.forEach((part) => part.release?.());
    root.remove();
  };
}

/** @param {string} title @param {string} help @param {...any} children */
function panel(title, help, ...children) {
  return h("fieldset", { class: "zsb-panel" }, h("legend", { text: title }), help ? h("p", { class: "wb-help", text: help }) : null, ...children);
}

/** A control keeps what is being typed: it is only set from outside while it is not in use. */
function sync(/** @type {any} */ control, /** @type {any} */ value) {
  if (document.activeElement !== control && control.value !== String(value)) control.value = String(value);
}

function status(/** @type {any} */ { model, stop }) {
  const said = h("span", { class: "zsb-said", role: "status", "aria-live": "polite" });
  const bar = h("progress", { max: 1, "aria-label": "progress", hidden: true });
  const cancel = h("button", { type: "button", class: "wb-button", text: "Cancel", hidden: true, onclick: () => model.send({ kind: "cancel" }) });
  const error = h("p", { class: "wb-error", role: "alert", hidden: true });
  const title = h("strong", { class: "zsb-title" });
  const about = h("p", { class: "wb-help zsb-about" });
  return {
    element: h("header", { class: "zsb-head" }, title, said, bar, cancel, about, error),
    draw() {
      const now = model.get("_status");
      const view = model.get("_view");
      const working = now.state === "working";
      title.textContent = view.model.name;
      about.textContent = view.model.notes.join(" ");
      about.hidden = !about.textContent;
      said.textContent = working ? [now.stage, now.total ? `${now.done} of ${now.total}` : "…", now.message].filter(Boolean).join(" ") : summary(view);
      bar.hidden = cancel.hidden = !working;
      if (working && now.total) bar.value = now.done / now.total;
      else bar.removeAttribute("value");
      error.hidden = !now.error;
      error.textContent = now.error || "";
    },
  };
}

/** @param {any} view */
function summary(view) {
  const { total, accuracy, known } = view.gallery;
  const right = accuracy === null ? "" : `, ${percent(accuracy)} of ${known} right`;
  return `${total.toLocaleString("en")} pictures among ${view.labels.toLocaleString("en")} labels${right}`;
}

function words(/** @type {any} */ { model, send, view }) {
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

function wordings(/** @type {any} */ { model, send, view }) {
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

function scoring(/** @type {any} */ { model, send, view }) {
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

function rejection(/** @type {any} */ { model, send, view }) {
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

function pictures(/** @type {any} */ board) {
  const input = h("input", { type: "file", accept: "image/*", multiple: true, hidden: true, onchange: () => { upload(board, input.files); input.value = ""; } });
  const path = h("input", { type: "text", "aria-label": "path of a picture or folder", placeholder: "or a path on the kernel's machine" });
  const open = () => path.value.trim() && board.model.send({ kind: "path", path: path.value });
  path.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && open());
  const button = h("button", { type: "button", class: "wb-button", text: "Choose pictures…", onclick: () => input.click() });
  const openButton = h("button", { type: "button", class: "wb-button", text: "Open", onclick: open });
  const reason = h("p", { class: "wb-help" });
  return {
    element: panel("Your pictures", "Drop or paste them anywhere on the board. They stay on this machine.", input, button, h("div", { class: "zsb-row" }, path, openButton), reason),
    draw() {
      const { live } = board.view().model;
      button.disabled = openButton.disabled = path.disabled = !live;
      reason.textContent = live ? "" : "Needs the model: show(ranking, model=model).";
    },
  };
}

/** @param {any} board @param {Iterable<File>} files */
async function upload(board, files) {
  const { pictures: chosen, others } = split(files);
  const problem = (/** @type {File} */ file, /** @type {string} */ why) => board.model.send({ kind: "problem", message: `${nameOf(file, 0)} cannot be used: ${why}.` });
  others.forEach((file) => problem(file, `it is ${file.type}, not a picture`));
  for (const [place, file] of chosen.entries()) {
    try {
      board.model.send({ kind: "upload", names: [nameOf(file, place)] }, undefined, [await prepared(file)]);
    } catch (error) {
      problem(file, /** @type {Error} */ (error).message);
    }
  }
}

/** @param {HTMLElement} root @param {any} board */
function acceptPictures(root, board) {
  const options = { signal: board.stop.signal };
  const over = (/** @type {boolean} */ on) => root.classList.toggle("zsb-over", on);
  root.addEventListener("dragover", (event) => { event.preventDefault(); event.stopPropagation(); over(true); }, options);
  root.addEventListener("dragleave", () => over(false), options);
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    over(false);
    upload(board, event.dataTransfer?.files ?? []);
  }, options);
  root.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files;
    if (files?.length) { event.preventDefault(); event.stopPropagation(); upload(board, files); }
  }, options);
}

function finder(/** @type {any} */ { model, send, view }) {
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

function cards(/** @type {any} */ { model, send, view }) {
  const grid = h("div", { class: "zsb-grid", role: "listbox", "aria-multiselectable": "true", "aria-label": "pictures" });
  const url = new PictureUrl();
  let source = null;
  let anchor = /** @type {number | null} */ (null);
  const shown = () => view().gallery.items.map((/** @type {any} */ card) => card.item);
  const choose = (/** @type {number} */ item, /** @type {any} */ event) => {
    const keys = { ctrl: event.ctrlKey || event.metaKey || event.key === " ", shift: event.shiftKey };
    model.set("selected", select(model.get("selected"), item, shown(), anchor, keys));
    if (!keys.shift) anchor = item;
    send("focus", item);
  };
  const keyed = (/** @type {KeyboardEvent} */ event) => {
    const place = [...grid.children].indexOf(/** @type {Element} */ (event.target));
    if (place < 0) return;
    if (event.key === " " || event.key === "Enter") { event.preventDefault(); choose(shown()[place], event); return; }
    const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
    const next = rove(place, event.key, grid.children.length, columns);
    if (next === null) return;
    event.preventDefault();
    /** @type {HTMLElement} */ (grid.children[next]).focus();
    send("focus", shown()[next]);
  };
  grid.addEventListener("keydown", keyed);
  grid.addEventListener("click", (event) => {
    const card = /** @type {HTMLElement} */ (event.target).closest(".zsb-card");
    if (card) choose(Number(card.getAttribute("data-item")), event);
  });
  // Cards are changed in place: the one in focus must not vanish under the keyboard.
  const draw = () => {
    const { gallery, thumb, columns } = view();
    if (model.get("_sprite") !== source) { source = model.get("_sprite"); url.of(source); }
    const [selected, focus] = [model.get("selected"), model.get("focus")];
    const first = gallery.items.some((/** @type {any} */ card) => card.item === focus) ? focus : gallery.items[0]?.item;
    while (grid.children.length > gallery.items.length) grid.lastChild?.remove();
    while (grid.children.length < gallery.items.length) grid.append(emptyCard(thumb));
    gallery.items.forEach((/** @type {any} */ card, /** @type {number} */ place) => {
      const element = /** @type {HTMLElement} */ (grid.children[place]);
      fillCard(element, card, { selected: selected.includes(card.item), focus: card.item === first });
      const picture = /** @type {HTMLElement} */ (element.querySelector(".zsb-thumb"));
      picture.style.backgroundImage = `url("${url.url}")`;
      picture.style.backgroundPosition = `-${(place % columns) * thumb}px -${Math.floor(place / columns) * thumb}px`;
    });
  };
  return { element: grid, draw, release: () => url.release() };
}

/** @param {number} side */
function emptyCard(side) {
  return h("div", { class: "zsb-card", role: "option" },
    h("span", { class: "zsb-thumb", "aria-hidden": "true", style: { width: `${side}px`, height: `${side}px` } }),
    h("span", { class: "zsb-answer" }, h("span", { class: "zsb-words" }), h("span", { class: "zsb-mark" })),
    h("span", { class: "zsb-share" }, h("i")),
    h("span", { class: "zsb-number" }));
}

/** @param {HTMLElement} element @param {any} card @param {{selected: boolean, focus: boolean}} state */
function fillCard(element, card, { selected, focus }) {
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (element.querySelector(name));
  const colour = hue(card.kept ? card.index : -1);
  const attributes = { tabindex: focus ? 0 : -1, "aria-selected": String(selected), "aria-label": cardLabel(card), "data-item": card.item };
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.title = card.truth && !card.right ? `right: ${card.truth}` : card.name;
  element.toggleAttribute("data-looked", focus);
  part(".zsb-words").textContent = card.kept ? card.label : "none of these";
  part(".zsb-mark").textContent = card.right === null ? "" : card.right ? "✓" : "✗";
  part(".zsb-number").textContent = card.similarity === null ? percent(card.probability) : `cosine ${card.similarity.toFixed(3)}`;
  part(".zsb-answer").dataset.hue = part(".zsb-share").dataset.hue = colour;
  part(".zsb-share i").style.width = `${100 * card.probability}%`;
}

function lookedAt(/** @type {any} */ { model, view }) {
  const [large, seen] = [new PictureUrl(), new PictureUrl()];
  const picture = h("img", { class: "zsb-large" });
  const asSeen = h("img", { class: "zsb-seen" });
  const name = h("h3", {});
  const verdict = h("p", { class: "zsb-verdict", "aria-live": "polite" });
  const scores = h("table", { class: "zsb-scores" });
  const heat = h("div", { class: "zsb-heat" });
  const texts = h("ol", { class: "zsb-texts" });
  const find = h("button", { type: "button", class: "wb-button", text: "Find this data's texts for the picture", onclick: () => model.send({ kind: "texts" }) });
  const sources = [null, null];
  return {
    element: h("section", { class: "zsb-detail", "aria-label": "the picture in view" },
      h("div", { class: "zsb-pictures" }, picture, h("figure", {}, asSeen, h("figcaption", { text: "what the model sees" }))),
      h("div", { class: "zsb-judged" }, name, verdict, scores, find, texts), heat),
    draw() {
      const { detail, model: about, texts: found } = view();
      if (model.get("_large") !== sources[0]) { sources[0] = model.get("_large"); picture.src = large.of(sources[0]); }
      if (model.get("_seen") !== sources[1]) { sources[1] = model.get("_seen"); asSeen.src = seen.of(sources[1]); }
      asSeen.parentElement.hidden = !seen.url;
      picture.alt = `${detail.name}: ${detail.rows.slice(0, 3).map((/** @type {any} */ row) => `${row.label} ${percent(row.probability)}`).join(", ")}`;
      asSeen.alt = `${detail.name}, as the model sees it`;
      name.textContent = detail.name;
      verdict.textContent = verdictOf(detail);
      drawScores(scores, view(), model.get("rule"));
      drawHeat(heat, detail.wordings);
      find.disabled = !about.live;
      fill(texts, ...(found ?? []).map(([/** @type {string} */ text, /** @type {number} */ cosine]) => h("li", {}, h("span", { text }), h("span", { class: "zsb-number", text: ` ${cosine.toFixed(3)}` }))));
    },
    release() { large.release(); seen.release(); },
  };
}

/** @param {any} detail */
export function verdictOf(detail) {
  const best = detail.rows[0];
  if (!detail.kept) return `None of these: the best label, “${best.label}”, is below the threshold.`;
  return `“${best.label}”, ahead by a margin of ${detail.margin.toFixed(3)} among these labels.`;
}

/** @param {HTMLElement} table @param {any} view @param {string} rule */
function drawScores(table, view, rule) {
  const { detail } = view;
  const more = detail.hidden ? `; ${detail.hidden.toLocaleString("en")} more below these` : "";
  const head = ["label", "cosine", "logit", rule === "softmax" ? "share among these labels" : "yes, on its own"];
  fill(table,
    h("caption", { text: `Logit = (${view.model.scale.toFixed(1)} × cosine ${view.model.bias < 0 ? "−" : "+"} ${Math.abs(view.model.bias).toFixed(1)}) / temperature; all probabilities add up to ${detail.sum.toFixed(2)}${more}.` }),
    h("thead", {}, h("tr", {}, ...head.map((text) => h("th", { scope: "col", text })))),
    h("tbody", {}, ...detail.rows.map((/** @type {any} */ row) => h("tr", { "data-right": row.right },
      h("th", { scope: "row" }, h("span", { class: "zsb-chip", "data-hue": hue(row.index), text: row.label }), row.right ? " ✓" : ""),
      h("td", { text: row.cosine.toFixed(4) }), h("td", { text: row.logit.toFixed(2) }),
      h("td", {}, h("span", { class: "zsb-share", "data-hue": hue(row.index) }, h("i", { style: { width: `${100 * row.probability}%` } })), h("span", { class: "zsb-number", text: percent(row.probability) }))))));
}

/** Label by wording: which sentence carries the decision. @param {HTMLElement} place @param {any} wordings */
function drawHeat(place, wordings) {
  const values = wordings.values.flat();
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const more = wordings.hidden ? ` (${wordings.hidden} more wordings not drawn)` : "";
  fill(place, h("table", {},
    h("caption", { text: `Cosine of the picture with each label in each wording, from ${low.toFixed(3)} to ${high.toFixed(3)}; ▲ wins its column${more}.` }),
    h("thead", {}, h("tr", {}, h("th", { scope: "col", text: "label" }), ...wordings.templates.map((/** @type {string} */ text, /** @type {number} */ at) => h("th", { scope: "col", "data-off": !wordings.active[at], text })))),
    h("tbody", {}, ...wordings.labels.map((/** @type {string} */ label, /** @type {number} */ row) => h("tr", {},
      h("th", { scope: "row", text: label }),
      ...wordings.values[row].map((/** @type {number} */ value, /** @type {number} */ at) => h("td", { "data-off": !wordings.active[at], style: { backgroundColor: `color-mix(in srgb, var(--wb-accent) ${Math.round(60 * tint(value, low, high))}%, transparent)` },
        text: `${value.toFixed(3)}${wordings.winner[at] === label ? " ▲" : ""}` })))))));
}

function foot(/** @type {any} */ { view }) {
  const code = codeOf("zsb", "board");
  const notes = h("ul", { class: "zsb-hints" });
  const credit = h("small", { class: "wb-credit" });
  return {
    element: h("footer", { class: "zsb-foot" }, notes, h("div", { class: "zsb-row" }, code.button, credit), code.details),
    draw() {
      code.draw(view().code);
      credit.textContent = view().credit;
      fill(notes, ...view().notes.map((/** @type {string} */ note) => h("li", { text: note })));
    },
  };
}

export default { render };
