// @ts-check
// What pointer, wheel and keys do on the map.
import { activeIn } from "../shared/dom.mjs";
import { bits, lassoed, thinned, zoomAt } from "./space.mjs";

/** @import { Listed, Manner } from "./types.d.ts" */
/** @import { Pair } from "../shared/types.d.ts" */
/** @import { Stage } from "./stage.mjs" */

const REACH = 11; // px between pointer and point
const FAR = 4; // px from which a press is a drag
const HINT_MS = 2200;
const WHEEL_HINT = "Ctrl or ⌘ with the wheel zooms the map; after a click on it, the wheel alone.";

/**
 * What a drag does, and how a click or lasso changes the selection.
 * @param {Partial<Pick<MouseEvent, "shiftKey" | "ctrlKey" | "metaKey" | "altKey">>} keys
 * @returns {Manner}
 */
export function manner(keys) {
  if (keys.altKey) return "take away";
  return keys.ctrlKey || keys.metaKey || keys.shiftKey ? "add" : "replace";
}

/**
 * Whether a turn of the wheel is meant for the map; else the page scrolls.
 * @param {string} wheel "click" or "always"
 * @param {boolean} clicked whether the map has the focus
 * @param {Partial<Pick<MouseEvent, "ctrlKey" | "metaKey">>} keys
 */
export function zooms(wheel, clicked, keys) {
  return wheel === "always" || clicked || keys.ctrlKey || keys.metaKey || false;
}

