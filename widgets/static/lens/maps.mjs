// @ts-check
// Arithmetic on packed attention: no DOM, no model. One group of sites is one array of bytes,
// layer x head x query x key, each byte q standing for the weight (q / levels) squared.

/** @import { Group } from "./types.d.ts" */

/** The weight behind each byte. @param {number} levels */
export function decodeTable(levels) {
  return Float32Array.from({ length: 256 }, (_, code) => (code / levels) ** 2);
}

/**
 * A group of sites with its bytes.
 * @typedef {{layers: number, heads: number, queries: number, keys: number, codes: Uint8Array,
 *   table: Float32Array, means: (Float32Array | undefined)[]}} Maps
 */

/**
 * @param {Pick<Group, "queries" | "keys" | "sites" | "heads">} group one of the view
 * @param {Uint8Array} codes
 * @param {number} levels
 * @returns {Maps}
 */
export function mapsOf(group, codes, levels) {
  const [queries, keys] = [group.queries.length, group.keys.length];
  return {
    layers: group.sites.length,
    heads: group.heads,
    queries,
    keys,
    codes,
    table: decodeTable(levels),
    means: [],
  };
}

/**
 * What one token attends to (or, backwards, which queries attend to it) in one head.
 * @param {Maps} maps
 * @param {number} layer
 * @param {number} head @param {number} token @param {boolean} backwards @param {Float32Array} [into] */
export function headLine(maps, layer, head, token, backwards, into) {
  const { codes, table, queries, keys } = maps;
  const start = (layer * maps.heads + head) * queries * keys;
  const count = backwards ? queries : keys;
  const [first, step] = backwards ? [start + token, keys] : [start + token * keys, 1];
  const out = into ?? new Float32Array(count);
  for (let k = 0, at = first; k < count; k++, at += step) out[k] = table[codes[at]];
  return out;
}

/** One head, query x key. @param {Maps} maps @param {number} layer @param {number} head */
export function headMap(maps, layer, head) {
  const size = maps.queries * maps.keys;
  const start = (layer * maps.heads + head) * size;
  return Float32Array.from({ length: size }, (_, k) => maps.table[maps.codes[start + k]]);
}

/**
 * The mean of all heads of a layer, query x key; kept once it was asked for.
 * @param {Maps} maps
 * @param {number} layer
 */
export function meanMap(maps, layer) {
  const known = maps.means[layer];
  if (known) return known;
  const size = maps.queries * maps.keys;
  const out = new Float32Array(size);
  for (let head = 0; head < maps.heads; head++) {
    const start = (layer * maps.heads + head) * size;
    for (let k = 0; k < size; k++) out[k] += maps.table[maps.codes[start + k]];
  }
  for (let k = 0; k < size; k++) out[k] /= maps.heads;
  maps.means[layer] = out;
  return out;
}

/**
 * A line of the mean of heads.
 * @param {Maps} maps
 * @param {number} layer
 * @param {number} token
 * @param {boolean} backwards
 */
export function meanLine(maps, layer, token, backwards) {
  const mean = meanMap(maps, layer);
  const { queries, keys } = maps;
  if (!backwards) return mean.slice(token * keys, (token + 1) * keys);
  return Float32Array.from({ length: queries }, (_, row) => mean[row * keys + token]);
}

/**
 * A line of rollout (Abnar and Zuidema 2020) from the first layer up to `layer`: half of each layer is the
 * shortcut. One line needs vectors only, never the product of matrices.
 * @param {Maps} maps @param {number} layer @param {number} token @param {boolean} backwards
 */
export function rolloutLine(maps, layer, token, backwards) {
  const count = maps.keys;
  let flow = new Float32Array(count);
  flow[token] = 1;
  for (let step = 0; step <= layer; step++) {
    const mean = meanMap(maps, backwards ? step : layer - step);
    const next = new Float32Array(count);
    for (let row = 0; row < count; row++) {
      const start = row * count;
      let sum = 0;
      for (let k = 0; k < count; k++) sum += mean[start + k];
      if (backwards) {
        let dot = 0;
        for (let k = 0; k < count; k++) dot += mean[start + k] * flow[k];
        next[row] = 0.5 * (dot / sum) + 0.5 * flow[row];
      } else if (flow[row] > 0) {
        const share = (0.5 * flow[row]) / sum;
        for (let k = 0; k < count; k++) next[k] += share * mean[start + k];
        next[row] += 0.5 * flow[row];
      }
    }
    flow = next;
  }
  return flow;
}

/**
 * All lines of a reading, query x key.
 * @param {Maps} maps
 * @param {string} reading
 * @param {number} layer
 * @param {number} head
 */
export function wholeMap(maps, reading, layer, head) {
  if (reading === "head") return headMap(maps, layer, head);
  if (reading === "mean") return meanMap(maps, layer);
  const out = new Float32Array(maps.queries * maps.keys);
  for (let row = 0; row < maps.queries; row++) out.set(rolloutLine(maps, layer, row, false), row * maps.keys);
  return out;
}

/** The place of a weight on the colour scale, 0 to 1: its square root, so that small weights are told apart.
 * @param {number} value @param {number} top */
export function shade(value, top) {
  return top > 0 && value > 0 ? Math.min(1, Math.sqrt(value / top)) : 0;
}

/**
 * The patch under a point of the picture, or -1.
 * @param {number} x 0 to 1
 * @param {number} y 0 to 1
 * @param {number[]} grid
 */
export function patchAt(x, y, grid) {
  const [rows, columns] = grid;
  if (!(x >= 0 && x < 1 && y >= 0 && y < 1)) return -1;
  return Math.floor(y * rows) * columns + Math.floor(x * columns);
}

/**
 * All patches of the rectangle between two.
 * @param {number} from
 * @param {number} to
 * @param {number[]} grid
 */
export function patchesBetween(from, to, grid) {
  const columns = grid[1];
  const [rows, cols] = [[from, to].map((n) => Math.floor(n / columns)), [from, to].map((n) => n % columns)];
  const out = [];
  for (let row = Math.min(...rows); row <= Math.max(...rows); row++)
    for (let col = Math.min(...cols); col <= Math.max(...cols); col++) out.push(row * columns + col);
  return out;
}

/**
 * Those in `drawn` are masked; where all of them are already, they come back.
 * @param {number[]} masked
 * @param {number[]} drawn
 */
export function toggled(masked, drawn) {
  const has = new Set(masked);
  const all = drawn.every((number) => has.has(number));
  for (const number of drawn) all ? has.delete(number) : has.add(number);
  return [...has].sort((a, b) => a - b);
}

/**
 * The largest small picture that lets all layers and heads stand in the room there is.
 * @param {{layers: number, heads: number, rows: number, columns: number, width: number, height: number, most:
 *   number, least: number}} room
 * @returns {{width: number, tall: number, bar: number}} of a cell: its width with gap, the height of its
 *   picture, of its bar
 */
export function cellOf({ layers, heads, rows, columns, width, height, most, least }) {
  const across = Math.floor(width / heads);
  const down = Math.floor(height / layers);
  const bar = down >= 34 ? 5 : down >= 16 ? 3 : 0;
  const spare = bar ? bar + 4 : 2;
  const gap = across >= 20 ? 3 : 1;
  const tallest = Math.max(
    least,
    Math.min(down - spare, Math.round(((across - gap) * rows) / columns), most),
  );
  return {
    width: Math.max(least, Math.min(across, Math.max(Math.round((tallest * columns) / rows), least) + gap)),
    tall: tallest,
    bar,
  };
}
