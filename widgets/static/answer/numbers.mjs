// @ts-check
// The arithmetic of the answer lens, without a page: distributions, maps from bytes, bars. Python has the
// same.

/** @import { Attention, Bits, Drawn, Listed, Packed, Part, Row, Settings, View } from "./types.d.ts" */
/** @import { Bytes } from "../shared/types.d.ts" */

export const PARTS = ["picture", "instruction", "own words", "template"];
const ALL = 1e-9; // of all probability: what is missing to 1 is rounding

/** @param {number[]} scores @returns {number[]} */
function softmax(scores) {
  const most = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - most));
  const sum = weights.reduce((one, other) => one + other, 0);
  return weights.map((weight) => weight / sum);
}

/**
 * The distribution that a token is drawn from: temperature, then top-k, then top-p, as `filtered` of
 * `workbench.generation` has it.
 * @param {number[]} logits
 * @param {Settings} settings
 * @returns {number[]}
 */
export function filtered(logits, { temperature, topK, topP }) {
  let scores = logits.map((logit) => logit / temperature);
  if (topK !== null && topK < scores.length) {
    const last = [...scores].sort((one, other) => other - one)[topK - 1];
    scores = scores.map((score) => (score < last ? -Infinity : score));
  }
  const shares = softmax(scores);
  return topP < 1 ? nucleus(shares, topP, 0) : shares;
}

/**
 * The smallest set of likeliest tokens that holds a share, as a distribution; `rest` is what less likely
 * tokens have that are not here.
 * @param {number[]} shares
 * @param {number} topP
 * @param {number} rest
 */
function nucleus(shares, topP, rest) {
  const order = [...shares.keys()].sort((one, other) => shares[one] - shares[other] || one - other);
  let below = rest;
  const kept = shares.map(() => false);
  for (const place of order) {
    below += shares[place];
    kept[place] = below > 1 - topP;
  }
  kept[order[order.length - 1]] = true;
  const sum = shares.reduce((all, share, place) => all + (kept[place] ? share : 0), 0);
  return shares.map((share, place) => (kept[place] ? share / sum : 0));
}

/**
 * The same of the likeliest tokens alone, as `filtered_alternatives` has it: exact where they are enough.
 * Where they are not, the shares are among those listed.
 * @param {number[]} logp log-probabilities, likeliest first
 * @param {Settings} settings
 * @returns {Listed}
 */
export function listed(logp, settings) {
  const { temperature, topK, topP } = settings;
  const own = logp.map(Math.exp);
  const held = own.reduce((sum, share) => sum + share, 0);
  const whole = held > 1 - ALL;
  const rest = whole ? 0 : 1 - held;
  if (temperature === 1 && topK === null) {
    if (topP >= 1 || !logp.length) return { shares: own, rest, exact: true };
    if (whole || held >= topP) return { shares: nucleus(own, topP, rest), rest: 0, exact: true };
  } else if (whole || (topK !== null && topK <= logp.length))
    return { shares: filtered(logp, settings), rest: 0, exact: true };
  return { shares: filtered(logp, settings), rest: 0, exact: false };
}

/**
 * Maps and shares from one stretch of bytes.
 * @param {Packed | null} packed
 * @param {Bytes | null} bytes
 * @returns {Attention | null}
 */
export function attentionOf(packed, bytes) {
  if (!packed || !bytes || !bytes.byteLength) return null;
  const { names, layers, count, steps, grid, even } = packed;
  const whole = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength).slice();
  const tops = new Float32Array(whole.buffer, 0, layers.length * steps);
  const shares = new Float32Array(whole.buffer, 4 * tops.length, count * steps * PARTS.length);
  const codes = whole.subarray(4 * (tops.length + shares.length));
  const cells = grid ? grid[0] * grid[1] : 0;
  return { names, layers, count, steps, cells, grid, even, tops, shares, codes };
}

/**
 * Steps whose producing row is read: those selected, or the ones after; none after the last.
 * @param {number[]} selected
 * @param {Row} row
 * @param {number} steps
 */
export function rowsRead(selected, row, steps) {
  return selected.map((step) => step + (row === "reading" ? 1 : 0)).filter((step) => step < steps);
}

/**
 * The mean of the maps of some rows, of one layer or of all; null where there is none.
 * @param {Attention} attention
 * @param {number[]} rows
 * @param {number | null} layer
 */
