// @ts-check
// The attribution board. The kernel computes maps and scores; hovering, words and patches need no kernel.
import { h, PictureUrl } from "../shared/dom.mjs";
import { decimal } from "../shared/format.mjs";
import { mount } from "../shared/mount.mjs";
import { cards } from "./cards.mjs";
import { legend, texts, tools } from "./controls.mjs";
import { partOfWords } from "./values.mjs";
import { words } from "./words.mjs";

/** @import { Attribution, Heatmap, Pairs, Traits, View } from "./types.d.ts" */
/** @import { Context } from "../shared/types.d.ts" */

const TRAITS = [
  "_view",
  "_pairs",
  "text",
  "against",
  "focus",
  "patches",
  "words",
  "scale",
  "opacity",
  "ground",
  "size",
];
const MARK =
  "✓: better than random maps by more than two of their standard deviations; a difference smaller than " +
  "their spread is nothing.";
const HELP = [
  "Each map says how much every patch counts for the number in the title: orange for it, blue against " +
    "it, no colour for 0.",
  "Point at a patch: it is read on every map. Click it: the words are coloured by what they add " +
    "together with it, where pairwise interactions are shown and in focus.",
  "Click a word: the map of pairwise interactions, which stands first, shows the patches of that word.",
  "Contrast with: a second text asks why the first rather than the second.",
  `Evaluate faithfulness: patches are masked, most important first. ${MARK}`,
  "Arrow keys move over a map, Space or Enter chooses a patch; Escape lets go of what is chosen, and " +
    "then goes back to the notebook.",
];

/** @param {Context<Traits>} context */
function render(context) {
  return mount(context, (/** @type {Attribution} */ board) => {
    const { model, view } = board;
    const seen = { image: new Image(), hover: -1 };
    const url = new PictureUrl();
    const load = () => {
      seen.image.onload = board.redraw;
      seen.image.src = url.of(model.get("_picture"));
    };
    const pairs = () => floats(model.get("_pairs"));
    const valuesOf = (/** @type {Heatmap} */ map) => shownValues(map, model.get("words"), pairs);
    const textsPart = texts(board);
    const toolsPart = tools(board);
    const cardsPart = cards(board, seen, valuesOf);
    const wordsPart = words(board, pairs, cardsPart.showReacting);
    const legendPart = legend(board, () => view().maps.map(valuesOf));
    load();
    return {
      kind: "atb",
      label: "Attribution board",
      thing: "board",
      file: "attribution",
      help: HELP,
      traits: TRAITS,
      parts: [
        textsPart,
        toolsPart,
        wordsPart,
        legendPart,
        { draw() {}, release: () => url.release() },
        cardsPart,
      ],
      listeners: { "change:_picture": load },
      title: () => `${view().title} = ${decimal(view().score)}`,
      said: () => view().model,
      notes: () => [],
      credit: () => view().credit,
      code: () => {
        board.tell({ kind: "keep" });
        return model.get("_code");
      },
      caption: () => captionOf(view(), model.get("scale"), model.get("opacity"), model.get("ground")),
      body: h(
        "div",
        { class: "atb-body" },
        h("div", { class: "atb-top" }, textsPart.element, toolsPart.element),
        h(
          "div",
          { class: "atb-sticky" },
          wordsPart.element,
          h("div", { class: "atb-under" }, wordsPart.note, legendPart.element),
        ),
        cardsPart.element,
      ),
    };
  });
}

/**
 * Lines under an exported picture.
 * @param {Pick<View, "described" | "score" | "model" | "credit"> & {maps: {protocol: string}[]}} view
 * @param {string} scale
 * @param {number} opacity
 * @param {string} ground
 */
export function captionOf(view, scale, opacity, ground) {
  const scored = view.maps.find((map) => map.protocol);
  return [
    `${view.described} = ${decimal(view.score)}, explained to ${view.model}.`,
    "Orange speaks for it, blue against it, no colour is 0; " +
      `${scale === "shared" ? "one colour scale for all maps" : "each map on its own scale"}; opacity ` +
      `${Math.round(100 * opacity)} %, picture in ${ground}.`,
    scored ? `Faithfulness: ${scored.protocol}. ${MARK}` : "",
    view.credit,
  ];
}

/** @param {Traits["_pairs"]} bytes @returns {Float32Array | null} */
function floats(bytes) {
  if (!bytes || !bytes.byteLength) return null;
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/**
 * What a card shows: its map (of the words, where there is no picture), or a second-order map's part for the
 * chosen words.
 * @param {Pick<Heatmap, "image" | "text" | "pairs" | "grid">} map
 * @param {number[]} chosen
 * @param {Pairs} pairs
 * @returns {number[]}
 */
export function shownValues(map, chosen, pairs) {
  if (!map.image) return map.text ?? [];
  const part = map.pairs && chosen.length ? pairs() : null;
  const [rows, cols] = map.grid ?? [0, 0];
  return part ? partOfWords(part, rows * cols, chosen) : map.image.flat();
}

export default { render };
