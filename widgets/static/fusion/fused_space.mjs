// @ts-check
// The page of the fused space: every fusion's own vectors as a map, with one selection.
import { h, fill, pen } from "../shared/dom.mjs";
import { chooseItem } from "./examples.mjs";

/** @import { Fusion } from "./types.d.ts" */
/** @import { Space } from "./pages.d.ts" */
/** @typedef {number[]} Drag the map, then x0, y0, x1, y1 */

const GOLDEN = 137.508; // degrees between neighbouring hues, so that any number of classes differ

const NAMED = {
  // of a lightness that is seen on black and on white
  red: "#e03131",
  orange: "#f08c00",
  yellow: "#e6c700",
  green: "#2f9e44",
  teal: "#0ca5a5",
  cyan: "#15aabf",
  blue: "#2f6fed",
  purple: "#8f3fd6",
  pink: "#e64fa0",
  brown: "#8a5a2b",
  black: "#5a5a5a",
  gray: "#9b9b9b",
  grey: "#9b9b9b",
  white: "#cfcfcf",
};

/**
 * Points inside a rectangle.
 * @param {Uint16Array} points x, y alternating
 * @param {number[]} box x0, y0, x1, y1 in 0 to 1
 */
export function inside(points, box) {
  const [left, right] = [Math.min(box[0], box[2]), Math.max(box[0], box[2])];
  const [low, high] = [Math.min(box[1], box[3]), Math.max(box[1], box[3])];
  const found = [];
  for (let place = 0; place * 2 < points.length; place += 1) {
    const [x, y] = [points[place * 2] / 65535, points[place * 2 + 1] / 65535];
    if (x >= left && x <= right && y >= low && y <= high) found.push(place);
  }
  return found;
}

/** @param {Fusion} board */
export function spacePage(board) {
  const { model, send } = board;
  const maps = h("div", { class: "fb-maps" });
  const said = h("p", { class: "fb-caption", role: "status" });
  const key = h("p", { class: "fb-key wb-help" });
  /** @type {Drag | null} */ let drag = null;
  const data = () => {
    const view = model.get("_space");
    return view?.byteLength
      ? new Uint16Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength))
      : new Uint16Array();
  };
  const pointOf = (/** @type {PointerEvent} */ event) => {
    const box = /** @type {Element} */ (event.currentTarget).getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
  };
  const canvasFor = (/** @type {number} */ at) => {
    const canvas = h("canvas", { width: 240, height: 240, tabindex: 0, role: "img" });
    canvas.addEventListener("pointerdown", (event) => {
      drag = [at, ...pointOf(event), ...pointOf(event)];
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (drag) {
        [drag[3], drag[4]] = pointOf(event);
        draw();
      }
    });
    canvas.addEventListener("pointerup", () => {
      if (!drag) return;
      const count = board.view().space.items.length;
      const points = data().subarray(at * count * 2, (at + 1) * count * 2);
      const box = drag.slice(1);
      const tiny = Math.hypot(box[2] - box[0], box[3] - box[1]) < 0.02;
      const found = inside(
        points,
        tiny ? [box[0] - 0.025, box[1] - 0.025, box[0] + 0.025, box[1] + 0.025] : box,
      );
      drag = null;
      const items = (tiny ? found.slice(0, 1) : found).map((place) => board.view().space.items[place]);
      if (items.length) model.set("focus", items[0]);
      send("selected", items);
    });
    canvas.addEventListener("keydown", (event) => {
      const items = board.view().space.items;
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[
        /** @type {string} */ (event.key)
      ];
      if (step) {
        event.preventDefault();
        send(
          "focus",
          items[Math.min(items.length - 1, Math.max(0, items.indexOf(model.get("focus")) + step))],
        );
      }
      if (event.key === " ") {
        event.preventDefault();
        send("selected", chooseItem(model.get("selected"), model.get("focus"), true));
      }
    });
    return canvas;
  };
  const draw = () => {
    const page = board.view().space;
    const points = data();
    const [selected, focus] = [new Set(model.get("selected")), model.get("focus")];
    if (maps.children.length !== page.fusions.length)
      fill(
        maps,
        ...page.fusions.map((row, /** @type {number} */ at) =>
          h("figure", { class: "fb-map", "data-where": row.where }, canvasFor(at), h("figcaption", {})),
        ),
      );
    page.fusions.forEach((row, /** @type {number} */ at) => {
      const canvas = /** @type {HTMLCanvasElement} */ (maps.children[at].firstChild);
      /** @type {Node} */ (maps.children[at].lastChild).textContent =
        `${row.title} (${(100 * (page.spread[at] ?? 0)).toFixed(0)} % of the variance)`;
      canvas.setAttribute(
        "aria-label",
        `fused vectors of ${row.title}; ${selected.size} chosen; arrows move, space chooses`,
      );
      drawMap(
        canvas,
        points.subarray(at * page.items.length * 2, (at + 1) * page.items.length * 2),
        page,
        selected,
        focus,
        drag?.[0] === at ? drag : null,
      );
    });
    const chosen = page.items.filter((/** @type {number} */ item) => selected.has(item)).length;
    said.textContent =
      `${page.items.length} test items, the two directions of largest variance of each fusion's own ` +
      `vectors. ${chosen} chosen; the same items are marked in every map.`;
    if (key.dataset.classes !== page.classes.join()) {
      key.dataset.classes = page.classes.join();
      const colours = classColours(page.classes);
      fill(
        key,
        ...page.classes
          .slice(0, 16)
          .flatMap((/** @type {string} */ name, /** @type {number} */ at) => [
            h("span", { class: "fb-swatch", style: { background: colours[at] } }),
            ` ${name}  `,
          ]),
      );
    }
  };
  return {
    element: h(
      "div",
      { class: "fb-page" },
      said,
      maps,
      key,
      h("p", {
        class: "wb-help",
        text:
          "Drag a box in any map, or click a point. A map may show clusters that are not there: look at " +
          "quality first.",
      }),
    ),
    draw,
  };
}

