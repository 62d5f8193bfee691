// @ts-check
// A saved atlas: the same front end on a model that answers from the page instead of a kernel.
import { plural } from "../shared/format.mjs";
import { explore } from "./board.mjs";
import { bits } from "./space.mjs";

/** @import { Bytes, Listener, Message } from "../shared/types.d.ts" */
/** @import { Arrays, Card, FoundAnswer, Listed, Listing, Near, Packed } from "./types.d.ts" */
/** @import { Part, Question, Saved, SavedPoints, SheetAnswer, Traits, Want } from "./types.d.ts" */

/** @param {Packed} packed */
export function unpacked({ type, base64 }) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const kinds = { float32: Float32Array, uint8: Uint8Array, uint32: Uint32Array };
  return new kinds[type](bytes.buffer);
}

const SIDE = 48; // px of a picture in the card: that of the page's sheet
const PAGE = 24; // of the list beside the map
/** @type {(keyof Traits)[]} */
const LINKED = [
  "_mask",
  "focus",
  "camera",
  "labels",
  "kinds",
  "only",
  "tool",
  "words",
  "pictures",
  "links",
  "gallery",
  "page",
  "wheel",
];

/**
 * What the kernel would say of one point; `cells` says which have a picture in the page.
 * @param {Pick<SavedPoints, "kinds" | "texts" | "labels" | "item" | "k" | "by">} points
 * @param {Near} near
 * @param {number} id
 * @param {Map<number, number>} [cells]
 * @returns {Card}
 */
export function cardOf(points, near, id, cells = new Map()) {
  let place = 0; // in the strip of the neighbours' pictures
  const kind = (/** @type {number} */ row) => points.kinds[near.kinds[row]];
  const text = (/** @type {number} */ row) => points.texts[points.item[row]];
  const places = Array.from({ length: points.k }, (_, at) => id * points.k + at);
  const neighbours = places.map((at) => ({
    point: near.index[at],
    kind: kind(near.index[at]),
    text: text(near.index[at]),
    by: points.by,
    close: near.close[at],
    kept: near.kept[at] === 1,
    cell: cells.has(near.index[at]) ? place++ : null,
  }));
  return {
    point: id,
    kind: kind(id),
    text: text(id),
    label: points.labels ? points.labels[points.item[id]] : "",
    neighbours,
    strangers: [],
    figures: [],
    kept: neighbours.length ? neighbours.filter((other) => other.kept).length : null,
    of: neighbours.length,
  };
}

/**
 * The list beside the map: a page of what is selected, or of the neighbours of the point looked at.
 * @param {Pick<SavedPoints, "texts" | "item"> | null} points null where the page holds none
 * @param {{gallery: Listed, page: number, ids: Iterable<number>, near: [number, number][], said: string}} ask
 * @param {Map<number, number>} cells
 * @returns {Listing}
 */
export function listOf(points, ask, cells) {
  const text = (/** @type {number} */ id) => points?.texts[points.item[id]] ?? `point #${id}`;
  const selection = ask.gallery === "selection";
  /** @type {[number, number | null][]} */
  const all = selection ? Array.from(ask.ids, (id) => [id, null]) : ask.near;
  const pages = Math.max(1, Math.ceil(all.length / PAGE));
  const page = Math.max(0, Math.min(ask.page, pages - 1));
  const rows = all.slice(page * PAGE, (page + 1) * PAGE).map(([id, score], /** @type {number} */ place) => ({
    point: id,
    text: text(id),
    rank: page * PAGE + place + 1,
    score,
    right: null,
    cell: cells.get(id) ?? null,
  }));
  return {
    title: selection
      ? ask.said || "Nothing is selected: draw a lasso, or click a point."
      : rows.length
        ? `${ask.gallery} among the nearest neighbours`
        : "Click a point to see its nearest neighbours in the model's space.",
    page,
    pages,
    total: all.length,
    rows,
  };
}

