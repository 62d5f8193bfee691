// @ts-check
// Geometry of the map, without a screen: camera, index of points, lasso, bitmasks. Everything here is
// linear in the points it must touch, because it runs on a million of them.

/** @typedef {{x: number, y: number, zoom: number}} Camera centre in map units; zoom 1 shows the whole map */
/** @typedef {{low: [number, number], high: [number, number]}} Bounds */
/** @typedef {{width: number, height: number}} Size CSS pixels */

const MARGIN = 0.92; // of the stage that the whole map fills at zoom 1
const PER_CELL = 8; // points a grid cell holds on average

/**
 * The box of all finite points; a unit box where there are none.
 * @param {Float32Array} points
 * @returns {Bounds}
 */
export function boundsOf(points) {
  let [left, bottom, right, top] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < points.length; i += 2) {
    const x = points[i];
    const y = points[i + 1];
    if (!(Number.isFinite(x) && Number.isFinite(y))) continue;
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < bottom) bottom = y;
    if (y > top) top = y;
  }
  return left > right ? { low: [-0.5, -0.5], high: [0.5, 0.5] } : { low: [left, bottom], high: [right, top] };
}

/**
 * The box that a first look should show: all points, unless a few stragglers would shrink the rest to a
 * blot. Then the middle 96 % of each axis with a margin. @param {Float32Array} points @returns {Bounds}
 */
export function bodyOf(points) {
  const all = boundsOf(points);
  const body = { low: [...all.low], high: [...all.high] };
  for (const axis of [0, 1]) {
    const every = Math.max(1, Math.floor(points.length / 2 / 20000)); // a sample is enough for a quantile
    /** @type {number[]} */
    const values = [];
    for (let at = axis; at < points.length; at += 2 * every)
      if (Number.isFinite(points[at])) values.push(points[at]);
    values.sort((a, b) => a - b);
    const [low, high] = [0.02, 0.98].map((share) => values[Math.floor(share * (values.length - 1))] ?? 0);
    const spare = 0.12 * (high - low);
    body.low[axis] = Math.max(all.low[axis], low - spare);
    body.high[axis] = Math.min(all.high[axis], high + spare);
  }
  const area = (/** @type {{low: number[], high: number[]}} */ box) =>
    (box.high[0] - box.low[0]) * (box.high[1] - box.low[1]);
  return /** @type {Bounds} */ (area(body) > 0 && area(body) < 0.7 * area(all) ? body : all);
}

/**
 * The camera that shows every point, in terms of the body's zoom.
 * @param {Bounds} body
 * @param {Bounds} all
 * @param {Size} size
 * @returns {Camera}
 */
export function whole(body, all, size) {
  return { ...home(all), zoom: fitScale(all, size) / fitScale(body, size) };
}

/** Pixels a map unit takes at zoom 1. @param {Bounds} bounds @param {Size} size */
export function fitScale(bounds, size) {
  const wide = bounds.high[0] - bounds.low[0] || 1;
  const tall = bounds.high[1] - bounds.low[1] || 1;
  return MARGIN * Math.min(size.width / wide, size.height / tall);
}

/** @param {Bounds} bounds @returns {Camera} */
export const home = (bounds) => ({
  x: (bounds.low[0] + bounds.high[0]) / 2,
  y: (bounds.low[1] + bounds.high[1]) / 2,
  zoom: 1,
});

/** From the map to the screen and back, for one camera. */
export class View {
  /** @param {Camera} camera @param {Bounds} bounds @param {Size} size */
  constructor(camera, bounds, size) {
    this.camera = camera;
    this.size = size;
    this.scale = fitScale(bounds, size) * camera.zoom;
  }

  /** @param {number} x @param {number} y @returns {[number, number]} */
  toScreen(x, y) {
    return [
      (x - this.camera.x) * this.scale + this.size.width / 2,
      this.size.height / 2 - (y - this.camera.y) * this.scale,
    ];
  }

  /** @param {number} px @param {number} py @returns {[number, number]} */
  toMap(px, py) {
    return [
      (px - this.size.width / 2) / this.scale + this.camera.x,
      (this.size.height / 2 - py) / this.scale + this.camera.y,
    ];
  }

  /** What is on the screen, in map units, `spare` pixels around it included. @returns {Bounds} */
  window(spare = 0) {
    const [left, bottom] = this.toMap(-spare, this.size.height + spare);
    const [right, top] = this.toMap(this.size.width + spare, -spare);
    return { low: [left, bottom], high: [right, top] };
  }
}

/**
 * Zoom by `factor` so that what is under the pointer stays there.
 * @param {View} view
 * @param {number} px
 * @param {number} py
 * @param {number} factor
 * @returns {Camera}
 */
export function zoomAt(view, px, py, factor) {
  const zoom = Math.min(1e5, Math.max(0.2, view.camera.zoom * factor));
  const [x, y] = view.toMap(px, py);
  const share = view.camera.zoom / zoom;
  return { x: x + (view.camera.x - x) * share, y: y + (view.camera.y - y) * share, zoom };
}

