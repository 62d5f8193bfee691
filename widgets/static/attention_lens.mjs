// @ts-check
// The attention lens. All maps come once as bytes; hovering, clicking and scrubbing are arithmetic here.
// Only masking asks the kernel.
import { codeOf } from "./code.mjs";
import { h, fill, keepKeys, rove, settled, PictureUrl } from "./dom.mjs";
import { mapsOf, headLine, meanLine, rolloutLine, palette, shade, patchAt, patchesBetween, toggled, weight } from "./attention_maps.mjs";

const TELL_PAUSE = 120; // ms of rest before the kernel hears what is looked at
const MASK_PAUSE = 150; // ms of rest before the model is asked for a score
const COVER = 0.65; // how much of the picture a patch's colour covers
const CELL = 84; // pixels of a small picture, at most
const BAR = 5; // pixels of the figure under it
const FIGURES = {
  entropy: ["entropy", "in bits; full bar: attention to all alike"],
  distance: ["distance", "in patches; full bar: the farthest head, mark: attention to all alike"],
  cross: ["share across picture and text", "full bar: all of it"],
  own: ["share kept by the token itself", "full bar: all of it"],
};

/** @param {{model: any, el: HTMLElement}} context */
function render({ model, el }) {
  const stop = new AbortController();
  const lens = new Lens(model);
  const parts = [head, controls, stage, wordsPart, gridPart, experiment, foot].map((part) => part(lens));
  const [headPart, controlsPart, stagePart, words, grid, mask, footPart] = parts.map((part) => part.element);
  const root = h("section", { class: "wb al", "aria-label": "Attention lens" }, headPart, controlsPart,
    h("div", { class: "al-columns" }, h("div", { class: "al-look" }, stagePart, mask), h("div", { class: "al-read" }, words, grid)), footPart);
  keepKeys(root, stop.signal);
  let frame = 0;
  lens.redraw = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      if (!lens.ready) return;
      lens.compute();
      parts.forEach((part) => part.draw());
      root.dataset.site = lens.group.sites[lens.layer]; // what is drawn, for whoever waits for it
    });
  };
  const adopt = () => { lens.adopt(); lens.redraw(); };
  const traits = ["_view", "_maps"];
  const reload = () => lens.load().then(adopt, (problem) => model.send({ kind: "problem", message: `The maps could not be read: ${problem.message}` }));
  const lighter = ["selected", "masked", "scale", "_now", "_status", "_alike", "_picture"];
  traits.forEach((name) => model.on(`change:${name}`, reload));
  lighter.forEach((name) => model.on(`change:${name}`, adopt));
  reload();
  el.append(root);
  const themes = new MutationObserver(() => lens.redraw()); // what is drawn on a canvas does not follow by itself
  themes.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  return () => {
    stop.abort();
    cancelAnimationFrame(frame);
    themes.disconnect();
    traits.forEach((name) => model.off(`change:${name}`, reload));
    lighter.forEach((name) => model.off(`change:${name}`, adopt));
    parts.forEach((part) => part.release?.());
    root.remove();
  };
}

