// @ts-check
// Small charts as SVG: lines with bands, dots with intervals, bars, points. Colours come from the style sheet.

const NS = "http://www.w3.org/2000/svg";

/** An SVG element; `text` is plain text. @param {string} tag @param {Record<string, any>} [props] @param {...any} children @returns {any} */
export function s(tag, props = {}, ...children) {
  const element = document.createElementNS(NS, tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") element.textContent = String(value);
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Round numbers from low to high, about `count` of them. @param {number} low @param {number} high @param {number} [count] */
export function ticks(low, high, count = 5) {
  if (!(high > low)) return [low];
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((unit) => unit * power).find((size) => size >= raw) ?? raw;
  const found = [];
  for (let place = Math.ceil(low / step - 1e-9); place * step <= high + step * 1e-9; place += 1) found.push(Number((place * step).toPrecision(12)));
  return found;
}

/** Powers of ten (and their 2 and 5 if there are few) between low and high. @param {number} low @param {number} high */
export function logTicks(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1)
    for (const unit of [1, 2, 5]) if (unit * 10 ** power >= low * 0.999 && unit * 10 ** power <= high * 1.001) found.push(Number((unit * 10 ** power).toPrecision(3)));
  const tens = found.filter((value) => Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6));
  return tens.length >= 3 ? tens : found;
}

/** A value's place. @param {{low: number, high: number, log?: boolean}} axis @param {number} from @param {number} to */
export function scale(axis, from, to) {
  const at = (/** @type {number} */ value) => (axis.log ? Math.log(value) : value);
  const span = at(axis.high) - at(axis.low) || 1;
  return (/** @type {number} */ value) => from + ((at(value) - at(axis.low)) / span) * (to - from);
}

/** "M…L…" through points; a null value breaks the line. @param {(number | null)[][]} points @param {Function} x @param {Function} y */
export function path(points, x, y) {
  let pen = "M";
  let out = "";
  for (const [a, b] of points) {
    if (a === null || b === null) { pen = "M"; continue; }
    out += `${pen}${x(a).toFixed(1)},${y(b).toFixed(1)}`;
    pen = "L";
  }
  return out;
}

/** 12345 -> "12k", 0.00012 -> "0.00012". @param {number | null} value */
export function short(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size >= 1e9) return `${Number((value / 1e9).toPrecision(3))}G`;
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  return String(Number(value.toPrecision(3)));
}

/** The span of numbers with a little air; a span of nothing is widened. @param {(number | null | undefined)[]} values @param {number} [air] */
export function span(values, air = 0.05) {
  const known = /** @type {number[]} */ (values.filter((value) => typeof value === "number" && Number.isFinite(value)));
  if (!known.length) return { low: 0, high: 1 };
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const room = (high - low || Math.abs(high) || 1) * air;
  return { low: low - room, high: high + room };
}

