// @ts-check
// The embedding atlas. Points are drawn here; every number shown was computed by the kernel.
import { codeOf } from "./code.mjs";
import { h, fill, keepKeys, throttled, settled, PictureUrl } from "./dom.mjs";
import { split, nameOf, prepared } from "./upload.mjs";
import { Asked, storeOf } from "./atlas_store.mjs";
import { Stage } from "./atlas_stage.mjs";
import { cardBody, measuresTable, galleryCards } from "./atlas_panels.mjs";

const TYPING = 350; // ms without a key before a sentence is placed: it needs the model
const SLIDING = 60; // ms between two positions of a slider
const CAMERA = 60; // ms between two messages of a moving camera
const LABELS = 400; // of them listed; more are reached by searching

/** The temperature slider is logarithmic. @param {number} position */
export function temperatureAt(position) {
  return Number((10 ** position).toPrecision(3));
}

/** Sheets of pictures: one WebP of square cells, read in the order that was asked for. */
class Sheets extends Asked {
  /** @param {any} message @param {DataView[]} buffers */
  async read(message, buffers) {
    const sheet = await createImageBitmap(new Blob([buffers[0]], { type: "image/webp" }));
    return message.points.map((/** @type {number} */ id, /** @type {number} */ place) =>
      [id, { sheet, cell: message.cell, left: (place % message.columns) * message.cell, top: Math.floor(place / message.columns) * message.cell }]);
  }
}

/** What is known of a point, with its picture and those of its neighbours. */
class Cards extends Asked {
  /** @param {any} message @param {DataView[]} buffers */
  read(message, buffers) {
    return message.found.map((/** @type {any} */ [id, card]) => [id, { ...card, picture: new PictureUrl().of(buffers[0]), strip: new PictureUrl().of(buffers[1]) }]);
  }
}

/** @param {{model: any, el: HTMLElement}} context */
export function render({ model, el }) {
  const stop = new AbortController();
  const send = (/** @type {string} */ name, /** @type {any} */ value) => { model.set(name, value); model.save_changes(); };
  const store = storeOf(model);
  /** @type {any} */
  const board = { model, send, stop, store, view: () => model.get("_view"), canvas2d: model.get("_canvas2d") };
  const arrived = () => { stage.resettle(); board.drawTip(); pointPart.draw(); };
  board.asked = {
    coarse: new Sheets(model, "coarse", 6000, arrived), fine: new Sheets(model, "fine", 2500, arrived),
    words: new Asked(model, "words", 20000, arrived), look: new Cards(model, "look", 400, arrived),
  };
  board.tellCamera = throttled((/** @type {any} */ camera) => send("_camera", [camera.x, camera.y, camera.zoom]), CAMERA);
  board.drawTip = () => drawTip(stage, board);
  const stage = new Stage(board);
  board.stage = stage;
  const parts = [status, tools, point, measures, sliders, labels, gallery, foot].map((part) => part(board));
  const [statusPart, toolsPart, pointPart, measuresPart, slidersPart, labelsPart, galleryPart, footPart] = parts;
  const root = h("section", { class: "wb atl", "aria-label": "Embedding atlas" },
    statusPart.element,
    h("div", { class: "atl-columns" },
      h("div", { class: "atl-main" }, toolsPart.element, stage.element, labelsPart.element, galleryPart.element),
      h("div", { class: "atl-side" }, pointPart.element, measuresPart.element, slidersPart.element)),
    footPart.element);
  keepKeys(root, stop.signal);
  acceptPictures(root, board);
  let frame = 0;
  const draw = () => { frame ||= requestAnimationFrame(() => { frame = 0; parts.forEach((part) => part.draw()); }); };
  const changed = () => { stage.refresh(); draw(); };
  const follow = () => { const [x, y, zoom] = model.get("_camera"); if (Number.isFinite(zoom)) stage.move({ x, y, zoom }, false); };
  const remask = () => { stage.setMask(maskOf(model)); draw(); };
  const refocus = () => { const id = model.get("focus"); if (id >= 0) board.asked.look.want([id], 1); stage.show(id); stage.dirty(true); draw(); };
  const fresh = () => { Object.values(board.asked).forEach((asked) => asked.clear()); changed(); refocus(); };
  const listeners = {
    "change:_view": changed, "change:_status": draw, "change:_sprite": draw, "change:_mask": remask, "change:focus": refocus,
    "change:_camera": follow, "change:links": changed, "change:tool": draw, "change:words": () => { stage.resettle(); draw(); }, "change:pictures": () => { stage.resettle(); draw(); },
    "change:_forget": fresh,
    ...Object.fromEntries(["colour", "query", "shift", "temperature", "layer", "labels", "gallery"].map((name) => [`change:${name}`, draw])),
  };
  for (const [name, act] of Object.entries(listeners)) model.on(name, act);
  store.listeners.add(changed);
  stage.mask = maskOf(model);
  store.ask();
  changed();
  refocus();
  follow();
  el.append(root);
  return () => {
    stop.abort();
    cancelAnimationFrame(frame);
    for (const [name, act] of Object.entries(listeners)) model.off(name, act);
    store.listeners.delete(changed);
    Object.values(board.asked).forEach((asked) => asked.release());
    parts.forEach((part) => part.release?.());
    stage.release();
    root.remove();
  };
}