/** @param {DataView} bytes @returns {Promise<Uint8Array>} */
async function inflated(bytes) {
  const stream = new Blob([/** @type {any} */ (bytes)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** What is looked at, and the numbers of it. */
class Lens {
  /** @param {any} model */
  constructor(model) {
    this.model = model;
    this.ready = false;
    this.hover = ""; // id of the token under the pointer: looked at as long as it is there
    this.figure = "entropy";
    this.tool = "look";
    this.redraw = () => {};
    this.tell = settled(() => this.send("selected", this.selection()), TELL_PAUSE);
    this.tellMask = settled(() => this.sendMask(), MASK_PAUSE);
    /** @type {any[]} */ this.groups = [];
    /** @type {any[]} */ this.maps = [];
    this.masked = { patches: /** @type {number[]} */ ([]), words: /** @type {number[]} */ ([]) };
    this.mineMasked = "";
    this.mine = ""; // the newest choice made here: an older echo of the kernel is not taken for news
  }

  async load() {
    const view = this.model.get("_view");
    const bytes = this.model.get("_maps");
    if (!view.groups || !bytes || !bytes.byteLength) return;
    const whole = new Uint8Array(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, bytes.byteLength);
    let start = 0;
    const parts = view.groups.map((/** @type {any} */ group) => whole.slice(start, (start += group.length)));
    const codes = await Promise.all(parts.map(inflated));
    this.view = view;
    this.groups = view.groups;
    this.maps = this.groups.map((group, place) => mapsOf(group, codes[place], view.levels));
    this.colours = palette(view.colours);
    this.ready = true;
  }

  /** Take over what the kernel says. */
  adopt() {
    if (!this.ready) return;
    const chosen = this.model.get("selected");
    const place = this.groups.findIndex((group) => group.sites.includes(chosen.site));
    if (place >= 0 && JSON.stringify(chosen) !== this.mine) {
      this.mine = JSON.stringify(chosen);
      this.at = place;
      this.layer = this.group.sites.indexOf(chosen.site);
      this.head = chosen.head;
      this.reading = chosen.reading;
      this.backwards = chosen.backwards;
      const places = chosen.backwards ? this.group.keys : this.group.queries;
      this.token = Math.max(0, places.indexOf(chosen.token));
    }
    const masked = this.model.get("masked");
    if (JSON.stringify(masked) !== this.mineMasked) {
      this.mineMasked = JSON.stringify(masked); // news: what was drawn here a moment ago is kept until it is sent
      this.masked = { patches: masked.patches ?? [], words: masked.words ?? [] };
    }
    const alike = this.model.get("_alike");
    const known = alike && alike.byteLength ? new Float32Array(alike.buffer.slice(alike.byteOffset, alike.byteOffset + alike.byteLength)) : null;
    this.alike = known;
    if (known) this.alikeRange = [Math.min(0, ...known), Math.max(...known)];
  }

  get group() { return this.groups[this.at]; }

  get ids() { return this.backwards ? this.group.key_ids : this.group.query_ids; }

  /** Ids of the tokens that the numbers belong to. */
  get shownIds() { return this.backwards ? this.group.query_ids : this.group.key_ids; }

  get pinned() { return this.ids[this.token]; }

  selection() {
    const places = this.backwards ? this.group.keys : this.group.queries;
    const chosen = { site: this.group.sites[this.layer], reading: this.reading, head: this.head, token: places[this.token], backwards: this.backwards };
    this.mine = JSON.stringify(chosen);
    return chosen;
  }

  sendMask() {
    this.mineMasked = JSON.stringify(this.masked);
    this.send("masked", this.masked);
  }

  /** @param {string} name @param {any} value */
  send(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }

  /** @param {Record<string, any>} changes */
  set(changes) {
    Object.assign(this, changes);
    this.layer = Math.min(this.layer, this.group.sites.length - 1);
    this.head = Math.min(this.head, this.group.heads - 1);
    if (this.reading === "rollout" && !this.group.square) this.reading = "mean";
    this.tell();
    this.redraw();
  }

  /** Another tower or another direction: the same token if it is there, else the one that is read out. @param {number} at @param {boolean} backwards @param {string} [id] */
  turn(at, backwards, id = this.pinned) {
    const group = this.groups[at];
    const depth = this.layer / Math.max(1, this.group.sites.length - 1);
    const ids = backwards ? group.key_ids : group.query_ids;
    const start = (backwards ? group.keys : group.queries).indexOf(group.pooled);
    const token = ids.indexOf(id) >= 0 ? ids.indexOf(id) : Math.max(0, start);
    const layer = at === this.at ? this.layer : Math.round(depth * (group.sites.length - 1));
    this.set({ at, backwards, token, layer });
  }

  /** A token was clicked: look from it, in a tower where it can be asked. @param {string} id */
  pick(id) {
    const found = this.reach(id);
    if (found) this.turn(found.at, found.backwards, id);
  }

  /** Where a token can be looked from: here, here backwards, or in another group. @param {string} id */
  reach(id) {
    const asks = (/** @type {number} */ at, /** @type {boolean} */ backwards) =>
      (backwards ? this.groups[at].key_ids : this.groups[at].query_ids).includes(id);
    const order = [this.at, ...this.groups.keys()];
    for (const backwards of [this.backwards, !this.backwards]) if (asks(this.at, backwards)) return { at: this.at, backwards };
    for (const backwards of [false, true]) for (const at of order) if (asks(at, backwards)) return { at, backwards };
    return null;
  }

  /** The numbers on the screen, by id of token. */
  compute() {
    const hovered = this.hover && this.ids.includes(this.hover) ? this.hover : "";
    this.asked = hovered || this.pinned;
    const maps = this.maps[this.at];
    const token = this.ids.indexOf(this.asked);
    this.line = this.reading === "head" ? headLine(maps, this.layer, this.head, token, this.backwards)
      : this.reading === "mean" ? meanLine(maps, this.layer, token, this.backwards)
      : rolloutLine(maps, this.layer, token, this.backwards);
    this.values = new Map(this.shownIds.map((/** @type {string} */ id, /** @type {number} */ at) => [id, this.line[at]]));
    this.top = this.model.get("scale") === "own" ? Math.max(...this.line) : this.group.top;
    this.linked = this.links(this.hover && !hovered ? this.hover : this.asked);
  }

  /** Cosines of one patch with the words, or of one word with the patches; null where there are none. @param {string} id */
  links(id) {
    const grid = this.view.grid;
    if (!this.alike || !grid) return null;
    const patches = grid[0] * grid[1];
    const words = this.alike.length / patches;
    const [kind, number] = [id.slice(0, 2), Number(id.slice(2))];
    if (kind === "w:" && number < words)
      return { id, kind: "patches", values: new Map(Array.from({ length: patches }, (_, k) => [`p:${k}`, this.alike[number * patches + k]])) };
    if (kind === "p:" && number < patches)
      return { id, kind: "words", values: new Map(Array.from({ length: words }, (_, k) => [`w:${k}`, this.alike[k * patches + number]])) };
    return null;
  }

  /** Values and scale of the patches: attention where there is any, else cosines with the word. */
  patchValues() {
    if (this.hasPatches()) return { values: this.values, range: [0, this.top], root: true };
    if (this.linked?.kind === "patches") return { values: this.linked.values, range: this.alikeRange, root: false };
    return null;
  }

  hasPatches() { return this.backwards ? this.group.query_patches : this.group.key_patches; }

  /** @param {number} value @param {{range: number[], root: boolean}} scale */
  shadeOf(value, scale) {
    const [low, high] = scale.range;
    if (scale.root) return shade(value, high);
    return high > low ? Math.round(255 * Math.min(1, Math.max(0, (value - low) / (high - low)))) : 0;
  }

  /** @param {number} at */
  css(at) { return `rgb(${this.colours[3 * at]},${this.colours[3 * at + 1]},${this.colours[3 * at + 2]})`; }

  /** What a human calls a token. @param {string} id */
  nameOf(id) {
    if (!id.startsWith("p:")) return this.view.tokens[id]?.name ?? id;
    const columns = this.view.grid[1];
    return `patch row ${Math.floor(Number(id.slice(2)) / columns)}, column ${Number(id.slice(2)) % columns}`;
  }
}

function head(/** @type {Lens} */ lens) {
  const { model } = lens;
  const title = h("strong", {});
  const said = h("span", { class: "al-said", role: "status", "aria-live": "polite" });
  const cancel = h("button", { type: "button", class: "wb-button", text: "Cancel", hidden: true, onclick: () => model.send({ kind: "cancel" }) });
  const error = h("p", { class: "wb-error", role: "alert", hidden: true });
  return {
    element: h("header", { class: "al-head" }, title, said, cancel, error),
    draw() {
      const now = model.get("_status");
      const { view } = lens;
      title.textContent = view.model;
      const score = view.score === null ? "" : `cosine of picture and text ${view.score.toFixed(3)}; `;
      said.textContent = now.state === "working" ? `asking the model… ${now.stage ?? ""}` : `${score}every row adds up to 100 %`;
      cancel.hidden = now.state !== "working";
      error.hidden = !now.error;
      error.textContent = now.error || "";
    },
  };
}

/** @param {string} text @param {any} control @param {any} [output] */
const labelled = (text, control, output = null) => h("label", { class: "al-control" }, h("span", { text }), control, output);

function controls(/** @type {Lens} */ lens) {
  const where = h("select", { "aria-label": "attention of", onchange: () => lens.turn(Number(where.value), false) });
  const reading = h("select", { "aria-label": "reading", onchange: () => lens.set({ reading: reading.value }) },
    h("option", { value: "mean", text: "mean of heads" }), h("option", { value: "head", text: "one head" }), h("option", { value: "rollout", text: "rollout to this layer" }));
  const layer = h("input", { type: "range", min: 0, step: 1, "aria-label": "layer", oninput: () => lens.set({ layer: Number(layer.value) }) });
  const headSlider = h("input", { type: "range", min: 0, step: 1, "aria-label": "head", oninput: () => lens.set({ head: Number(headSlider.value), reading: "head" }) });
  const direction = h("select", { "aria-label": "direction", onchange: () => lens.turn(lens.at, direction.value === "to") },
    h("option", { value: "from", text: "what it attends to" }), h("option", { value: "to", text: "who attends to it" }));
  const from = h("select", { "aria-label": "query", onchange: () => lens.turn(lens.at, lens.backwards, from.value) });
  const scale = h("select", { "aria-label": "colour scale", onchange: () => lens.send("scale", scale.value) },
    h("option", { value: "shared", text: "one scale for all" }), h("option", { value: "own", text: "each map its own" }));
  const [layerNumber, headNumber] = [h("output", {}), h("output", {})];
  const whereLabel = labelled("Attention", where);
  let built = "";
  return {
    element: h("div", { class: "al-controls" }, whereLabel, labelled("Token", from), labelled("Direction", direction), labelled("Reading", reading),
      labelled("Layer", layer, layerNumber), labelled("Head", headSlider, headNumber), labelled("Colours", scale)),
    draw() {
      const { group } = lens;
      const shape = `${lens.at}${lens.backwards}${lens.groups.map((one) => one.key)}`;
      if (shape !== built) {
        built = shape;
        fill(where, ...lens.groups.map((one, at) => h("option", { value: at, text: one.title })));
        fill(from, ...lens.ids.map((/** @type {string} */ id) => h("option", { value: id, text: lens.nameOf(id) })));
        layer.max = group.sites.length - 1;
        headSlider.max = group.heads - 1;
      }
      whereLabel.hidden = lens.groups.length < 2;
      where.value = String(lens.at);
      from.value = lens.pinned;
      direction.value = lens.backwards ? "to" : "from";
      reading.value = lens.reading;
      reading.options[2].disabled = !group.square;
      layer.value = String(lens.layer);
      headSlider.value = String(lens.head);
      headSlider.toggleAttribute("data-off", lens.reading !== "head");
      layerNumber.textContent = `${lens.layer} of ${group.sites.length - 1}`;
      headNumber.textContent = lens.reading === "head" ? `${lens.head} of ${group.heads - 1}` : "all";
      scale.value = lens.model.get("scale");
    },
  };
}

/** The picture with the patches' colours over it. */
function stage(/** @type {Lens} */ lens) {
  const canvas = h("canvas", { class: "al-picture", tabindex: 0, role: "application" });
  const small = document.createElement("canvas");
  const caption = h("p", { class: "al-caption", "aria-live": "polite" });
  const bar = legend(lens);
  const chips = h("div", { class: "al-chips", role: "group", "aria-label": "tokens beside the patches" });
  const chipList = tokens(lens, chips, "picture");
  const element = h("figure", { class: "al-stage" }, canvas, h("figcaption", {}, caption, bar.element), chips);
  const picture = new Image();
  const url = new PictureUrl();
  /** @type {any} */ let source = null;
  let drag = -1;
  /** @type {number[]} */ let drawn = [];
  let cursor = 0;
  const under = (/** @type {PointerEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    return lens.ready && lens.view.grid ? patchAt((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height, lens.view.grid) : -1;
  };
  const look = (/** @type {string} */ id) => {
    if (id !== lens.hover) { lens.hover = id; lens.redraw(); }
  };
  const finish = () => {
    if (drag < 0) return;
    const chosen = drawn;
    drag = -1;
    drawn = [];
    if (lens.tool === "mask" && chosen.length) maskPatches(lens, chosen);
    lens.redraw();
  };
  canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    const patch = under(event);
    if (drag >= 0 && patch >= 0) { drawn = patchesBetween(drag, patch, lens.view.grid); lens.redraw(); }
    else look(patch >= 0 && lens.tool === "look" ? `p:${patch}` : "");
  });
  canvas.addEventListener("pointerleave", () => look(""));
  canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    const patch = under(event);
    if (patch < 0 || event.button !== 0) return;
    cursor = patch;
    if (lens.tool === "look") return lens.pick(`p:${patch}`);
    canvas.setPointerCapture(event.pointerId);
    drag = patch;
    drawn = [patch];
    lens.redraw();
  });
  canvas.addEventListener("pointerup", finish);
  canvas.addEventListener("pointercancel", () => { drag = -1; drawn = []; lens.redraw(); });
  canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (!lens.ready || !lens.view.grid) return;
    const [rows, columns] = lens.view.grid;
    const next = rove(cursor, event.key, rows * columns, columns);
    if (next === null && !["Enter", " ", "m", "Escape"].includes(event.key)) return;
    event.preventDefault();
    if (next !== null) { cursor = next; look(`p:${next}`); }
    else if (event.key === "Escape") look("");
    else if (event.key === "m" || lens.tool === "mask") maskPatches(lens, [cursor]);
    else lens.pick(`p:${cursor}`);
  });
  canvas.addEventListener("blur", () => look(""));
  picture.addEventListener("load", () => lens.redraw());
  return {
    element,
    draw() {
      const { view } = lens;
      element.hidden = !view.grid;
      if (!view.grid) return;
      if (lens.model.get("_picture") !== source) { source = lens.model.get("_picture"); picture.src = url.of(source) || ""; }
      const [rows, columns] = view.grid;
      const aspect = view.shape ? view.shape[0] / view.shape[1] : rows / columns;
      const ratio = Math.min(2, window.devicePixelRatio || 1);
      const [width, height] = [Math.round(320 * ratio), Math.round(320 * ratio * aspect)];
      if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
      const found = lens.patchValues();
      paint(lens, canvas, small, picture, found, { cursor: document.activeElement === canvas ? cursor : -1, drawn });
      const said = captionOf(lens, found);
      if (caption.textContent !== said) caption.textContent = said;
      canvas.setAttribute("aria-label", `the picture in ${rows} x ${columns} patches; arrow keys move, Enter looks from a patch, m takes it away. ${said}`);
      bar.draw(found);
      chipList.draw();
    },
    release: () => url.release(),
  };
}

