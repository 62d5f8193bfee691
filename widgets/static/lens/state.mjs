// @ts-check
// What the attention lens looks at, and the numbers of it. The maps came once, as bytes; this is arithmetic
// on them.
import { settled } from "../shared/dom.mjs";
import { mapsOf, headLine, meanLine, rolloutLine, wholeMap, toggled } from "./maps.mjs";

/** @import { Detail, Group, LensBoard, Linked, Reading, Room, Traits, View } from "./types.d.ts" */
/** @import { Bytes } from "../shared/types.d.ts" */
/** @import { Maps } from "./maps.mjs" */

const TELL_PAUSE = 120; // ms of rest before the kernel hears what is looked at
const MASK_PAUSE = 150; // ms of rest before the model is asked for a score

/** @param {Uint8Array<ArrayBuffer>} bytes @returns {Promise<Uint8Array>} */
async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** What is looked at, and the numbers of it. */
export class Lens {
  /** @param {LensBoard} board of mount */
  constructor(board) {
    this.board = board;
    this.model = board.model;
    this.ready = false;
    this.hover = ""; // id of the token under the pointer: looked at as long as it is there
    /** @type {{layer: number, head: number} | null} of the head under the pointer: it is named */
    this.cell = null;
    this.tell = settled(() => this.send("selected", this.selection()), TELL_PAUSE);
    this.tellMask = settled(() => this.sendMask(), MASK_PAUSE);
    this.tellChoices = settled(() => this.model.save_changes(), TELL_PAUSE);
    /** @type {Group[]} */ this.groups = [];
    /** @type {Maps[]} */ this.maps = [];
    this.view = /** @type {View} */ ({}); // until `load` has it: nothing is drawn before
    // What is looked at: a group, a layer, a head, a token, and how.
    this.at = 0;
    this.layer = 0;
    this.head = 0;
    this.token = 0;
    /** @type {Reading} */ this.reading = "mean";
    this.backwards = false;
    // The numbers of it, as `compute` leaves them.
    this.asked = "";
    /** @type {Float32Array} */ this.line = new Float32Array(0);
    /** @type {Map<string, number>} */ this.values = new Map();
    this.top = 1;
    /** @type {Linked | null} */ this.linked = null;
    const none = { width: 0, height: 0 };
    /** @type {Room} */ this.room = { picture: none, heads: none, large: none };
    this.masked = { patches: /** @type {number[]} */ ([]), words: /** @type {number[]} */ ([]) };
    this.mineMasked = "";
    this.mine = ""; // the newest choice made here: an older echo of the kernel is not taken for news
    /** @type {Bytes | null} */ this.alikeBytes = null;
    /** @type {Float32Array | null} */ this.alike = null;
    this.limit = 1;
    /** @type {{name: string, view: View | null, values: Float32Array}} what `whole()` computed last */
    this.wholeKept = { name: "", view: null, values: new Float32Array(0) };
  }

  redraw() {
    this.board.redraw();
  }

  async load() {
    const view = this.model.get("_view");
    const bytes = this.model.get("_maps");
    if (!view.groups || !bytes || !bytes.byteLength) return;
    const whole = new Uint8Array(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, bytes.byteLength);
    let start = 0;
    const parts = view.groups.map((group) => whole.slice(start, (start += group.length)));
    const codes = await Promise.all(parts.map(inflated));
    this.view = view;
    this.groups = view.groups;
    this.maps = this.groups.map((group, place) => mapsOf(group, codes[place], view.levels));
    this.ready = true;
  }

