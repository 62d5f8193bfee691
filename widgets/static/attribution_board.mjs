// @ts-check
// The attribution board. The kernel computes maps and scores; hovering, words and patches need no kernel.
import { codeOf } from "./code.mjs";
import { exportOf } from "./export.mjs";
import { h, fill, keepKeys, settled, throttled, rove, PictureUrl } from "./dom.mjs";

const TYPING_PAUSE = 600; // ms without a key before a text is explained: it costs passes of the model
const SLIDER_INTERVAL = 40;
const FOR = [214, 96, 0]; // speaks for the target; the snapshot has the same two colours
const AGAINST = [30, 110, 210];

/** A colour for a value: none at 0, full at the limit. @param {number} value @param {number} limit @param {number} strength */
export function colourOf(value, limit, strength) {
  const share = limit > 0 ? Math.min(1, Math.abs(value) / limit) : 0;
  const [red, green, blue] = value >= 0 ? FOR : AGAINST;
  return `rgba(${red}, ${green}, ${blue}, ${(strength * share).toFixed(3)})`;
}

/** The cell of a grid under a point, as a number counted row by row.
 * @param {number} x @param {number} y @param {number} width @param {number} height @param {number[]} grid */
export function cellAt(x, y, width, height, [rows, cols]) {
  const row = Math.min(rows - 1, Math.max(0, Math.floor((y / height) * rows)));
  const col = Math.min(cols - 1, Math.max(0, Math.floor((x / width) * cols)));
  return row * cols + col;
}

/** A second-order map's part for these words, cell by cell. @param {Float32Array} pairs @param {number} cells @param {number[]} words */
export function partOfWords(pairs, cells, words) {
  const out = new Array(cells).fill(0);
  for (const word of words) for (let cell = 0; cell < cells; cell += 1) out[cell] += pairs[word * cells + cell];
  return out;
}

/** A second-order map's part for these patches, word by word. @param {Float32Array} pairs @param {number} cells @param {number[]} patches */
export function partOfPatches(pairs, cells, patches) {
  const tokens = pairs.length / cells;
  return Array.from({ length: tokens }, (_, word) => patches.reduce((sum, patch) => sum + pairs[word * cells + patch], 0));
}

/** One more or one less. @param {number[]} list @param {number} item */
export function toggled(list, item) {
  return list.includes(item) ? list.filter((other) => other !== item) : [...list, item];
}

/** Three digits, signed. @param {number} value */
export function signed(value) {
  if (value === 0) return "0";
  const digits = Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4 ? Number(value.toPrecision(3)).toString() : value.toExponential(1);
  return value > 0 ? `+${digits}` : digits.replace("-", "−");
}

/** Largest size among numbers. @param {number[]} values */
export function largest(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** What a screen reader says of a map. @param {any} map @param {number[]} values */
export function mapLabel(map, values) {
  if (map.flat) return `${map.title}: flat, no ${map.grid ? "patch" : "word"} counts more than another`;
  if (!map.grid) return `${map.title}: of the words, strongest is number ${values.indexOf(Math.max(...values)) + 1}, ${signed(Math.max(...values))}`;
  const best = values.indexOf(Math.max(...values));
  const cols = map.grid[1];
  return `${map.title}: strongest in row ${Math.floor(best / cols) + 1}, column ${(best % cols) + 1}, ${signed(values[best])}`;
}

/** @param {{model: any, el: HTMLElement}} context */
function render({ model, el }) {
  const stop = new AbortController();
  const send = (/** @type {string} */ name, /** @type {any} */ value) => {
    model.set(name, value);
    model.save_changes();
  };
  const board = { model, send, view: () => model.get("_view"), hover: -1, image: new Image(), redraw: () => {}, pairs: () => pairsOf(model) };
  const url = new PictureUrl();
  const parts = [head, controls, words, cards, foot].map((part) => part(board));
  const root = h("section", { class: "wb atb", "aria-label": "Attribution board" }, ...parts.map((part) => part.element));
  keepKeys(root, stop.signal);
  let frame = 0;
  const draw = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      parts.forEach((part) => part.draw());
    });
  };
  board.redraw = draw;
  const loadPicture = () => {
    board.image.onload = draw;
    board.image.src = url.of(model.get("_picture"));
  };
  const traits = ["_view", "_status", "_pairs", "text", "against", "focus", "patches", "words", "scale", "strength"];
  traits.forEach((name) => model.on(`change:${name}`, draw));
  model.on("change:_picture", loadPicture);
  loadPicture();
  draw();
  el.append(root);
  return () => {
    stop.abort();
    cancelAnimationFrame(frame);
    traits.forEach((name) => model.off(`change:${name}`, draw));
    model.off("change:_picture", loadPicture);
    url.release();
    root.remove();
  };
}

