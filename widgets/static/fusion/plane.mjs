// @ts-check
// The page of decision regions: slider, presets, tiles, loss curves.
import { colourOf, css, DIVERGING, diverging } from "../shared/colours.mjs";
import { h, throttled } from "../shared/dom.mjs";
import { field, keep } from "../shared/fields.mjs";
import { chartPlace } from "./chart.mjs";
import { lineChart } from "./lines.mjs";
import { graphDrawing } from "./graph.mjs";
import { choice, fieldset, fusionChecks, radios } from "./controls.mjs";

/** @import { Chart } from "./chart.mjs" */
/** @import { Plane } from "./pages.d.ts" */
/** @import { Fusion } from "./types.d.ts" */

const SLIDER_PAUSE = 80; // ms between two positions that are sent
const BOTTLENECKS = [
  ["0", "all tokens"],
  ["4", "4 shared tokens"],
  ["1", "1 shared token"],
];
const SECONDS = 2; // that a plane takes on a quiet laptop

/** Red, green, blue of a probability 0 to 1. @param {number} share */
export const regionColour = (share) => diverging(2 * share - 1);

/**
 * One tile's pixels, the text's axis upwards, with the border of decision drawn dark.
 * @param {Uint8Array} bytes @param {number} place which tile @param {number} size cells a side
 */
export function tilePixels(bytes, place, size) {
  const out = new Uint8ClampedArray(size * size * 4);
  const at = (/** @type {number} */ row, /** @type {number} */ col) =>
    bytes[place * size * size + row * size + col];
  for (let row = 0; row < size; row += 1) {
    for (let col = 0; col < size; col += 1) {
      const value = at(row, col);
      const border =
        (col + 1 < size && value < 128 !== at(row, col + 1) < 128) ||
        (row + 1 < size && value < 128 !== at(row + 1, col) < 128);
      const colour = border ? [40, 40, 40] : regionColour(value / 255);
      out.set([...colour, 255], ((size - 1 - row) * size + col) * 4);
    }
  }
  return out;
}

/**
 * What the slider says of its position.
 * @param {number} layer
 * @param {number} depth
 * @param {string} bottleneck
 */
export function sliderWords(layer, depth, bottleneck) {
  if (layer >= depth) return "late: nothing is exchanged";
  const through =
    bottleneck === "0"
      ? "all tokens are exchanged"
      : `exchange through ${bottleneck} shared token${bottleneck === "1" ? "" : "s"}`;
  return `${layer === 0 ? "early" : "mid"}: from layer ${layer + 1} of ${depth} on, ${through}`;
}

/** The page "Decision regions". @param {Fusion} board */
export function planePage(board) {
  const controls = planeControls(board);
  const drawing = graphDrawing();
  const title = h("h3", {});
  const caption = h("p", { class: "fb-caption" });
  const trap = h("p", { class: "fb-trap" });
  const tiles = h("div", { class: "fb-tiles", role: "group", "aria-label": "decision regions" });
  const key = h(
    "p",
    { class: "wb-help fb-key" },
    h("span", { class: "fb-swatch", style: { background: css(DIVERGING[0]) } }),
    " class 0  ",
    h("span", { class: "fb-swatch", style: { background: css(DIVERGING[2]) } }),
    " class 1, pale: unsure, dark line: where the answer changes. Picture's value to the right, text's " +
      "upwards.",
  );
  const chart = chartPlace();
  const train = h("button", {
    type: "button",
    class: "wb-button fb-run",
    onclick: () => board.tell({ kind: "train" }),
  });
  const trainField = field(train, "train");
  return {
    element: h(
      "div",
      { class: "fb-split" },
      controls.element,
      h(
        "div",
        { class: "fb-main" },
        h("div", { class: "fb-row fb-wrap" }, title, trainField.element),
        drawing.element,
        caption,
        trap,
        tiles,
        key,
        chart.element,
      ),
    ),
    draw() {
      const page = board.view().plane;
      if (!page) return;
      controls.draw(page);
      drawing.draw(page.graph);
      title.textContent = page.slider.title;
      caption.textContent = `${page.graph.caption} Class: ${page.slider.kind}.`;
      trap.textContent = page.slider.trap;
      trap.hidden = !page.slider.trap;
      const waiting = page.missing.length > 0 && !board.status().working.plane;
      trainField.element.hidden = !waiting;
      train.textContent =
        `Train ${page.missing.length === 1 ? "this plane" : `${page.missing.length} planes`} (about ` +
        `${SECONDS * page.missing.length} s)`;
      train.title = page.missing.join(", ");
      trainField.draw(board.status());
      const colours = colourOf(page.regions.tiles.slice(2).map((tile) => tile.name));
      drawTiles(board, tiles, page, colours);
      drawLosses(board, chart, page, colours);
    },
    release: () => chart.release(),
  };
}

