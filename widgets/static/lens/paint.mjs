// @ts-check
// Weights and cosines as colours: on patches over the picture, and on whole sheets of numbers.
import { pen } from "../shared/dom.mjs";
import { DIVERGING, diverging, overlay, sequential, css } from "../shared/colours.mjs";
import { shade } from "./maps.mjs";

/** @import { Lens } from "./state.mjs" */
/** @import { Found } from "./types.d.ts" */

const TABLE = Array.from({ length: 256 }, (_, level) => sequential(level / 255));

/** The colour of a size, 0 to 1. @param {number} share */
export const coloured = (share) => TABLE[Math.round(255 * Math.min(1, Math.max(0, share)))];

/**
 * A weight or a cosine as it stands beside a word: opaque.
 * @param {number} value
 * @param {number} limit
 * @param {boolean} signed
 */
export const swatch = (value, limit, signed) =>
  css(
    signed
      ? diverging(limit > 0 ? Math.max(-1, Math.min(1, value / limit)) : 0)
      : coloured(shade(value, limit)),
  );

/**
 * One pixel of a patch: its colour, the more opaque the more there is.
 * @param {Uint8ClampedArray} data
 * @param {number} at
 * @param {number} value @param {Found} found @param {number} opacity */
function veil(data, at, value, { limit, signed }, opacity) {
  const share = signed ? (limit > 0 ? Math.min(1, Math.abs(value) / limit) : 0) : shade(value, limit);
  const rgb = signed ? DIVERGING[value >= 0 ? 2 : 0] : coloured(share);
  for (let channel = 0; channel < 3; channel++) data[at + channel] = rgb[channel];
  data[at + 3] = Math.round(255 * opacity * share);
}

/** The picture in its colours, and over it the numbers of its patches.
 * @param {Lens} lens
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLCanvasElement} small a canvas to work on
 * @param {HTMLImageElement} picture
 * @param {Found | null} found
 */
export function paintPatches(lens, canvas, small, picture, found) {
  const [rows, columns] = lens.view.grid ?? [1, 1];
  const { width, height } = canvas;
  const ink = pen(canvas);
  ink.globalAlpha = 1;
  ink.imageSmoothingEnabled = true;
  ink.fillStyle = "#808080";
  ink.fillRect(0, 0, width, height);
  if (picture.complete && picture.naturalWidth) {
    ink.imageSmoothingEnabled = picture.naturalWidth > 160; // of a tiny picture every pixel is seen
    ink.drawImage(picture, 0, 0, width, height);
  }
  if (!found) return;
  Object.assign(small, { width: columns, height: rows });
  const pixels = new ImageData(columns, rows);
  for (let k = 0; k < rows * columns; k++)
    veil(pixels.data, 4 * k, found.values.get(`p:${k}`) ?? 0, found, lens.opacity);
  pen(small).putImageData(pixels, 0, 0);
  ink.imageSmoothingEnabled = false;
  ink.drawImage(small, 0, 0, width, height);
}

/** Frames round the patch that is looked from, and bars over what is masked.
 * @param {Lens} lens @param {HTMLCanvasElement} canvas @param {{cursor: number, drawn: number[]}} state */
export function paintMarks(lens, canvas, { cursor, drawn }) {
  const [rows, columns] = lens.view.grid ?? [1, 1];
  const ink = pen(canvas);
  const [w, t] = [canvas.width / columns, canvas.height / rows];
  const box = (/** @type {number} */ patch) => [(patch % columns) * w, Math.floor(patch / columns) * t];
  for (const patch of new Set([...lens.masked.patches, ...drawn])) {
    const [x, y] = box(patch);
    ink.fillStyle = "rgba(20,20,20,.82)";
    ink.fillRect(x, y, w, t);
    Object.assign(ink, { strokeStyle: "#ffffff", lineWidth: 1.5 });
    ink.beginPath();
    ink.moveTo(x + 3, y + t - 3);
    ink.lineTo(x + w - 3, y + 3);
    ink.stroke();
  }
  const frame = (/** @type {number} */ patch, /** @type {string} */ colour) => {
    const [x, y] = box(patch);
    for (const [lineWidth, strokeStyle] of [
      [5, "#000000"],
      [2.5, colour],
    ]) {
      Object.assign(ink, { lineWidth, strokeStyle });
      ink.strokeRect(x + 1, y + 1, w - 2, t - 2);
    }
  };
  if (cursor >= 0) frame(cursor, "#ffb000");
  for (const id of [lens.asked, lens.hover]) if (id.startsWith("p:")) frame(Number(id.slice(2)), "#ffffff");
}

/**
 * The colour scale of the picture, as it lies over white.
 * @param {HTMLCanvasElement} strip
 * @param {boolean} signed
 * @param {number} opacity
 */
export function paintStrip(strip, signed, opacity) {
  const ink = pen(strip);
  ink.fillStyle = "#ffffff";
  ink.fillRect(0, 0, strip.width, strip.height);
  for (let x = 0; x < strip.width; x++) {
    const place = x / (strip.width - 1);
    ink.fillStyle = signed ? overlay(2 * place - 1, 1, opacity) : css(coloured(place), opacity * place);
    ink.fillRect(x, 0, 1, strip.height);
  }
}

/**
 * Numbers as opaque pixels, one each.
 * @param {Uint8ClampedArray} data
 * @param {number} at
 * @param {number[]} rgb
 */
export function dot(data, at, rgb) {
  data.set(rgb, at);
  data[at + 3] = 255;
}

/**
 * Give a canvas its size on the page and its pixels on the screen.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 * @returns {number} pixels for one
 */
export function sized(canvas, width, height) {
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) {
    Object.assign(canvas, { width: across, height: down });
    Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  }
  return ratio;
}
