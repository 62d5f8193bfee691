// @ts-check
// The picture with the selected word's map over it, and how the map is read.
import { h, PictureUrl, rove } from "../shared/dom.mjs";
import { number, percent } from "../shared/format.mjs";
import { cellAt, paint, placeOf } from "../shared/patches.mjs";
import { labelled, pick, slider } from "./controls.mjs";
import { mapLabel } from "./numbers.mjs";

/** @import { Drawn } from "./types.d.ts" */
/** @import { Reading } from "./state.mjs" */
/** @import { Bytes } from "../shared/types.d.ts" */

const LEAST = 150; // pixels of the picture's height; a screen that leaves less is scrolled
const MOST = 420;
const SMALL = 180; // where other things stand below it

/** @param {Reading} lens */
export function picture(lens) {
  const { board, model } = lens;
  const image = new Image();
  const url = new PictureUrl();
  /** @type {Bytes | null} */ let source = null;
  image.addEventListener("load", () => board.redraw());
  const canvas = h("canvas", { class: "an-picture", tabindex: 0, role: "img" });
  const said = h("p", { class: "wb-help an-said", "aria-live": "polite" });
  const readout = h("p", { class: "an-readout" });
  const none = h("p", { class: "wb-help", text: "No picture was given." });
  const controls = mapControls(lens);
  /** @type {Drawn | null} */ let drawn = null;
  wire(lens, canvas, () => drawn);
  const pane = h(
    "div",
    { class: "an-look" },
    h("div", { class: "an-stage" }, canvas, none),
    readout,
    said,
    controls.element,
  );
  const seen = new ResizeObserver(() => board.redraw());
  seen.observe(pane);
  return {
    element: pane,
    draw() {
      if (model.get("_picture") !== source) {
        source = model.get("_picture");
        image.src = url.of(source) || "";
      }
      drawn = lens.drawn();
      const there = Boolean(source?.byteLength);
      canvas.hidden = !there;
      none.hidden = there;
      controls.draw();
      if (there) size(canvas, pane, image, board.root);
      if (there)
        paint(canvas, {
          image,
          grid: drawn?.grid ?? [1, 1],
          values: drawn ? [...drawn.values] : [],
          limit: drawn?.limit ?? 0,
          opacity: model.get("opacity"),
          grey: Boolean(drawn),
          chosen: chosenOf(lens, drawn),
          hover: drawn ? lens.hover : -1,
        });
      const { texts } = lens.view;
      canvas.setAttribute(
        "aria-label",
        drawn ? `picture with the map of “${texts[lens.word]}”: ${mapLabel(drawn)}` : "picture",
      );
      readout.textContent = readoutOf(lens, drawn);
      said.textContent = lens.said();
    },
    release() {
      seen.disconnect();
      url.release();
    },
  };
}

/** As large as the pane and the screen leave. @param {HTMLCanvasElement} canvas @param {HTMLElement} pane
 * @param {HTMLImageElement} image @param {HTMLElement} root */
function size(canvas, pane, image, root) {
  const screen = parseFloat(getComputedStyle(root).getPropertyValue("--wb-screen")) || 800;
  // the answers stand below it, or in one column all that it explains
  const small = root.dataset.page === "beam" || pane.clientWidth > 0.7 * root.clientWidth;
  const most = Math.min(small ? SMALL : MOST, Math.max(LEAST, screen - 330));
  const ratio = image.naturalHeight ? image.naturalWidth / image.naturalHeight : 1;
  const width = Math.floor(Math.min(pane.clientWidth, most * ratio));
  if (width > 0) canvas.style.width = `${width}px`;
}

/** @param {Reading} lens @param {Drawn | null} drawn */
function chosenOf(lens, drawn) {
  const patch = lens.model.get("patch");
  return patch === null || !drawn || patch >= drawn.values.length ? [] : [patch];
}

/** The patch under the pointer, else the chosen one, else the strongest. @param {Reading} lens
 * @param {Drawn | null} drawn */
