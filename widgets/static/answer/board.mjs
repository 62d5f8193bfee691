// @ts-check
// The answer lens. Everything that was read of an answer comes once, as bytes: clicking is arithmetic here.
// Writing, branching, searching, explaining and measuring ask the kernel.
import { h } from "../shared/dom.mjs";
import { decimal, plural } from "../shared/format.mjs";
import { mount } from "../shared/mount.mjs";
import { acceptFiles } from "../shared/upload.mjs";
import { alternatives } from "./alternatives.mjs";
import { ask, upload } from "./ask.mjs";
import { bands } from "./bands.mjs";
import { beam } from "./beam.mjs";
import { picture } from "./picture.mjs";
import { Reading } from "./state.mjs";
import { words } from "./words.mjs";

/** @import { AnswerBoard, Traits } from "./types.d.ts" */
/** @import { Context } from "../shared/types.d.ts" */

const HELP = [
  "Click a word, or walk with the arrow keys: its map lies over the picture, its attention by layer and " +
    "what could have stood there instead are below.",
  "A word is decided one row before it is read. “Row before” is the row that produces it; “row after” " +
    "reads it and produces the next. Attention says where a row looks, not why a word was written.",
  "Minus another picture: what the same row would look at anyway is taken away.",
  "Click a patch: words are coloured by how much they look at it. On the picture: arrow keys, Enter, " +
    "Escape.",
  "The bar over a word: how probable it was; once measured, how many bits it loses when the picture is " +
    "exchanged for another. A word that loses nothing was not read off the picture.",
  "Temperature, top-k and top-p change the alternatives at once, and the next sample. Take one: the model " +
    "goes on from there, and the tree on the page Beam grows.",
  "Beam: the thickness of a line is the probability of what was written so far. Click a node, and its path " +
    "is the answer; arrow keys walk the tree.",
  "Stop keeps what is there. Drop or paste a picture anywhere.",
  "Layers, tokens, rows and columns are counted from 1 on the screen, from 0 in Python.",
];
const TRAITS = [
  "_view",
  "_tree",
  "_found",
  "_writing",
  "_maps",
  "_other",
  "_picture",
  "selected",
  "patch",
  "page",
  "map",
  "layer",
  "row",
  "opacity",
  "part",
  "node",
  "shown_width",
  "prompt",
  "how",
  "width",
  "length_penalty",
  "temperature",
  "top_k",
  "top_p",
  "seed",
  "max_new_tokens",
];

/** @param {Context<Traits>} context */
function render(context) {
  return mount(context, (/** @type {AnswerBoard} */ board) => {
    const { model, view } = board;
    const lens = new Reading(board);
    const [bandsPart, othersPart, beamPart] = [bands(lens), alternatives(lens), beam(lens)];
    const pages = pagesPart(lens);
    const [askPart, wordsPart, picturePart] = [ask(lens), words(lens, pages.element), picture(lens)];
    const read = h(
      "div",
      { class: "an-read" },
      h("div", { class: "an-panels" }, bandsPart.element, othersPart.element),
    );
    acceptFiles(board.root, board.stop.signal, (files) => {
      if (!view().refusal && !board.gone) void upload(board, files);
    });
    return {
      kind: "an",
      label: "Answer lens",
      thing: "lens",
      file: "answer",
      help: HELP,
      body: h(
        "div",
        {},
        askPart.element,
        h(
          "div",
          { class: "an-columns" },
          h("div", { class: "an-left" }, picturePart.element, beamPart.list),
          h("div", { class: "an-side" }, wordsPart.element, read, beamPart.element),
        ),
      ),
      title: () => view().model || "An answer",
      said: () => saidOf(lens),
      notes: () => [
        ...view().notes,
        ...view().evidence,
        ...(view().refusal ? [view().refusal] : []),
        ...pictureNotes(lens),
      ],
      credit: () => view().credit,
      code: () => {
        board.tell({ kind: "keep" });
        return model.get("_code");
      },
      caption: () => captionOf(lens),
      parts: [
        {
          draw: () => {
            const page = model.get("page");
            read.hidden = page !== "answer";
            beamPart.element.hidden = beamPart.list.hidden = page !== "beam";
            board.root.dataset.page = page;
            board.root.dataset.words = String(lens.selected);
          },
        },
        askPart,
        pages,
        wordsPart,
        picturePart,
        bandsPart,
        othersPart,
        beamPart,
      ],
      traits: TRAITS,
      ready: () => Boolean(view().pieces),
    };
  });
}

/** Answer or beam. @param {Reading} lens */
function pagesPart(lens) {
  const tabs = /** @type {const} */ (["answer", "beam"]).map((page) =>
    h("button", {
      type: "button",
      class: "wb-button",
      "data-alive": true,
      "data-page": page,
      text: page === "answer" ? "Answer" : "Beam",
      title: page === "answer" ? "the selected word" : "the tree of what was looked at",
      onclick: () => lens.choose("page", page),
    }),
  );
  return {
    element: h("div", { class: "an-pages", role: "group", "aria-label": "page" }, ...tabs),
    draw() {
      for (const tab of tabs)
        tab.setAttribute("aria-pressed", String(tab.dataset.page === lens.model.get("page")));
    },
  };
}

/** @param {Reading} lens */
function saidOf({ view }) {
  const total = view.total === null ? "" : `, log-probability ${decimal(view.total, 2)}`;
  return `${plural(view.pieces.length, "token")}${total}; ${view.ending}`;
}

/** @param {Reading} lens */
function pictureNotes({ view }) {
  const notes = view.pictures > 1 ? [`${view.pictures} pictures were given; the first is shown.`] : [];
  const { maps } = view;
  if (maps && maps.layers.length < maps.count)
    notes.push(`${maps.layers.length} of ${maps.count} layers are drawn: all would be too large to send.`);
  return notes;
}

/** Lines under an exported picture. @param {Reading} lens */
export function captionOf(lens) {
  const { view } = lens;
  return [
    `${view.model || "A model"}${view.prompt ? `, asked “${view.prompt}”` : ""}: “${view.text.trim()}” ` +
      `(${view.how}; ${view.ending}).`,
    `Selected: “${view.texts[lens.word]}”. ${lens.said()}`,
    view.credit,
  ];
}

export default { render };