/** @param {any} model @returns {Float32Array | null} */
function pairsOf(model) {
  const bytes = model.get("_pairs");
  if (!bytes || !bytes.byteLength) return null;
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** What a card shows: its map (of the words, where there is no picture), or a second-order map's part for the chosen words. */
function shownValues(/** @type {any} */ map, /** @type {any} */ board) {
  const chosen = board.model.get("words");
  const pairs = map.pairs && chosen.length ? board.pairs() : null;
  if (!map.image) return map.text;
  return pairs ? partOfWords(pairs, map.grid[0] * map.grid[1], chosen) : map.image.flat();
}

function head(/** @type {any} */ { model, view }) {
  const title = h("strong", { class: "atb-title" });
  const said = h("span", { class: "atb-said", role: "status", "aria-live": "polite" });
  const bar = h("progress", { max: 1, "aria-label": "progress", hidden: true });
  const cancel = h("button", { type: "button", class: "wb-button", text: "Cancel", hidden: true, onclick: () => model.send({ kind: "cancel" }) });
  const error = h("p", { class: "wb-error", role: "alert", hidden: true });
  return {
    element: h("header", { class: "atb-row" }, title, said, bar, cancel, error),
    draw() {
      const now = model.get("_status");
      const working = now.state === "working";
      title.textContent = `${view().target} = ${view().score.toFixed(3)}`;
      const progress = now.total ? `${now.done} of ${now.total}` : "…";
      said.textContent = working ? `${now.stage ?? "working"} ${progress}` : now.message || view().model;
      bar.hidden = cancel.hidden = !working;
      if (working && now.total) bar.value = now.done / now.total;
      else bar.removeAttribute("value");
      error.hidden = !now.error;
      error.textContent = now.error || "";
    },
  };
}

function controls(/** @type {any} */ board) {
  const { model, send, view } = board;
  const type = (/** @type {string} */ name) => settled((/** @type {string} */ value) => send(name, value.trim()), TYPING_PAUSE);
  const [sendText, sendAgainst] = [type("text"), type("against")];
  const text = h("input", { type: "text", "aria-label": "text explained", oninput: () => text.value.trim() && sendText(text.value) });
  const against = h("input", { type: "text", "aria-label": "rather than", placeholder: "(nothing)", oninput: () => sendAgainst(against.value) });
  const scale = h("select", { "aria-label": "colour scale", onchange: () => send("scale", scale.value) },
    h("option", { value: "own", text: "each map by its own largest" }), h("option", { value: "shared", text: "one scale for all maps" }));
  const slide = throttled((/** @type {number} */ value) => send("strength", value), SLIDER_INTERVAL);
  const strength = h("input", { type: "range", min: 0, max: 1, step: 0.05, "aria-label": "strength of the colour", oninput: () => slide(Number(strength.value)) });
  const list = h("ul", { class: "atb-methods" });
  const [least, most] = [h("span"), h("span")];
  const legend = h("div", { class: "atb-legend" }, least, h("i"), most);
  const sync = (/** @type {any} */ control, /** @type {string} */ value) => { if (document.activeElement !== control && control.value !== value) control.value = value; };
  const flip = (/** @type {string} */ name, /** @type {boolean} */ on) => {
    const order = view().methods.map((/** @type {any} */ row) => row.name);
    const chosen = on ? [...model.get("methods"), name] : model.get("methods").filter((/** @type {string} */ other) => other !== name);
    send("methods", order.filter((/** @type {string} */ other) => chosen.includes(other)));
  };
  const asks = [["Why", text], ["rather than", against]].map(([said, input]) => h("label", { class: "atb-field" }, h("span", { text: said }), input));
  return {
    element: h("div", { class: "atb-controls" },
      ...asks,
      h("div", { class: "atb-row" }, scale, h("label", { class: "atb-row" }, h("span", { text: "colour" }), strength), legend),
      h("details", { class: "atb-choose" }, h("summary", { text: "Methods" }), list)),
    draw() {
      sync(text, model.get("text"));
      sync(against, model.get("against"));
      sync(scale, model.get("scale"));
      sync(strength, String(model.get("strength")));
      text.disabled = against.disabled = !view().live;
      asks.forEach((ask) => (ask.hidden = view().whole));
      const values = view().maps.map((/** @type {any} */ map) => shownValues(map, board));
      const told = model.get("scale") === "shared" ? ` ${signed(largest(values.flat())).replace("+", "")}` : "";
      least.textContent = told ? `against −${told.trim()}` : "against";
      most.textContent = told ? `+${told.trim()} for` : "for";
      const had = /** @type {HTMLElement | null} */ (document.activeElement?.closest?.(".atb-methods li"))?.dataset.name;
      fill(list, ...view().methods.map((/** @type {any} */ row) => h("li", { "data-name": row.name, title: row.reason || null },
        h("label", {}, h("input", { type: "checkbox", checked: row.shown, disabled: Boolean(row.reason) || !view().live, onchange: (/** @type {any} */ event) => flip(row.name, event.target.checked) }), h("span", { text: row.title })),
        row.reason ? h("small", { class: "wb-help", text: row.reason }) : null)));
      if (had) /** @type {any} */ (list.querySelector(`[data-name="${had}"] input`))?.focus();
    },
  };
}

function words(/** @type {any} */ board) {
  const { model, send, view } = board;
  const row = h("div", { class: "atb-words", role: "group", "aria-label": "words of the text" });
  const note = h("p", { class: "wb-help" });
  const focused = () => view().maps.find((/** @type {any} */ map) => map.method === model.get("focus")) ?? view().maps[0];
  const clear = h("button", { type: "button", class: "wb-button", text: "Clear choice", onclick: () => { model.set("words", []); send("patches", []); } });
  return {
    element: h("div", { class: "atb-text" }, h("div", { class: "atb-row" }, row, clear), note),
    draw() {
      const map = focused();
      const [chosen, patches] = [model.get("words"), model.get("patches")];
      const pairs = map.pairs && patches.length ? board.pairs() : null;
      const values = pairs ? partOfPatches(pairs, map.grid[0] * map.grid[1], patches) : map.text;
      const limit = values ? largest(values) : 0;
      while (row.children.length > view().tokens.length) row.lastChild?.remove();
      view().tokens.forEach((/** @type {any} */ token, /** @type {number} */ place) => {
        if (!row.children[place]) row.append(h("button", { type: "button", class: "atb-word", onclick: () => send("words", toggled(model.get("words"), place)) }));
        const button = /** @type {HTMLElement} */ (row.children[place]);
        button.textContent = token.text;
        button.toggleAttribute("data-special", !token.word);
        button.setAttribute("aria-pressed", String(chosen.includes(place)));
        button.title = values ? signed(values[place]) : "";
        button.style.backgroundColor = values ? colourOf(values[place], limit, 0.6 * model.get("strength")) : "";
      });
      clear.hidden = !chosen.length && !patches.length;
      note.textContent = wordsNote(map, chosen, patches, view().maps);
    },
  };
}

/** What the colours of the words mean now. @param {any} map @param {number[]} chosen @param {number[]} patches @param {any[]} maps */
export function wordsNote(map, chosen, patches, maps) {
  const second = maps.some((other) => other.pairs);
  if (patches.length && map.pairs) return `Words by what they add together with the ${patches.length} chosen ${patches.length === 1 ? "patch" : "patches"} (${map.title}).`;
  if (chosen.length && second) return "The map of pairs shows the chosen words alone; every other map is one for the whole text.";
  if (chosen.length && maps.some((other) => other.whole)) return "These maps are one for the whole text, as every method for this kind of model is.";
  if (chosen.length) return "These maps are one for the whole text. Add “Word x patch interactions” to see the patches of a single word.";
  if (!map.text) return `${map.title} explains the picture only; words have no colour.`;
  if (!map.image) return `Words by ${map.title}.`;
  return `Words by ${map.title}.${second ? " Click a word for its patches, a patch for its words." : ""}`;
}

function cards(/** @type {any} */ board) {
  const { model, view } = board;
  const grid = h("div", { class: "atb-maps" });
  const seen = h("img", { class: "atb-map", alt: "the picture as the model sees it" });
  const plain = h("figure", { class: "atb-card" }, h("figcaption", { text: "What the model sees" }), seen);
  const all = h("button", { type: "button", class: "wb-button", text: "Score every map", onclick: () => model.send({ kind: "score", methods: [] }) });
  return {
    element: h("div", {}, h("div", { class: "atb-grid" }, plain, grid), h("div", { class: "atb-row" }, all, h("span", { class: "wb-help", text: "A map is worth its distance from random maps; less than their spread is nothing." }))),
    draw() {
      const { maps } = view();
      while (grid.children.length > maps.length) grid.lastChild?.remove();
      while (grid.children.length < maps.length) grid.append(emptyCard(board));
      const values = maps.map((/** @type {any} */ map) => shownValues(map, board));
      const shared = model.get("scale") === "shared" ? largest(values.flat()) : 0;
      maps.forEach((/** @type {any} */ map, /** @type {number} */ place) => fillCard(/** @type {any} */ (grid.children[place]), map, values[place], shared || largest(values[place]), board));
      all.disabled = !view().live || !maps.some((/** @type {any} */ map) => map.image);
      if (seen.src !== board.image.src) seen.src = board.image.src;
      plain.hidden = !model.get("_picture")?.byteLength;
    },
  };
}

/** @param {any} board */
function emptyCard(board) {
  const { model, send } = board;
  const canvas = h("canvas", { class: "atb-map", tabindex: 0, role: "img" });
  const card = h("article", { class: "atb-card" }, h("h3"), canvas, h("div", { class: "atb-tokens" }), h("p", { class: "atb-range" }), h("p", { class: "atb-readout" }), h("div", { class: "atb-scores" }), h("p", { class: "wb-help atb-notes" }));
  const cell = (/** @type {MouseEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    return cellAt(event.clientX - box.left, event.clientY - box.top, box.width, box.height, card.map.grid);
  };
  const look = (/** @type {number} */ patch) => { board.hover = patch; board.redraw(); };
  const choose = (/** @type {number} */ patch) => {
    if (model.get("focus") !== card.map.method) model.set("focus", card.map.method);
    send("patches", toggled(model.get("patches"), patch));
  };
  canvas.addEventListener("mousemove", (/** @type {MouseEvent} */ event) => look(cell(event)));
  canvas.addEventListener("mouseleave", () => look(-1));
  canvas.addEventListener("blur", () => look(-1));
  canvas.addEventListener("click", (/** @type {MouseEvent} */ event) => choose(cell(event)));
  canvas.addEventListener("focus", () => { if (model.get("focus") !== card.map.method) send("focus", card.map.method); });
  canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const [rows, cols] = card.map.grid;
    if (event.key === " " || event.key === "Enter") { event.preventDefault(); choose(Math.max(0, board.hover)); return; }
    const next = rove(Math.max(0, board.hover), event.key, rows * cols, cols);
    if (next === null) return;
    event.preventDefault();
    look(next);
  });
  return card;
}

