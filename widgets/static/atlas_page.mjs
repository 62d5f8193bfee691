// @ts-check
// A saved atlas: the same front end on a model that answers from the page instead of a kernel.
import { render } from "./embedding_atlas.mjs";

/** @param {{type: string, base64: string}} packed @returns {any} */
export function unpacked({ type, base64 }) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const kinds = { float32: Float32Array, uint8: Uint8Array, uint32: Uint32Array };
  return new kinds[/** @type {keyof typeof kinds} */ (type)](bytes.buffer);
}

const SIDE = 48; // px of a picture in the card: that of the page's sheet

/** What the kernel would say of one point; `cells` says which have a picture in the page. @param {any} points @param {any} near @param {number} id @param {Map<number, number>} [cells] */
export function cardOf(points, near, id, cells = new Map()) {
  let place = 0; // in the strip of the neighbours' pictures
  const kind = (/** @type {number} */ row) => points.kinds[near.kinds[row]];
  const text = (/** @type {number} */ row) => points.texts[points.item[row]];
  const places = Array.from({ length: points.k }, (_, at) => id * points.k + at);
  const neighbours = places.map((at) => ({ point: near.index[at], kind: kind(near.index[at]), text: text(near.index[at]), cosine: near.cosine[at], kept: near.kept[at] === 1, cell: cells.has(near.index[at]) ? place++ : null }));
  return {
    point: id, kind: kind(id), text: text(id), label: points.labels ? points.labels[points.item[id]] : "", neighbours, strangers: [], figures: [],
    kept: neighbours.length ? neighbours.filter((other) => other.kept).length : null, of: neighbours.length,
  };
}

/** @param {any} content what Python wrote into the page */
export class SavedModel {
  /** @param {any} content */
  constructor(content) {
    this.content = content;
    this.arrays = Object.fromEntries(Object.entries(content.arrays).map(([name, packed]) => [name, unpacked(/** @type {any} */ (packed))]));
    const { points } = content;
    this.near = points && { index: unpacked(points.near), cosine: unpacked(points.cosine), kept: unpacked(points.kept), kinds: this.arrays.kinds };
    this.cells = new Map(content.pictured.map((/** @type {number} */ id, /** @type {number} */ cell) => [id, cell]));
    /** @type {Promise<ImageBitmap> | null} read when a card first needs it */
    this.sheet = null;
    /** @type {Record<string, Function[]>} */
    this.listeners = {};
    const data = Object.fromEntries(Object.entries(this.arrays).map(([name, array]) => [name, { version: 1, bytes: array.byteLength, type: /** @type {any} */ (content.arrays)[name].type }]));
    /** @type {Record<string, any>} */
    this.state = {
      _view: content.view, _data: data, _status: { state: "ready", error: "" }, _mask: null, _sprite: null, _camera: [0, 0, null], _canvas2d: false,
      focus: -1, colour: "label", labels: [], query: "", gallery: "pictures", links: "none", shift: 0, temperature: 1, layer: 0, tool: "pan", words: true, pictures: true,
    };
  }

  /** @param {string} name */
  get(name) { return this.state[name]; }

  /** @param {string} name @param {any} value */
  set(name, value) {
    this.state[name] = value;
    this.#tell(`change:${name}`);
  }

  save_changes() {}

  /** @param {string} name @param {Function} act */
  on(name, act) { (this.listeners[name] ??= []).push(act); }

  /** @param {string} name @param {Function} act */
  off(name, act) { this.listeners[name] = (this.listeners[name] ?? []).filter((other) => other !== act); }

  /** @param {any} message */
  send(message) {
    if (message.kind === "look") this.#look(message.points[0]);
    const answer = this.#answer(message);
    if (answer) queueMicrotask(() => this.#tell("msg:custom", ...answer));
  }

  /** @param {any} message @returns {any[] | null} */
  #answer({ kind, name, points }) {
    if (kind === "want") return [{ kind: "part", name, version: 1, offset: 0 }, [new DataView(this.arrays[name].buffer)]];
    if (kind === "words") return [{ kind, found: points.map((/** @type {number} */ id) => [id, this.content.points?.texts[this.content.points.item[id]] ?? ""]) }, []];
    if (kind === "coarse" || kind === "fine") return [{ kind, points: this.content.pictured, cell: this.content.cell, columns: this.content.columns }, [this.#sheet()]];
    return null;
  }

  /** One point's card, with the pictures cut out of the page's one sheet. @param {number} id */
  async #look(id) {
    const card = this.near ? cardOf(this.content.points, this.near, id, this.cells) : null;
    const near = card ? card.neighbours.filter((other) => other.cell !== null).map((other) => other.point) : [];
    const pictures = await Promise.all([this.#cut(this.cells.has(id) ? [id] : []), this.#cut(near)]);
    this.#tell("msg:custom", { kind: "look", found: card ? [[id, card]] : [] }, pictures);
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
      pen?.drawImage(sheet, (at % columns) * cell, Math.floor(at / columns) * cell, cell, cell, SIDE * place, 0, SIDE, SIDE);
    });
    return new DataView(await (await strip.convertToBlob()).arrayBuffer());
  }

  #sheet() {
    const bytes = Uint8Array.from(atob(this.content.sheet), (letter) => letter.charCodeAt(0));
    return new DataView(bytes.buffer);
  }

  /** @param {string} name @param {...any} values */
  #tell(name, ...values) { (this.listeners[name] ?? []).forEach((act) => act(...values)); }
}

const written = document.getElementById("atlas");
if (written) render({ model: new SavedModel(JSON.parse(written.textContent ?? "")), el: document.body });
