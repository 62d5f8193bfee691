// @ts-check
// The map itself: two canvases, a camera, and what pointer and keys do on them.
import { h } from "./dom.mjs";
import { GlPoints } from "./atlas_gl.mjs";
import { FlatPoints } from "./atlas_flat.mjs";
import { Overlay, pictureSide } from "./atlas_overlay.mjs";
import { Grid, View, whole, between, bits, bodyOf, boundsOf, home, lassoed, representatives, spreadOrder, thinned, zoomAt } from "./atlas_space.mjs";

const MORPH = 700; // ms between two layouts
const REST = 160; // ms without movement until everything is drawn
const SLOW = 34; // ms a frame may take before fewer points are drawn while moving
const FEWEST = 20000; // points always drawn
const FIRST = 250000; // points of the first moving frame, before its time is known
const IMITATED_AT_MOST = 200000; // points drawn by a WebGL that no graphics processor stands behind
const REACH = 11; // px between pointer and point
const PICTURES_AT_MOST = 60000; // in view; with more of them pictures would hide the map
const WORDS = 160;
const SHARP_FROM = 40; // px of a picture from which the finer sheet is asked for


/** Size of a point in CSS pixels. @param {number} count points in view @param {number} zoom */
export function pointSize(count, zoom) {
  const base = count > 300000 ? 1.6 : count > 30000 ? 2.6 : count > 3000 ? 4.5 : 6.5;
  return base * Math.min(2.4, Math.max(1, zoom ** 0.25));
}

/** How many points to draw in the next moving frame, after one that took `took` ms. @param {number} budget @param {number} took @param {number} count */
export function nextBudget(budget, took, count) {
  if (took > SLOW) return Math.max(Math.min(FEWEST, count), Math.round(budget * Math.max(0.4, SLOW / took)));
  return took < 0.6 * SLOW ? Math.min(count, Math.round(budget * 1.4)) : budget;
}

/** What a drag does, and how a click or lasso changes the selection. @param {{shiftKey: boolean, ctrlKey: boolean, metaKey: boolean, altKey: boolean}} keys */
export function manner(keys) {
  if (keys.altKey) return "take away";
  return keys.ctrlKey || keys.metaKey || keys.shiftKey ? "add" : "replace";
}

export class Stage {
  /** @param {any} board {model, send, stop, store, view, asked: {coarse, fine, words, look}, say} */
  constructor(board) {
    this.board = board;
    this.points = new Float32Array(0);
    this.before = this.points;
    this.layout = this.points; // where the points stand in this frame
    this.bounds = boundsOf(this.points);
    this.camera = home(this.bounds);
    this.grid = new Grid(this.points);
    this.mask = new Uint8Array(0);
    this.hover = -1;
    /** @type {[number, number][]} */
    this.lasso = [];
    this.thumbs = this.words = /** @type {any[]} */ ([]);
    this.side = 20;
    this.inView = 0;
    this.mix = 1;
    this.budget = FEWEST;
    this.movedAt = 0;
    this.frames = { drawn: 0, points: 0 };
    this.size = { width: 600, height: 480 };
    this.#build();
    this.#listen();
  }