/** @param {Lens} lens @param {number[]} patches */
function maskPatches(lens, patches) {
  lens.masked = { ...lens.masked, patches: toggled(lens.masked.patches, patches) };
  lens.tellMask();
  lens.redraw();
}

/** @param {Lens} lens @param {any} canvas @param {any} small @param {any} picture @param {any} found @param {{cursor: number, drawn: number[]}} state */
function paint(lens, canvas, small, picture, found, { cursor, drawn }) {
  const [rows, columns] = lens.view.grid;
  const { width, height } = canvas;
  const ink = canvas.getContext("2d");
  ink.globalAlpha = 1;
  ink.imageSmoothingEnabled = true;
  ink.fillStyle = "#808080";
  ink.fillRect(0, 0, width, height);
  if (picture.complete && picture.naturalWidth) {
    ink.filter = found ? "grayscale(1)" : "none";
    ink.imageSmoothingEnabled = picture.naturalWidth > 160; // of a tiny picture every pixel is seen
    ink.drawImage(picture, 0, 0, width, height);
    ink.filter = "none";
  }
  if (found) {
    small.width = columns;
    small.height = rows;
    const pixels = new ImageData(columns, rows);
    for (let k = 0; k < rows * columns; k++) tintPixel(lens, pixels.data, 4 * k, lens.shadeOf(found.values.get(`p:${k}`) ?? 0, found));
    small.getContext("2d").putImageData(pixels, 0, 0);
    ink.imageSmoothingEnabled = false;
    ink.globalAlpha = COVER;
    ink.drawImage(small, 0, 0, width, height);
    ink.globalAlpha = 1;
  }
  const [w, t] = [width / columns, height / rows];
  const box = (/** @type {number} */ patch) => [(patch % columns) * w, Math.floor(patch / columns) * t];
  for (const patch of new Set([...lens.masked.patches, ...drawn])) {
    const [x, y] = box(patch);
    ink.fillStyle = "rgba(20,20,20,.82)";
    ink.fillRect(x, y, w, t);
    ink.strokeStyle = "#ffffff";
    ink.lineWidth = 1.5;
    ink.beginPath();
    ink.moveTo(x + 3, y + t - 3);
    ink.lineTo(x + w - 3, y + 3);
    ink.stroke();
  }
  const frame = (/** @type {number} */ patch, /** @type {string} */ colour) => {
    const [x, y] = box(patch);
    ink.lineWidth = 5;
    ink.strokeStyle = "#000000";
    ink.strokeRect(x + 1, y + 1, w - 2, t - 2);
    ink.lineWidth = 2.5;
    ink.strokeStyle = colour;
    ink.strokeRect(x + 1, y + 1, w - 2, t - 2);
  };
  if (cursor >= 0) frame(cursor, "#ffb000");
  for (const id of [lens.asked, lens.hover]) if (id.startsWith("p:")) frame(Number(id.slice(2)), "#ffffff");
}

