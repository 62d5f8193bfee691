// @ts-check
// All queries, down, by all keys, across: every weight of a head as one cell.
import { h, rove, pen } from "../shared/dom.mjs";
import { percent } from "../shared/format.mjs";
import { shade } from "./maps.mjs";
import { coloured, dot, sized } from "./paint.mjs";

/** @import { Lens } from "./state.mjs" */
/** @import { Sheet } from "./types.d.ts" */

const [MOST, NAMED] = [36, 9]; // pixels of a cell at most, and at least for a name beside it
const [SIDE, ABOVE, BEYOND] = [96, 52, 30]; // pixels for names; those of the last keys lean out

/**
 * Where the cells stand, and whether there is room for names.
 * @typedef {{queries: number, keys: number, left: number, top: number, cell: number, named: boolean}} Where
 */

/** @param {Lens} lens */
export function matrixCanvas(lens) {
  const canvas = h("canvas", { class: "al-matrix", tabindex: 0, role: "application" });
  /** @type {Sheet} */
  const sheet = document.createElement("canvas");
  /** @type {Where | null} */ let where = null;
  /** @type {number[] | null} */ let cell = null; // query and key under the pointer
  const cellAt = (/** @type {PointerEvent} */ event) => {
    if (!where) return null;
    const box = canvas.getBoundingClientRect();
    const [key, query] = [
      Math.floor((event.clientX - box.left - where.left) / where.cell),
      Math.floor((event.clientY - box.top - where.top) / where.cell),
    ];
    return key >= 0 && query >= 0 && key < where.keys && query < where.queries ? [query, key] : null;
  };
  const point = (/** @type {number[] | null} */ next) => {
    if (String(next) === String(cell)) return;
    cell = next;
    lens.hover = cell ? idOf(lens, cell) : "";
    lens.redraw();
  };
  canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    if (where) point(cellAt(event));
  });
  canvas.addEventListener("pointerleave", () => point(null));
  canvas.addEventListener("blur", () => point(null));
  canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    const found = where && event.button === 0 ? cellAt(event) : null;
    if (found) lens.pick(idOf(lens, found));
  });
  canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (!where) return;
    const now = cell ?? [lens.backwards ? 0 : (lens.token ?? 0), lens.backwards ? (lens.token ?? 0) : 0];
    const next = rove(now[0] * where.keys + now[1], event.key, where.queries * where.keys, where.keys);
    if (next === null && event.key !== "Enter") return;
    event.preventDefault();
    if (next === null) lens.pick(idOf(lens, now));
    else point([Math.floor(next / where.keys), next % where.keys]);
  });
  return {
    canvas,
    /**
     * @param {number} width
     * @param {number} height
     * @param {string} said
     * @returns {string} what is under the pointer
     */
    draw(width, height, said) {
      const [queries, keys] = [lens.group.queries.length, lens.group.keys.length];
      const fits = (/** @type {number} */ left, /** @type {number} */ top) =>
        Math.min((width - left - BEYOND) / keys, (height - top) / queries, MOST);
      const named = fits(SIDE, ABOVE) >= NAMED;
      const [left, top] = named ? [SIDE, ABOVE] : [14, 14];
      const size = fits(left, top);
      where = { queries, keys, left, top, cell: size >= 2 ? Math.floor(size) : size, named };
      paint(lens, canvas, sheet, where, cell);
      const line = cell ? cellWords(lens, cell) : said;
      canvas.setAttribute(
        "aria-label",
        `matrix of ${queries} queries, down, by ${keys} keys, across; arrow keys move, Enter looks ` +
          `from a token. ${line}`,
      );
      return line;
    },
  };
}

/** The token that is asked in a cell. @param {Lens} lens @param {number[]} cell */
const idOf = (lens, [query, key]) => (lens.backwards ? lens.group.key_ids[key] : lens.group.query_ids[query]);

/** @param {Lens} lens @param {number[]} cell */
function cellWords(lens, [query, key]) {
  const { query_ids: from, key_ids: to } = lens.group;
  return (
    `${lens.nameOf(from[query])} attends to ${lens.nameOf(to[key])}: ` +
    `${percent(lens.whole()[query * to.length + key])}.`
  );
}