/** @param {any} model */
function maskOf(model) {
  const mask = model.get("_mask");
  return mask ? new Uint8Array(mask.buffer ?? mask, mask.byteOffset ?? 0, mask.byteLength).slice() : new Uint8Array(0);
}

/** A control keeps what is being typed: it is only set from outside while it is not in use. */
function keep(/** @type {any} */ control, /** @type {any} */ value) {
  if (document.activeElement !== control && control.value !== String(value)) control.value = String(value);
}

/** @param {string} title @param {...any} children */
function panel(title, ...children) {
  return h("section", { class: "atl-panel", "aria-label": title }, h("h3", { text: title }), ...children);
}

/** @param {string} label @param {any} control */
const labelled = (label, control) => h("label", { class: "atl-labelled" }, h("span", { text: label }), control);

function status(/** @type {any} */ { model, view, store }) {
  const title = h("strong", {});
  const said = h("span", { class: "atl-said", role: "status", "aria-live": "polite" });
  const bar = h("progress", { max: 1, "aria-label": "progress", hidden: true });
  const cancel = h("button", { type: "button", class: "wb-button", text: "Cancel", hidden: true, onclick: () => model.send({ kind: "cancel" }) });
  const error = h("p", { class: "wb-error", role: "alert", hidden: true });
  return {
    element: h("header", { class: "atl-head" }, title, said, bar, cancel, error),
    draw() {
      const now = model.get("_status");
      const working = now.state === "working";
      title.textContent = view().title;
      said.textContent = working ? [now.stage, now.total ? `${now.done} of ${now.total}` : "…", now.message].filter(Boolean).join(" ") : store.share < 1 ? `receiving the map, ${Math.round(100 * store.share)} %` : view().said;
      bar.hidden = cancel.hidden = !working;
      if (working && now.total) bar.value = now.done / now.total;
      else bar.removeAttribute("value");
      error.hidden = !now.error;
      error.textContent = now.error || "";
    },
  };
}