/** Points sorted into the cells of a uniform grid, so that "near here" and "in here" touch few of them. */
export class Grid {
  /** @param {Float32Array} points */
  constructor(points) {
    this.points = points;
    const count = points.length / 2;
    const bounds = boundsOf(points);
    this.low = bounds.low;
    this.side = Math.max(1, Math.min(2048, Math.floor(Math.sqrt(count / PER_CELL))));
    this.cell = [
      (bounds.high[0] - bounds.low[0]) / this.side || 1,
      (bounds.high[1] - bounds.low[1]) / this.side || 1,
    ];
    this.start = new Uint32Array(this.side * this.side + 1);
    this.ids = new Uint32Array(count);
    this.#fill(count);
  }

  /** Counting sort. A point that is not finite is in no cell. @param {number} count */
  #fill(count) {
    const cells = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      const cell = this.#cellOf(this.points[2 * i], this.points[2 * i + 1]);
      cells[i] = cell;
      if (cell >= 0) this.start[cell + 1]++;
    }
    for (let cell = 1; cell < this.start.length; cell++) this.start[cell] += this.start[cell - 1];
    const next = this.start.slice();
    for (let i = 0; i < count; i++) if (cells[i] >= 0) this.ids[next[cells[i]]++] = i;
  }

  /** @param {number} x @param {number} y */
  #cellOf(x, y) {
    if (!(Number.isFinite(x) && Number.isFinite(y))) return -1;
    return this.#step(y, 1) * this.side + this.#step(x, 0);
  }

  /** @param {number} value @param {0 | 1} axis */
  #step(value, axis) {
    return Math.min(this.side - 1, Math.max(0, Math.floor((value - this.low[axis]) / this.cell[axis])));
  }

  /** Calls `visit(id)` for every point in a box. @param {Bounds} box @param {(id: number) => void} visit */
  within(box, visit) {
    const [left, right] = [this.#step(box.low[0], 0), this.#step(box.high[0], 0)];
    const [bottom, top] = [this.#step(box.low[1], 1), this.#step(box.high[1], 1)];
    for (let row = bottom; row <= top; row++) {
      const to = this.start[row * this.side + right + 1];
      for (let at = this.start[row * this.side + left]; at < to; at++) {
        const id = this.ids[at];
        const x = this.points[2 * id];
        const y = this.points[2 * id + 1];
        if (x >= box.low[0] && x <= box.high[0] && y >= box.low[1] && y <= box.high[1]) visit(id);
      }
    }
  }

  /**
   * The nearest point no farther than `radius` (map units) that `usable` says may be met, or -1.
   * @param {number} x
   * @param {number} y
   * @param {number} radius
   * @param {(id: number) => boolean} [usable]
   */
  nearest(x, y, radius, usable = () => true) {
    let best = -1;
    let least = radius * radius;
    this.within({ low: [x - radius, y - radius], high: [x + radius, y + radius] }, (id) => {
      const distance = (this.points[2 * id] - x) ** 2 + (this.points[2 * id + 1] - y) ** 2;
      if ((distance < least || (distance === least && best < 0)) && usable(id))
        [best, least] = [id, distance];
    });
    return best;
  }
}

/**
 * Whether a point is inside a polygon (even-odd), exactly. The edges are sorted into horizontal strips
 * first, so that a point meets only the few edges at its own height.
 * @param {[number, number][]} polygon @returns {(x: number, y: number) => boolean}
 */
export function insideOf(polygon) {
  const box = boundsOf(new Float32Array(polygon.flat()));
  let [low, high] = [Infinity, -Infinity]; // in double precision: the strips must cover every edge
  for (const [, y] of polygon) [low, high] = [Math.min(low, y), Math.max(high, y)];
  const count = Math.max(1, Math.min(512, polygon.length));
  const step = (high - low) / count || 1;
  /** @type {number[][]} */
  const strips = Array.from({ length: count }, () => []);
  const stripOf = (/** @type {number} */ y) => Math.min(count - 1, Math.max(0, Math.floor((y - low) / step)));
  polygon.forEach(([x0, y0], at) => {
    const [x1, y1] = polygon[(at + 1) % polygon.length];
    for (let strip = stripOf(Math.min(y0, y1)); strip <= stripOf(Math.max(y0, y1)); strip++)
      strips[strip].push(x0, y0, x1, y1);
  });
  const spare = 1e-6 * (box.high[0] - box.low[0]);
  return (x, y) => {
    if (y < low || y > high || x < box.low[0] - spare || x > box.high[0] + spare) return false;
    const edges = strips[stripOf(y)];
    let inside = false;
    for (let at = 0; at < edges.length; at += 4) {
      const y0 = edges[at + 1];
      const y1 = edges[at + 3];
      if (y0 > y !== y1 > y && x < ((edges[at + 2] - edges[at]) * (y - y0)) / (y1 - y0) + edges[at])
        inside = !inside;
    }
    return inside;
  };
}

/** The bitmask of the points inside a polygon. @param {Grid} grid @param {[number, number][]} polygon */
export function lassoed(grid, polygon) {
  const bits = new Uint8Array(Math.ceil(grid.points.length / 16));
  if (polygon.length < 3) return bits;
  const inside = insideOf(polygon);
  const box = { low: [Infinity, Infinity], high: [-Infinity, -Infinity] };
  for (const [x, y] of polygon) {
    box.low = [Math.min(box.low[0], x), Math.min(box.low[1], y)];
    box.high = [Math.max(box.high[0], x), Math.max(box.high[1], y)];
  }
  grid.within(/** @type {Bounds} */ (box), (id) => {
    if (inside(grid.points[2 * id], grid.points[2 * id + 1])) bits[id >> 3] |= 1 << (id & 7);
  });
  return bits;
}

/**
 * A drawn path has far more vertices than it has shape: drop those nearer than `step` to the one before.
 * @param {[number, number][]} path
 * @param {number} step
 */
export function thinned(path, step) {
  /** @type {[number, number][]} */
  const kept = [];
  for (const point of path) {
    const last = kept[kept.length - 1];
    if (!last || Math.hypot(point[0] - last[0], point[1] - last[1]) >= step) kept.push(point);
  }
  return kept;
}

/** A bitmask: bit i of byte i >> 3 is point i, as `numpy.packbits(bitorder="little")` has it. */
export const bits = {
  /** @param {Uint8Array} mask @param {number} id */
  has: (mask, id) => ((mask[id >> 3] ?? 0) & (1 << (id & 7))) !== 0,

  /** @param {number} count @param {Iterable<number>} ids */
  of(count, ids) {
    const mask = new Uint8Array(Math.ceil(count / 8));
    for (const id of ids) mask[id >> 3] |= 1 << (id & 7);
    return mask;
  },

  /** @param {Uint8Array} mask */
  count(mask) {
    let total = 0;
    for (let byte of mask) for (; byte; byte &= byte - 1) total++;
    return total;
  },

  /** Point numbers, ascending. @param {Uint8Array} mask */
  ids(mask) {
    const ids = new Uint32Array(bits.count(mask));
    let at = 0;
    mask.forEach((byte, place) => {
      for (let bit = 0; byte >> bit; bit++) if ((byte >> bit) & 1) ids[at++] = 8 * place + bit;
    });
    return ids;
  },

  /** @param {Uint8Array} old @param {Uint8Array} fresh @param {"replace" | "add" | "take away"} how */
  combine(old, fresh, how) {
    if (how === "replace") return fresh;
    // an empty mask has no length
    const before = old.length === fresh.length ? old : new Uint8Array(fresh.length);
    return fresh.map((byte, place) => (how === "add" ? byte | before[place] : before[place] & ~byte));
  },
};

/**
 * One point for each cell of a screen-sized lattice, so that pictures do not lie on one another. The
 * lattice is fixed to the map and halves its step with each doubling of the zoom: while panning nothing
 * changes hands. In a cell the point with the highest `rank` wins; below 0 it never does.
 * @param {Grid} grid @param {View} view @param {number} spacing pixels a cell takes at least
 * @param {(id: number) => number} rank @returns {number[]}
 */
export function representatives(grid, view, spacing, rank) {
  const step = 2 ** Math.ceil(Math.log2(spacing / view.scale));
  const box = view.window(spacing);
  const [left, bottom] = box.low.map((value) => Math.floor(value / step));
  const columns = Math.floor(box.high[0] / step) - left + 1;
  /** @type {Map<number, {id: number, rank: number}>} */
  const best = new Map();
  grid.within(box, (id) => {
    const own = rank(id);
    if (own < 0) return;
    const cell =
      (Math.floor(grid.points[2 * id + 1] / step) - bottom) * columns +
      Math.floor(grid.points[2 * id] / step) -
      left;
    const seen = best.get(cell);
    if (!seen || own > seen.rank || (own === seen.rank && id < seen.id)) best.set(cell, { id, rank: own });
  });
  return [...best.values()].map((winner) => winner.id);
}

/**
 * An order in which every beginning is spread over all points: what is drawn while the map moves.
 * @param {number} count
 */
export function spreadOrder(count) {
  const order = new Uint32Array(count);
  let stride = Math.max(1, Math.round(count * 0.6180339887)) | 1;
  while (gcd(stride, count) !== 1) stride += 2;
  for (let i = 0, at = 0; i < count; i++, at = (at + stride) % count) order[i] = at;
  return order;
}

/** @param {number} a @param {number} b @returns {number} */
const gcd = (a, b) => (b ? gcd(b, a % b) : a);

/**
 * Positions between two layouts.
 * @param {Float32Array} from
 * @param {Float32Array} to
 * @param {number} share
 */
export function between(from, to, share) {
  if (share >= 1 || from.length !== to.length) return to;
  return to.map((value, at) => from[at] + (value - from[at]) * share);
}
