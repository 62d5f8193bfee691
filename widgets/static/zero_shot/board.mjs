// @ts-check
// The zero-shot board. It draws what the kernel computed (`_view`) and sends back what the user chose.
import { h } from "../shared/dom.mjs";
import { percent, plural, whole } from "../shared/format.mjs";
import { mount } from "../shared/mount.mjs";
import { acceptFiles } from "../shared/upload.mjs";
import { cards } from "./cards.mjs";
import { finder } from "./gallery.mjs";
import { lookedAt } from "./looked.mjs";
import { pictures, upload } from "./pictures.mjs";
import { rejection, scoring } from "./scoring.mjs";
import { templates } from "./templates.mjs";
import { words } from "./words.mjs";

/** @import { Context } from "../shared/types.d.ts" */
/** @import { Traits, View, ZeroShot } from "./types.d.ts" */

const TRAITS = [
  "_view",
  "_sprite",
  "_large",
  "_seen",
  "labels",
  "templates",
  "active",
  "selected",
  "focus",
  "temperature",
  "rule",
  "ensemble",
  "measure",
  "threshold",
  "thresholds",
  "sort",
  "only",
  "won_by",
  "removed",
  "size",
  "query",
  "page",
];
const ANSWER_MS = 3000; // for the kernel to answer before what is drawn is copied
const HELP = [
  "Type labels, one a line: every picture goes to the label whose vector is nearest to its own.",
  "A label's entry under the box lists only the pictures it won; press it again for all.",
  "Drop or paste pictures anywhere on the board. Copy as Python saves them beside the notebook.",
  "Arrow keys move among the pictures; Space or Enter selects, with Ctrl or ⌘ one more, with Shift a " +
    "run; Ctrl+A selects all on the page, Delete removes.",
  "Tab goes from control to control; Escape, outside a text field, goes back to the notebook.",
];

/** @param {Context<Traits>} context */
function render(context) {
  return mount(context, (/** @type {ZeroShot} */ board) => {
    const parts = [words, templates, scoring, rejection, pictures, finder, cards, lookedAt].map((part) =>
      part(board),
    );
    const [labelPart, ...rest] = parts.slice(0, 5);
    const [finderPart, cardsPart, lookedAtPart] = parts.slice(5);
    acceptFiles(board.root, board.stop.signal, (files) => upload(board, files));
    const { view } = board;
    const code = () => upToDate(board);
    return {
      kind: "zsb",
      label: "Zero-shot board",
      thing: "board",
      file: "zero-shot",
      help: HELP,
      traits: TRAITS,
      parts,
      title: () => view().model.name,
      said: () => summary(view()),
      notes: () => [...view().model.notes, ...view().notes],
      credit: () => view().credit,
      code,
      caption: () => [summary(view()), ...view().told, view().credit],
      body: h(
        "div",
        { class: "zsb-columns" },
        h(
          "div",
          { class: "zsb-side" },
          labelPart.element,
          h("div", { class: "zsb-more" }, ...rest.map((part) => part.element)),
        ),
        h("div", { class: "zsb-main" }, finderPart.element, cardsPart.element, lookedAtPart.element),
      ),
    };
  });
}

/**
 * The code once the kernel has heard of every change made so far, and has saved what the code loads.
 * Without a kernel, or with one that is busy for longer than `ANSWER_MS`, the code of what is drawn.
 * @param {ZeroShot} board
 * @returns {Promise<string>}
 */
async function upToDate({ model, send, view, gone }) {
  if (gone) return view().code;
  const token = Math.random().toString(36);
  await new Promise((done) => {
    const heard = () => {
      if (view().kept === token) done(null);
    };
    model.on("change:_view", heard);
    setTimeout(() => {
      model.off("change:_view", heard);
      done(null);
    }, ANSWER_MS);
    send("_copying", token); // a trait, for messages overtake traits that wait for a busy kernel
  });
  return view().code;
}

/**
 * @param {Pick<View, "labels"> & {gallery: Pick<View["gallery"], "total" | "accuracy" | "known" | "right">}}
 *   view
 */
export function summary(view) {
  const { total, accuracy, known, right } = view.gallery;
  const base =
    known === total
      ? `${whole(right)} of ${whole(total)}`
      : `${whole(known)} of ${plural(total, "picture")} ${known === 1 ? "has" : "have"} a known label ` +
        "among these";
  return (
    `${plural(total, "picture")} among ` +
    `${plural(view.labels, "label")}${accuracy === null ? "" : `; accuracy ${percent(accuracy)} (${base})`}`
  );
}

export default { render };
