// @ts-check
// Points with names: quality against cost. Every point says its name on hover and focus; those that matter
// are named.
import { chartFrame, s } from "./chart.mjs";
import { cut, path, short, span, wide } from "./scales.mjs";

const HIGH = 13; // pixels of a line of letters
const NEAR = [
  [12, 4],
  [-12, 4],
  [10, -8],
  [-10, -8],
  [10, 16],
  [-10, 16],
  [14, -22],
  [-14, -22],
  [14, 30],
  [-14, 30],
];

/** @import { Axes } from "./chart.mjs" */
/** @import { Axis, CostPoint, Line } from "./charts.d.ts" */
/** @typedef {{left: number, right: number, top: number, bottom: number}} Box */
/** @typedef {{x: number, y: number, name: string}} Named */
/** @typedef {CostPoint & {x: number, y: number}} Known */

/** @param {Box} one @param {Box} other */
const touch = (one, other) =>
  one.left < other.right && one.right > other.left && one.top < other.bottom && one.bottom > other.top;

/**
 * Places for names beside their points: the nearest at which a name touches no point and no name before it.
 * @param {Named[]} named @param {{x: number, y: number}[]} points all of them
 * @param {Box} within
 * @returns {{x: number, y: number, end: boolean, box: Box, far: boolean}[]} `end`: the text ends there
 */
export function besidePoints(named, points, within) {
  /** @type {Box[]} */ const taken = points.map(({ x, y }) => ({
    left: x - 6,
    right: x + 6,
    top: y - 6,
    bottom: y + 6,
  }));
  const boxOf = (/** @type {Named} */ point, /** @type {number} */ dx, /** @type {number} */ dy) => {
    const size = wide(point.name);
    const x = point.x + dx;
    return {
      left: dx < 0 ? x - size : x,
      right: dx < 0 ? x : x + size,
      top: point.y + dy - 10,
      bottom: point.y + dy - 10 + HIGH,
    };
  };
  const inside = (/** @type {Box} */ box) =>
    box.left >= within.left &&
    box.right <= within.right &&
    box.top >= within.top &&
    box.bottom <= within.bottom;
  return named.map((point) => {
    const tries = [...NEAR];
    for (let turn = 3; turn < 14; turn += 1)
      for (const side of [12, -12]) tries.push([side, -HIGH * turn], [side, HIGH * turn]);
    const fits = (/** @type {number[]} */ [dx, dy]) => {
      const box = boxOf(point, dx, dy);
      return inside(box) && !taken.some((other) => touch(box, other));
    };
    // A name that stands nearer to another point than to its own would be read as the other's.
    const own = (/** @type {number[]} */ [dx, dy]) =>
      points.every(
        (other) =>
          Math.hypot(point.x + dx - other.x, point.y + dy - 4 - other.y) >= Math.hypot(dx, dy - 4) - 1,
      );
    const free = tries.find((place) => fits(place) && own(place)) ?? tries.find(fits) ?? tries[0];
    const box = boxOf(point, free[0], free[1]);
    taken.push(box);
    return {
      x: point.x + free[0],
      y: point.y + free[1],
      end: free[0] < 0,
      box,
      far: Math.abs(free[1] - 4) > 8,
    };
  });
}

/**
 * Points, those on the Pareto front joined by a line and coloured, the rest grey.
 * @param {{label: string, x: Partial<Axis>, y: Partial<Axis>, points: CostPoint[], lines?: Line[],
 *   width?: number, height?: number, onpick?: (name: string) => void}} options
 */