/** A model without a kernel: it answers from what Python wrote into the page. */
export class SavedModel {
  /** @param {Saved} content */
  constructor(content) {
    this.content = content;
    /** @type {Record<string, ReturnType<typeof unpacked>> & Arrays} */
    this.arrays = Object.fromEntries(
      Object.entries(content.arrays).map(([name, packed]) => [name, unpacked(packed)]),
    );
    this.kinds = this.arrays.kinds ?? new Uint8Array(0);
    const { points } = content;
    /** @type {Near | null} */
    this.near = points && {
      index: /** @type {Uint32Array} */ (unpacked(points.near)),
      close: /** @type {Float32Array} */ (unpacked(points.close)),
      kept: /** @type {Uint8Array} */ (unpacked(points.kept)),
      kinds: this.kinds,
    };
    this.cells = new Map(
      content.pictured.map((/** @type {number} */ id, /** @type {number} */ cell) => [id, cell]),
    );
    /** @type {Promise<ImageBitmap> | null} read when a card first needs it */
    this.sheet = null;
    this.filtered = 1; // version of the legend's filter
    /** @type {Record<string, Listener[]>} */
    this.listeners = {};
    this.get = this.get.bind(this); // handed on one by one
    this.set = this.set.bind(this);
    this.on = this.on.bind(this);
    this.off = this.off.bind(this);
    this.send = this.send.bind(this);
    this.save_changes = this.save_changes.bind(this);
    const data = Object.fromEntries(
      Object.entries(this.arrays).map(([name, array]) => [
        name,
        { version: 1, bytes: array.byteLength, type: content.arrays[name].type },
      ]),
    );
    this.state = /** @type {Traits} */ ({
      _view: content.view,
      _data: data,
      _status: {},
      _mask: null,
      _sprite: this.#sheet(),
      _canvas2d: false,
      query: "",
      layer: 0,
      page: 0,
      _css: document.querySelector("style")?.textContent ?? "",
      _code: "# a saved page: make the atlas with show(projection)\n",
      ...content.state,
    });
    const mask = Uint8Array.from(atob(content.mask), (letter) => letter.charCodeAt(0));
    this.set("_mask", new DataView(mask.buffer));
  }

