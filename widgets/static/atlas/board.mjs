// @ts-check
// The embedding atlas. Points are drawn here; every number shown was computed by the kernel.
import { h, throttled } from "../shared/dom.mjs";
import { mount } from "../shared/mount.mjs";
import { acceptFiles } from "../shared/upload.mjs";
import { Cards, Sheets, place } from "./answers.mjs";
import { search, sliders, tools } from "./controls.mjs";
import { legend } from "./legend.mjs";
import { gallery, measures, point } from "./side.mjs";
import { Stage } from "./stage.mjs";
import { Asked, storeOf } from "./store.mjs";
import { tipBody } from "./panels.mjs";

/** @import { Atlas, ToKernel, Traits, View } from "./types.d.ts" */
/** @import { Board, Context } from "../shared/types.d.ts" */

const CAMERA_MS = 60; // between two messages of a moving camera
const PAGE_MS = 120_000; // for which a page of the kernel's is waited for
const TRAITS = [
  "_view",
  "_sprite",
  "_mask",
  "colour",
  "query",
  "shift",
  "temperature",
  "layer",
  "labels",
  "kinds",
  "only",
  "gallery",
  "page",
  "links",
  "tool",
  "words",
  "pictures",
  "focus",
  "wheel",
];
const HELP = [
  "Drag moves the map; + and −, Ctrl or ⌘ with the wheel, or the wheel alone once the map has been " +
    "clicked, zoom it; 0 shows it whole.",
  "Point at the map to see a picture or text; a click keeps it beside the map. Firm lines lead to true " +
    "neighbours (those in the model's space) that the map shows near, dashed ones to those it has torn " +
    "away; dotted rings mark false-positive neighbours.",
  "Lasso: L, or hold Shift and drag; Ctrl or ⌘ adds, Alt takes away, Escape clears. P moves again. " +
    "What is selected is atlas.selected in the next cell, counted from 0.",
  "N goes to the next true neighbour, Enter selects the point looked at. Tab goes from control to " +
    "control; Escape, with nothing selected, goes back to the notebook.",
  "Search: words, or vector arithmetic such as #12 + red − night, where #12 is the point of that " +
    "number (on its card, as in Python from 0).",
  "kNN preservation: of a point's true neighbours, how many the map shows near. False positives: near " +
    "on the map, far in truth. False negatives: near in truth, torn apart by the map.",
  "Hubs stand in very many neighbour lists, anti-hubs in none. Cross-modal neighbours are of the other " +
    "kind. Baseline: what chance would give.",
  "λ moves pictures and texts towards each other: 0 is the space as it is, 1 lays the two centres on " +
    "one another. τ is the temperature of the contrastive loss alone.",
];

/** @param {Context<Traits>} context */
export function explore(context) {
  return mount(context, (/** @type {Board<Traits, ToKernel>} */ board) => {
    const { model, view } = board;
    const store = storeOf(context.model);
    const own = /** @type {Atlas} */ (Object.assign(board, { store, canvas2d: model.get("_canvas2d") }));
    const arrived = () => {
      stage.dirty();
      own.drawTip();
      board.redraw();
    };
    own.asked = {
      coarse: new Sheets(model, "coarse", 6000, arrived),
      fine: new Sheets(model, "fine", 2500, arrived),
      words: new Asked(model, "words", 20000, arrived),
      look: new Cards(model, "look", 400, arrived),
    };
    own.tellCamera = throttled((/** @type {number[]} */ camera) => board.send("camera", camera), CAMERA_MS);
    own.drawTip = () => drawTip(stage, own);
    const stage = new Stage(own);
    own.stage = stage;
    const map = { element: stage.element, draw: () => stage.dirty(true), release: () => stage.release() };
    const parts = [search, tools, sliders, legend, point, gallery, measures].map((part) => part(own));
    const [searchPart, toolsPart, slidersPart, legendPart, pointPart, galleryPart, measuresPart] = parts;
    acceptFiles(board.root, board.stop.signal, (files) => place(own, files));
    const changed = () => {
      stage.refresh();
      board.redraw();
    };
    const refocus = () => {
      const id = model.get("focus");
      if (id >= 0) own.asked.look.want([id], 1);
      stage.show(id);
    };
    const lists = () => Object.values(own.asked);
    store.listeners.add(changed);
    stage.mask = maskOf(model);
    store.ask();
    changed();
    refocus();
    return {
      kind: "atl",
      label: "Embedding atlas",
      thing: "atlas",
      file: "atlas",
      help: HELP,
      traits: TRAITS,
      parts: [
        map,
        ...parts,
        {
          draw: () => board.root.toggleAttribute("data-saved", Boolean(view().saved)),
          release: () => {
            store.listeners.delete(changed);
            lists().forEach((asked) => asked.release());
          },
        },
      ],
      title: () => view().title,
      said: () => (store.share < 1 ? `receiving the map, ${Math.round(100 * store.share)} %` : view().said),
      notes: () => view().notes,
      credit: () => view().credit,
      code: () => {
        board.tell({ kind: "keep" });
        return model.get("_code");
      },
      caption: () => [`${view().title}: ${view().said}`, settingsOf(model, view()), view().credit],
      page: view()?.saved ? undefined : () => pageOf(own, store),
      sharp: async (/** @type {boolean} */ on) => {
        if (on) await rested(own);
        stage.sharpen(on);
      },
      ready: () => Boolean(view()?.legend),
      listeners: {
        "change:_view": changed,
        "change:links": changed,
        "change:camera": () => stage.follow(),
        "change:_mask": () => stage.setMask(maskOf(model)),
        "change:only": () => stage.dirty(),
        "change:focus": () => {
          refocus();
          stage.dirty(true);
        },
        "change:words": () => stage.dirty(),
        "change:pictures": () => stage.dirty(),
        "change:_forget": () => {
          lists().forEach((asked) => asked.clear());
          changed();
          refocus();
        },
      },
      body: h(
        "div",
        { class: "atl-columns" },
        h(
          "div",
          { class: "atl-main" },
          h("div", { class: "atl-tools" }, searchPart.element, toolsPart.element, slidersPart.element),
          stage.element,
          legendPart.element,
        ),
        h("div", { class: "atl-side" }, pointPart.element, galleryPart.element, measuresPart.element),
      ),
    };
  });
}