function tools(/** @type {any} */ board) {
  const { model, send, view } = board;
  const button = (/** @type {string} */ tool, /** @type {string} */ text, /** @type {string} */ title) => h("button", { type: "button", class: "wb-button", text, title, onclick: () => send("tool", tool) });
  const modes = { pan: button("pan", "✥ Move", "drag moves the map (P)"), lasso: button("lasso", "◌ Lasso", "drag selects (L, or hold Shift); Ctrl adds, Alt takes away") };
  const fit = h("button", { type: "button", class: "wb-button", text: "Fit", title: "show the whole map (0); again: stragglers too", onclick: () => board.stage.fit() });
  const colour = h("select", { "aria-label": "colour by", onchange: () => send("colour", colour.value) });
  const links = h("select", { "aria-label": "pair links", onchange: () => send("links", links.value) },
    ...[["none", "no links"], ["selection", "links of the selection"], ["worst", "links of the worst pairs"]].map(([value, text]) => h("option", { value, text })));
  const search = settled((/** @type {string} */ text) => send("query", text), TYPING);
  const query = h("input", { type: "search", "aria-label": "find by a sentence", placeholder: "Place a sentence, or: #12 + red − night", oninput: () => search(query.value) });
  const tick = (/** @type {string} */ name, /** @type {string} */ text) => { const box = h("input", { type: "checkbox", onchange: () => send(name, box.checked) }); return { box, element: h("label", { class: "atl-tick" }, box, text) }; };
  const pictures = tick("pictures", "pictures");
  const words = tick("words", "words");
  const file = h("input", { type: "file", accept: "image/*", hidden: true, onchange: () => { place(board, file.files); file.value = ""; } });
  const drop = h("button", { type: "button", class: "wb-button", text: "Place a picture…", title: "or drop one on the map", onclick: () => file.click() });
  const layer = h("input", { type: "range", min: 0, step: 1, "aria-label": "layer", oninput: () => send("layer", Number(layer.value)) });
  const layerName = h("output", { class: "atl-number" });
  const layerRow = h("div", { class: "atl-row" }, h("span", { text: "Layer" }), layer, layerName);
  let options = "";
  return {
    element: h("div", { class: "atl-tools" },
      h("div", { class: "atl-row" }, query, file, drop),
      h("div", { class: "atl-row" }, h("span", { class: "atl-modes", role: "group", "aria-label": "what a drag does" }, modes.pan, modes.lasso), fit, labelled("Colour", colour), links, pictures.element, words.element),
      layerRow),
    draw() {
      for (const [tool, element] of Object.entries(modes)) element.setAttribute("aria-pressed", String(model.get("tool") === tool));
      const now = view();
      if (JSON.stringify(now.colours) !== options) {
        options = JSON.stringify(now.colours);
        fill(colour, ...now.colours.map((/** @type {any} */ one) => h("option", { value: one.value, text: one.why ? `${one.text} (${one.why})` : one.text, disabled: Boolean(one.why) })));
      }
      colour.value = model.get("colour");
      links.value = model.get("links");
      links.disabled = !now.offset;
      links.title = now.offset ? "a line from each picture to its own text" : "needs pictures and texts on one map";
      keep(query, model.get("query"));
      query.disabled = drop.disabled = !now.live;
      query.title = now.live ? "a sentence is placed by its true neighbours; #12 is point 12, + and − mix" : now.dead;
      for (const [name, { box, element }] of Object.entries({ pictures, words })) { box.checked = model.get(name); element.hidden = !now[name]; }
      layerRow.hidden = now.layers.length < 2;
      layer.max = String(Math.max(0, now.layers.length - 1));
      keep(layer, model.get("layer"));
      layerName.textContent = now.layers[model.get("layer")] ?? "";
    },
  };
}

function point(/** @type {any} */ { model, asked, send, view }) {
  const place = h("div", { class: "atl-card", "aria-live": "polite" });
  let drawn = null;
  return {
    element: panel("The point looked at", place),
    draw() {
      const focus = model.get("focus");
      const card = focus < 0 ? null : asked.look.known.get(focus);
      if (card === drawn && place.childNodes.length) return;
      drawn = card;
      if (card) fill(place, ...cardBody(card, { long: true, go: (/** @type {number} */ id) => send("focus", id) }));
      else fill(place, h("p", { class: "wb-help", text: focus < 0 ? view().help : "…" }));
    },
  };
}

function measures(/** @type {any} */ { model, view }) {
  const place = h("div", {});
  const redraw = h("button", { type: "button", class: "wb-button", text: "Draw it with 2 more seeds", title: "How much of the map would another seed have shown?", onclick: () => model.send({ kind: "stability" }) });
  let drawn = "";
  return {
    element: panel("How far to trust it", place, redraw),
    draw() {
      redraw.hidden = !view().redraw;
      redraw.disabled = model.get("_status").state === "working";
      const now = JSON.stringify(view().measures);
      if (now !== drawn) fill(place, measuresTable(view().measures));
      drawn = now;
    },
  };
}