  /** Which points the legend's filter leaves out, as the kernel would mark them: 2, or no array at all. */
  #filter() {
    const { labels, kinds } = this.state;
    const { points } = this.content;
    const left = (/** @type {number} */ row) =>
      (!labels.length || !points?.labels || labels.includes(points.labels[points.item[row]])) &&
      (!kinds.length || kinds.includes(this.kinds[row] ? "text" : "picture"));
    const marks = Uint8Array.from(this.kinds, (_, row) => (left(row) ? 0 : 2));
    const { filter: old, ...data } = this.state._data;
    if (labels.length || kinds.length)
      Object.assign(data, { filter: { version: ++this.filtered, bytes: marks.byteLength, type: "uint8" } });
    this.arrays.filter = marks;
    this.set("_data", data);
  }

  /** The list follows what is selected and looked at. */
  #list() {
    const { state, content } = this;
    const mask = state._mask ? new Uint8Array(state._mask.buffer) : new Uint8Array(0);
    const ids = bits.ids(mask);
    const items = new Set(Array.from(ids, (id) => (content.view.offset ? id % content.view.offset : id)));
    const said = ids.length ? `${plural(items.size, "pair")} (${plural(ids.length, "point")}) selected` : "";
    const kind = state.gallery === "pictures" ? 0 : 1;
    const card = state.focus >= 0 ? this.#card(state.focus) : null;
    /** @type {[number, number][]} */
    const close = (card?.neighbours ?? [])
      .filter((other) => this.kinds[other.point] === kind)
      .map((other) => [other.point, other.close]);
    const gallery = listOf(
      content.points,
      { gallery: state.gallery, page: state.page, ids, near: close, said },
      this.cells,
    );
    state._view = {
      ...state._view,
      said_selection: said,
      gallery: { ...gallery, thumb: content.cell, columns: content.columns },
    };
    this.#tell("change:_view");
  }

  /** What is known of a point; null where the page holds no texts. @param {number} id */
  #card(id) {
    const { points } = this.content;
    return points && this.near ? cardOf(points, this.near, id, this.cells) : null;
  }

  /** @template {keyof Traits} K @param {K} name @returns {Traits[K]} */
  get(name) {
    return this.state[name];
  }

  /** @template {keyof Traits} K @param {K} name @param {Traits[K]} value */
  set(name, value) {
    if (this.state[name] === value) return;
    this.state[name] = value;
    if (["_mask", "gallery", "focus"].includes(name)) this.state.page = 0;
    this.#tell(`change:${name}`);
    if (["_mask", "gallery", "focus", "page"].includes(name)) this.#list();
    if (["labels", "kinds"].includes(name)) this.#filter();
  }

  save_changes() {}

  /** @param {string} name @param {Listener} act */
  on(name, act) {
    (this.listeners[name] ??= []).push(act);
  }

  /** @param {string} name @param {Listener} act */
  off(name, act) {
    this.listeners[name] = (this.listeners[name] ?? []).filter((other) => other !== act);
  }

  /** @param {Message} heard */
  send(heard) {
    const message = /** @type {Want | Question} */ (heard);
    if (message.kind === "look") this.#look(message.points[0]);
    const answer = this.#answer(message);
    if (answer) queueMicrotask(() => this.#tell("msg:custom", ...answer));
  }

  /** @param {Want | Question} message @returns {[Message, Bytes[]] | null} */
  #answer(message) {
    const { kind } = message;
    if (kind === "want") {
      const { name } = message;
      /** @type {Part} */
      const part = {
        kind: "part",
        name: /** @type {keyof Arrays} */ (name),
        version: this.state._data[name].version,
        offset: 0,
      };
      return [part, [new DataView(this.arrays[name].buffer)]];
    }
    const { points: own, pictured, cell, columns } = this.content;
    if (kind === "words") {
      /** @type {FoundAnswer<string>} */
      const words = { kind, found: message.points.map((id) => [id, own?.texts[own.item[id]] ?? ""]) };
      return [words, []];
    }
    if (kind === "coarse" || kind === "fine") {
      /** @type {SheetAnswer} */
      const sheet = { kind, points: pictured, cell, columns };
      return [sheet, [this.#sheet()]];
    }
    return null;
  }

  /** One point's card, with the pictures cut out of the page's one sheet. @param {number} id */
  async #look(id) {
    const card = this.#card(id);
    const near = card
      ? card.neighbours.filter((other) => other.cell !== null).map((other) => other.point)
      : [];
    const pictures = await Promise.all([this.#cut(this.cells.has(id) ? [id] : []), this.#cut(near)]);
    /** @type {FoundAnswer<Card>} */
    const answer = { kind: "look", found: card ? [[id, card]] : [] };
    this.#tell("msg:custom", answer, pictures);
  }

  /** Some pictures in a row, as bytes; empty where there are none. @param {number[]} ids */
  async #cut(ids) {
    if (!ids.length) return new DataView(new ArrayBuffer(0));
    this.sheet ??= createImageBitmap(new Blob([this.#sheet()], { type: "image/webp" }));
    const [sheet, { cell, columns }] = [await this.sheet, this.content];
    const strip = new OffscreenCanvas(SIDE * ids.length, SIDE);
    const pen = strip.getContext("2d");
    ids.forEach((id, place) => {
      const at = this.cells.get(id) ?? 0;
      pen?.drawImage(
        sheet,
        (at % columns) * cell,
        Math.floor(at / columns) * cell,
        cell,
        cell,
        SIDE * place,
        0,
        SIDE,
        SIDE,
      );
    });
    return new DataView(await (await strip.convertToBlob()).arrayBuffer());
  }

  #sheet() {
    const bytes = Uint8Array.from(atob(this.content.sheet), (letter) => letter.charCodeAt(0));
    return new DataView(bytes.buffer);
  }

  /** @param {string} name @param {Message} [message] @param {Bytes[]} [buffers] */
  #tell(name, message = { kind: "" }, buffers = []) {
    (this.listeners[name] ?? []).forEach((act) => act(message, buffers));
  }
}

/** What is done in one map is done in the other. @param {SavedModel[]} models */
function linked(models) {
  for (const one of models) {
    for (const other of models.filter((model) => model !== one))
      for (const name of LINKED) one.on(`change:${name}`, () => other.set(name, one.get(name)));
  }
}

const models = [...(globalThis.document?.querySelectorAll("script.atlas") ?? [])].map(
  (written) => new SavedModel(JSON.parse(written.textContent ?? "")),
);
if (models.length) {
  linked(models);
  const place = document.createElement("div");
  place.className = models.length > 1 ? "atl-pair atl-page-pair" : "atl-page-one";
  document.body.append(place);
  for (const model of models) {
    const el = document.createElement("div");
    place.append(el);
    explore({ model, el });
  }
}