/** An empty drawing that shrinks with its place and does not grow: letters keep their size. @param {number} width @param {number} height @param {string} label */
function chartRoot(width, height, label) {
  const element = s("svg", { class: "fb-chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  element.style.maxWidth = `${width}px`;
  return element;
}

/** Heights at least `apart` from each other, as near as can be to those wanted, within low to high. @param {number[]} wanted @param {number} apart @param {number} low @param {number} high */
export function apartFrom(wanted, apart, low, high) {
  const order = wanted.map((_, place) => place).sort((a, b) => wanted[a] - wanted[b]);
  const found = [...wanted];
  let last = low - apart;
  for (const place of order) last = found[place] = Math.max(found[place], last + apart);
  let next = high + apart;
  for (const place of [...order].reverse()) next = found[place] = Math.min(found[place], next - apart);
  return found;
}

/**
 * Axes with their labels. Margins are fixed, so that charts beside each other line up.
 * @param {{width: number, height: number, label: string, x: any, y: any, left?: number, right?: number}} options
 */
export function chartFrame({ width, height, label, x, y, left = 46, right = 12 }) {
  const [top, bottom] = [10, 36];
  const X = scale(x, left, width - right);
  const Y = scale(y, height - bottom, top);
  const element = chartRoot(width, height, label);
  const xs = x.ticks ?? (x.log ? logTicks(x.low, x.high) : ticks(x.low, x.high, Math.max(3, Math.floor(width / 90))));
  const ys = y.ticks ?? ticks(y.low, y.high, Math.max(3, Math.floor(height / 45)));
  for (const value of ys) {
    element.append(s("line", { class: "fb-grid", x1: left, x2: width - right, y1: Y(value), y2: Y(value) }));
    element.append(s("text", { class: "fb-tick", x: left - 6, y: Y(value) + 4, "text-anchor": "end", text: short(value) }));
  }
  for (const value of xs) element.append(s("text", { class: "fb-tick", x: X(value), y: height - bottom + 16, "text-anchor": "middle", text: x.format ? x.format(value) : short(value) }));
  element.append(s("line", { class: "fb-axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }));
  element.append(s("text", { class: "fb-axis-label", x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle", text: x.label ?? "" }));
  return { element, X, Y, left, right: width - right, top, bottom: height - bottom };
}

/** Where the names of horizontal lines begin: at `start`, or beside the name above where the two lines nearly meet. @param {{y: number, name: string}[]} lines from the top down @param {number} start @param {number} [apart] */
export function nameStarts(lines, start, apart = 12) {
  let [last, end] = [-Infinity, start];
  return lines.map(({ y, name }) => {
    const x = y - last < apart ? end : start;
    [last, end] = [y, x + 6.2 * name.length + 14];
    return x;
  });
}

/** Horizontal reference lines; gives their names, which stand on them and are to be drawn over everything else. @param {any} frame @param {any[]} lines */
function referenceLines(frame, lines) {
  const rows = lines.map(({ value, name }) => ({ y: frame.Y(value), name })).filter(({ y }) => y >= frame.top - 1 && y <= frame.bottom + 1).sort((a, b) => a.y - b.y);
  const starts = nameStarts(rows, frame.left + 4);
  frame.element.append(...rows.map(({ y }) => s("line", { class: "fb-reference", x1: frame.left, x2: frame.right, y1: y, y2: y })));
  return rows.map(({ y, name }, at) => s("text", { class: "fb-reference-name", x: starts[at], y: y - 3, text: name }));
}

/**
 * Lines with an optional band. `points` are [x, y, low?, high?]; `strong` series are drawn on top.
 * @param {{label: string, x: any, y: any, series: any[], lines?: any[], width?: number, height?: number, onpick?: (name: string) => void}} options
 */
export function lineChart({ label, x, y, series, lines = [], width = 520, height = 240, onpick }) {
  const xs = series.flatMap((one) => one.points.map((/** @type {any} */ point) => point[0]));
  const ys = series.flatMap((one) => one.points.flatMap((/** @type {any} */ point) => (one.strong ? point.slice(1) : [point[1]])));
  const horizontal = { ...span(xs, 0), ...x };
  const vertical = { ...span([...ys, ...lines.map((line) => line.value)]), ...y };
  const longest = Math.max(0, ...series.filter((one) => one.strong).map((one) => (one.title ?? one.name).length));
  const frame = chartFrame({ width, height, label, x: horizontal, y: vertical, right: Math.min(190, 14 + 6.4 * longest) });
  const names = referenceLines(frame, lines);
  for (const one of [...series].sort((a, b) => Number(Boolean(a.strong)) - Number(Boolean(b.strong)))) {
    const group = s("g", { class: "fb-series", "data-where": one.where ?? "", "data-strong": one.strong ? "true" : null, "data-dashed": one.dashed ? "true" : null });
    const banded = one.points.filter((/** @type {any} */ point) => typeof point[2] === "number" && typeof point[3] === "number");
    if (one.strong && banded.length > 1) {
      const up = banded.map((/** @type {any} */ point) => [point[0], point[3]]);
      const down = banded.map((/** @type {any} */ point) => [point[0], point[2]]).reverse();
      group.append(s("path", { class: "fb-band", d: `${path([...up, ...down], frame.X, frame.Y)}Z` }));
    }
    group.append(s("path", { class: "fb-line", d: path(one.points, frame.X, frame.Y) }));
    if (one.strong && one.points.length <= 12) for (const [a, b] of one.points) if (b !== null) group.append(s("circle", { cx: frame.X(a), cy: frame.Y(b), r: 3 }));
    group.append(s("title", { text: one.title ?? one.name }));
    if (onpick) group.addEventListener("click", () => onpick(one.name));
    frame.element.append(group);
  }
  frame.element.append(...names);
  nameLines(frame, series.filter((one) => one.strong));
  return frame.element;
}

/** Names of the strong lines at their right ends, moved apart where they would overlap. @param {any} frame @param {any[]} series */
function nameLines(frame, series) {
  const ends = series.map((one) => ({ one, last: one.points.filter((/** @type {any} */ point) => point[1] !== null).at(-1) })).filter((row) => row.last);
  const places = apartFrom(ends.map((row) => frame.Y(row.last[1]) + 4), 13, frame.top + 6, frame.bottom);
  ends.forEach(({ one, last }, at) => {
    const title = one.title ?? one.name;
    frame.element.append(s("text", { class: "fb-line-name", "data-where": one.where ?? "", x: Math.max(frame.X(last[0]), frame.left) + 6, y: places[at], text: title }));
  });
}

/**
 * One row a name: a dot, its interval, and small marks for single seeds; vertical reference lines.
 * @param {{label: string, rows: any[], lines?: any[], axis: any, width?: number, onpick?: (name: string) => void}} options
 */
export function dotChart({ label, rows, lines = [], axis, width = 620, onpick }) {
  const [left, right, top, row] = [196, 18, 22, 24];
  const height = top + rows.length * row + 30;
  const values = rows.flatMap((one) => [one.mean, one.low, one.high, ...(one.seeds ?? [])]).concat(lines.map((line) => line.value));
  const horizontal = { ...span(values, 0.06), ...axis };
  const X = scale(horizontal, left, width - right);
  const element = chartRoot(width, height, label);
  for (const value of ticks(horizontal.low, horizontal.high, 6)) {
    element.append(s("line", { class: "fb-grid", x1: X(value), x2: X(value), y1: top - 4, y2: height - 28 }));
    element.append(s("text", { class: "fb-tick", x: X(value), y: height - 14, "text-anchor": "middle", text: short(value) }));
  }
  let last = -Infinity;
  for (const line of [...lines].sort((a, b) => a.value - b.value)) {
    const x = X(line.value);
    element.append(s("line", { class: "fb-reference", x1: x, x2: x, y1: top - 6, y2: height - 28 }));
    const wide = 6.2 * line.name.length;
    const at = Math.min(Math.max(x - wide / 2, last + 6, left), width - right - wide);
    last = at + wide;
    element.append(s("text", { class: "fb-reference-name", x: at, y: 11, text: line.name }));
  }
  element.append(s("text", { class: "fb-axis-label", x: (left + width - right) / 2, y: height - 2, "text-anchor": "middle", text: axis.label ?? "" }));
  rows.forEach((one, place) => {
    const y = top + place * row + row / 2;
    const group = s("g", { class: "fb-series fb-dotrow", "data-where": one.where, "data-strong": one.strong ? "true" : null });
    group.append(s("rect", { class: "fb-hit", x: 0, y: y - row / 2, width, height: row }));
    group.append(s("text", { class: "fb-row-name", x: left - 10, y: y + 4, "text-anchor": "end", text: one.title }));
    if (one.low !== null && one.high !== null) group.append(s("line", { class: "fb-whisker", x1: X(Math.max(one.low, horizontal.low)), x2: X(Math.min(one.high, horizontal.high)), y1: y, y2: y }));
    for (const value of one.seeds ?? []) if (value !== null) group.append(s("line", { class: "fb-seed", x1: X(value), x2: X(value), y1: y - 5, y2: y + 5 }));
    if (one.mean !== null) group.append(s("circle", { cx: X(one.mean), cy: y, r: one.strong ? 6 : 4.5 }));
    group.append(s("title", { text: `${one.title}: ${short(one.mean)}` }));
    if (onpick) group.addEventListener("click", () => onpick(one.fusion));
    element.append(group);
  });
  return element;
}

/**
 * Rows of signed bars from a common zero; each row has several `parts` {name, value, low, high, hue, mark}.
 * @param {{label: string, rows: any[], unit?: string, width?: number, onpick?: (name: string) => void, lines?: any[]}} options
 */
export function barChart({ label, rows, unit = "", width = 620, onpick, lines = [] }) {
  const [left, right, bar, gap] = [196, 46, 9, 8];
  const heights = rows.map((row) => row.parts.length * bar + gap);
  const height = heights.reduce((sum, value) => sum + value, 0) + 34;
  const values = rows.flatMap((row) => row.parts.flatMap((/** @type {any} */ part) => [part.value, part.low, part.high, part.mark]));
  const axis = span([0, ...values, ...lines.map((line) => line.value)], 0.04);
  const X = scale(axis, left, width - right);
  const element = chartRoot(width, height, label);
  for (const value of ticks(axis.low, axis.high, 6)) {
    element.append(s("line", { class: "fb-grid", x1: X(value), x2: X(value), y1: 4, y2: height - 30 }));
    element.append(s("text", { class: "fb-tick", x: X(value), y: height - 17, "text-anchor": "middle", text: short(value) }));
  }
  element.append(s("text", { class: "fb-axis-label", x: (left + width - right) / 2, y: height - 3, "text-anchor": "middle", text: unit }));
  let y = 6;
  rows.forEach((row, place) => {
    const group = s("g", { class: "fb-bars", "data-strong": row.strong ? "true" : null });
    group.append(s("rect", { class: "fb-hit", x: 0, y: y - gap / 2, width, height: heights[place] }));
    group.append(s("text", { class: "fb-row-name", x: left - 10, y: y + (heights[place] - gap) / 2 + 4, "text-anchor": "end", text: row.title }));
    row.parts.forEach((/** @type {any} */ part, /** @type {number} */ at) => {
      const top = y + at * bar;
      if (part.value === null) { group.append(s("text", { class: "fb-tick", x: X(0) + 4, y: top + bar - 1, text: "–" })); return; }
      const [from, to] = [X(Math.min(0, part.value)), X(Math.max(0, part.value))];
      group.append(s("rect", { class: "fb-bar", "data-hue": part.hue, x: from, y: top, width: Math.max(1, to - from), height: bar - 2 }, s("title", { text: `${row.title}, ${part.name}: ${short(part.value)} ${unit}` })));
      if (typeof part.low === "number" && typeof part.high === "number") group.append(s("line", { class: "fb-error", x1: X(part.low), x2: X(part.high), y1: top + bar / 2 - 1, y2: top + bar / 2 - 1 }));
      if (typeof part.mark === "number") group.append(s("line", { class: "fb-null", x1: X(part.mark), x2: X(part.mark), y1: top - 1, y2: top + bar - 1 }, s("title", { text: `with labels shuffled: ${short(part.mark)}` })));
    });
    if (onpick) group.addEventListener("click", () => onpick(row.fusion));
    element.append(group);
    y += heights[place];
  });
  element.append(s("line", { class: "fb-axis", x1: X(0), x2: X(0), y1: 4, y2: height - 30 }));
  return element;
}

/** Points with names, those on the front joined by a stepped line. @param {{label: string, x: any, y: any, points: any[], lines?: any[], width?: number, height?: number, onpick?: (name: string) => void}} options */
export function pointChart({ label, x, y, points, lines = [], width = 620, height = 330, onpick }) {
  const known = points.filter((point) => point.x !== null && point.y !== null && (!x.log || point.x > 0));
  const horizontal = { ...span(known.map((point) => point.x), 0.06), ...x };
  if (x.log) Object.assign(horizontal, { low: Math.min(...known.map((point) => point.x)) / 1.3, high: Math.max(...known.map((point) => point.x)) * 1.3 });
  const vertical = { ...span([...known.flatMap((point) => [point.y, point.low, point.high]), ...lines.map((line) => line.value)], 0.08), ...y };
  const frame = chartFrame({ width, height, label, x: horizontal, y: vertical });
  const names = referenceLines(frame, lines);
  const front = known.filter((point) => point.front).sort((a, b) => a.x - b.x);
  if (front.length > 1) frame.element.append(s("path", { class: "fb-front", d: path(front.map((point) => [point.x, point.y]), frame.X, frame.Y) }));
  for (const point of known) {
    const [cx, cy] = [frame.X(point.x), frame.Y(point.y)];
    const group = s("g", { class: "fb-series", "data-where": point.where, "data-strong": point.strong ? "true" : null });
    if (point.low !== null && point.high !== null) group.append(s("line", { class: "fb-whisker", x1: cx, x2: cx, y1: frame.Y(point.low), y2: frame.Y(point.high) }));
    group.append(s("circle", { cx, cy, r: point.strong ? 6.5 : 4.5 }));
    group.append(s("title", { text: `${point.title}: ${short(point.x)}, ${short(point.y)}` }));
    if (onpick) group.addEventListener("click", () => onpick(point.name));
    frame.element.append(group);
  }
  frame.element.append(...names);
  namePoints(frame, known.filter((point) => point.front || point.strong));
  return frame.element;
}

/** Heights of names that span `from` to `to`: as wanted, or below those in the way. @param {{from: number, to: number, y: number}[]} names @param {number} apart */
export function below(names, apart) {
  const found = names.map((name) => name.y);
  const order = names.map((_, place) => place).sort((a, b) => names[a].y - names[b].y);
  order.forEach((place, turn) => {
    const inWay = order.slice(0, turn).filter((other) => names[place].from < names[other].to && names[place].to > names[other].from);
    for (const other of inWay.sort((a, b) => found[a] - found[b])) if (Math.abs(found[place] - found[other]) < apart) found[place] = found[other] + apart;
  });
  return found;
}

/** Names beside their points; a thin line leads back from a name that had to move. @param {any} frame @param {any[]} points */
function namePoints(frame, points) {
  const boxes = points.map((point) => {
    const leftSide = frame.X(point.x) > frame.right - 180;
    const x = frame.X(point.x) + (leftSide ? -14 : 14);
    const wide = 6.6 * point.title.length;
    return { leftSide, x, from: leftSide ? x - wide : x, to: leftSide ? x : x + wide, y: frame.Y(point.y) + 4 };
  });
  below(boxes, 14).forEach((y, at) => {
    const [point, { leftSide, x, y: wanted }] = [points[at], boxes[at]];
    const group = s("g", { class: "fb-series", "data-where": point.where, "data-strong": point.strong ? "true" : null });
    if (y - wanted > 3) group.append(s("line", { class: "fb-lead", x1: frame.X(point.x), y1: wanted - 4, x2: x + (leftSide ? 2 : -2), y2: y - 4 }));
    group.append(s("text", { class: "fb-name", x, y, "text-anchor": leftSide ? "end" : "start", text: point.title }));
    frame.element.append(group);
  });
}
