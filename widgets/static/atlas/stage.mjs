// @ts-check
// The map itself: two canvases and a camera. What pointer and keys do on it stands in hand.mjs.
import { h } from "../shared/dom.mjs";
import { Hand } from "./hand.mjs";
import { GlPoints } from "./gl.mjs";
import { FlatPoints } from "./flat.mjs";
import { Overlay } from "./overlay.mjs";
import { FEWEST, backendText, nextBudget, outsideText, pointSize } from "./pace.mjs";
import { sceneOf, settled } from "./scene.mjs";
import { selectionBar } from "./selection.mjs";
import { rgb } from "./theme.mjs";
import { Grid, View, whole, between, bits, bodyOf, boundsOf, home, spreadOrder } from "./space.mjs";

/** @import { Atlas, Colours, Renderer, Scene } from "./types.d.ts" */
/** @import { Pair } from "../shared/types.d.ts" */
/** @import { Bounds, Camera } from "./space.mjs" */

const MORPH = 700; // ms between two layouts
const REST = 160; // ms without movement until everything is drawn
const FIRST = 250000; // points of the first moving frame, before its time is known
const IMITATED_AT_MOST = 200000; // points drawn by a WebGL that no graphics processor stands behind
const WEAK = 0.16; // opacity of what is not selected or filtered out
const SHARP = 2; // pixels for one on the screen, of an exported picture

export class Stage {
  /** @param {Atlas} board */
  constructor(board) {
    this.board = board;
    /** @type {Float32Array} */ this.points = new Float32Array(0);
    this.before = this.points;
    this.layout = this.points; // where the points stand in this frame
    /** @type {Uint8Array} */ this.kinds = new Uint8Array(0);
    /** @type {Uint8Array | undefined} */ this.filter = undefined;
    /** @type {Uint32Array} */ this.order = new Uint32Array(0);
    this.worst = this.ends = this.order; // of links: two points a line
    this.bounds = boundsOf(this.points);
    this.camera = home(this.bounds);
    this.grid = new Grid(this.points);
    /** @type {Uint8Array} */ this.mask = new Uint8Array(0);
    this.emphasis = false;
    this.hover = -1;
    /** @type {Pair[]} the corners of the lasso being drawn */
    this.lasso = [];
    /** @type {Pair | null} where the hover card belongs */
    this.tipAt = null;
    /** @type {Scene["thumbs"]} */ this.thumbs = [];
    /** @type {Scene["words"]} */ this.words = [];
    this.side = 20;
    this.inView = 0;
    this.mix = 1;
    this.budget = FEWEST;
    this.frame = 0; // of the browser, asked for
    this.ratio = 1; // pixels of the canvas for one on the screen
    this.density = 0; // of an exported picture; 0 for the screen's
    this.stale = false;
    this.startedAt = 0;
    this.movedAt = 0;
    this.drawnAt = 0;
    this.took = 0;
    this.frames = { drawn: 0, points: 0 };
    this.size = { width: 600, height: 480 };
    /** @type {Colours} */ this.colours = { text: "", soft: "", ground: "", accent: "", good: "", bad: "" };
    /** @type {string[]} */ this.palette = [];
    this.rim = [0, 0, 0];
    this.theme = "";
    this.under = h("canvas", { class: "atl-points", "aria-hidden": "true" });
    this.over = h("canvas", {
      class: "atl-over",
      tabindex: 0,
      role: "application",
      "aria-roledescription": "map of points",
      "aria-label": "embedding map",
    });
    this.tip = h("div", { class: "atl-tip", hidden: true });
    this.backend = h("span", { class: "atl-backend" });
    this.hint = h("p", { class: "atl-hint", role: "status", hidden: true });
    this.selection = selectionBar(this.board, () => this.hand.clear());
    this.element = h(
      "div",
      { class: "atl-stage" },
      this.under,
      this.over,
      this.backend,
      this.selection.element,
      this.hint,
      this.tip,
    );
    Object.assign(this.element, { stage: this }); // for who looks from outside: tests, and the console
    this.overlay = new Overlay(this.over);
    /** @type {Renderer} */ this.renderer = this.#started();
    this.hand = new Hand(this);
    this.observer = new ResizeObserver(() => this.dirty());
    this.observer.observe(this.element);
  }