/** @param {Fusion} board */
function planeControls(board) {
  const { model, send } = board;
  const preset = choice(board, "preset", null, { label: "presets" });
  const why = h("p", { class: "fb-why", role: "status" });
  const task = choice(board, "task", null, { label: "task" });
  const taskWhy = h("p", { class: "wb-help" });
  const move = throttled((/** @type {number} */ value) => send("layer", value), SLIDER_PAUSE);
  const slider = h("input", {
    type: "range",
    min: 0,
    step: 1,
    "aria-label": "layer from which the modalities exchange",
    oninput: () => {
      move(Number(slider.value));
    },
  });
  const said = h("output", { class: "fb-said" });
  const through = radios("through", "what is exchanged", BOTTLENECKS, (value) =>
    send("bottleneck", Number(value)),
  );
  const seed = h("input", {
    type: "number",
    min: 0,
    step: 1,
    "aria-label": "seed",
    onchange: () => {
      send("seed", Math.max(0, Math.round(Number(seed.value)) || 0));
    },
  });
  const again = h("button", {
    type: "button",
    class: "wb-button",
    text: "Train again",
    title: "with the next seed",
    onclick: () => send("seed", model.get("seed") + 1),
  });
  const checks = fusionChecks(board, "beside", { kinds: true });
  return {
    element: h(
      "div",
      { class: "fb-side" },
      fieldset("Presets", preset.element, why),
      fieldset("Task", task.element, taskWhy),
      fieldset(
        "From early to late",
        slider,
        h(
          "div",
          { class: "fb-ends", "aria-hidden": "true" },
          h("span", { text: "early" }),
          h("span", { text: "late" }),
        ),
        said,
        through.element,
      ),
      fieldset("Compare with", checks.element),
      fieldset("Start", h("div", { class: "fb-row" }, h("label", { class: "fb-row" }, "Seed", seed), again)),
    ),
    draw(/** @type {Plane} */ page) {
      const wish = page.presets.find((row) => row.name === model.get("preset"));
      preset.draw(
        [["", "choose…"], ...page.presets.map((row) => [row.name, `${row.works ? "✓" : "✗"} ${row.title}`])],
        model.get("preset"),
      );
      why.textContent = wish ? wish.why : "✓ works, ✗ fails, and why.";
      task.draw(
        page.tasks.map((row) => [row.name, row.title]),
        model.get("task"),
      );
      taskWhy.textContent = page.why;
      slider.max = String(page.depth);
      keep(slider, model.get("layer"));
      const bottleneck = String(model.get("bottleneck"));
      said.textContent = sliderWords(model.get("layer"), page.depth, bottleneck);
      slider.setAttribute("aria-valuetext", said.textContent);
      through.set(bottleneck);
      keep(seed, model.get("seed"));
      checks.draw(board.view().all);
    },
  };
}

/** @param {Fusion} board @param {Element} place @param {Plane} page @param {Map<string, string>} colours */
function drawTiles(board, place, page, colours) {
  const regions = page.regions;
  const view = board.model.get("_planes");
  const bytes = view ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : new Uint8Array();
  while (place.children.length > regions.tiles.length) place.lastChild?.remove();
  while (place.children.length < regions.tiles.length || !place.firstElementChild?.matches("figure")) {
    if (place.firstElementChild && !place.firstElementChild.matches("figure"))
      place.firstElementChild.remove();
    place.append(
      h(
        "figure",
        { class: "fb-tile" },
        h("canvas", { role: "img" }),
        h("figcaption", {}, h("strong", {}), h("span", { class: "fb-tile-words" })),
      ),
    );
  }
  regions.tiles.forEach((tile, at) => {
    const figure = /** @type {HTMLElement} */ (place.children[at]);
    const canvas = /** @type {HTMLCanvasElement} */ (figure.querySelector("canvas"));
    const there =
      tile.place !== null && bytes.length >= (tile.place + 1) * regions.size ** 2 ? tile.place : -1;
    figure.dataset.where = tile.where;
    figure.toggleAttribute("data-waiting", there < 0);
    figure.toggleAttribute("data-other", Boolean(tile.other));
    figure.style.setProperty("--own", colours.get(tile.name) ?? "var(--f-none)");
    figure.title = tile.equation;
    /** @type {HTMLElement} */ (figure.querySelector("strong")).textContent = tile.title;
    /** @type {HTMLElement} */ (figure.querySelector(".fb-tile-words")).textContent = tile.words;
    canvas.setAttribute("aria-label", `${tile.title}: ${tile.words}`);
    if (there < 0) {
      canvas.width = canvas.height = 1;
      return;
    }
    canvas.width = canvas.height = regions.size;
    canvas
      .getContext("2d")
      ?.putImageData(new ImageData(tilePixels(bytes, there, regions.size), regions.size), 0, 0);
  });
}

/** @param {Fusion} board @param {Chart} place @param {Plane} page @param {Map<string, string>} colours */
function drawLosses(board, place, page, colours) {
  const live = board.model.get("_live");
  const done = page.regions.curves;
  const running = live?.what === "plane" ? (live.curves ?? []) : [];
  const names = new Set(done.map((row) => row.name));
  const curves = [...done, ...running.filter((row) => !names.has(row.name))].filter(
    (row) => row.points.length > 1,
  );
  if (!curves.length) {
    place.clear();
    return;
  }
  const slider = page.slider.name;
  place.draw((width) =>
    h(
      "div",
      {},
      h("h4", { text: "Training loss" }),
      lineChart({
        width,
        label:
          `training loss of ${curves.map((row) => row.title).join(", ")}, against steps; guessing costs ` +
          "ln 2 = 0.693",
        x: { label: "training step, 64 fresh points each", low: 0 },
        y: { low: 0, label: "cross-entropy, nats" },
        height: 190,
        series: curves.map((row) => ({
          ...row,
          strong: true,
          dashed: row.name !== slider,
          colour: colours.get(row.name),
        })),
        lines: [{ name: "guessing: ln 2", value: Math.log(2) }],
      }),
    ),
  );
}