function sliders(/** @type {any} */ { model, send, view }) {
  const shift = slider("Gap closed by λ", { min: -0.5, max: 1.5, step: 0.05 }, (value) => send("shift", value), (value) => value.toFixed(2), SLIDING);
  const temperature = slider("Temperature τ", { min: -2.5, max: 1, step: 0.02 }, (value) => send("temperature", temperatureAt(value)), (value) => String(temperatureAt(value)), SLIDING);
  const whys = h("p", { class: "wb-help" });
  return {
    element: panel("What if", shift.element, temperature.element, whys),
    draw() {
      const { sliders: can } = view();
      shift.set(model.get("shift"), can.shift, model.get("shift").toFixed(2));
      temperature.set(Math.log10(model.get("temperature")), can.temperature, String(Number(model.get("temperature").toPrecision(3))));
      fill(whys, [...new Set([can.shift, can.temperature])].filter(Boolean).join(" ") || "λ 0 is the space as it is, 1 lays the two centres on one another. τ belongs to the contrastive loss alone.");
    },
  };
}

/** @param {string} name @param {any} range @param {(value: number) => void} moved @param {(value: number) => string} word @param {number} interval */
function slider(name, range, moved, word, interval) {
  const tell = throttled(moved, interval);
  const input = h("input", { type: "range", ...range, "aria-label": name, oninput: () => { tell(Number(input.value)); said(); } });
  const value = h("output", { class: "atl-number" });
  const said = (/** @type {string} */ text = word(Number(input.value))) => { value.textContent = text; input.setAttribute("aria-valuetext", value.textContent ?? ""); };
  return {
    element: h("div", { class: "atl-row" }, h("span", { class: "atl-name", text: name }), input, value),
    // `exact` is what is in force: a slider stops at its nearest step, and would say that instead.
    set(/** @type {number} */ position, /** @type {string} */ why, /** @type {string} */ exact) {
      keep(input, Number(position.toFixed(4)));
      input.disabled = Boolean(why);
      said(document.activeElement === input ? undefined : exact);
    },
  };
}

/** The legend, and where the colours are labels also the filter. @param {any} board */
function labels(board) {
  const { model, send, view } = board;
  const list = h("ul", { class: "atl-legend" });
  const find = h("input", { type: "search", "aria-label": "find a label", placeholder: "find a label", oninput: () => draw() });
  const clear = h("button", { type: "button", class: "wb-button", text: "all labels", onclick: () => send("labels", []) });
  const choose = h("button", { type: "button", class: "wb-button", text: "select these", onclick: () => model.send({ kind: "choose", what: "labels" }) });
  const flip = (/** @type {string} */ text) => { const on = model.get("labels"); send("labels", on.includes(text) ? on.filter((/** @type {string} */ other) => other !== text) : [...on, text]); };
  const draw = () => {
    const { legend } = view();
    const on = model.get("labels");
    const wanted = find.value.trim().toLowerCase();
    const shown = legend.entries.filter((/** @type {any} */ entry) => entry.text.toLowerCase().includes(wanted)).slice(0, LABELS);
    find.hidden = legend.entries.length < 12;
    clear.hidden = choose.hidden = !on.length;
    fill(list, ...(legend.ramp ? [ramp(legend)] : []), ...shown.map((/** @type {any} */ entry) => h("li", {}, entry.filter
      ? h("button", { type: "button", class: "atl-chip", "aria-pressed": String(on.includes(entry.text)), "data-off": on.length > 0 && !on.includes(entry.text), onclick: () => flip(entry.text) }, swatch(entry), `${entry.text} `, h("span", { class: "atl-number", text: entry.count.toLocaleString("en") }))
      : h("span", { class: "atl-chip" }, swatch(entry), entry.text, entry.count === null ? "" : h("span", { class: "atl-number", text: ` ${entry.count.toLocaleString("en")}` })))));
  };
  return { element: h("div", { class: "atl-labels", role: "group", "aria-label": "legend and filter" }, list, h("span", { class: "atl-row" }, find, choose, clear)), draw };
}

/** @param {any} entry */
const swatch = (entry) => h("i", { class: "atl-swatch", "data-shape": entry.shape ?? "disc", style: { background: entry.colour } });

/** @param {any} legend */
function ramp(legend) {
  return h("li", { class: "atl-ramp" }, h("span", { text: legend.low }), h("i", { style: { background: `linear-gradient(90deg, ${legend.ramp.join(", ")})` } }), h("span", { text: legend.high }), h("span", { class: "atl-number", text: legend.title }));
}

