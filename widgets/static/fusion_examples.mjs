// @ts-check
// The pages of single items: what every fusion answered, one item inside one fusion, and the fused space.
import { h, fill, percent, rove, PictureUrl } from "./dom.mjs";
import { graphDrawing } from "./fusion_graph.mjs";
import { fixed, options } from "./fusion_controls.mjs";

const ORDERS = ["as given", "fusions disagree", "this one wrong", "only this one right"];
const GOLDEN = 137.508; // degrees between neighbouring hues, so that any number of classes differ
const NAMED = { // of a lightness that is seen on black and on white
  red: "#e03131", orange: "#f08c00", yellow: "#e6c700", green: "#2f9e44", teal: "#0ca5a5", cyan: "#15aabf", blue: "#2f6fed",
  purple: "#8f3fd6", pink: "#e64fa0", brown: "#8a5a2b", black: "#5a5a5a", gray: "#9b9b9b", grey: "#9b9b9b", white: "#cfcfcf",
};

/** The selection after a click: alone, or with a key one more or less. @param {number[]} selected @param {number} item @param {boolean} more */
export function chooseItem(selected, item, more) {
  if (!more) return [item];
  return selected.includes(item) ? selected.filter((other) => other !== item) : [...selected, item];
}

/** Shares of an attention row as cells 0 to 1 of their largest. @param {number[]} shares */
export function heat(shares) {
  const most = Math.max(...shares, 1e-9);
  return shares.map((share) => share / most);
}

/** Points inside a rectangle. @param {Uint16Array} points x, y alternating @param {number[]} box x0, y0, x1, y1 in 0 to 1 */
export function inside(points, box) {
  const [left, right] = [Math.min(box[0], box[2]), Math.max(box[0], box[2])];
  const [low, high] = [Math.min(box[1], box[3]), Math.max(box[1], box[3])];
  const found = [];
  for (let place = 0; place * 2 < points.length; place += 1) {
    const [x, y] = [points[place * 2] / 65535, points[place * 2 + 1] / 65535];
    if (x >= left && x <= right && y >= low && y <= high) found.push(place);
  }
  return found;
}

/** @param {any} board */
export function examplesPage(board) {
  const { model, send } = board;
  const order = h("select", { "aria-label": "order of items", onchange: () => { send("page", 0); send("order", order.value); } });
  const flip = (/** @type {number} */ step) => send("page", board.view().examples.page + step);
  const back = h("button", { type: "button", class: "wb-icon", "aria-label": "page before", text: "‹", onclick: () => flip(-1) });
  const next = h("button", { type: "button", class: "wb-icon", "aria-label": "next page", text: "›", onclick: () => flip(1) });
  const count = h("span", { class: "fb-number" });
  const grid = itemGrid(board);
  const opened = itemOpened(board);
  return {
    element: h("div", { class: "fb-page" }, h("div", { class: "fb-row" }, h("label", { class: "fb-row" }, "Order", order), back, count, next, h("span", { class: "wb-help", text: "Ctrl or Space chooses more than one: board.selected" })), grid.element, opened.element),
    draw() {
      const page = board.view().examples;
      options(order, ORDERS.map((name) => [name, name]), model.get("order"));
      count.textContent = `${page.page + 1} / ${page.pages}`;
      back.disabled = page.page === 0;
      next.disabled = page.page + 1 >= page.pages;
      grid.draw(page);
      opened.draw(page);
    },
    release() { grid.release(); opened.release(); },
  };
}

