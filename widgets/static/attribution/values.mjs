// @ts-check
// Numbers of maps, words and patches, without a page: everything here is tested by itself.
import { number, signed } from "../shared/format.mjs";
import { placeOf } from "../shared/patches.mjs";

/** @import { Heatmap, Score } from "./types.d.ts" */
/** @typedef {Pick<Heatmap, "title" | "pairs" | "text"> & Partial<Pick<Heatmap, "whole" | "image">>} Shown */

/**
 * A second-order map's part for these words, cell by cell.
 * @param {Float32Array} pairs
 * @param {number} cells
 * @param {number[]} words
 */
export function partOfWords(pairs, cells, words) {
  const out = new Array(cells).fill(0);
  for (const word of words)
    for (let cell = 0; cell < cells; cell += 1) out[cell] += pairs[word * cells + cell];
  return out;
}

/**
 * A second-order map's part for these patches, word by word.
 * @param {Float32Array} pairs
 * @param {number} cells
 * @param {number[]} patches
 */
export function partOfPatches(pairs, cells, patches) {
  const tokens = pairs.length / cells;
  return Array.from({ length: tokens }, (_, word) =>
    patches.reduce((sum, patch) => sum + pairs[word * cells + patch], 0),
  );
}

/** One more or one less. @param {number[]} list @param {number} item */
export function toggled(list, item) {
  return list.includes(item) ? list.filter((other) => other !== item) : [...list, item];
}

/** Largest size among numbers. @param {number[]} values */
export function largest(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/**
 * What a screen reader says of a map.
 * @param {Pick<Heatmap, "flat" | "title" | "grid">} map
 * @param {number[]} values
 */
export function mapLabel(map, values) {
  if (map.flat) return `${map.title}: flat, no ${map.grid ? "patch" : "word"} counts more than another`;
  const best = values.indexOf(Math.max(...values));
  const where = map.grid ? `in ${placeOf(best, map.grid[1])}` : `at word ${best + 1}`;
  return `${map.title}: strongest ${where}, ${signed(values[best])}`;
}

/** What the numbers of a card mean: with or without a sign, from where to where, and what has full colour.
 * @param {Pick<Heatmap, "flat" | "image" | "signed">} map
 * @param {number[]} values
 * @param {number} limit
 */
export function rangeText(map, values, limit) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (map.flat) return `flat: every ${map.image ? "patch" : "word"} ${number(high)}`;
  return (
    `${map.signed ? "signed" : "non-negative"}, ${number(low)} to ${number(high)}; colour scale max ` +
    `${number(limit)}`
  );
}

/**
 * What the colours of the words mean now.
 * @param {Shown} map
 * @param {number[]} chosen
 * @param {number[]} patches
 * @param {Shown[]} maps
 */
export function wordsNote(map, chosen, patches, maps) {
  const second = maps.find((other) => other.pairs);
  if (patches.length && map.pairs)
    return (
      `Words by what they add together with the ${patches.length} chosen ` +
      `${patches.length === 1 ? "patch" : "patches"} (${map.title}).`
    );
  if (chosen.length && second)
    return `“${second.title}” shows the chosen words alone; every other map is one for the whole text.`;
  if (chosen.length && maps.some((other) => other.whole))
    return "These maps are one for the whole text, as every method for this kind of model is.";
  if (chosen.length)
    return (
      "These maps are one for the whole text. Add “Pairwise (word-patch) interactions” to see the " +
      "patches of a single word."
    );
  if (!map.text) return `${map.title} explains the picture only; words have no colour.`;
  if (!map.image) return `Words by ${map.title}.`;
  return `Words by ${map.title}.${second ? " Click a word for its patches, a patch for its words." : ""}`;
}

/**
 * What scores say of a map beside random ones; "" before they are taken.
 * @param {Pick<Score, "name" | "beats">[]} scores
 */
export function verdict(scores) {
  if (!scores.length) return "";
  const better = scores.filter((row) => row.beats).map((row) => row.name);
  if (!better.length) return "Not distinguishable from random maps.";
  if (better.length === scores.length) return "Better than random maps in every score.";
  return `Better than random maps in ${better.join(" and ")} only.`;
}