/** @param {Lens} lens @param {Uint8ClampedArray} data @param {number} at @param {number} level */
function tintPixel(lens, data, at, level) {
  data[at] = lens.colours[3 * level];
  data[at + 1] = lens.colours[3 * level + 1];
  data[at + 2] = lens.colours[3 * level + 2];
  data[at + 3] = 255;
}

/** What the colours of the picture are. @param {Lens} lens @param {any} found */
function captionOf(lens, found) {
  const who = lens.nameOf(lens.asked);
  if (!found) return `No attention leads from “${who}” to the picture here.`;
  if (!found.root) return `No attention joins picture and words in this model. Colours: cosine of each patch with “${lens.nameOf(lens.linked.id)}” as the towers' own heads read them.`;
  let sum = 0;
  for (const [id, value] of found.values) if (id.startsWith("p:")) sum += value;
  const reading = lens.reading === "head" ? `head ${lens.head}` : lens.reading === "mean" ? "the mean of heads" : "rollout";
  const share = lens.backwards ? `sum over patches ${sum.toFixed(2)}` : `${weight(sum)} of it goes to patches`;
  return lens.backwards ? `Who attends to ${who}: layer ${lens.layer}, ${reading}; ${share}.` : `What ${who} attends to: layer ${lens.layer}, ${reading}; ${share}.`;
}