export class Hand {
  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.board = stage.board;
    this.over = stage.over;
    /** @type {{at: Pair, last: Pair, lasso: boolean, far: boolean} | null} the press under way */
    this.drag = null;
    this.walked = -1;
    this.hinting = 0;
    const options = { signal: this.board.stop.signal };
    /**
     * @template {keyof HTMLElementEventMap} K
     * @param {K} name
     * @param {(event: HTMLElementEventMap[K]) => void} act
     */
    const on = (name, act, more = {}) => stage.over.addEventListener(name, act, { ...options, ...more });
    on("pointerdown", (/** @type {PointerEvent} */ event) => this.#down(event));
    on("pointermove", (/** @type {PointerEvent} */ event) => this.#move(event));
    on("pointerup", (/** @type {PointerEvent} */ event) => this.#up(event));
    on("pointercancel", () => this.#dropped());
    on("pointerleave", () => this.#hovered(-1));
    on("wheel", (/** @type {WheelEvent} */ event) => this.#wheel(event), { passive: false });
    on("dblclick", (/** @type {MouseEvent} */ event) =>
      stage.move(zoomAt(stage.view, ...this.#at(event), event.shiftKey ? 0.5 : 2)),
    );
    on("keydown", (/** @type {KeyboardEvent} */ event) => this.#key(event));
  }

  /** @param {MouseEvent} event @returns {[number, number]} */
  #at(event) {
    const box = this.over.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** @param {number} px @param {number} py */
  #pick(px, py) {
    const { stage } = this;
    const picture = stage.overlay.pictureAt(px, py);
    if (picture >= 0) return picture;
    return stage.grid.nearest(
      ...stage.view.toMap(px, py),
      REACH / stage.view.scale,
      (/** @type {number} */ id) => stage.visible(id),
    );
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.button > 1) return;
    const at = this.#at(event);
    this.over.setPointerCapture(event.pointerId);
    this.over.focus({ preventScroll: true });
    const lasso = event.button === 0 && (this.board.model.get("tool") === "lasso" || event.shiftKey);
    this.drag = { at, last: at, lasso, far: false };
    this.stage.lasso = [];
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const { stage, drag } = this;
    const at = this.#at(event);
    if (!drag) return this.#hovered(this.#pick(...at), at);
    drag.far ||= Math.hypot(at[0] - drag.at[0], at[1] - drag.at[1]) > FAR;
    if (!drag.far) return;
    this.#hovered(-1);
    if (drag.lasso) {
      // what the browser held back while a slow frame was drawn: corners are in it
      const since = event.getCoalescedEvents?.() ?? [];
      const before = stage.lasso.length ? stage.lasso : [drag.at];
      stage.lasso = thinned([...before, ...since.map((one) => this.#at(one)), at], 3);
      stage.dirty(true);
    } else {
      const { scale } = stage.view;
      stage.move({
        x: stage.camera.x - (at[0] - drag.last[0]) / scale,
        y: stage.camera.y + (at[1] - drag.last[1]) / scale,
        zoom: stage.camera.zoom,
      });
    }
    drag.last = at;
  }

  /** @param {PointerEvent} event */
  #up(event) {
    const { stage, drag } = this;
    this.drag = null;
    if (!drag) return;
    if (!drag.far) this.#clicked(event, drag.at);
    else if (drag.lasso) {
      const { view } = stage;
      const polygon = stage.lasso.map((/** @type {[number, number]} */ [px, py]) => view.toMap(px, py));
      stage.lasso = [];
      // Shift only called the lasso
      const how = event.altKey ? "take away" : event.ctrlKey || event.metaKey ? "add" : "replace";
      const taken = lassoed(stage.grid, polygon);
      if (this.board.model.get("only"))
        for (const id of bits.ids(taken)) if (!stage.visible(id)) taken[id >> 3] &= ~(1 << (id & 7));
      this.choose(taken, how, "selection");
    }
    stage.dirty();
  }

  #dropped() {
    this.drag = null;
    this.stage.lasso = [];
    this.stage.dirty();
  }

  /** @param {PointerEvent} event @param {[number, number]} at */
  #clicked(event, at) {
    const { stage, board } = this;
    const id = this.#pick(...at);
    if (id < 0) return;
    board.send("focus", id);
    const how = manner(event);
    // what is near to it, as before
    const list = board.model.get("gallery") === "selection" && how === "replace" ? "pictures" : null;
    this.choose(
      bits.of(stage.points.length / 2, [id]),
      how === "add" && bits.has(stage.mask, id) ? "take away" : how,
      list,
    );
  }

  /**
   * @param {Uint8Array} fresh
   * @param {Manner} how
   * @param {Listed | null} [list] what the gallery lists from now on
   */
  choose(fresh, how, list = null) {
    const { stage, board } = this;
    if (board.gone) return;
    const mask = bits.combine(stage.mask, fresh, how);
    stage.setMask(mask);
    if (list) board.model.set("gallery", list);
    board.send("_mask", new DataView(mask.slice().buffer));
  }

  /** Select nothing. */
  clear() {
    const list = this.board.model.get("gallery") === "selection" ? "pictures" : null;
    this.choose(new Uint8Array(this.stage.mask.length), "replace", list);
  }

  /** The map moves under the pointer: what it pointed at is not there any more. */
  leave() {
    if (this.stage.hover >= 0) this.#hovered(-1);
  }

  /** @param {number} id @param {[number, number]} [at] */
  #hovered(id, at) {
    const { stage, board } = this;
    if (id === stage.hover) return;
    stage.hover = id;
    this.over.style.cursor = id >= 0 ? "pointer" : board.model.get("tool") === "lasso" ? "crosshair" : "grab";
    if (id >= 0) board.asked.look.want([id], 1);
    stage.tipAt = at ?? null;
    board.drawTip();
    stage.dirty(true);
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    const { stage, board } = this;
    const clicked = activeIn(this.over) === this.over;
    if (!zooms(board.model.get("wheel"), clicked, event)) return this.#hint();
    event.preventDefault();
    event.stopPropagation();
    const lines = event.deltaMode === 1 ? 16 : 1;
    stage.move(
      zoomAt(
        stage.view,
        ...this.#at(event),
        Math.exp(-Math.max(-400, Math.min(400, event.deltaY * lines)) / 300),
      ),
    );
  }

  /** Said once for each run over the map, and gone by itself. */
  #hint() {
    const { hint } = this.stage;
    this.leave();
    hint.textContent = WHEEL_HINT;
    hint.hidden = false;
    clearTimeout(this.hinting);
    this.hinting = setTimeout(() => (hint.hidden = true), HINT_MS);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const act = this.#actOf(event);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  /** @param {KeyboardEvent} event @returns {(() => void) | undefined} */
  #actOf({ key, shiftKey, ctrlKey, metaKey }) {
    if (ctrlKey || metaKey) return undefined;
    const { stage, board } = this;
    const { model, send, store } = board;
    const step = 60 / stage.view.scale;
    const pan = (/** @type {number} */ x, /** @type {number} */ y) => () =>
      stage.move({ ...stage.camera, x: stage.camera.x + x * step, y: stage.camera.y + y * step });
    const zoom = (/** @type {number} */ factor) => () =>
      stage.move(zoomAt(stage.view, stage.size.width / 2, stage.size.height / 2, factor));
    const walk = (/** @type {number} */ by) => () => this.#walk(by);
    const focus = model.get("focus");
    const busy = stage.lasso.length > 0;
    const chosen = bits.count(stage.mask) > 0;
    /** @type {Record<string, (() => void) | undefined>} */
    const acts = {
      ArrowLeft: pan(-1, 0),
      ArrowRight: pan(1, 0),
      ArrowUp: pan(0, 1),
      ArrowDown: pan(0, -1),
      "+": zoom(1.5),
      "=": zoom(1.5),
      "-": zoom(1 / 1.5),
      _: zoom(1 / 1.5),
      0: () => stage.fit(),
      n: walk(1),
      N: walk(-1),
      l: () => send("tool", "lasso"),
      p: () => send("tool", "pan"),
      Enter: () =>
        focus >= 0 &&
        this.choose(bits.of(store.arrays.kinds?.length ?? 0, [focus]), shiftKey ? "add" : "replace"),
      // an Escape with nothing to do leaves the board
      Escape: busy ? () => this.#dropped() : chosen ? () => this.clear() : undefined,
    };
    return acts[key];
  }

  /**
   * To the next nearest point of the middle of the screen, or along the true neighbours of the one looked at.
   * @param {number} by
   */
  #walk(by) {
    const { stage } = this;
    const { model, asked, send } = this.board;
    const focus = model.get("focus");
    const near = asked.look.known.get(focus)?.neighbours ?? [];
    if (focus < 0 || !near.length)
      send("focus", Math.max(0, stage.grid.nearest(stage.camera.x, stage.camera.y, Infinity)));
    else send("focus", near[(near.length + (this.walked += by)) % near.length]?.point ?? near[0].point);
  }

  release() {
    clearTimeout(this.hinting);
  }
}