  /** Take over what the kernel says. */
  adopt() {
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
      // news: what was drawn here a moment ago is kept until it is sent
      this.mineMasked = JSON.stringify(masked);
      this.masked = { patches: masked.patches ?? [], words: masked.words ?? [] };
    }
    const alike = this.model.get("_alike");
    if (alike === this.alikeBytes) return;
    this.alikeBytes = alike;
    this.alike =
      alike && alike.byteLength
        ? new Float32Array(alike.buffer.slice(alike.byteOffset, alike.byteOffset + alike.byteLength))
        : null;
    this.limit = (this.alike ?? new Float32Array(0)).reduce(
      (/** @type {number} */ most, /** @type {number} */ value) => Math.max(most, Math.abs(value) || 0),
      0,
    );
  }

  get group() {
    return this.groups[this.at];
  }

  get ids() {
    return this.backwards ? this.group.key_ids : this.group.query_ids;
  }

  /** Ids of the tokens that the numbers belong to. */
  get shownIds() {
    return this.backwards ? this.group.query_ids : this.group.key_ids;
  }

  get pinned() {
    return this.ids[this.token];
  }

  get opacity() {
    return this.model.get("opacity");
  }

  get tool() {
    return this.model.get("tool");
  }

  get figure() {
    return this.model.get("figure");
  }

  /**
   * "heads", or what is large instead of them; a choice that this group cannot draw gives way to one that it
   * can.
   */
  get detail() {
    const chosen = this.model.get("detail");
    return this.details().includes(chosen) ? chosen : this.details()[1];
  }

  /** What can be drawn of this group. @returns {Detail[]} */
  details() {
    const { group } = this;
    const worded = (/** @type {string[]} */ ids) => ids.some((id) => id.startsWith("w:"));
    /** @type {[boolean, Detail][]} */
    const all = [
      [true, "heads"],
      [this.hasPatches(), "picture"],
      [worded(group.query_ids) && worded(group.key_ids), "lines"],
      [true, "matrix"],
    ];
    return all.filter(([can]) => can).map(([, name]) => name);
  }

  selection() {
    const places = this.backwards ? this.group.keys : this.group.queries;
    const chosen = {
      site: this.group.sites[this.layer],
      reading: this.reading,
      head: this.head,
      token: places[this.token],
      backwards: this.backwards,
    };
    this.mine = JSON.stringify(chosen);
    return chosen;
  }

  sendMask() {
    this.mineMasked = JSON.stringify(this.masked);
    this.send("masked", this.masked);
  }

  /** @template {keyof Traits} K @param {K} name @param {Traits[K]} value */
  send(name, value) {
    this.board.send(name, value);
  }

  /**
   * A setting of the screen: drawn at once, told to the kernel after a rest.
   * @template {keyof Traits} K
   * @param {K} name
   * @param {Traits[K]} value
   */
  choose(name, value) {
    this.model.set(name, value);
    this.tellChoices();
    this.redraw();
  }

  /** Mask what is there, put back what is not. @param {"patches" | "words"} what @param {number[]} places */
  toggle(what, places) {
    this.masked = { ...this.masked, [what]: toggled(this.masked[what], places) };
    this.tellMask();
    this.redraw();
  }

  /** @param {Partial<Pick<Lens, "at" | "layer" | "head" | "token" | "reading" | "backwards">>} changes */
  set(changes) {
    Object.assign(this, changes);
    this.layer = Math.min(this.layer, this.group.sites.length - 1);
    this.head = Math.min(this.head, this.group.heads - 1);
    if (this.reading === "rollout" && !this.group.square) this.reading = "mean";
    this.tell();
    this.redraw();
  }

  /**
   * Another tower or another direction: the same token if it is there, else the one that is read out.
   * @param {number} at
   * @param {boolean} backwards
   * @param {string} [id]
   */
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
    for (const backwards of [this.backwards, !this.backwards])
      if (asks(this.at, backwards)) return { at: this.at, backwards };
    for (const backwards of [false, true])
      for (const at of order) if (asks(at, backwards)) return { at, backwards };
    return null;
  }

  /** The numbers on the screen, by id of token. */
  compute() {
    this.adopt();
    const hovered = this.hover && this.ids.includes(this.hover) ? this.hover : "";
    this.asked = hovered || this.pinned;
    const maps = this.maps[this.at];
    const token = this.ids.indexOf(this.asked);
    this.line =
      this.reading === "head"
        ? headLine(maps, this.layer, this.head, token, this.backwards)
        : this.reading === "mean"
          ? meanLine(maps, this.layer, token, this.backwards)
          : rolloutLine(maps, this.layer, token, this.backwards);
    this.values = new Map(
      this.shownIds.map((/** @type {string} */ id, /** @type {number} */ at) => [id, this.line[at]]),
    );
    this.top = this.model.get("scale") === "own" ? Math.max(...this.line) : this.sharedTop;
    this.linked = this.links(this.hover && !hovered ? this.hover : this.asked);
  }

  /** Single heads have one scale, means of heads another: means are smaller. */
  get sharedTop() {
    return this.reading === "head" ? this.group.top : this.group.top_mean;
  }

  /** query x key of what is looked at; kept until something else is. */
  whole() {
    const name = `${this.at} ${this.reading} ${this.layer} ${this.reading === "head" ? this.head : ""}`;
    if (this.wholeKept.name !== name || this.wholeKept.view !== this.view) {
      this.wholeKept = {
        name,
        view: this.view,
        values: wholeMap(this.maps[this.at], this.reading, this.layer, this.head),
      };
    }
    return this.wholeKept.values;
  }

  /**
   * Cosines of one patch with the words, or of one word with the patches; null where there are none.
   * @param {string} id
   * @returns {Linked | null}
   */
  links(id) {
    const grid = this.view.grid;
    if (!this.alike || !grid) return null;
    const patches = grid[0] * grid[1];
    const words = this.alike.length / patches;
    const [kind, number] = [id.slice(0, 2), Number(id.slice(2))];
    const { alike } = this;
    if (kind === "w:" && number < words && !Number.isNaN(alike[number * patches]))
      return {
        id,
        kind: "patches",
        values: new Map(Array.from({ length: patches }, (_, k) => [`p:${k}`, alike[number * patches + k]])),
      };
    if (kind === "p:" && number < patches)
      return {
        id,
        kind: "words",
        values: new Map(Array.from({ length: words }, (_, k) => [`w:${k}`, alike[k * patches + number]])),
      };
    return null;
  }

  /**
   * Values of the patches: attention where there is any, else cosines with the word; null where there is
   * neither.
   */
  patchValues() {
    if (this.hasPatches()) return { values: this.values, limit: this.top, signed: false };
    if (this.linked?.kind === "patches")
      return { values: this.linked.values, limit: this.cosineLimit(this.linked.values), signed: true };
    return null;
  }

  /** The cosine that has full colour. @param {Map<string, number>} values */
  cosineLimit(values) {
    if (this.model.get("scale") !== "own") return this.limit;
    return [...values.values()].reduce((most, value) => Math.max(most, Math.abs(value) || 0), 0);
  }

  hasPatches() {
    return this.backwards ? this.group.query_patches : this.group.key_patches;
  }

  /** What a human calls a token; rows and columns are counted from 1. @param {string} id */
  nameOf(id) {
    if (!id.startsWith("p:")) return this.view.tokens[id]?.name ?? id;
    const columns = this.view.grid?.[1] ?? 1;
    return (
      `patch in row ${Math.floor(Number(id.slice(2)) / columns) + 1}, column ` +
      `${(Number(id.slice(2)) % columns) + 1}`
    );
  }
}