/** The colour scale, its ends and what even attention would be. */
function legend(/** @type {Lens} */ lens) {
  const strip = h("canvas", { class: "al-strip", width: 256, height: 1, "aria-hidden": "true" });
  const ticks = h("div", { class: "al-ticks" });
  const [low, mark, high] = [h("span", {}), h("span", { class: "al-even" }), h("span", {})];
  ticks.append(low, mark, high);
  let painted = false;
  return {
    element: h("div", { class: "al-legend" }, strip, ticks),
    draw(/** @type {any} */ found) {
      this.element.hidden = !found;
      if (!found) return;
      if (!painted) {
        const pixels = new ImageData(256, 1);
        for (let k = 0; k < 256; k++) tintPixel(lens, pixels.data, 4 * k, k);
        strip.getContext("2d").putImageData(pixels, 0, 0);
        painted = true;
      }
      const [from, to] = found.range;
      low.textContent = found.root ? "0" : from.toFixed(2);
      high.textContent = found.root ? `${weight(to)}${lens.model.get("scale") === "own" ? " (this map's largest)" : " and more"}` : to.toFixed(2);
      const even = 1 / lens.group.keys.length;
      mark.hidden = !found.root || even > to || lens.backwards;
      mark.textContent = `▲ even: ${weight(even)}`;
      mark.style.left = `${(100 * shade(even, to)) / 255}%`;
    },
  };
}

