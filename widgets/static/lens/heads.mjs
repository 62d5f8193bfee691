// @ts-check
// Every head of every layer as a small picture, a figure under each; dragging over them scrubs, a click makes
// one large.
import { h, rove, pen } from "../shared/dom.mjs";
import { decimal } from "../shared/format.mjs";
import { cellOf, shade } from "./maps.mjs";
import { coloured, dot, sized } from "./paint.mjs";
import { labelled } from "./controls.mjs";

/** @import { Lens } from "./state.mjs" */
/** @import { Cell, Figure, Sheet } from "./types.d.ts" */

const [MOST, LEAST] = [110, 8]; // pixels of a small picture
const [LEFT, TOP] = [24, 16]; // pixels of the numbers of layers and heads
/** @type {Record<Figure, [string, string]>} */
const FIGURES = {
  entropy: ["entropy", "entropy in bits"],
  distance: ["attention distance", "mean attention distance in patches"],
  cross: ["cross-modal share", "share of the attention that goes to the other modality"],
  own: ["diagonal", "share that a token gives to itself"],
};
const NAMES = /** @type {Figure[]} */ (Object.keys(FIGURES));

/**
 * Where the small pictures stand: how many rows and columns of cells each has, and its pixels.
 * @typedef {ReturnType<typeof cellOf> & {rows: number, columns: number, layers: number, heads: number,
 *   height: number, across: number, down: number}} Where
 */

/** Layers x heads as small pictures, a figure under each. @param {Lens} lens */
export function gridPart(lens) {
  const canvas = h("canvas", { class: "al-grid", tabindex: 0, role: "application" });
  /** @type {Sheet} */
  const sheet = document.createElement("canvas");
  const choose = h(
    "select",
    {
      "aria-label": "figure under each head",
      onchange: () => {
        lens.choose("figure", /** @type {Figure} */ (choose.value));
      },
    },
    ...Object.entries(FIGURES).map(([value, [text, title]]) => h("option", { value, text, title })),
  );
  const said = h("p", { class: "al-caption al-said-head", "aria-live": "polite" });
  const element = h(
    "div",
    { class: "al-heads" },
    h(
      "div",
      { class: "al-row" },
      h("strong", { text: "Every head" }),
      labelled("Bar", choose),
      h("span", { class: "wb-help", text: "click: large; drag: scrub" }),
    ),
    canvas,
    said,
  );
  /** @type {Where | null} */ let where = null;
  use(lens, canvas, () => where);
  return {
    element,
    canvas,
    draw() {
      element.hidden = lens.detail !== "heads";
      if (element.hidden) return;
      const { group } = lens;
      const [layers, heads] = [group.sites.length, group.heads];
      const known = NAMES.filter((name) =>
        group.figures[name].some((row) => row.some((value) => value !== null)),
      );
      [...choose.options].forEach(
        (option) => (option.disabled = !known.includes(/** @type {Figure} */ (option.value))),
      );
      const figure = known.includes(lens.figure) ? lens.figure : known[0];
      choose.value = figure;
      const full =
        figure === "entropy"
          ? group.uniform
          : figure === "distance"
            ? Math.max(...group.figures.distance.flat().map((value) => value ?? 0))
            : 1;
      const [rows, columns] =
        lens.hasPatches() && lens.view.grid ? lens.view.grid : [group.queries.length, group.keys.length];
      const room = lens.room.heads;
      const cell = cellOf({
        layers,
        heads,
        rows,
        columns,
        width: room.width - LEFT,
        height: room.height - TOP,
        most: MOST,
        least: LEAST,
      });
      const height = cell.tall + (cell.bar ? cell.bar + 4 : 2);
      where = {
        rows,
        columns,
        layers,
        heads,
        ...cell,
        height,
        across: LEFT + cell.width * heads,
        down: TOP + height * layers,
      };
      drawHeads(lens, canvas, sheet, where, figure, full);
      const line = wordsOf(lens, figure, lens.cell ?? lens);
      if (said.textContent !== line) said.textContent = line;
      const small = lens.hasPatches()
        ? `Each small picture: attention of ${lens.nameOf(lens.asked)} to the patches.`
        : "Each small picture: all queries, down, to all keys, across.";
      canvas.setAttribute(
        "aria-label",
        `${layers} layers, down, by ${heads} heads, across; arrow keys move, Enter makes one large. ` +
          `${small} ${line}`,
      );
    },
  };
}

