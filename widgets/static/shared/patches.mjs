// @ts-check
// One map on a canvas: the picture, its patches in colour, frames round chosen ones; which patch is where.
import { overlay } from "./colours.mjs";
import { pen } from "./dom.mjs";

const LEAST_DENSITY = 2; // pixels of the canvas for one on the screen: an export shows it twice as large
const SMALL = 160; // pixels; of a smaller picture every pixel is seen

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{image: HTMLImageElement, grid: number[], values: number[], limit: number, opacity: number, grey:
 *   boolean, chosen: number[], hover: number}} what
 */
export function paint(canvas, { image, grid: [rows, cols], values, limit, opacity, grey, chosen, hover }) {
  const loaded = image.complete && image.naturalWidth > 0;
  const density = Math.max(LEAST_DENSITY, window.devicePixelRatio || 1);
  const width = Math.round((canvas.clientWidth || 200) * density);
  const height = Math.round(width * (loaded ? image.naturalHeight / image.naturalWidth : rows / cols));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = pen(canvas);
  context.clearRect(0, 0, width, height);
  context.imageSmoothingEnabled = image.naturalWidth > SMALL;
  context.filter = grey ? "grayscale(1)" : "none";
  if (loaded) context.drawImage(image, 0, 0, width, height);
  context.filter = "none";
  const edge = (/** @type {number} */ at, /** @type {number} */ count, /** @type {number} */ long) =>
    Math.round((at * long) / count);
  const box = (/** @type {number} */ cell) => {
    const [row, col] = [Math.floor(cell / cols), cell % cols];
    const [left, top] = [edge(col, cols, width), edge(row, rows, height)];
    return /** @type {const} */ ([
      left,
      top,
      edge(col + 1, cols, width) - left,
      edge(row + 1, rows, height) - top,
    ]);
  };
  values.forEach((value, cell) => {
    context.fillStyle = overlay(value, limit, opacity);
    context.fillRect(...box(cell));
  });
  const frame = (/** @type {number} */ cell, /** @type {string} */ colour, /** @type {number} */ line) => {
    const [left, top, wide, tall] = box(cell);
    context.strokeStyle = colour;
    context.lineWidth = line * density;
    context.strokeRect(left + line, top + line, wide - 2 * line, tall - 2 * line);
  };
  chosen
    .filter((cell) => cell < values.length)
    .forEach((cell) => {
      frame(cell, "#fff", 2.5);
      frame(cell, "#000", 1);
    });
  if (hover >= 0) {
    frame(hover, "#fff", 2);
    frame(hover, "#000", 1);
  }
}

/** The cell of a grid under a point, as a number counted row by row.
 * @param {number} x @param {number} y @param {number} width @param {number} height @param {number[]} grid */
export function cellAt(x, y, width, height, [rows, cols]) {
  const row = Math.min(rows - 1, Math.max(0, Math.floor((y / height) * rows)));
  const col = Math.min(cols - 1, Math.max(0, Math.floor((x / width) * cols)));
  return row * cols + col;
}

/** Where a cell is, counted from 1. @param {number} cell @param {number} cols */
export function placeOf(cell, cols) {
  return `row ${Math.floor(cell / cols) + 1}, column ${(cell % cols) + 1}`;
}
