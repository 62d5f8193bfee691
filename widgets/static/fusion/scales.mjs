// @ts-check
// Numbers as places on a chart: ticks, spans, and where names have room. Nothing here draws.

/**
 * Round numbers from low to high, about `count` of them.
 * @param {number} low
 * @param {number} high
 * @param {number} [count]
 */
export function ticks(low, high, count = 5) {
  if (!(high > low)) return [low];
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((unit) => unit * power).find((size) => size >= raw) ?? raw;
  const found = [];
  for (let place = Math.ceil(low / step - 1e-9); place * step <= high + step * 1e-9; place += 1)
    found.push(Number((place * step).toPrecision(12)));
  return found;
}

/**
 * Powers of ten (and their 2 and 5 if there are few) between low and high.
 * @param {number} low
 * @param {number} high
 */
export function logTicks(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1)
    for (const unit of [1, 2, 5])
      if (unit * 10 ** power >= low * 0.999 && unit * 10 ** power <= high * 1.001)
        found.push(Number((unit * 10 ** power).toPrecision(3)));
  const tens = found.filter((value) => Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6));
  return tens.length >= 3 ? tens : found;
}

/**
 * A value's place.
 * @param {{low: number, high: number, log?: boolean}} axis
 * @param {number} from
 * @param {number} to
 */
export function scale(axis, from, to) {
  const at = (/** @type {number} */ value) => (axis.log ? Math.log(value) : value);
  const span = at(axis.high) - at(axis.low) || 1;
  return (/** @type {number} */ value) => from + ((at(value) - at(axis.low)) / span) * (to - from);
}

/**
 * "M…L…" through points; a null value breaks the line.
 * @param {(number | null)[][]} points
 * @param {(value: number) => number} x
 * @param {(value: number) => number} y
 */
export function path(points, x, y) {
  let pen = "M";
  let out = "";
  for (const [a, b] of points) {
    if (a === null || b === null) {
      pen = "M";
      continue;
    }
    out += `${pen}${x(a).toFixed(1)},${y(b).toFixed(1)}`;
    pen = "L";
  }
  return out;
}

/**
 * 12345 -> "12.3k", −0.5 with a true minus: what stands at a tick or in a tip.
 * @param {number | null} value
 */
export function short(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  const [unit, letter] =
    size >= 1e9 ? [1e9, "G"] : size >= 1e6 ? [1e6, "M"] : size >= 1e4 ? [1e3, "k"] : [1, ""];
  return `${value < 0 ? "−" : ""}${Number((size / unit).toPrecision(3))}${letter}`;
}

/**
 * The span of numbers with a little air; a span of nothing is widened.
 * @param {(number | null | undefined)[]} values
 * @param {number} [air]
 */
export function span(values, air = 0.05) {
  const known = /** @type {number[]} */ (
    values.filter((value) => typeof value === "number" && Number.isFinite(value))
  );
  if (!known.length) return { low: 0, high: 1 };
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const room = (high - low || Math.abs(high) || 1) * air;
  return { low: low - room, high: high + room };
}

const LETTER = 6.4; // pixels of a letter at 11 px, on the safe side

/** Pixels that a name takes. @param {string} text */
export const wide = (text) => LETTER * text.length + 2;

/** A name cut to a width, with an ellipsis. @param {string} text @param {number} room in pixels */
export function cut(text, room) {
  const most = Math.max(1, Math.floor((room - 2) / LETTER));
  return text.length <= most ? text : `${text.slice(0, most - 1).trimEnd()}…`;
}

/**
 * Heights at least `apart` from each other, as near as can be to those wanted, within low to high.
 * @param {number[]} wanted
 * @param {number} apart
 * @param {number} low
 * @param {number} high
 */
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
 * Names over upright lines: each centred at its line, in the first row from below in which it touches no
 * other.
 * @param {{x: number, name: string}[]} lines @param {number} low @param {number} high where names may stand
 * @returns {{x: number, row: number}[]} left ends and rows, 0 next to the chart
 */
export function staggered(lines, low, high) {
  /** @type {number[]} */ const ends = [];
  const order = lines.map((_, at) => at).sort((a, b) => lines[a].x - lines[b].x);
  /** @type {{x: number, row: number}[]} */ const found = [];
  for (const at of order) {
    const size = wide(lines[at].name);
    const x = Math.max(low, Math.min(lines[at].x - size / 2, high - size));
    const free = ends.findIndex((end) => end + 6 <= x);
    const row = free < 0 ? ends.length : free;
    ends[row] = x + size;
    found[at] = { x, row };
  }
  return found;
}