/** @param {any} card @param {any} map @param {number[]} values @param {number} limit @param {any} board */
function fillCard(card, map, values, limit, board) {
  const { model } = board;
  card.map = map;
  const part = (/** @type {string} */ name) => card.querySelector(name);
  card.dataset.method = map.method;
  card.toggleAttribute("data-looked", model.get("focus") === map.method);
  part("h3").textContent = map.title;
  part("h3").title = map.blind;
  part("canvas").setAttribute("aria-label", mapLabel(map, values));
  part(".atb-range").textContent = rangeText(map, values, limit);
  const cols = map.grid ? map.grid[1] : values.length;
  const at = board.hover >= 0 && board.hover < values.length ? board.hover : -1;
  part(".atb-readout").textContent = at < 0 ? map.cost : `row ${Math.floor(at / cols) + 1}, column ${(at % cols) + 1}: ${signed(values[at])}`;
  part(".atb-notes").textContent = map.notes.join("; ");
  part("canvas").hidden = !map.image;
  if (map.image) paint(part("canvas"), map, values, limit, board, at);
  fill(part(".atb-tokens"), ...(map.image ? [] : values.map((value, place) => h("span", { class: "atb-token", title: signed(value), style: { backgroundColor: colourOf(value, limit, 0.6 * model.get("strength")) }, text: board.view().tokens[place].text }))));
  drawScores(part(".atb-scores"), map, board);
}