/**
 * Pointer and keys on the grid.
 * @param {Lens} lens
 * @param {HTMLCanvasElement} canvas
 * @param {() => Where | null} place where the small pictures stand
 */
function use(lens, canvas, place) {
  const cellAt = (/** @type {PointerEvent} */ event) => {
    const [box, where] = [canvas.getBoundingClientRect(), place()];
    if (!where) return null;
    const [head, layer] = [
      Math.floor((event.clientX - box.left - LEFT) / where.width),
      Math.floor((event.clientY - box.top - TOP) / where.height),
    ];
    return head >= 0 && layer >= 0 && head < where.heads && layer < where.layers ? { head, layer } : null;
  };
  const same = (/** @type {Cell | null} */ one, /** @type {Cell | null} */ other) =>
    one?.head === other?.head && one?.layer === other?.layer;
  const point = (/** @type {Cell | null} */ cell) => {
    if (!same(cell, lens.cell)) {
      lens.cell = cell;
      lens.redraw();
    }
  };
  /** @type {Cell | null} */ let pressed = null;
  let moved = false;
  canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    pressed = event.button === 0 ? cellAt(event) : null;
    moved = false;
    if (!pressed) return;
    canvas.setPointerCapture(event.pointerId);
    lens.set({ ...pressed, reading: "head" });
  });
  canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    const cell = cellAt(event);
    point(cell);
    if (!pressed || !cell || (same(cell, pressed) && !moved)) return;
    moved = true;
    lens.set({ ...cell, reading: "head" });
  });
  canvas.addEventListener("pointerleave", () => point(null));
  canvas.addEventListener("pointerup", () => {
    if (pressed && !moved) enlarge(lens);
    pressed = null;
  });
  canvas.addEventListener("pointercancel", () => {
    pressed = null;
  });
  canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (!lens.ready) return;
    const { heads, sites } = lens.group;
    const next = rove(lens.layer * heads + lens.head, event.key, heads * sites.length, heads);
    if (next === null && event.key !== "Enter") return;
    event.preventDefault();
    if (next === null) return enlarge(lens);
    lens.cell = null;
    lens.set({ layer: Math.floor(next / heads), head: next % heads, reading: "head" });
  });
}

/** Show what is chosen in large. @param {Lens} lens */
export function enlarge(lens) {
  lens.cell = null;
  lens.choose("detail", lens.details()[1]);
}

/**
 * A head and its figure in words.
 * @param {Lens} lens
 * @param {Figure} figure
 * @param {Cell} cell
 */
function wordsOf(lens, figure, { layer, head }) {
  const { group } = lens;
  const value = group.figures[figure][layer][head];
  const beside =
    figure === "entropy"
      ? ` of ${decimal(group.uniform, 2)} bits`
      : figure === "distance"
        ? ` patches (uniform: ${decimal(group.even_distance, 2)})`
        : "";
  return (
    `Layer ${layer + 1}, head ${head + 1}: ${FIGURES[figure][0]} ` +
    `${value === null ? "not defined" : `${decimal(value, 2)}${beside}`}.`
  );
}

/**
 * @param {Lens} lens
 * @param {HTMLCanvasElement} canvas
 * @param {Sheet} sheet
 * @param {Where} where
 * @param {Figure} figure
 * @param {number} full
 */
