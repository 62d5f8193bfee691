// @ts-check
// Numbers as every board writes them. `widgets/format.py` says the same in Python; a test holds both to one
// table.

const MINUS = "−";

/**
 * Three significant digits, without an exponent between 0.001 and 9999; a true minus sign.
 * @param {number} value
 */
export function number(value) {
  if (Number.isNaN(value)) return "not known";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : `${MINUS}∞`;
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 9999.5 || size < 0.0009995 ? exponent(size) : fixed(size);
  return value < 0 ? MINUS + text : text;
}

/** `number` with its sign always said; nothing is neither for nor against. @param {number} value */
export function signed(value) {
  return value > 0 ? `+${number(value)}` : number(value);
}

/**
 * A probability or a cosine: as many decimals as asked for, three by default.
 * @param {number} value
 * @param {number} [decimals]
 */
export function decimal(value, decimals = 3) {
  if (Number.isNaN(value)) return "not known";
  const text = Math.abs(value).toFixed(decimals);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

/**
 * 0.1234 -> "12.3 %"; tiny shares are not rounded to nothing, nor nearly all to all.
 * @param {number} share
 */
export function percent(share) {
  if (Number.isNaN(share)) return "not known";
  if (share > 0 && share < 0.001) return "< 0.1 %";
  if (share < 1 && share > 0.999) return "> 99.9 %";
  return `${(100 * share).toFixed(1)} %`;
}

/** 12345 -> "12,345". @param {number} count */
export function whole(count) {
  return Math.round(count).toLocaleString("en");
}

/** "1 picture", "2 pictures". @param {number} count @param {string} noun @param {string} [many] */
export function plural(count, noun, many = `${noun}s`) {
  return `${whole(count)} ${count === 1 ? noun : many}`;
}

/** @param {number} size */
function fixed(size) {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Number(size.toPrecision(3)))));
  return size.toFixed(digits);
}

/** 0.00012 -> "1.2e−4". @param {number} size */
function exponent(size) {
  return size.toExponential(1).replace("e-", `e${MINUS}`).replace("e+", "e");
}