/**
 * Colours of classes; one that is the name of a colour has that colour, and the others are paler beside it.
 * @param {string[]} classes
 */
export function classColours(classes) {
  const named = classes.map((name) => NAMED[/** @type {keyof typeof NAMED} */ (name.toLowerCase())]);
  const tone = named.some(Boolean) ? "34% 62%" : "62% 52%";
  return classes.map((_, at) => named[at] ?? `hsl(${Math.round((210 + at * GOLDEN) % 360)} ${tone})`);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Uint16Array} points
 * @param {Space} page
 * @param {Set<number>} selected
 * @param {number} focus
 * @param {Drag | null} drag
 */
function drawMap(canvas, points, page, selected, focus, drag) {
  const context = pen(canvas);
  const side = canvas.width;
  const [air, room] = [10, side - 20];
  context.clearRect(0, 0, side, side);
  const at = (/** @type {number} */ place) =>
    /** @type {const} */ ([
      air + (points[place * 2] / 65535) * room,
      side - air - (points[place * 2 + 1] / 65535) * room,
    ]);
  const colours = classColours(page.classes);
  const some = selected.size > 0;
  page.items.forEach((/** @type {number} */ item, /** @type {number} */ place) => {
    const [x, y] = at(place);
    context.globalAlpha = some && !selected.has(item) ? 0.18 : 0.85;
    context.fillStyle = colours[page.truth[place]];
    context.beginPath();
    context.arc(x, y, selected.has(item) ? 4 : 2.6, 0, 7);
    context.fill();
  });
  context.globalAlpha = 1;
  const place = page.items.indexOf(focus);
  context.strokeStyle = getComputedStyle(canvas).color;
  context.lineWidth = 2;
  if (place >= 0) {
    context.beginPath();
    context.arc(...at(place), 7, 0, 7);
    context.stroke();
  }
  if (drag)
    context.strokeRect(
      drag[1] * side,
      (1 - drag[2]) * side,
      (drag[3] - drag[1]) * side,
      (drag[2] - drag[4]) * side,
    );
}