function drawHeads(lens, canvas, sheet, where, figure, full) {
  const { group } = lens;
  const ratio = sized(canvas, where.across, where.down);
  fillSheet(lens, sheet, where);
  const ink = pen(canvas);
  const style = getComputedStyle(canvas);
  const [text, accent] = [style.color, style.getPropertyValue("--wb-accent")];
  ink.setTransform(ratio, 0, 0, ratio, 0, 0);
  ink.clearRect(0, 0, where.across, where.down);
  // shrunk maps are smoothed; of enlarged ones every weight is seen
  ink.imageSmoothingEnabled = where.columns > where.width;
  Object.assign(ink, {
    font: "11px system-ui, sans-serif",
    textAlign: "center",
    textBaseline: "middle",
    fillStyle: text,
  });
  // every so many a number
  const [across, down] = [Math.ceil(18 / where.width), Math.ceil(12 / where.height)];
  for (let head = 0; head < where.heads; head += across)
    ink.fillText(String(head + 1), LEFT + (head + 0.5) * where.width, 8);
  const inner = where.width - (where.width >= 20 ? 3 : 1);
  for (let layer = 0; layer < where.layers; layer++) {
    const y = TOP + layer * where.height;
    ink.fillStyle = text;
    if (layer % down === 0) ink.fillText(String(layer + 1), 11, y + where.tall / 2);
    for (let head = 0; head < where.heads; head++) {
      const x = LEFT + head * where.width;
      ink.drawImage(
        sheet,
        head * where.columns,
        layer * where.rows,
        where.columns,
        where.rows,
        x,
        y,
        inner,
        where.tall,
      );
      if (where.bar)
        barOf(
          ink,
          { x, y: y + where.tall + 1, inner, tall: where.bar },
          group.figures[figure][layer][head],
          full,
          figure === "distance" ? group.even_distance : null,
          text,
          accent,
        );
    }
  }
  const frame = (/** @type {number} */ layer, /** @type {number} */ head, /** @type {number} */ count) =>
    ink.strokeRect(
      LEFT + head * where.width - 1,
      TOP + layer * where.height - 1,
      where.width * count - (where.width >= 20 ? 1 : 0),
      where.height - 1,
    );
  Object.assign(ink, { lineWidth: 2, strokeStyle: accent });
  if (lens.reading === "head") frame(lens.layer, lens.head, 1);
  else frame(lens.layer, 0, where.heads);
  Object.assign(ink, { lineWidth: 1, strokeStyle: text });
  if (lens.cell && lens.cell.layer < where.layers && lens.cell.head < where.heads)
    frame(lens.cell.layer, lens.cell.head, 1);
}

/**
 * A figure as a bar, and where uniform attention would be.
 * @param {CanvasRenderingContext2D} ink
 * @param {{x: number, y: number, inner: number, tall: number}} box
 * @param {number | null} value
 * @param {number} full
 * @param {number | null} mark @param {string} text @param {string} accent */
function barOf(ink, { x, y, inner, tall }, value, full, mark, text, accent) {
  ink.globalAlpha = 0.2;
  ink.fillStyle = text;
  ink.fillRect(x, y, inner, tall);
  ink.globalAlpha = 1;
  ink.fillStyle = accent;
  if (value !== null && full > 0) ink.fillRect(x, y, inner * Math.min(1, value / full), tall);
  if (mark === null || !(full > 0)) return;
  ink.fillStyle = text;
  ink.fillRect(x + inner * Math.min(1, mark / full) - 0.5, y, 1, tall);
}

/**
 * One pixel a patch (or a pair of tokens), all heads on one sheet.
 * @param {Lens} lens
 * @param {Sheet} sheet
 * @param {Where} where
 */
function fillSheet(lens, sheet, where) {
  const { group } = lens;
  const maps = lens.maps[lens.at];
  const [width, height] = [where.columns * maps.heads, where.rows * maps.layers];
  const patches = lens.hasPatches();
  // Another layer, another head: the small pictures stay. Those of whole maps do not depend on the token.
  const wanted = patches ? `${lens.at} ${lens.asked} ${lens.backwards}` : `${lens.at}`;
  if (sheet.shows === wanted && sheet.of === lens.view) return;
  Object.assign(sheet, { shows: wanted, of: lens.view, width, height });
  const colours = Array.from(maps.table, (value) => coloured(shade(value, group.top)));
  const pixels = new ImageData(width, height);
  const first = patches ? lens.shownIds.indexOf("p:0") : 0;
  const token = lens.ids.indexOf(lens.asked);
  const step = !patches ? 1 : lens.backwards ? maps.keys : 1;
  for (let layer = 0; layer < maps.layers; layer++) {
    for (let head = 0; head < maps.heads; head++) {
      const start = (layer * maps.heads + head) * maps.queries * maps.keys;
      const line = patches
        ? start + (lens.backwards ? first * maps.keys + token : token * maps.keys + first)
        : start;
      for (let row = 0; row < where.rows; row++) {
        for (let col = 0; col < where.columns; col++) {
          const number = row * where.columns + col;
          dot(
            pixels.data,
            4 * ((layer * where.rows + row) * width + head * where.columns + col),
            colours[maps.codes[line + number * step]],
          );
        }
      }
    }
  }
  pen(sheet).putImageData(pixels, 0, 0);
}
