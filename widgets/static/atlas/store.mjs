// @ts-check
// Arrays of the kernel in the browser. `_data` names what there is and in which version; what is new is
// asked for and arrives in parts, because one large message would close the connection without a word.

/** @import { Bytes, Message, Model } from "../shared/types.d.ts" */
/** @import { Arrays, Entry, FoundAnswer, Part, Question, Traits, Want } from "./types.d.ts" */
/** @typedef {Pick<Model<Pick<Traits, "_data">>, "get" | "on" | "off" | "send">} Wire */

const TYPES = { float32: Float32Array, uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array };

export class Store {
  /** @param {Wire} model an anywidget model */
  constructor(model) {
    this.model = model;
    /** @type {Arrays} */
    this.arrays = {};
    /** @type {Record<string, number>} */
    this.versions = {};
    /** @type {Record<string, {version: number, bytes: Uint8Array<ArrayBuffer>, arrived: number}>} */
    this.coming = {};
    /** @type {Set<() => void>} */
    this.listeners = new Set();
    this.received = 0; // bytes, of everything
    model.on("change:_data", () => this.ask());
    model.on("msg:custom", (message, buffers) => this.heard(message, buffers));
  }

  /** Ask for every array of which there is a newer version. */
  ask() {
    const wanted = /** @type {[keyof Arrays, Entry][]} */ (Object.entries(this.model.get("_data") ?? {}));
    for (const [name, entry] of wanted) {
      if (this.versions[name] === entry.version || this.coming[name]?.version === entry.version) continue;
      this.coming[name] = { version: entry.version, bytes: new Uint8Array(entry.bytes), arrived: 0 };
      if (entry.bytes === 0) this.#finish(name, entry);
      else this.model.send(/** @type {Want} */ ({ kind: "want", name, version: entry.version }));
    }
    const gone = /** @type {(keyof Arrays)[]} */ (Object.keys(this.arrays)).filter(
      (name) => !wanted.some(([other]) => other === name),
    );
    for (const name of gone) (delete this.arrays[name], delete this.versions[name]);
    if (gone.length) this.listeners.forEach((listener) => listener()); // a filter that is taken away, for one
  }

  /** @param {Message} heard @param {Bytes[]} buffers */
  heard(heard, buffers) {
    if (heard.kind !== "part") return;
    const message = /** @type {Part} */ (heard);
    const coming = this.coming[message.name];
    const entry = this.model.get("_data")?.[message.name];
    if (!coming || !entry || coming.version !== message.version || entry.version !== message.version) return;
    const part = buffers[0];
    coming.bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), message.offset);
    coming.arrived += part.byteLength;
    this.received += part.byteLength;
    if (coming.arrived >= entry.bytes) this.#finish(message.name, entry);
  }

  /** @param {keyof Arrays} name @param {Entry} entry */
  #finish(name, entry) {
    const { bytes } = this.coming[name];
    delete this.coming[name];
    this.versions[name] = entry.version;
    Object.assign(this.arrays, { [name]: new TYPES[entry.type](bytes.buffer) });
    this.listeners.forEach((listener) => listener());
  }

  /** Share of what was asked for that has arrived, 1 when nothing is under way. */
  get share() {
    const parts = Object.values(this.coming);
    const total = parts.reduce((sum, part) => sum + part.bytes.length, 0);
    return total ? parts.reduce((sum, part) => sum + part.arrived, 0) / total : 1;
  }
}

/** @type {WeakMap<object, Store>} */
const stores = new WeakMap();

/** The one store of a model: two views of an atlas share its arrays. @param {Wire} model */
export function storeOf(model) {
  let store = stores.get(model);
  if (!store) stores.set(model, (store = new Store(model)));
  return store;
}

/**
 * Answers of the kernel that are remembered: asked one message at a time, the newest wish first, so that a
 * pointer racing over the map leaves no queue behind.
 * @template V
 */
export class Asked {
  /** @param {Wire} model @param {Question["kind"]} kind @param {number} keep @param {() => void} arrived */
  constructor(model, kind, keep, arrived) {
    this.model = model;
    this.kind = kind;
    this.keep = keep;
    this.arrived = arrived;
    this.most = 0;
    /** @type {Map<number, V>} */
    this.known = new Map();
    /** @type {number[]} */
    this.wanted = [];
    this.under_way = this.wanted;
    this.busy = 0;
    this.heard = (/** @type {Message} */ message, /** @type {Bytes[]} */ buffers) =>
      this.#answer(message, buffers);
    model.on("msg:custom", this.heard);
  }

  /** @param {number[]} ids @param {number} most a message */
  want(ids, most) {
    this.wanted = ids.filter((id) => !this.known.has(id));
    this.most = most;
    this.#next();
  }

  #next() {
    if (Date.now() - this.busy < 20000 || !this.wanted.length) return; // a lost answer is asked for again
    this.busy = Date.now();
    this.under_way = this.wanted.slice(0, this.most);
    this.model.send(/** @type {Question} */ ({ kind: this.kind, points: this.under_way }));
  }

  /** @param {Message} message @param {Bytes[]} buffers */
  #answer(message, buffers) {
    if (message.kind !== this.kind) return;
    this.busy = 0;
    const done = new Set(this.under_way); // what got no answer now will not get one either
    const remember = (/** @type {number} */ id, /** @type {V} */ value) => {
      this.known.delete(id);
      this.known.set(id, value);
    };
    Promise.resolve(this.read(message, buffers)).then(
      (found) => {
        found.forEach(([id, value]) => remember(id, value));
        for (const oldest of this.known.keys()) {
          if (this.known.size <= this.keep) break;
          this.known.delete(oldest);
        }
        this.wanted = this.wanted.filter((id) => !this.known.has(id) && !done.has(id));
        this.arrived();
        this.#next();
      },
      () => this.#next(),
    );
  }

  /**
   * What an answer holds, by point.
   * @param {Message} message
   * @param {Bytes[]} _buffers
   * @returns {[number, V][] | Promise<[number, V][]>}
   */
  read(message, _buffers) {
    return /** @type {FoundAnswer<V>} */ (message).found;
  }

  /** Forget everything: the arrays behind the answers have changed. */
  clear() {
    this.known.clear();
    this.busy = 0;
  }

  release() {
    this.model.off("msg:custom", this.heard);
  }
}
