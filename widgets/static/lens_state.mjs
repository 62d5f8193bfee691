// @ts-check
// What the attention lens looks at, and the numbers of it. The maps came once, as bytes; this is arithmetic on them.
import { settled } from "./dom.mjs";
import { mapsOf, headLine, meanLine, rolloutLine, palette, shade, toggled } from "./attention_maps.mjs";

const TELL_PAUSE = 120; // ms of rest before the kernel hears what is looked at
const MASK_PAUSE = 150; // ms of rest before the model is asked for a score

/** @param {DataView} bytes @returns {Promise<Uint8Array>} */
async function inflated(bytes) {
  const stream = new Blob([/** @type {any} */ (bytes)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** What is looked at, and the numbers of it. */
export class Lens {
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

  /** Take away what is there, put back what is not. @param {"patches" | "words"} what @param {number[]} places */
  toggle(what, places) {
    this.masked = { ...this.masked, [what]: toggled(this.masked[what], places) };
    this.tellMask();
    this.redraw();
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

  /** One pixel of a picture of numbers. @param {Uint8ClampedArray} data @param {number} at @param {number} level */
  tint(data, at, level) {
    for (let channel = 0; channel < 3; channel++) data[at + channel] = this.colours[3 * level + channel];
    data[at + 3] = 255;
  }

  /** What a human calls a token. @param {string} id */
  nameOf(id) {
    if (!id.startsWith("p:")) return this.view.tokens[id]?.name ?? id;
    const columns = this.view.grid[1];
    return `patch row ${Math.floor(Number(id.slice(2)) / columns)}, column ${Number(id.slice(2)) % columns}`;
  }
}