/** @param {any} board */
function itemGrid(board) {
  const { model, send } = board;
  const element = h("div", { class: "fb-items", role: "listbox", "aria-multiselectable": "true", "aria-label": "test items" });
  const url = new PictureUrl();
  /** @type {any} */ let source = null;
  const shown = () => board.view().examples.items;
  const choose = (/** @type {number} */ item, /** @type {boolean} */ more) => {
    model.set("selected", chooseItem(model.get("selected"), item, more));
    send("focus", item);
  };
  element.addEventListener("click", (event) => {
    const card = /** @type {HTMLElement} */ (event.target).closest(".fb-item");
    if (card) choose(Number(card.getAttribute("data-item")), event.ctrlKey || event.metaKey || event.shiftKey);
  });
  element.addEventListener("keydown", (event) => {
    const place = [...element.children].indexOf(/** @type {Element} */ (event.target));
    if (place < 0) return;
    if (event.key === " " || event.key === "Enter") { event.preventDefault(); choose(shown()[place].item, event.key === " "); return; }
    const columns = getComputedStyle(element).gridTemplateColumns.split(" ").length;
    const goal = rove(place, event.key, element.children.length, columns);
    if (goal === null) return;
    event.preventDefault();
    /** @type {HTMLElement} */ (element.children[goal]).focus();
    send("focus", shown()[goal].item);
  });
  return {
    element,
    release: () => url.release(),
    draw(/** @type {any} */ page) {
      const { thumb, columns } = board.view();
      if (model.get("_sprite") !== source) { source = model.get("_sprite"); url.of(source); }
      const [selected, focus] = [model.get("selected"), model.get("focus")];
      const first = page.items.some((/** @type {any} */ row) => row.item === focus) ? focus : page.items[0]?.item;
      while (element.children.length > page.items.length) element.lastChild?.remove();
      while (element.children.length < page.items.length) element.append(h("div", { class: "fb-item", role: "option" }, h("span", { class: "fb-thumb", "aria-hidden": "true" }), h("span", { class: "fb-item-text" }), h("span", { class: "fb-item-answer" })));
      page.items.forEach((/** @type {any} */ row, /** @type {number} */ place) => {
        const card = /** @type {HTMLElement} */ (element.children[place]);
        const verdict = row.right ? "right" : `wrong, it is ${row.truth}`;
        const attributes = { tabindex: row.item === first ? 0 : -1, "aria-selected": String(selected.includes(row.item)), "data-item": row.item, "aria-label": `${row.text || `item ${row.item}`}: ${row.answer}, ${percent(row.probability)}, ${verdict}; ${percent(row.share)} of the fusions are right` };
        for (const [name, value] of Object.entries(attributes)) card.setAttribute(name, String(value));
        card.toggleAttribute("data-looked", row.item === focus);
        const picture = /** @type {HTMLElement} */ (card.querySelector(".fb-thumb"));
        picture.hidden = !page.pictures;
        Object.assign(picture.style, { width: `${thumb}px`, height: `${thumb}px`, backgroundImage: `url("${url.url}")`, backgroundPosition: `-${(place % columns) * thumb}px -${Math.floor(place / columns) * thumb}px` });
        /** @type {HTMLElement} */ (card.querySelector(".fb-item-text")).textContent = row.text || `item ${row.item}`;
        /** @type {HTMLElement} */ (card.querySelector(".fb-item-answer")).textContent = `${row.right ? "✓" : "✗"} ${row.answer}`;
      });
    },
  };
}

/** @param {any} board */
function itemOpened(board) {
  const url = new PictureUrl();
  /** @type {any} */ let source = null;
  /** @type {any} */ let drawn = null;
  let map = 0;
  const picture = h("img", { class: "fb-picture" });
  const cover = h("canvas", { class: "fb-cover", "aria-hidden": "true" });
  const frame = h("div", { class: "fb-frame" }, picture, cover);
  const text = h("p", { class: "fb-text" });
  const place = h("div", { class: "fb-inside" });
  const answers = h("div", { class: "fb-scroll" });
  const which = h("select", { "aria-label": "attention shown", onchange: () => { map = Number(which.value); drawn = null; draw(board.view().examples); } });
  const draw = (/** @type {any} */ page) => {
    if (board.model.get("_large") !== source) { source = board.model.get("_large"); picture.src = url.of(source); }
    frame.hidden = !page.pictures || !url.url;
    if (page === drawn) return;
    drawn = page;
    const rows = page.focus?.rows ?? [];
    picture.alt = page.text;
    const look = page.look;
    const maps = look?.maps ?? [];
    map = Math.min(map, Math.max(0, maps.length - 1));
    options(which, maps.map((/** @type {any} */ row, /** @type {number} */ at) => [String(at), `layer ${row.layer}: ${row.asker}${row.cross > 0 ? `, ${(100 * row.cross).toFixed(0)} % across` : " asks"}`]), String(map));
    which.hidden = maps.length === 0;
    drawText(text, page, look, maps[map]);
    drawCover(cover, look, maps[map]);
    fill(answers, page.focus ? answerTable(page.focus, board) : h("p", { class: "wb-help", text: "Pick an item." }));
    fill(place, ...insideParts(page, look, rows));
  };
  return {
    element: h("section", { class: "fb-opened", "aria-label": "the item in view" }, h("div", {}, frame, which, text), place, answers),
    draw,
    release: () => url.release(),
  };
}