function gallery(/** @type {any} */ { model, send, view }) {
  const title = h("span", { class: "atl-said" });
  const of = h("select", { "aria-label": "what to list", onchange: () => send("gallery", of.value) },
    ...[["pictures", "pictures"], ["texts", "texts"], ["selection", "the selection"]].map(([value, text]) => h("option", { value, text })));
  const choose = h("button", { type: "button", class: "wb-button", text: "select these", onclick: () => model.send({ kind: "choose", what: "gallery" }) });
  const list = h("ol", { class: "atl-gallery", "aria-label": "found" });
  const url = new PictureUrl();
  let source = null;
  return {
    element: h("section", { class: "atl-found", "aria-label": "retrieval" }, h("div", { class: "atl-row" }, of, title, choose), list),
    draw() {
      const { gallery: found } = view();
      if (model.get("_sprite") !== source) { source = model.get("_sprite"); url.of(source); }
      of.value = model.get("gallery");
      title.textContent = found.title;
      choose.hidden = !found.rows.length;
      list.hidden = !found.rows.length;
      fill(list, ...galleryCards(found, url.url, model.get("focus"), (/** @type {number} */ id) => send("focus", id)));
    },
    release: () => url.release(),
  };
}

function foot(/** @type {any} */ { view }) {
  const code = codeOf("atl", "atlas");
  const notes = h("ul", { class: "atl-notes" });
  const credit = h("small", { class: "wb-credit" });
  const keys = h("details", {}, h("summary", { text: "Keys on the map" }), h("p", { class: "wb-help", text: "arrows move · + and − zoom · 0 whole map · L lasso · P move · N next true neighbour · Enter select · Escape clear · Shift-drag lasso, with Ctrl add, with Alt take away" }));
  return {
    element: h("footer", { class: "atl-foot" }, notes, h("div", { class: "atl-row" }, code.button, credit), keys, code.details),
    draw() {
      code.draw(view().code);
      credit.textContent = view().credit;
      fill(notes, ...view().notes.map((/** @type {string} */ note) => h("li", { text: note })));
    },
  };
}

/** Where a box beside the pointer goes: on the roomier side, and never out of the stage. @param {[number, number]} at @param {[number, number]} box @param {{width: number, height: number}} size @returns {[number, number]} */
export function beside([x, y], [wide, tall], size) {
  const left = x > size.width / 2 ? x - wide - 14 : x + 14;
  return [Math.max(4, Math.min(left, size.width - wide - 4)), Math.max(4, Math.min(y - tall / 2, size.height - tall - 4))];
}

/** @param {any} stage @param {any} board */
function drawTip(stage, board) {
  const card = stage.hover >= 0 ? board.asked.look.known.get(stage.hover) : null;
  const { tip, tipAt, size } = stage;
  tip.hidden = !card || !tipAt;
  if (!card || !tipAt) return;
  fill(tip, ...cardBody(card, { long: false, go: null }));
  const [left, top] = beside(tipAt, [tip.offsetWidth, tip.offsetHeight], size);
  Object.assign(tip.style, { left: `${left}px`, top: `${top}px` });
}

/** @param {any} board @param {Iterable<File> | null} files */
async function place(board, files) {
  const { pictures, others } = split(files ?? []);
  const problem = (/** @type {File} */ file, /** @type {string} */ why) => board.model.send({ kind: "problem", message: `${nameOf(file, 0)} cannot be used: ${why}.` });
  others.forEach((file) => problem(file, `it is ${file.type}, not a picture`));
  const [first] = pictures;
  if (!first) return;
  try {
    board.model.send({ kind: "place", name: nameOf(first, 0) }, undefined, [await prepared(first)]);
  } catch (error) {
    problem(first, /** @type {Error} */ (error).message);
  }
}

/** @param {HTMLElement} root @param {any} board */
function acceptPictures(root, board) {
  const options = { signal: board.stop.signal };
  root.addEventListener("dragover", (event) => { event.preventDefault(); event.stopPropagation(); root.classList.add("atl-dragged"); }, options);
  root.addEventListener("dragleave", () => root.classList.remove("atl-dragged"), options);
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    root.classList.remove("atl-dragged");
    place(board, event.dataTransfer?.files ?? null);
  }, options);
  root.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files;
    if (files?.length) { event.preventDefault(); event.stopPropagation(); place(board, files); }
  }, options);
}

export default { render };