/** Wait until nothing is being computed: a picture of unfinished work would mislead. @param {Atlas} board */
async function rested(board) {
  const end = Date.now() + PAGE_MS;
  const busy = () => !board.gone && Object.keys(board.status().working).length > 0 && Date.now() < end;
  while (busy()) await new Promise((done) => setTimeout(done, 100));
  // the last figures are drawn
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}

/**
 * The page that can be explored, from the kernel: in parts, as it is larger than a message may be.
 * @param {Atlas} board
 * @param {Atlas["store"]} store
 * @returns {Promise<string>}
 */
function pageOf(board, store) {
  return new Promise((resolve, reject) => {
    const end = (/** @type {() => void} */ act) => {
      clearTimeout(timer);
      store.listeners.delete(arrived);
      board.tell({ kind: "page", done: true });
      act();
    };
    const arrived = () => {
      const { page } = store.arrays;
      if (page) end(() => resolve(new TextDecoder().decode(page)));
    };
    const timer = setTimeout(
      () => end(() => reject(new Error("the kernel did not send it; it may be busy"))),
      PAGE_MS,
    );
    store.listeners.add(arrived);
    board.tell({ kind: "page" });
  });
}

/**
 * What was chosen, for the caption of an exported picture.
 * @param {Atlas["model"]} model
 * @param {View} view
 */
export function settingsOf(model, view) {
  const labels = model.get("labels");
  return [
    `coloured by ${view.legend.title}`,
    view.offset ? `λ ${model.get("shift").toFixed(2)}` : "",
    `τ ${Number(model.get("temperature").toPrecision(3))}`,
    labels.length ? `only ${labels.join(", ")}` : "",
    model.get("query") ? `search “${model.get("query")}”` : "",
    view.said_selection,
    view.offset ? "disc = picture, diamond = text" : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

/** @param {Atlas["model"]} model */
function maskOf(model) {
  const mask = model.get("_mask");
  return mask
    ? new Uint8Array(mask.buffer ?? mask, mask.byteOffset ?? 0, mask.byteLength).slice()
    : new Uint8Array(0);
}

/**
 * Where a box beside the pointer goes: on the roomier side, and never out of the stage.
 * @param {[number, number]} at
 * @param {[number, number]} box
 * @param {{width: number, height: number}} size
 * @returns {[number, number]}
 */
export function beside([x, y], [wide, tall], size) {
  const left = x > size.width / 2 ? x - wide - 14 : x + 14;
  return [
    Math.max(4, Math.min(left, size.width - wide - 4)),
    Math.max(4, Math.min(y - tall / 2, size.height - tall - 4)),
  ];
}

/** @param {Stage} stage @param {Atlas} board */
function drawTip(stage, board) {
  const card = stage.hover >= 0 ? board.asked.look.known.get(stage.hover) : null;
  const { tip, tipAt, size } = stage;
  tip.hidden = !card || !tipAt;
  if (!card || !tipAt) return;
  tip.replaceChildren(...tipBody(card));
  const [left, top] = beside(tipAt, [tip.offsetWidth, tip.offsetHeight], size);
  Object.assign(tip.style, { left: `${left}px`, top: `${top}px` });
}

export default { render: explore };
