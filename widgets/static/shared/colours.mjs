// @ts-check
// One colour map for sizes, one for signed values, and colours for names; `widgets/colours.py` has the same
// numbers.

/**
 * Viridis at eleven equal steps (van der Walt and Smith 2015): lightness grows evenly, for colour-blind eyes
 * too.
 */
export const SEQUENTIAL = [
  [68, 1, 84],
  [72, 36, 117],
  [65, 68, 135],
  [53, 95, 141],
  [42, 120, 142],
  [33, 145, 140],
  [34, 168, 132],
  [68, 191, 112],
  [122, 209, 81],
  [189, 223, 38],
  [253, 231, 37],
];
/** Below zero, zero, above zero: blue and orange are told apart by every common kind of colour blindness. */
export const DIVERGING = [
  [30, 110, 210],
  [255, 255, 255],
  [214, 96, 0],
];
/**
 * For names that are compared: eight that stay apart on light and on dark ground (after Okabe and Ito 2008).
 */
export const NAMED = ["#4c8bd6", "#d98a1f", "#2f9e78", "#c25fa4", "#8a79d6", "#c4574c", "#3aa6b9", "#8d9440"];
/** For whatever has no colour of its own. */
export const NEUTRAL = "#8a919c";

/**
 * The colour of a share between two numbers.
 * @param {number[][]} stops
 * @param {number} share 0 to 1
 * @returns {number[]} red, green, blue
 */
function between(stops, share) {
  const at = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const below = Math.min(stops.length - 2, Math.floor(at));
  return stops[below].map((low, channel) =>
    Math.round(low + (at - below) * (stops[below + 1][channel] - low)),
  );
}

/** @param {number} share 0 to 1 @returns {number[]} red, green, blue */
export const sequential = (share) => between(SEQUENTIAL, share);

/** @param {number} value −1 to 1 @returns {number[]} red, green, blue */
export const diverging = (value) => between(DIVERGING, (value + 1) / 2);

/** @param {number[]} rgb @param {number} [alpha] */
export const css = ([red, green, blue], alpha = 1) =>
  `rgba(${red}, ${green}, ${blue}, ${Number(alpha.toFixed(3))})`;

/** A CSS gradient of a map, for legends. @param {number[][]} stops */
export const gradient = (stops) => `linear-gradient(90deg, ${stops.map((rgb) => css(rgb)).join(", ")})`;

/** Signed values laid over a picture: no colour at 0, full at the limit, the picture shows through.
 * @param {number} value @param {number} limit @param {number} strength 0 to 1 */
export function overlay(value, limit, strength) {
  const share = limit > 0 ? Math.min(1, Math.abs(value) / limit) : 0;
  return css(DIVERGING[value >= 0 ? 2 : 0], strength * share);
}

/**
 * Colours for the names that matter most; a colour is never given twice, the rest are neutral.
 * @template N
 * @param {N[]} names the most important first
 * @returns {Map<N, string>}
 */
export function colourOf(names) {
  return new Map([...new Set(names)].map((name, place) => [name, NAMED[place] ?? NEUTRAL]));
}