/** Words shaded by attention where there is one. @param {Element} place @param {any} page @param {any} look @param {any} map */
function drawText(place, page, look, map) {
  const shares = map?.asked?.text;
  if (!look || !shares || !look.words.length) { fill(place, h("span", { text: page.text })); return; }
  const warm = heat(shares);
  fill(place, ...look.words.map((/** @type {string} */ word, /** @type {number} */ at) => h("span", { class: "fb-word", title: `${(100 * (shares[at] ?? 0)).toFixed(1)} % of attention`, style: { background: `color-mix(in srgb, var(--f-text) ${Math.round(65 * (warm[at] ?? 0))}%, transparent)` }, text: word })));
}

/** Attention over the patches, laid on the picture. @param {any} canvas @param {any} look @param {any} map */
function drawCover(canvas, look, map) {
  const shares = map?.asked?.image;
  const grid = look?.grid;
  canvas.hidden = !shares || !grid || grid[0] * grid[1] > shares.length;
  if (canvas.hidden) return;
  const [rows, cols] = grid;
  canvas.width = cols;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(cols, rows);
  heat(shares.slice(0, rows * cols)).forEach((value, at) => pixels.data.set([230, 60, 20, Math.round(190 * value)], at * 4));
  context.putImageData(pixels, 0, 0);
}

/** @param {any} focus @param {any} board */
function answerTable(focus, board) {
  const looked = board.model.get("fusion");
  return h("table", { class: "fb-answers" }, h("caption", { text: `Right: ${focus.truth}. Answers of the first seed.` }),
    h("thead", {}, h("tr", {}, ...["fusion", "answer", "share", "share of the truth"].map((name) => h("th", { scope: "col", text: name })))),
    h("tbody", {}, ...focus.rows.map((/** @type {any} */ row) => h("tr", { "data-looked": row.fusion === looked }, h("th", { scope: "row" }, h("span", { class: "fb-dot", "data-where": row.where, "aria-hidden": "true" }), ` ${row.title}`), h("td", { text: `${row.right ? "✓" : "✗"} ${row.answer}` }), h("td", { text: percent(row.probability) }), h("td", { text: percent(row.truth) })))));
}

/** What is seen inside the fusion: alone and together, gates, interaction. @param {any} page @param {any} look @param {any[]} rows */
function insideParts(page, look, rows) {
  if (!rows.length) return [];
  if (!look) return [h("p", { class: "wb-help", text: page.why || "Opening the model…" })];
  const shares = (/** @type {string} */ name, /** @type {any[]} */ top) => h("tr", {}, h("th", { scope: "row", text: name }), h("td", { text: top.slice(0, 3).map(([label, share]) => `${label} ${percent(share ?? 0)}`).join(", ") }));
  const parts = [h("h4", { text: `Inside ${look.fusion}` }), h("table", {}, h("tbody", {}, shares("together", look.together), ...Object.entries(look.alone).map(([name, top]) => shares(`${name} alone`, top))))];
  if (look.crossing !== null) parts.push(h("p", { class: "wb-help", text: `${(100 * look.crossing).toFixed(0)} % of the attention goes to the other modality. Attention shows where it looked, not what mattered.` }));
  if (look.interaction) parts.push(h("p", { class: "wb-help", text: `Beyond any sum of one score a modality: ${look.interaction.slice(0, 3).map(([label, value]) => `${label} ${value > 0 ? "+" : ""}${fixed(value, 2)}`).join(", ")} (logits).` }));
  for (const gate of look.gates) parts.push(gateBars(gate));
  if (!look.maps.length && !look.gates.length) parts.push(h("p", { class: "wb-help", text: "This fusion has neither gates nor attention across modalities: there is nothing to look at before the answer." }));
  return parts;
}