/** A button for each token that is no patch. @param {Lens} lens @param {any} place @param {string} panel */
function tokens(lens, place, panel) {
  /** @type {any} */ let built = null;
  /** @type {[string, any, any, any][]} */ let rows = [];
  const click = (/** @type {string} */ id) => {
    const number = Number(id.slice(2));
    if (lens.tool === "mask" && id.startsWith("w:") && lens.view.tokens[id].kind === "word") {
      lens.masked = { ...lens.masked, words: toggled(lens.masked.words, [number]) };
      lens.tellMask();
      lens.redraw();
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

function wordsPart(/** @type {Lens} */ lens) {
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
        : lens.model.get("_now").link ?? "";
      if (caption.textContent !== said) caption.textContent = said;
    },
  };
}

/** Layers x heads as small pictures, a figure under each. */
function gridPart(/** @type {Lens} */ lens) {
  const canvas = h("canvas", { class: "al-grid", tabindex: 0, role: "application" });
  const sheet = document.createElement("canvas");
  const choose = h("select", { "aria-label": "figure under each head", onchange: () => { lens.figure = choose.value; lens.redraw(); } },
    ...Object.entries(FIGURES).map(([value, [text]]) => h("option", { value, text })));
  const said = h("p", { class: "al-caption", "aria-live": "polite" });
  const help = h("p", { class: "wb-help" });
  /** @type {any} */ let where = null;
  const cellAt = (/** @type {PointerEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left - where.left, event.clientY - box.top - where.head];
    const [head_, layer] = [Math.floor(x / where.width), Math.floor(y / where.height)];
    return head_ >= 0 && layer >= 0 && head_ < lens.group.heads && layer < lens.group.sites.length ? { head: head_, layer } : null;
  };
  let pressed = false;
  const scrub = (/** @type {PointerEvent} */ event) => {
    const cell = where && cellAt(event);
    if (cell) lens.set({ ...cell, reading: "head" });
  };
  canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => { pressed = true; canvas.setPointerCapture(event.pointerId); scrub(event); });
  canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => { if (pressed) scrub(event); });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { pressed = false; });
  canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (!lens.ready) return;
    const { heads, sites } = lens.group;
    const next = rove(lens.layer * heads + lens.head, event.key, heads * sites.length, heads);
    if (next === null) return;
    event.preventDefault();
    lens.set({ layer: Math.floor(next / heads), head: next % heads, reading: "head" });
  });
  return {
    element: h("div", { class: "al-heads" }, h("div", { class: "al-row" }, h("strong", { text: "Every head" }), labelled("Bar:", choose)), canvas, said, help),
    draw() {
      const { group } = lens;
      const [layers, heads] = [group.sites.length, group.heads];
      const known = Object.keys(FIGURES).filter((name) => group.figures[name].some((/** @type {any[]} */ row) => row.some((value) => value !== null)));
      [...choose.options].forEach((option) => (option.disabled = !known.includes(option.value)));
      if (!known.includes(lens.figure)) lens.figure = known[0];
      choose.value = lens.figure;
      const full = lens.figure === "entropy" ? group.uniform : lens.figure === "distance" ? Math.max(...group.figures.distance.flat()) : 1;
      where = geometry(lens, layers, heads, canvas.parentElement.clientWidth - 24);
      drawHeads(lens, canvas, sheet, where, full);
      const value = group.figures[lens.figure][lens.layer][lens.head];
      const [name, explained] = FIGURES[/** @type {keyof typeof FIGURES} */ (lens.figure)];
      const line = `Layer ${lens.layer}, head ${lens.head}: ${name} ${value === null ? "none" : value.toFixed(2)}${lens.figure === "entropy" ? ` of ${group.uniform.toFixed(2)}` : lens.figure === "distance" ? ` (even: ${group.even_distance.toFixed(2)})` : ""}.`;
      if (said.textContent !== line) said.textContent = line;
      help.textContent = `Rows are layers, columns heads; drag or use the arrow keys. Bar: ${explained}. ${lens.hasPatches() ? "Each small picture: the same token's attention to the patches." : "Each small picture: all tokens (down) to all tokens (across)."}`;
      canvas.setAttribute("aria-label", `${layers} layers by ${heads} heads; arrow keys move. ${line}`);
    },
  };
}

