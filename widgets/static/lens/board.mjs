// @ts-check
// The attention lens. All maps come once as bytes; hovering, clicking and scrubbing are arithmetic here.
// Only masking and measuring ask the kernel.
import { h } from "../shared/dom.mjs";
import { decimal, number, percent } from "../shared/format.mjs";
import { mount } from "../shared/mount.mjs";
import { Lens } from "./state.mjs";
import { controls } from "./controls.mjs";
import { captionOf, pictureOf, readingOf, stage } from "./picture.mjs";
import { wordsPart } from "./words.mjs";
import { gridPart } from "./heads.mjs";
import { largePart, mostOf } from "./large.mjs";
import { maskPart } from "./mask.mjs";
import { roomPart } from "./room.mjs";

/** @import { LensBoard, Traits } from "./types.d.ts" */
/** @import { Context } from "../shared/types.d.ts" */

const HELP = [
  "Attention says where a head reads, not why the model answers.",
  "Layers, heads, rows and columns are counted from 1 on the screen, from 0 in Python.",
  "Hover a patch or a word to look from it; click to stay with it. On the picture: arrow keys, Enter, " +
    "and m to mask a patch.",
  "Every head: rows are layers, columns heads. Drag or use the arrow keys to scrub; a click or Enter " +
    "makes one head large, Escape goes back; [ and ] step through the heads.",
  "Colours stand for the square root of a weight, so that small weights are told apart; on the picture " +
    "a weight is the opacity of its patch. Cosines are blue below 0 and orange above.",
  "Cosines: of a patch's value in the last layer with the word as a text of its own, after each " +
    "encoder's projection (MaskCLIP). Pointing accuracy: for how many words that name a colour or a " +
    "shape the patch with the highest cosine lies on what the word names.",
  "Bar under a head: entropy in bits (full: uniform attention), mean attention distance in patches " +
    "(mark: uniform), share across modalities, or share that a token gives to itself.",
];

/** @param {Context<Traits>} context */
function render(context) {
  return mount(context, (/** @type {LensBoard} */ board) => {
    const lens = new Lens(board);
    const { root, model } = board;
    const source = pictureOf(lens);
    const [controlsPart, words, grid, mask] = [
      controls(lens),
      wordsPart(lens),
      gridPart(lens),
      maskPart(lens),
    ];
    const stagePart = stage(lens, source, mask.tools);
    const large = largePart(lens, source, root, grid.canvas);
    const look = h("div", { class: "al-look" }, stagePart.element, mask.element);
    const read = h("div", { class: "al-read" }, words.element, grid.element, large.element);
    const body = h("div", {}, controlsPart.element, h("div", { class: "al-columns" }, look, read));
    const room = roomPart(lens, root, {
      controls: controlsPart.element,
      look,
      read,
      words: words.element,
      heads: grid.element,
      large: large.element,
    });
    const reload = () =>
      lens.load().then(
        () => board.redraw(),
        (problem) =>
          board.tell({ kind: "problem", message: `The maps could not be read: ${problem.message}` }),
      );
    reload();
    return {
      kind: "al",
      label: "Attention lens",
      thing: "lens",
      file: "attention",
      body,
      title: () => lens.view.model,
      said: () =>
        lens.view.score === null
          ? "every row adds up to 100 %"
          : `cosine of picture and text ${decimal(lens.view.score)}; every row adds up to 100 %`,
      help: HELP,
      notes: () => notesOf(lens),
      credit: () => lens.view.credit,
      code: () => {
        board.tell({ kind: "keep" });
        return model.get("_now").code ?? "";
      },
      caption: () => captionLines(lens),
      parts: [
        {
          draw: () => {
            lens.compute();
            markOf(lens, root);
          },
        },
        controlsPart,
        mask,
        words,
        room,
        stagePart,
        grid,
        large,
      ],
      traits: [
        "selected",
        "masked",
        "scale",
        "opacity",
        "detail",
        "figure",
        "tool",
        "_now",
        "_alike",
        "_picture",
      ],
      listeners: { "change:_view": reload, "change:_maps": reload },
      ready: () => lens.ready,
    };
  });
}

/** What is drawn, for whoever waits for it. @param {Lens} lens @param {HTMLElement} root */
function markOf(lens, root) {
  root.toggleAttribute("data-picture", Boolean(lens.view.grid));
  root.dataset.site = lens.group.sites[lens.layer];
}

/** @param {Lens} lens */
function notesOf(lens) {
  const { view } = lens;
  const gate =
    view.difference === null ? "" : `; max. output difference with hooks: ${number(view.difference)}`;
  const bits = view.levels >= 255 ? "8-bit" : view.levels >= 127 ? "7-bit" : "6-bit";
  const refusal = lens.model.get("_now").refusal;
  return [
    ...view.notes,
    ...(refusal ? [refusal] : []),
    `${(view.bytes / 1e6).toFixed(view.bytes < 1e5 ? 2 : 1)} MB of maps, ${bits} display precision${gate}.`,
  ];
}

/** What an exported picture must say. @param {Lens} lens */
function captionLines(lens) {
  const { view, model } = lens;
  const own = model.get("scale") === "own";
  const scale = own ? "each map by its largest weight" : `0 to ${percent(lens.sharedTop)}`;
  const found = view.grid ? lens.patchValues() : null;
  const { patches, words } = lens.masked;
  return [
    `${view.model}${view.text ? `, “${view.text}”` : ""}. ${lens.group.title}, ${readingOf(lens)}, ` +
      `${lens.backwards ? "key to queries" : "query to keys"}, token: ${lens.nameOf(lens.pinned)}.`,
    view.grid ? captionOf(lens, found) : "",
    mostOf(lens),
    "Colour scale: square root of the weight, " +
      `${scale}${view.grid ? `; overlay ${percent(lens.opacity)}` : ""}. Layers, heads, rows and columns ` +
      "are counted from 1.",
    patches.length + words.length ? `Masked: ${patches.length} patches, ${words.length} words.` : "",
    lens.linked ? (model.get("_now").link?.said ?? "") : "",
    view.weights ? `Weights ${view.weights.slice(0, 12)}.` : "",
    view.credit,
  ];
}

export default { render };