/** @param {any} gate */
function gateBars(gate) {
  const most = Math.max(1, ...gate.values.map(Math.abs));
  return h("div", { class: "fb-gate", role: "img", "aria-label": `gate ${gate.name}: mean ${fixed(gate.mean)}, from ${fixed(gate.low)} to ${fixed(gate.high)}` },
    h("span", { text: `${gate.name}, mean ${fixed(gate.mean, 2)}${gate.hidden ? `, ${gate.hidden} more` : ""}` }),
    h("span", { class: "fb-gate-bars" }, ...gate.values.map((/** @type {number} */ value) => h("i", { title: fixed(value), "data-negative": value < 0, style: { height: `${(100 * Math.abs(value)) / most}%` } }))));
}

/** @param {any} board */
export function spacePage(board) {
  const { model, send } = board;
  const maps = h("div", { class: "fb-maps" });
  const said = h("p", { class: "fb-caption", role: "status" });
  const key = h("p", { class: "fb-key wb-help" });
  /** @type {any} */ let drag = null;
  const data = () => {
    const view = model.get("_space");
    return view?.byteLength ? new Uint16Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength)) : new Uint16Array();
  };
  const pointOf = (/** @type {any} */ event) => {
    const box = event.currentTarget.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
  };
  const canvasFor = (/** @type {number} */ at) => {
    const canvas = h("canvas", { width: 240, height: 240, tabindex: 0, role: "img" });
    canvas.addEventListener("pointerdown", (/** @type {any} */ event) => { drag = [at, ...pointOf(event), ...pointOf(event)]; canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointermove", (/** @type {any} */ event) => { if (drag) { [drag[3], drag[4]] = pointOf(event); draw(); } });
    canvas.addEventListener("pointerup", () => {
      if (!drag) return;
      const count = board.view().space.items.length;
      const points = data().subarray(at * count * 2, (at + 1) * count * 2);
      const box = drag.slice(1);
      const tiny = Math.hypot(box[2] - box[0], box[3] - box[1]) < 0.02;
      const found = inside(points, tiny ? [box[0] - 0.025, box[1] - 0.025, box[0] + 0.025, box[1] + 0.025] : box);
      drag = null;
      const items = (tiny ? found.slice(0, 1) : found).map((place) => board.view().space.items[place]);
      if (items.length) model.set("focus", items[0]);
      send("selected", items);
    });
    canvas.addEventListener("keydown", (/** @type {any} */ event) => {
      const items = board.view().space.items;
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[/** @type {string} */ (event.key)];
      if (step) { event.preventDefault(); send("focus", items[Math.min(items.length - 1, Math.max(0, items.indexOf(model.get("focus")) + step))]); }
      if (event.key === " ") { event.preventDefault(); send("selected", chooseItem(model.get("selected"), model.get("focus"), true)); }
    });
    return canvas;
  };
  const draw = () => {
    const page = board.view().space;
    const points = data();
    const [selected, focus] = [new Set(model.get("selected")), model.get("focus")];
    if (maps.children.length !== page.fusions.length) fill(maps, ...page.fusions.map((/** @type {any} */ row, /** @type {number} */ at) => h("figure", { class: "fb-map", "data-where": row.where }, canvasFor(at), h("figcaption", {}))));
    page.fusions.forEach((/** @type {any} */ row, /** @type {number} */ at) => {
      const canvas = /** @type {any} */ (maps.children[at].firstChild);
      maps.children[at].lastChild.textContent = `${row.title} (${(100 * (page.spread[at] ?? 0)).toFixed(0)} % of the variance)`;
      canvas.setAttribute("aria-label", `fused vectors of ${row.title}; ${selected.size} chosen; arrows move, space chooses`);
      drawMap(canvas, points.subarray(at * page.items.length * 2, (at + 1) * page.items.length * 2), page, selected, focus, drag?.[0] === at ? drag : null);
    });
    const chosen = page.items.filter((/** @type {number} */ item) => selected.has(item)).length;
    said.textContent = `${page.items.length} test items, the two directions of largest variance of each fusion's own vectors. ${chosen} chosen; the same items are marked in every map.`;
    if (key.dataset.classes !== page.classes.join()) {
      key.dataset.classes = page.classes.join();
      const colours = classColours(page.classes);
      fill(key, ...page.classes.slice(0, 16).flatMap((/** @type {string} */ name, /** @type {number} */ at) => [h("span", { class: "fb-swatch", style: { background: colours[at] } }), ` ${name}  `]));
    }
  };
  return { element: h("div", { class: "fb-page" }, said, maps, key, h("p", { class: "wb-help", text: "Drag a box in any map, or click a point. A map may show clusters that are not there: look at quality first." })), draw };
}

/** Colours of classes; one that is the name of a colour has that colour, and the others are paler beside it. @param {string[]} classes */
export function classColours(classes) {
  const named = classes.map((name) => NAMED[/** @type {keyof typeof NAMED} */ (name.toLowerCase())]);
  const tone = named.some(Boolean) ? "34% 62%" : "62% 52%";
  return classes.map((_, at) => named[at] ?? `hsl(${Math.round((210 + at * GOLDEN) % 360)} ${tone})`);
}

/** @param {any} canvas @param {Uint16Array} points @param {any} page @param {Set<number>} selected @param {number} focus @param {any} drag */
function drawMap(canvas, points, page, selected, focus, drag) {
  const context = canvas.getContext("2d");
  const side = canvas.width;
  const [air, room] = [10, side - 20];
  context.clearRect(0, 0, side, side);
  const at = (/** @type {number} */ place) => [air + (points[place * 2] / 65535) * room, side - air - (points[place * 2 + 1] / 65535) * room];
  const colours = classColours(page.classes);
  const some = selected.size > 0;
  page.items.forEach((/** @type {number} */ item, /** @type {number} */ place) => {
    const [x, y] = at(place);
    context.globalAlpha = some && !selected.has(item) ? 0.18 : 0.85;
    context.fillStyle = colours[page.truth[place]];
    context.beginPath();
    context.arc(x, y, selected.has(item) ? 4 : 2.6, 0, 7);
    context.fill();
  });
  context.globalAlpha = 1;
  const place = page.items.indexOf(focus);
  context.strokeStyle = getComputedStyle(canvas).color;
  context.lineWidth = 2;
  if (place >= 0) { context.beginPath(); context.arc(...at(place), 7, 0, 7); context.stroke(); }
  if (drag) context.strokeRect(drag[1] * side, (1 - drag[2]) * side, (drag[3] - drag[1]) * side, (drag[2] - drag[4]) * side);
}

/** The fusion looked at: its picture, its equation, its class, what goes wrong with it. @param {any} board */
export function lookedPart(board) {
  const drawing = graphDrawing({ down: true });
  const title = h("h3", {});
  const facts = h("p", { class: "wb-help" });
  const equation = h("code", { class: "fb-equation" });
  const trap = h("p", { class: "fb-trap" });
  const paper = h("p", { class: "wb-help" });
  const caption = h("p", { class: "wb-help" });
  const list = h("div", { class: "fb-list", role: "radiogroup", "aria-label": "fusion looked at" });
  const group = `looked-${Math.random().toString(36).slice(2)}`;
  let drawn = "";
  const element = h("aside", { class: "fb-looked", "aria-label": "the fusion looked at" }, list, title, drawing.element, caption, equation, facts, trap, paper);
  return {
    element,
    draw() {
      const view = board.view();
      element.hidden = !view.looked || view.tab === "plane" || view.tab === "proof" || view.tab === "models";
      if (element.hidden) return;
      const looked = view.looked;
      const names = view.fusions.map((/** @type {any} */ row) => row.name).join();
      if (names !== drawn) {
        drawn = names;
        fill(list, ...view.fusions.map((/** @type {any} */ row) => h("label", { "data-where": row.where }, h("input", { type: "radio", name: group, value: row.name, onchange: () => board.look(row.name) }), h("span", { class: "fb-dot", "aria-hidden": "true" }), h("span", { text: row.title }), h("small", { text: row.where }))));
      }
      list.querySelectorAll("input").forEach((/** @type {any} */ input) => { input.checked = input.value === looked.name; });
      title.textContent = looked.title;
      drawing.draw(looked.graph);
      caption.textContent = looked.graph.caption;
      equation.textContent = looked.equation;
      facts.textContent = `${looked.where}; through ${looked.channel}; ${looked.operator}; class: ${looked.kind}${looked.rank ? ` (rank: ${looked.rank})` : ""}`;
      trap.textContent = looked.trap ? `Beware: ${looked.trap}.` : "";
      trap.hidden = !looked.trap;
      paper.textContent = looked.paper;
    },
  };
}