export function meanMap(attention, rows, layer) {
  const { layers, steps, cells, tops, codes } = attention;
  const places = layer === null ? [...layers.keys()] : [nearest(layers, layer)];
  if (!cells || !rows.length) return null;
  const out = new Float32Array(cells);
  for (const place of places)
    for (const row of rows) {
      const at = place * steps + row;
      const scale = tops[at] / (255 * 255) / (places.length * rows.length);
      for (let cell = 0; cell < cells; cell += 1) {
        const code = codes[at * cells + cell];
        out[cell] += scale * code * code;
      }
    }
  return out;
}

/** The place of a layer among those that were sent; of one that was not, the nearest's.
 * @param {number[]} layers @param {number} layer */
export function nearest(layers, layer) {
  return layers.reduce(
    (best, one, place) => (Math.abs(one - layer) < Math.abs(layers[best] - layer) ? place : best),
    0,
  );
}

/** One map minus another of the same grid. @param {Float32Array} own @param {Float32Array} other */
export function minus(own, other) {
  return own.map((value, cell) => value - other[cell]);
}

/** @param {Float32Array} values */
export function largest(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/**
 * Where the attention of some steps falls, layer by layer.
 * @param {Attention} attention
 * @param {number[]} rows
 * @returns {number[][]} layer by part
 */
export function bandsOf({ shares, count, steps }, rows) {
  const parts = PARTS.length;
  return Array.from({ length: count }, (_, layer) =>
    Array.from(
      { length: parts },
      (__, part) =>
        rows.reduce((sum, row) => sum + shares[(layer * steps + row) * parts + part], 0) / rows.length,
    ),
  );
}

/** The shares if every place were attended to alike. @param {Attention} attention @param {number[]} rows */
export function evenOf({ even }, rows) {
  return PARTS.map((_, part) => rows.reduce((sum, row) => sum + (even[row]?.[part] ?? 0), 0) / rows.length);
}

/** @param {(number | null)[]} values */
export function total(values) {
  return values.reduce(
    (/** @type {number | null} */ sum, value) => (sum === null || value === null ? null : sum + value),
    0,
  );
}

/**
 * What the bar over each word says: bits lost without the picture, else how probable the word was.
 * @param {Pick<View, "words" | "logp"> & {bits: Bits | null}} view
 * @param {Part | ""} [part] that was taken away
 * @returns {{value: number | null, length: number}[]} the number, and 0 to 1
 */
export function barsOf({ words, logp, bits }, part = "") {
  if (!bits) {
    return words.map(([start, stop]) => {
      const value = total(logp.slice(start, stop));
      return { value, length: value === null ? 0 : Math.exp(value) };
    });
  }
  const lost = words.map(([start, stop]) => total(bits.bits[partAt(bits, part)].slice(start, stop)));
  const most = Math.max(0, ...lost.map((value) => Math.abs(value ?? 0)));
  return lost.map((value) => ({ value, length: most > 0 ? Math.abs(value ?? 0) / most : 0 }));
}

/** The row of what was measured that the bars are of. @param {Bits} bits @param {Part | ""} part */
export function partAt(bits, part) {
  return Math.max(0, part === "" ? 0 : bits.parts.indexOf(part));
}

/**
 * How much each word looks at one patch, as a share of the word that looks at it most.
 * @param {Attention} attention
 * @param {View["words"]} words
 * @param {number} patch
 * @param {{row: Row, layer: number | null}} how
 */
export function wordsAt(attention, words, patch, { row, layer }) {
  const values = words.map(([start, stop]) => {
    const steps = Array.from({ length: stop - start }, (_, place) => start + place);
    const map = meanMap(attention, rowsRead(steps, row, attention.steps), layer);
    return map ? map[patch] : 0;
  });
  const most = Math.max(...values, 0);
  return values.map((value) => (most > 0 ? value / most : 0));
}

/** The word that holds a step. @param {View["words"]} words @param {number} step */
export function wordAt(words, step) {
  return Math.max(
    0,
    words.findIndex(([start, stop]) => start <= step && step < stop),
  );
}

/** All steps of a word. @param {View["words"]} words @param {number} word */
export function stepsOf(words, word) {
  const [start, stop] = words[word];
  return Array.from({ length: stop - start }, (_, place) => start + place);
}

/**
 * What a screen reader says of a map.
 * @param {Drawn} drawn
 */
export function mapLabel({ grid, values, limit }) {
  if (!limit) return "flat: no patch counts more than another";
  const best = values.indexOf(Math.max(...values));
  return `strongest in row ${Math.floor(best / grid[1]) + 1}, column ${(best % grid[1]) + 1}`;
}