/** Where the small pictures stand. @param {Lens} lens @param {number} layers @param {number} heads @param {number} room */
function geometry(lens, layers, heads, room) {
  const left = 22;
  const [rows, columns] = lens.hasPatches() ? lens.view.grid : [lens.group.queries.length, lens.group.keys.length];
  const width = Math.max(14, Math.min(CELL, Math.floor((Math.max(240, room) - left) / heads)));
  const tall = Math.max(10, Math.min(1.4 * CELL, Math.round(((width - 3) * rows) / columns)));
  return { left, head: 16, width, height: tall + BAR + 5, tall, rows, columns, across: left + width * heads, down: 16 + (tall + BAR + 5) * layers };
}

/** @param {Lens} lens @param {any} canvas @param {any} sheet @param {any} where @param {number} full */
function drawHeads(lens, canvas, sheet, where, full) {
  const { group } = lens;
  const [layers, heads] = [group.sites.length, group.heads];
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const [width, height] = [Math.round(where.across * ratio), Math.round(where.down * ratio)];
  if (canvas.width !== width || canvas.height !== height) {
    Object.assign(canvas, { width, height });
    Object.assign(canvas.style, { width: `${where.across}px`, height: `${where.down}px` });
  }
  fillSheet(lens, sheet, where);
  const ink = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  ink.setTransform(ratio, 0, 0, ratio, 0, 0);
  ink.clearRect(0, 0, where.across, where.down);
  ink.imageSmoothingEnabled = !lens.hasPatches();
  ink.font = "11px system-ui, sans-serif";
  ink.textAlign = "center";
  ink.textBaseline = "middle";
  ink.fillStyle = style.color;
  const [text, accent] = [style.color, style.getPropertyValue("--wb-accent")];
  const skip = where.width < 20 ? 2 : 1;
  for (let head_ = 0; head_ < heads; head_ += skip) ink.fillText(String(head_), where.left + (head_ + 0.5) * where.width, 8);
  for (let layer = 0; layer < layers; layer++) {
    const y = where.head + layer * where.height;
    ink.fillStyle = text;
    ink.fillText(String(layer), 10, y + where.tall / 2);
    for (let head_ = 0; head_ < heads; head_++) {
      const x = where.left + head_ * where.width;
      const inner = where.width - 3;
      ink.drawImage(sheet, head_ * where.columns, layer * where.rows, where.columns, where.rows, x, y, inner, where.tall);
      const value = group.figures[lens.figure][layer][head_];
      ink.globalAlpha = 0.2;
      ink.fillStyle = text;
      ink.fillRect(x, y + where.tall + 1, inner, BAR - 1);
      ink.globalAlpha = 1;
      ink.fillStyle = accent;
      if (value !== null && full > 0) ink.fillRect(x, y + where.tall + 1, inner * Math.min(1, value / full), BAR - 1);
      if (lens.figure === "distance" && full > 0) {
        ink.fillStyle = text;
        ink.fillRect(x + inner * Math.min(1, group.even_distance / full) - 0.5, y + where.tall + 1, 1, BAR - 1);
      }
    }
  }
  ink.lineWidth = 2;
  ink.strokeStyle = accent;
  const y = where.head + lens.layer * where.height - 1;
  if (lens.reading === "head") ink.strokeRect(where.left + lens.head * where.width - 1, y, where.width - 1, where.height - 2);
  else ink.strokeRect(where.left - 1, y, where.width * heads - 1, where.height - 2);
}