export function pointChart({ label, x, y, points, lines = [], width = 620, height = 340, onpick }) {
  const known = points.filter(
    /** @returns {point is Known} */
    (point) => point.x !== null && point.y !== null && (!x.log || point.x > 0),
  );
  const horizontal = {
    ...span(
      known.map((point) => point.x),
      0.06,
    ),
    ...x,
  };
  if (x.log)
    Object.assign(horizontal, {
      low: Math.min(...known.map((point) => point.x)) / 1.3,
      high: Math.max(...known.map((point) => point.x)) * 1.3,
    });
  const vertical = {
    ...span(
      [...known.flatMap((point) => [point.y, point.low, point.high]), ...lines.map((line) => line.value)],
      0.08,
    ),
    ...y,
  };
  const right = Math.min(Math.max(12, ...lines.map((line) => wide(line.name) + 20)), Math.floor(width * 0.3));
  const frame = chartFrame({ width, height, label, x: horizontal, y: vertical, right });
  for (const line of lines)
    frame.element.append(
      s("line", {
        class: "fb-reference",
        x1: frame.left,
        x2: frame.right,
        y1: frame.Y(line.value),
        y2: frame.Y(line.value),
      }),
    );
  const front = known.filter((point) => point.front).sort((a, b) => a.x - b.x);
  if (front.length > 1)
    frame.element.append(
      s("path", {
        class: "fb-front",
        d: path(
          front.map((point) => [point.x, point.y]),
          frame.X,
          frame.Y,
        ),
      }),
    );
  for (const point of known) {
    const [cx, cy] = [frame.X(point.x), frame.Y(point.y)];
    const { low, high } = point;
    const ends = low !== null && high !== null ? ` (${short(low)} to ${short(high)})` : "";
    const said = `${point.title}: ${short(point.y)}${ends}, ${short(point.x)} ${x.unit ?? ""}`.trim();
    const group = s("g", {
      class: "fb-series fb-point",
      "data-where": point.front || point.strong ? point.where : "none",
      "data-strong": point.strong ? "true" : null,
      "data-tip": said,
      tabindex: 0,
      role: "img",
      "aria-label": said,
    });
    if (low !== null && high !== null)
      group.append(s("line", { class: "fb-whisker", x1: cx, x2: cx, y1: frame.Y(low), y2: frame.Y(high) }));
    group.append(
      s("circle", { cx, cy, r: point.strong ? 6.5 : 4.5 }),
      s("circle", { class: "fb-hit", cx, cy, r: 10 }),
    );
    if (onpick) group.addEventListener("click", () => onpick(point.name));
    frame.element.append(group);
  }
  const named = known
    .filter((point) => point.front || point.strong)
    .map((point) => ({ ...point, x: frame.X(point.x), y: frame.Y(point.y), name: point.title }));
  const all = known.map((point) => ({ x: frame.X(point.x), y: frame.Y(point.y) }));
  besidePoints(named, all, { left: frame.left, right: frame.right, top: 0, bottom: frame.bottom }).forEach(
    (place, at) => {
      const point = named[at];
      const group = s("g", {
        class: "fb-series",
        "data-where": point.where,
        "data-strong": point.strong ? "true" : null,
      });
      if (place.far)
        group.append(s("line", { class: "fb-lead", x1: point.x, y1: point.y, x2: place.x, y2: place.y - 4 }));
      group.append(
        s("text", {
          class: "fb-name",
          x: place.x,
          y: place.y,
          "text-anchor": place.end ? "end" : "start",
          text: point.title,
        }),
      );
      frame.element.append(group);
    },
  );
  lines.forEach((line, at) =>
    frame.element.append(
      s("text", {
        class: "fb-reference-name",
        x: frame.right + 6,
        y: referenceHeights(lines, frame)[at] + 4,
        text: cut(line.name, right - 8),
      }),
    ),
  );
  return frame.element;
}

/** Heights of the names of reference lines, apart. @param {Line[]} lines @param {Axes} frame */
function referenceHeights(lines, frame) {
  const order = lines.map((_, at) => at).sort((a, b) => frame.Y(lines[a].value) - frame.Y(lines[b].value));
  /** @type {number[]} */ const found = [];
  let last = -Infinity;
  for (const at of order) last = found[at] = Math.max(frame.Y(lines[at].value), last + HIGH);
  return found;
}