/** What the numbers of a card mean: with or without a sign, from where to where, and what full colour is.
 * @param {any} map @param {number[]} values @param {number} limit */
export function rangeText(map, values, limit) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (map.flat) return `flat: every ${map.image ? "patch" : "word"} ${signed(high)}`;
  const kind = map.signed ? "for (+) and against (−)" : "never against";
  return `${kind}: ${signed(low)} … ${signed(high)}, full colour ${signed(limit).replace("+", "")}`;
}

/** @param {HTMLCanvasElement} canvas @param {any} map @param {number[]} values @param {number} limit @param {any} board @param {number} hover */
function paint(canvas, map, values, limit, board, hover) {
  const image = board.image;
  const ratio = image.naturalWidth ? image.naturalHeight / image.naturalWidth : map.grid[0] / map.grid[1];
  const density = Math.max(1, window.devicePixelRatio || 1);
  const width = Math.round((canvas.clientWidth || 180) * density);
  const height = Math.round(width * ratio);
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.clearRect(0, 0, width, height);
  context.imageSmoothingEnabled = image.naturalWidth > 128;
  context.filter = "grayscale(1)";
  if (image.complete && image.naturalWidth) context.drawImage(image, 0, 0, width, height);
  context.filter = "none";
  const [rows, cols] = map.grid;
  const chosen = board.model.get("patches");
  const strength = board.model.get("strength");
  const [cellWidth, cellHeight] = [width / cols, height / rows];
  values.forEach((value, cell) => {
    context.fillStyle = colourOf(value, limit, strength);
    context.fillRect((cell % cols) * cellWidth, Math.floor(cell / cols) * cellHeight, cellWidth + 0.5, cellHeight + 0.5);
  });
  const frame = (/** @type {number} */ cell, /** @type {string} */ colour, /** @type {number} */ line) => {
    context.strokeStyle = colour;
    context.lineWidth = line * density;
    context.strokeRect((cell % cols) * cellWidth + line, Math.floor(cell / cols) * cellHeight + line, cellWidth - 2 * line, cellHeight - 2 * line);
  };
  chosen.filter((/** @type {number} */ cell) => cell < values.length).forEach((/** @type {number} */ cell) => { frame(cell, "#fff", 2.5); frame(cell, "#000", 1); });
  if (hover >= 0) frame(hover, "#000", 1);
}