  /** WebGL where there is any. @returns {Renderer} */
  #started() {
    const gl = this.board.canvas2d ? null : GlPoints.on(this.under);
    if (!gl) return this.#fallBack();
    this.under.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      if (!this.board.stop.signal.aborted) {
        this.renderer = this.#fallBack();
        this.refresh();
      }
    });
    return gl;
  }

  /** WebGL is missing or was lost: a fresh canvas, since one that had WebGL gives no 2D context. */
  #fallBack() {
    const fresh = h("canvas", { class: "atl-points", "aria-hidden": "true" });
    this.under.replaceWith(fresh);
    this.under = fresh;
    return new FlatPoints(fresh);
  }

  // Data --------------------------------------------------------------------------------------

  /** Take over arrays that have arrived; `points` start a morph from where the old ones stand. */
  refresh() {
    const { points, codes, kinds, links, filter } = this.board.store.arrays;
    if (!points || !kinds) return;
    if (points !== this.points) this.#newLayout(points);
    this.kinds = kinds;
    if (this.renderer.imitated && points.length / 2 > IMITATED_AT_MOST) this.renderer = this.#fallBack();
    this.renderer.setKinds(kinds);
    this.renderer.setCodes(codes ?? new Uint8Array(kinds.length));
    this.renderer.setLayouts(this.before, this.points, this.order);
    this.renderer.setMarks(filter ?? new Uint8Array(kinds.length));
    this.filter = filter;
    this.worst = links ?? new Uint32Array(0);
    this.setMask(this.mask);
    this.selection.draw();
    this.#palette();
  }

  /** @param {Float32Array} points */
  #newLayout(points) {
    const first = this.points.length !== points.length;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.before = first || calm ? points : between(this.before, this.points, this.mix).slice();
    this.points = points;
    this.grid = new Grid(points);
    this.order = first ? spreadOrder(points.length / 2) : this.order;
    this.budget = first ? Math.min(points.length / 2, FIRST) : this.budget;
    const old = this.bounds;
    this.bounds = bodyOf(points);
    if (first || this.camera.zoom === 1 || !this.#near(old)) this.camera = home(this.bounds);
    this.mix = first || calm ? 1 : 0;
    this.startedAt = performance.now();
    this.layout = this.mix === 1 ? points : this.before;
    this.moved();
    if (first) this.follow();
  }

  /** @param {Bounds} old */
  #near(old) {
    return old.high[0] > this.bounds.low[0] && old.low[0] < this.bounds.high[0];
  }

  /** @param {Uint8Array} mask */
  setMask(mask) {
    this.mask = mask;
    const chosen = bits.ids(mask);
    this.emphasis = chosen.length > 1; // one point is ringed, and dims nothing
    this.renderer.setChosen(chosen);
    this.#setLinks(chosen);
    this.dirty();
  }

  /** @param {Uint32Array} chosen */
  #setLinks(chosen) {
    const { model, view } = this.board;
    const which = model.get("links");
    const offset = view().offset;
    const items = [
      ...new Set(Array.from(which === "selection" && offset ? chosen : [], (id) => id % offset)),
    ];
    this.ends =
      which === "worst"
        ? (this.worst ?? new Uint32Array(0))
        : Uint32Array.from(items.flatMap((id) => [id, id + offset]));
    this.renderer.setLinks(this.ends);
  }

  /** Colours of the theme, and of the figures' palette. */
  #palette() {
    const style = getComputedStyle(this.element);
    const read = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    this.colours = {
      text: read("--wb-text"),
      soft: read("--wb-soft"),
      ground: read("--wb-ground"),
      accent: read("--wb-accent"),
      good: read("--atl-good"),
      bad: read("--wb-bad"),
    };
    this.rim = rgb(this.colours.text);
    const palette = this.board.view().palette ?? [];
    this.palette = palette;
    const rgba = new Uint8Array(1024);
    for (let code = 0; code < 256; code++)
      rgba.set(
        [
          ...rgb(palette[code] ?? this.colours.soft).map((part) => Math.round(255 * part)),
          palette[code] ? 217 : 110,
        ],
        4 * code,
      );
    this.renderer.setPalette(rgba);
    this.theme = this.#themeNow();
  }

  #themeNow() {
    return (
      getComputedStyle(this.element).getPropertyValue("--wb-ground") +
      getComputedStyle(this.element).getPropertyValue("--wb-text") +
      (this.board.view().palette ?? []).join()
    );
  }

  // Camera ------------------------------------------------------------------------------------

  get view() {
    return new View(this.camera, this.bounds, this.size);
  }

  /** @param {Camera} camera @param {boolean} [tell] whether a linked atlas should follow */
  move(camera, tell = true) {
    this.camera = camera;
    if (tell) this.board.tellCamera(this.#isHome() ? [] : [camera.x, camera.y, camera.zoom]);
    this.hand.leave();
    this.moved();
  }

  /** Go where the kernel's camera is: another atlas, or code, has moved it. */
  follow() {
    const [x, y, zoom] = this.board.model.get("camera") ?? [];
    this.move(zoom ? { x, y, zoom } : home(this.bounds), false);
  }

  #isHome() {
    const { x, y, zoom } = home(this.bounds);
    return this.camera.x === x && this.camera.y === y && this.camera.zoom === zoom;
  }

  /** The body of the map; a second time every last point of it. */
  fit() {
    this.move(this.#isHome() ? whole(this.bounds, boundsOf(this.points), this.size) : home(this.bounds));
  }

  moved() {
    this.movedAt = performance.now();
    this.dirty();
  }

  /** Draw at the density of an exported picture at once, or go back. @param {boolean} on */
  sharpen(on) {
    this.density = on ? SHARP : 0;
    this.stale = true;
    this.movedAt = -Infinity;
    this.#draw(performance.now());
  }

  /** Whether a point may be met: all, but those that "hide the rest" leaves out. @param {number} id */
  visible(id) {
    return !this.board.model.get("only") || this.lit(id);
  }

  /** @param {number} id */
  lit(id) {
    return this.emphasis ? bits.has(this.mask, id) : !(((this.filter ?? [])[id] ?? 0) & 2);
  }

  /** Bring a point into view. @param {number} id */
  show(id) {
    if (id < 0 || 2 * id >= this.points.length) return;
    const [x, y] = [this.points[2 * id], this.points[2 * id + 1]];
    const [px, py] = this.view.toScreen(x, y);
    const inside = px > 30 && py > 30 && px < this.size.width - 30 && py < this.size.height - 30;
    if (!inside) this.move({ x, y, zoom: this.camera.zoom });
  }

  /**
   * Draw soon. With `overlay` only what lies on the points has changed: a million points stay as they are.
   */
  dirty(overlay = false) {
    if (!overlay) this.stale = true;
    this.frame ||= requestAnimationFrame((now) => {
      this.frame = 0;
      this.#draw(now);
    });
  }

  /** @param {number} now */
  #draw(now) {
    if (!this.#fit()) return;
    this.selection.draw();
    if (this.theme !== this.#themeNow()) this.#palette();
    if (this.mix < 1) this.mix = eased((now - this.startedAt) / MORPH);
    this.layout = between(
      this.before,
      this.points,
      this.points.length > 400000 ? Math.round(this.mix) : this.mix,
    );
    const moving = this.mix < 1 || now - this.movedAt < Math.max(REST, 3 * this.took);
    const count = this.points.length / 2;
    this.took = moving && this.drawnAt ? Math.min(600, now - this.drawnAt) : 0;
    if (this.took) this.budget = nextBudget(this.budget, this.took, count);
    this.drawnAt = moving ? now : 0;
    const view = this.view;
    if (!moving && this.stale) settled(this, view);
    const most = moving ? this.budget : count;
    const ink = Math.min(0.8, Math.max(0.06, 60 / Math.max(1, this.ends.length)));
    if (this.stale)
      this.renderer.draw({
        view,
        ratio: this.ratio,
        mix: this.mix,
        size: pointSize(Math.max(this.inView, 1), this.camera.zoom),
        most,
        emphasis: this.emphasis,
        weak: this.board.model.get("only") ? 0 : WEAK,
        edge: this.board.view().legend.ramp ? 0.55 : 0,
        rim: [...this.rim, 1],
        line: [...rgb(this.colours.accent), ink],
      });
    this.overlay.draw(sceneOf(this, view));
    this.backend.textContent =
      backendText(this.renderer.name, Math.min(most, count), count) +
      outsideText(moving || this.camera.zoom > 1 ? 0 : count - this.inView);
    this.frames.drawn += 1;
    this.frames.points = Math.min(most, count);
    this.stale = false;
    if (moving) this.dirty();
  }

  /** Follow the stage's size. @returns {boolean} false while it is hidden */
  #fit() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!width || !height) return false;
    this.ratio = this.density || Math.min(2, devicePixelRatio || 1);
    const wanted = [Math.round(width * this.ratio), Math.round(height * this.ratio)];
    for (const canvas of [this.under, this.over]) {
      if (canvas.width === wanted[0] && canvas.height === wanted[1]) continue;
      [canvas.width, canvas.height] = wanted; // which empties it
      this.stale = true;
    }
    this.size = { width, height };
    this.element.style.setProperty("--atl-stage", `${height}px`); // an exported page keeps both
    this.board.root.style.setProperty("--atl-wide", `${width}px`);
    return true;
  }

  release() {
    cancelAnimationFrame(this.frame);
    this.observer.disconnect();
    this.hand.release();
    this.renderer.release();
  }
}

/** @param {number} share */
function eased(share) {
  const at = Math.min(1, Math.max(0, share));
  return at * at * (3 - 2 * at);
}