  #build() {
    this.under = h("canvas", { class: "atl-points", "aria-hidden": "true" });
    this.over = h("canvas", { class: "atl-over", tabindex: 0, role: "application", "aria-roledescription": "map of points", "aria-label": "embedding map" });
    this.tip = h("div", { class: "atl-tip", hidden: true });
    this.backend = h("span", { class: "atl-backend" });
    this.element = h("div", { class: "atl-stage" }, this.under, this.over, this.backend, this.tip);
    this.element.stage = this; // for who looks from outside: tests, and the console
    this.overlay = new Overlay(this.over);
    this.#start(this.board.canvas2d ? null : GlPoints.on(this.under));
  }

  /** @param {GlPoints | null} gl */
  #start(gl) {
    if (!gl) this.#fallBack();
    else {
      this.renderer = gl;
      this.under.addEventListener("webglcontextlost", (/** @type {Event} */ event) => { event.preventDefault(); if (!this.board.stop.signal.aborted) { this.#fallBack(); this.refresh(); } });
    }
  }

  /** WebGL is missing or was lost: a fresh canvas, since one that had WebGL gives no 2D context. */
  #fallBack() {
    const fresh = h("canvas", { class: "atl-points", "aria-hidden": "true" });
    this.under.replaceWith(fresh);
    this.under = fresh;
    this.renderer = new FlatPoints(fresh);
  }

  #listen() {
    const options = { signal: this.board.stop.signal };
    const on = (/** @type {string} */ name, /** @type {any} */ act, more = {}) => this.over.addEventListener(name, act, { ...options, ...more });
    on("pointerdown", (/** @type {PointerEvent} */ event) => this.#down(event));
    on("pointermove", (/** @type {PointerEvent} */ event) => this.#move(event));
    on("pointerup", (/** @type {PointerEvent} */ event) => this.#up(event));
    on("pointercancel", () => { this.drag = null; this.lasso = []; this.dirty(); });
    on("pointerleave", () => this.#hovered(-1));
    on("wheel", (/** @type {WheelEvent} */ event) => this.#wheel(event), { passive: false });
    on("dblclick", (/** @type {MouseEvent} */ event) => this.move(zoomAt(this.view, ...this.#at(event), event.shiftKey ? 0.5 : 2)));
    on("keydown", (/** @type {KeyboardEvent} */ event) => this.#key(event));
    this.observer = new ResizeObserver(() => this.dirty());
    this.observer.observe(this.element);
  }

  // Data --------------------------------------------------------------------------------------

  /** Take over arrays that have arrived; `points` start a morph from where the old ones stand. */
  refresh() {
    const { points, codes, kinds, links, filter } = this.board.store.arrays;
    if (!points || !kinds) return;
    if (points !== this.points) this.#newLayout(points);
    this.kinds = kinds;
    if (this.renderer.imitated && points.length / 2 > IMITATED_AT_MOST) this.#fallBack();
    this.renderer.setKinds(kinds);
    this.renderer.setCodes(codes ?? new Uint8Array(kinds.length));
    this.renderer.setLayouts(this.before, this.points, this.order);
    this.renderer.setMarks(filter ?? new Uint8Array(kinds.length));
    this.filter = filter;
    this.worst = links ?? new Uint32Array(0);
    this.setMask(this.mask);
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
  }

  /** @param {any} old */
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
    const items = [...new Set(Array.from(which === "selection" && offset ? chosen : [], (id) => id % offset))];
    this.ends = which === "worst" ? this.worst ?? new Uint32Array(0) : Uint32Array.from(items.flatMap((id) => [id, id + offset]));
    this.renderer.setLinks(this.ends);
  }

  /** Colours of the theme, and of the figures' palette. */
  #palette() {
    const style = getComputedStyle(this.element);
    const read = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    this.colours = { text: read("--wb-text"), soft: read("--wb-soft"), ground: read("--wb-ground"), accent: read("--wb-accent"), good: read("--atl-good"), bad: read("--wb-bad"), paper: "#fff" };
    this.rim = rgb(this.colours.text);
    const palette = this.board.view().palette ?? [];
    const rgba = new Uint8Array(1024);
    for (let code = 0; code < 256; code++) rgba.set([...(rgb(palette[code] ?? this.colours.soft).map((part) => Math.round(255 * part))), palette[code] ? 217 : 110], 4 * code);
    this.renderer.setPalette(rgba);
    this.theme = this.#themeNow();
  }

  #themeNow() {
    return getComputedStyle(this.element).getPropertyValue("--wb-ground") + getComputedStyle(this.element).getPropertyValue("--wb-text") + (this.board.view().palette ?? []).join();
  }

  // Camera ------------------------------------------------------------------------------------

  get view() {
    return new View(this.camera, this.bounds, this.size);
  }

  /** @param {any} camera @param {boolean} [tell] whether a linked atlas should follow */
  move(camera, tell = true) {
    this.camera = camera;
    if (tell) this.board.tellCamera(camera);
    this.moved();
  }

  /** The body of the map; a second time every last point of it. */
  fit() {
    const { x, y, zoom } = home(this.bounds);
    const there = this.camera.x === x && this.camera.y === y && this.camera.zoom === zoom;
    this.move(there ? whole(this.bounds, boundsOf(this.points), this.size) : { x, y, zoom });
  }

  moved() {
    this.movedAt = performance.now();
    this.dirty();
  }

  /** Pictures or words have arrived, or others are wanted. */
  resettle() {
    this.dirty();
  }

  /** Bring a point into view. @param {number} id */
  show(id) {
    if (id < 0 || 2 * id >= this.points.length) return;
    const [x, y] = [this.points[2 * id], this.points[2 * id + 1]];
    const [px, py] = this.view.toScreen(x, y);
    const inside = px > 30 && py > 30 && px < this.size.width - 30 && py < this.size.height - 30;
    if (!inside) this.move({ x, y, zoom: this.camera.zoom });
  }

  /** Draw soon. With `overlay` only what lies on the points has changed: a million points stay as they are. */
  dirty(overlay = false) {
    if (!overlay) this.stale = true;
    this.frame ||= requestAnimationFrame((now) => { this.frame = 0; this.#draw(now); });
  }

  /** @param {number} now */
  #draw(now) {
    if (!this.#fit()) return;
    if (this.theme !== this.#themeNow()) this.#palette();
    if (this.mix < 1) this.mix = eased((now - (this.startedAt ?? now)) / MORPH);
    this.layout = between(this.before, this.points, this.points.length > 400000 ? Math.round(this.mix) : this.mix);
    const moving = this.mix < 1 || now - this.movedAt < Math.max(REST, 3 * (this.took ?? 0));
    const count = this.points.length / 2;
    this.took = moving && this.drawnAt ? Math.min(600, now - this.drawnAt) : 0;
    if (this.took) this.budget = nextBudget(this.budget, this.took, count);
    this.drawnAt = moving ? now : 0;
    const view = this.view;
    if (!moving && this.stale) this.#settle(view);
    const most = moving ? this.budget : count;
    const ink = Math.min(0.8, Math.max(0.06, 60 / Math.max(1, this.ends?.length ?? 0)));
    if (this.stale) this.renderer.draw({ view, ratio: this.ratio, mix: this.mix, size: pointSize(Math.max(this.inView, 1), this.camera.zoom), most, emphasis: this.emphasis, rim: [...this.rim, 1], line: [...rgb(this.colours.accent), ink] });
    this.overlay.draw(this.#scene(view));
    this.backend.textContent = backendText(this.renderer.name, Math.min(most, count), count) + outsideText(moving || this.camera.zoom > 1 ? 0 : count - this.inView);
    this.frames.drawn += 1;
    this.frames.points = Math.min(most, count);
    this.stale = false;
    if (moving) this.dirty();
  }

  /** Follow the stage's size. @returns {boolean} false while it is hidden */
  #fit() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!width || !height) return false;
    this.ratio = Math.min(2, devicePixelRatio || 1);
    const wanted = [Math.round(width * this.ratio), Math.round(height * this.ratio)];
    for (const canvas of [this.under, this.over]) {
      if (canvas.width === wanted[0] && canvas.height === wanted[1]) continue;
      [canvas.width, canvas.height] = wanted; // which empties it
      this.stale = true;
    }
    this.size = { width, height };
    return true;
  }

  /** Once nothing moves: which pictures and words have room, and what of them is not here yet. @param {View} view */
  #settle(view) {
    const { asked, model } = this.board;
    let pictures = 0;
    let all = 0;
    this.grid.within(view.window(), (id) => { all++; if (this.kinds[id] === 0) pictures++; });
    this.inView = all;
    const wanted = model.get("pictures") && this.board.view().pictures && pictures <= PICTURES_AT_MOST;
    this.side = pictureSide(this.size.width * this.size.height, 2 * pictures);
    const first = (/** @type {number} */ id) => (bits.has(this.mask, id) ? 2 : 0) + rank(id);
    const shown = wanted ? representatives(this.grid, view, this.side, (id) => (this.kinds[id] === 0 ? first(id) : -1)) : [];
    const sheet = this.side >= SHARP_FROM ? asked.fine : asked.coarse;
    sheet.want(shown, 256);
    this.thumbs = shown.map((id) => ({ id, ...(sheet.known.get(id) ?? asked.coarse.known.get(id) ?? asked.fine.known.get(id)) })).filter((thumb) => thumb.sheet);
    const named = model.get("words") && this.board.view().words ? representatives(this.grid, view, 44, (id) => (this.kinds[id] !== 0 ? first(id) : -1)).slice(0, 2 * WORDS) : [];
    asked.words.want(named, 400);
    this.words = named.sort((a, b) => first(b) - first(a)).slice(0, WORDS).map((id) => ({ id, text: asked.words.known.get(id) })).filter((word) => word.text);
  }

  /** @param {View} view */
  #scene(view) {
    const { model, asked } = this.board;
    const focus = this.hover >= 0 ? this.hover : model.get("focus");
    const card = asked.look.known.get(focus);
    const known = (/** @type {number} */ id) => 2 * id < this.layout.length;
    const landmarks = model.get("words") && this.camera.zoom < 4 && this.mix === 1 ? this.board.view().landmarks : [];
    return {
      ratio: this.ratio, size: this.size, thumbs: this.thumbs, side: this.side, words: this.mix === 1 ? this.words : [], landmarks,
      at: (/** @type {number} */ id) => view.toScreen(this.layout[2 * id], this.layout[2 * id + 1]),
      toScreen: (/** @type {number} */ x, /** @type {number} */ y) => view.toScreen(x, y),
      chosen: (/** @type {number} */ id) => bits.has(this.mask, id),
      lit: (/** @type {number} */ id) => (this.emphasis ? bits.has(this.mask, id) : !(((this.filter ?? [])[id] ?? 0) & 2)),
      emphasis: this.emphasis, colours: this.colours, lasso: this.lasso, placed: this.board.view().placed ?? [],
      from: card && known(focus) ? focus : -1, ties: (card?.neighbours ?? []).map((/** @type {any} */ near) => ({ id: near.point, kept: near.kept })), strangers: card?.strangers ?? [],
      focus: known(model.get("focus")) ? model.get("focus") : -1, hover: this.hover,
    };
  }

  // Pointer and keys --------------------------------------------------------------------------

  /** @param {MouseEvent} event @returns {[number, number]} */
  #at(event) {
    const box = this.over.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** @param {number} px @param {number} py */
  #pick(px, py) {
    const picture = this.overlay.pictureAt(px, py);
    if (picture >= 0) return picture;
    return this.grid.nearest(...this.view.toMap(px, py), REACH / this.view.scale);
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.button > 1) return;
    const at = this.#at(event);
    this.over.setPointerCapture(event.pointerId);
    this.over.focus({ preventScroll: true });
    const lasso = event.button === 0 && (this.board.model.get("tool") === "lasso" || event.shiftKey);
    this.drag = { at, last: at, lasso, far: false };
    this.lasso = [];
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const at = this.#at(event);
    if (!this.drag) return this.#hovered(this.#pick(...at), at);
    const { drag } = this;
    drag.far ||= Math.hypot(at[0] - drag.at[0], at[1] - drag.at[1]) > 4;
    if (!drag.far) return;
    this.#hovered(-1);
    if (drag.lasso) {
      const since = event.getCoalescedEvents?.() ?? []; // what the browser held back while a slow frame was drawn: corners are in it
      const before = this.lasso.length ? this.lasso : [drag.at];
      this.lasso = thinned([...before, ...since.map((one) => this.#at(one)), at], 3);
      this.dirty(true);
    } else {
      const { scale } = this.view;
      this.move({ x: this.camera.x - (at[0] - drag.last[0]) / scale, y: this.camera.y + (at[1] - drag.last[1]) / scale, zoom: this.camera.zoom });
    }
    drag.last = at;
  }

  /** @param {PointerEvent} event */
  #up(event) {
    const { drag } = this;
    this.drag = null;
    if (!drag) return;
    if (!drag.far) this.#clicked(event, drag.at);
    else if (drag.lasso) {
      const view = this.view;
      const polygon = this.lasso.map(([px, py]) => view.toMap(px, py));
      this.lasso = [];
      const how = event.altKey ? "take away" : event.ctrlKey || event.metaKey ? "add" : "replace"; // Shift only called the lasso
      this.choose(lassoed(this.grid, polygon), how);
    }
    this.dirty();
  }

  /** @param {PointerEvent} event @param {[number, number]} at */
  #clicked(event, at) {
    const id = this.#pick(...at);
    if (id < 0) return;
    this.board.send("focus", id);
    const how = manner(event);
    this.choose(bits.of(this.points.length / 2, [id]), how === "add" && bits.has(this.mask, id) ? "take away" : how);
  }

  /** @param {Uint8Array} fresh @param {"replace" | "add" | "take away"} how */
  choose(fresh, how) {
    const mask = bits.combine(this.mask, fresh, how);
    this.setMask(mask);
    this.board.send("_mask", new DataView(mask.slice().buffer));
  }

  /** @param {number} id @param {[number, number]} [at] */
  #hovered(id, at) {
    if (id === this.hover) return;
    this.hover = id;
    this.over.style.cursor = id >= 0 ? "pointer" : this.board.model.get("tool") === "lasso" ? "crosshair" : "grab";
    if (id >= 0) this.board.asked.look.want([id], 1);
    this.tipAt = at ?? null;
    this.board.drawTip();
    this.dirty(true);
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    event.stopPropagation();
    const lines = event.deltaMode === 1 ? 16 : 1;
    this.move(zoomAt(this.view, ...this.#at(event), Math.exp(-Math.max(-400, Math.min(400, event.deltaY * lines)) / 300)));
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
    const { model, send, store } = this.board;
    const step = 60 / this.view.scale;
    const pan = (/** @type {number} */ x, /** @type {number} */ y) => () => this.move({ ...this.camera, x: this.camera.x + x * step, y: this.camera.y + y * step });
    const zoom = (/** @type {number} */ factor) => () => this.move(zoomAt(this.view, this.size.width / 2, this.size.height / 2, factor));
    const walk = (/** @type {number} */ by) => () => this.#walk(by);
    const focus = model.get("focus");
    /** @type {Record<string, () => void>} */
    const acts = {
      ArrowLeft: pan(-1, 0), ArrowRight: pan(1, 0), ArrowUp: pan(0, 1), ArrowDown: pan(0, -1),
      "+": zoom(1.5), "=": zoom(1.5), "-": zoom(1 / 1.5), _: zoom(1 / 1.5), 0: () => this.fit(),
      n: walk(1), N: walk(-1), l: () => send("tool", "lasso"), p: () => send("tool", "pan"),
      Enter: () => focus >= 0 && this.choose(bits.of(store.arrays.kinds.length, [focus]), shiftKey ? "add" : "replace"),
      Escape: () => { if (this.lasso.length) { this.lasso = []; this.drag = null; this.dirty(); } else this.choose(new Uint8Array(this.mask.length), "replace"); },
    };
    return acts[key];
  }

  /** To the next nearest point of the middle of the screen, or along the true neighbours of the one looked at. @param {number} by */
  #walk(by) {
    const { model, asked, send } = this.board;
    const focus = model.get("focus");
    const near = asked.look.known.get(focus)?.neighbours ?? [];
    if (focus < 0 || !near.length) send("focus", Math.max(0, this.grid.nearest(this.camera.x, this.camera.y, Infinity)));
    else send("focus", near[(near.length + (this.walked = ((this.walked ?? -1) + by))) % near.length]?.point ?? near[0].point);
  }

  release() {
    cancelAnimationFrame(this.frame ?? 0);
    this.observer?.disconnect();
    this.renderer.release();
  }
}

/** A fixed order of preference among points, the same at each zoom. @param {number} id */
function rank(id) {
  return ((id * 2654435761) % 4294967296) / 4294967296;
}

/** @param {number} share */
function eased(share) {
  const at = Math.min(1, Math.max(0, share));
  return at * at * (3 - 2 * at);
}

/** @param {string} name @param {number} drawn @param {number} count */
export function backendText(name, drawn, count) {
  const fewer = drawn < count ? ` · ${drawn.toLocaleString("en")} of ${count.toLocaleString("en")} points while moving` : "";
  const missing = name === "canvas 2D" ? " · no WebGL on a graphics processor here" : "";
  return `${name}${missing}${fewer}`;
}

/** @param {number} count points that the first view leaves out */
export function outsideText(count) {
  return count > 0 ? ` · ${count.toLocaleString("en")} farther out (Fit again shows them)` : "";
}

/** A CSS colour (#rgb, #rrggbb or rgb()) as three shares. @param {string} colour */
export function rgb(colour) {
  const text = colour.trim();
  if (text.startsWith("#")) {
    const wide = text.length < 6 ? [...text.slice(1)].map((digit) => digit + digit).join("") : text.slice(1);
    return [0, 2, 4].map((at) => parseInt(wide.slice(at, at + 2), 16) / 255);
  }
  const parts = (text.match(/[\d.]+/g) ?? ["0", "0", "0"]).slice(0, 3).map(Number);
  return parts.map((part) => part / 255);
}