/**
 * @param {Lens} lens
 * @param {HTMLCanvasElement} canvas
 * @param {Sheet} sheet
 * @param {Where} where
 * @param {number[] | null} over
 */
function paint(lens, canvas, sheet, where, over) {
  const { queries, keys, left, top, cell } = where;
  const [width, height] = [
    Math.ceil(left + keys * cell + (where.named ? BEYOND : 2)),
    Math.ceil(top + queries * cell + 2),
  ];
  const ratio = sized(canvas, width, height);
  fillSheet(lens, sheet, keys, queries);
  const ink = pen(canvas);
  const style = getComputedStyle(canvas);
  ink.setTransform(ratio, 0, 0, ratio, 0, 0);
  ink.clearRect(0, 0, width, height);
  ink.imageSmoothingEnabled = cell < 1;
  ink.drawImage(sheet, left, top, keys * cell, queries * cell);
  ink.fillStyle = style.color;
  if (where.named) names(lens, ink, where);
  else sides(ink, where);
  Object.assign(ink, { strokeStyle: style.getPropertyValue("--wb-accent"), lineWidth: 2 });
  const at = lens.ids.indexOf(lens.asked);
  if (lens.backwards) ink.strokeRect(left + at * cell, top - 1, cell, queries * cell + 2);
  else ink.strokeRect(left - 1, top + at * cell, keys * cell + 2, cell);
  Object.assign(ink, { strokeStyle: "#ffb000", lineWidth: 2 });
  if (over && over[0] < queries && over[1] < keys)
    ink.strokeRect(left + over[1] * cell, top + over[0] * cell, cell, cell);
}

/** @param {Lens} lens @param {CanvasRenderingContext2D} ink @param {Where} where */
function names(lens, ink, { left, top, cell }) {
  Object.assign(ink, {
    font: `${Math.min(11, cell)}px system-ui, sans-serif`,
    textBaseline: "middle",
    textAlign: "right",
  });
  lens.group.query_ids.forEach((/** @type {string} */ id, /** @type {number} */ at) =>
    ink.fillText(short(lens, id), left - 4, top + (at + 0.5) * cell, left - 6),
  );
  lens.group.key_ids.forEach((/** @type {string} */ id, /** @type {number} */ at) => {
    ink.save();
    ink.translate(left + (at + 0.5) * cell, top - 4);
    ink.rotate(-Math.PI / 3);
    ink.textAlign = "left";
    ink.fillText(short(lens, id), 0, 0, 56);
    ink.restore();
  });
}

/** @param {CanvasRenderingContext2D} ink @param {Where} where */
function sides(ink, { left, top }) {
  Object.assign(ink, { font: "11px system-ui, sans-serif", textBaseline: "middle", textAlign: "left" });
  ink.fillText("keys →", left, 7);
  ink.save();
  ink.translate(7, top);
  ink.rotate(Math.PI / 2);
  ink.fillText("queries →", 0, 0);
  ink.restore();
}

/** @param {Lens} lens @param {string} id */
function short(lens, id) {
  const name = id.startsWith("p:")
    ? lens.nameOf(id).replace("patch in row ", "r").replace(", column ", "c")
    : lens.nameOf(id);
  return name.length > 14 ? `${name.slice(0, 13)}…` : name;
}

/**
 * One pixel a weight.
 * @param {Lens} lens
 * @param {Sheet} sheet
 * @param {number} width
 * @param {number} height
 */
function fillSheet(lens, sheet, width, height) {
  const whole = lens.whole();
  const top =
    lens.model.get("scale") === "own"
      ? whole.reduce((/** @type {number} */ most, /** @type {number} */ value) => Math.max(most, value), 0)
      : lens.sharedTop;
  if (sheet.shows === whole && sheet.top === top) return;
  Object.assign(sheet, { shows: whole, top, width, height });
  const pixels = new ImageData(width, height);
  for (let k = 0; k < width * height; k++) dot(pixels.data, 4 * k, coloured(shade(whole[k], top)));
  pen(sheet).putImageData(pixels, 0, 0);
}