/** One pixel a patch (or a pair of tokens), all heads on one sheet. @param {Lens} lens @param {any} sheet @param {any} where */
function fillSheet(lens, sheet, where) {
  const { group } = lens;
  const maps = lens.maps[lens.at];
  const [width, height] = [where.columns * maps.heads, where.rows * maps.layers];
  const patches = lens.hasPatches();
  const levels = Uint8Array.from(maps.table, (value) => shade(value, group.top));
  // Another layer, another head: the small pictures stay. Those of whole maps do not depend on the token.
  const wanted = patches ? `${lens.at} ${lens.asked} ${lens.backwards}` : `${lens.at}`;
  if (sheet.shows === wanted && sheet.of === lens.view) return;
  Object.assign(sheet, { shows: wanted, of: lens.view });
  Object.assign(sheet, { width, height });
  const pixels = new ImageData(width, height);
  const first = patches ? lens.shownIds.indexOf("p:0") : 0;
  const token = lens.ids.indexOf(lens.asked);
  const step = lens.backwards ? maps.keys : 1;
  for (let layer = 0; layer < maps.layers; layer++) {
    for (let head_ = 0; head_ < maps.heads; head_++) {
      const start = (layer * maps.heads + head_) * maps.queries * maps.keys;
      const line = patches ? start + (lens.backwards ? first * maps.keys + token : token * maps.keys + first) : start;
      for (let row = 0; row < where.rows; row++) {
        for (let col = 0; col < where.columns; col++) {
          const number = row * where.columns + col;
          tintPixel(lens, pixels.data, 4 * ((layer * where.rows + row) * width + head_ * where.columns + col), levels[maps.codes[line + number * (patches ? step : 1)]]);
        }
      }
    }
  }
  sheet.getContext("2d").putImageData(pixels, 0, 0);
}

/** Take parts away and see the score. */
function experiment(/** @type {Lens} */ lens) {
  const group = `al-tool-${Math.random().toString(36).slice(2)}`;
  const radio = (/** @type {string} */ value, /** @type {string} */ text) => h("label", {}, h("input", { type: "radio", name: group, value, checked: value === "look", onchange: () => { lens.tool = value; lens.hover = ""; lens.redraw(); } }), text);
  const tools = h("div", { class: "al-tools", role: "radiogroup", "aria-label": "what a click does" }, radio("look", "look"), radio("mask", "take away: drag over patches, click words"));
  const clear = h("button", { type: "button", class: "wb-button", text: "Put all back", onclick: () => { lens.masked = { patches: [], words: [] }; lens.sendMask(); lens.redraw(); } });
  const said = h("p", { class: "al-score", role: "status" });
  const why = h("p", { class: "wb-help" });
  return {
    element: h("div", { class: "al-mask" }, h("div", { class: "al-row" }, tools, clear), said, why),
    draw() {
      const now = lens.model.get("_now");
      const { patches, words } = lens.masked;
      const none = !patches.length && !words.length;
      tools.querySelectorAll("input")[1].disabled = Boolean(now.refusal);
      clear.hidden = none;
      why.textContent = now.refusal ?? "";
      const found = now.without;
      const twin = found ? `; ${found.draws} random parts of the same size: ${signed(found.random - found.before)} ± ${found.spread.toFixed(3)}` : "";
      said.textContent = none ? "" : found ? `Cosine ${found.before.toFixed(3)} → ${found.score.toFixed(3)} (${signed(found.score - found.before)})${twin}` : "asking the model…";
    },
  };
}

/** @param {number} value */
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;

function foot(/** @type {Lens} */ lens) {
  const code = codeOf("al", "lens");
  const facts = h("p", { class: "wb-help" });
  const notes = h("ul", { class: "al-notes" });
  const credit = h("small", { class: "wb-credit" });
  return {
    element: h("footer", { class: "al-foot" }, notes, facts, h("div", { class: "al-row" }, code.button, credit), code.details),
    draw() {
      const { view } = lens;
      code.draw(lens.model.get("_now").code ?? "");
      credit.textContent = view.credit;
      facts.textContent = `${(view.bytes / 1e6).toFixed(2)} MB of maps; a weight v is drawn to within √v / ${view.levels}. The model's output moved by ${view.difference.toExponential(0)} while it was watched. Attention says where a head reads, not why the model answers.`;
      fill(notes, ...view.notes.map((/** @type {string} */ note) => h("li", { text: note })));
    },
  };
}

export default { render };