function readoutOf(lens, drawn) {
  if (!drawn) return "";
  const { values, grid, limit, signed } = drawn;
  const chosen = lens.model.get("patch");
  const at = lens.hover >= 0 ? lens.hover : chosen;
  const one = (/** @type {number} */ value) =>
    lens.model.get("map") === "attention" ? percent(value) : number(value);
  if (at !== null && at >= 0 && at < values.length) return `${placeOf(at, grid[1])}: ${one(values[at])}`;
  return `colour scale: 0 to ${one(limit)}${signed ? " (orange more, blue less)" : " of the attention"}`;
}

/** Pointer and keys on the picture. @param {Reading} lens @param {HTMLCanvasElement} canvas
 * @param {() => Drawn | null} drawn */
function wire(lens, canvas, drawn) {
  const { board, model } = lens;
  const look = (/** @type {number} */ patch) => {
    if (patch === lens.hover) return;
    lens.hover = patch;
    board.redraw();
  };
  const under = (/** @type {MouseEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    const grid = drawn()?.grid;
    return grid ? cellAt(event.clientX - box.left, event.clientY - box.top, box.width, box.height, grid) : -1;
  };
  const choose = (/** @type {number} */ patch) => {
    if (patch >= 0 && !board.gone) lens.choose("patch", model.get("patch") === patch ? null : patch);
  };
  canvas.addEventListener("mousemove", (event) => look(under(event)));
  canvas.addEventListener("mouseleave", () => look(-1));
  canvas.addEventListener("blur", () => look(-1));
  canvas.addEventListener("click", (event) => choose(under(event)));
  canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const map = drawn();
    if (!map) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(Math.max(0, lens.hover));
      return;
    }
    if (event.key === "Escape" && model.get("patch") !== null) {
      event.preventDefault();
      lens.choose("patch", null);
      return;
    }
    const next = rove(Math.max(0, lens.hover), event.key, map.values.length, map.grid[1]);
    if (next === null) return;
    event.preventDefault();
    look(next);
  });
}

/** Which map, of which layer, read at which row. @param {Reading} lens */
function mapControls(lens) {
  const { board, model } = lens;
  const map = pick(lens, "map", "map over the picture", [
    ["attention", "attention", "where the row looks"],
    ["minus", "minus another picture", "attention less what the same row gives to another picture"],
    ["relevance", "relevance", "gradients through the attention: what speaks for the word"],
    ["occlusion", "occlusion", "patches covered one after the other: what the word loses"],
  ]);
  const row = pick(lens, "row", "row that is read", [
    ["producing", "row before", "the row that produces the word: it decides what is written"],
    ["reading", "row after", "the row that reads the word and produces the next"],
  ]);
  const layer = h("input", {
    type: "range",
    min: 0,
    step: 1,
    "aria-label": "layer, 0 for the mean of all",
    oninput: () => {
      lens.choose("layer", layer.value === "0" ? null : Number(layer.value) - 1);
    },
  });
  const number_ = h("output", { class: "an-number" });
  const opacity = slider(lens, "opacity", {
    label: "Overlay",
    says: "opacity of the map",
    min: 0,
    max: 1,
    step: 0.05,
    text: (value) => percent(value),
  });
  const problem = h("p", { class: "wb-field-error", role: "alert", hidden: true });
  const layerLabel = labelled("Layer", layer, number_);
  const rowLabel = labelled("Read at", row.element);
  return {
    element: h(
      "div",
      { class: "an-map wb-field" },
      labelled("Map", map.element),
      rowLabel,
      layerLabel,
      opacity.element,
      problem,
    ),
    draw() {
      map.draw();
      row.draw();
      opacity.draw();
      const attention = lens.attention;
      const read = ["attention", "minus"].includes(model.get("map"));
      layerLabel.hidden = rowLabel.hidden = !read;
      layer.max = String(attention?.count ?? 0);
      layer.disabled = !attention;
      const chosen = model.get("layer");
      layer.value = String(chosen === null ? 0 : chosen + 1);
      number_.textContent = chosen === null ? "mean" : `${chosen + 1} of ${attention?.count ?? "?"}`;
      problem.textContent = board.status().errors.map ?? "";
      problem.hidden = !problem.textContent;
    },
  };
}