/** @param {HTMLElement} place @param {any} map @param {any} board */
function drawScores(place, map, board) {
  const part = map.pairs && board.model.get("words").length > 0;
  const key = JSON.stringify([map.method, map.scores, map.skipped, board.view().live, part]);
  if (place.dataset.key === key) return; // a button must not vanish under the pointer
  place.dataset.key = key;
  if (!map.image) {
    fill(place, h("p", { class: "wb-help", text: "No picture, so no patch to take away: not scored." }));
    return;
  }
  if (board.view().whole) {
    fill(place, h("p", { class: "wb-help", text: "Not scored: only maps of two towers are. Compare with Occlusion, which takes parts away." }));
    return;
  }
  if (!map.scores.length) {
    const ask = h("button", { type: "button", class: "wb-button", disabled: !board.view().live, text: `Score: ${map.price}`, "aria-label": `score ${map.title}, ${map.price}`, onclick: () => board.model.send({ kind: "score", methods: [map.method] }) });
    fill(place, ask);
    return;
  }
  const whole = part ? h("p", { class: "wb-help", text: "Scores of the map for the whole text, not of the chosen words:" }) : null;
  fill(place, whole, h("table", {},
    h("thead", {}, h("tr", {}, ...["score", "map", "random", "centre"].map((text) => h("th", { scope: "col", text })))),
    h("tbody", {}, ...map.scores.map((/** @type {any} */ row) => h("tr", { title: `${row.meaning}; ${row.better} is better` },
      h("th", { scope: "row", text: `${row.name} ${row.better === "lower" ? "↓" : "↑"}` }),
      h("td", {}, h("b", { text: `${row.value.toFixed(2)}${row.beats ? " ✓" : ""}` })),
      h("td", { text: `${row.random.toFixed(2)}${row.spread ? ` ± ${row.spread.toFixed(2)}` : ""}` }),
      h("td", { text: row.centre.toFixed(2) }))))), ...Object.entries(map.skipped).map(([name, why]) => h("p", { class: "wb-help", text: `${name}: ${why}` })));
  place.title = map.protocol;
}

function foot(/** @type {any} */ { model, view }) {
  const code = codeOf("atb", "board");
  const credit = h("small", { class: "wb-credit" });
  return {
    element: h("footer", {}, h("div", { class: "atb-row" }, code.button, exportOf(model, "attribution"), credit), code.details),
    draw() {
      code.draw(view().code);
      credit.textContent = view().credit;
    },
  };
}

export default { render };
