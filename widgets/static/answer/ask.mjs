// @ts-check
// What the model is asked, about which picture, and how it writes; Write and Stop.
import { h } from "../shared/dom.mjs";
import { field, keep, onEnter, whenTyped } from "../shared/fields.mjs";
import { sendPictures } from "../shared/upload.mjs";
import { counted, pick, slider } from "./controls.mjs";

/** @import { AnswerBoard } from "./types.d.ts" */
/** @import { Reading } from "./state.mjs" */

const TYPING_PAUSE = 120; // ms without a key before the kernel hears of it

/** @param {AnswerBoard} board @param {Iterable<File> | null} files */
export function upload(board, files) {
  return sendPictures(board, files, (_name, content) => board.tell({ kind: "upload" }, [content]), 1);
}

/** @param {Reading} lens */
export function ask(lens) {
  const { board, model } = lens;
  const prompt = h("textarea", {
    rows: 1,
    class: "an-prompt",
    "aria-label": "instruction",
    placeholder: "no instruction: a caption",
    spellcheck: "false",
  });
  const write = () => {
    if (lens.writing || !canWrite()) return;
    model.set("prompt", prompt.value);
    model.save_changes();
    board.tell({ kind: "write" });
  };
  whenTyped(prompt, (text) => lens.choose("prompt", text), TYPING_PAUSE);
  const button = h("button", { type: "button", class: "wb-button an-write", text: "Write", onclick: write });
  const stop = h("button", {
    type: "button",
    class: "wb-button an-stop",
    text: "Stop",
    title: "what is written so far stays",
    onclick: () => board.tell({ kind: "stop" }),
  });
  const canWrite = () => !lens.view.refusal && !board.gone;
  const asked = field(prompt, "ask", { label: "Ask" });
  const how = howPart(lens);
  const picture = picturePart(board);
  return {
    element: h(
      "div",
      { class: "an-ask" },
      h("div", { class: "an-ask-row" }, asked.element, button, stop),
      h("div", { class: "wb-row" }, how.element, picture.element),
    ),
    draw() {
      keep(prompt, model.get("prompt"));
      asked.draw(board.status());
      const { refusal } = lens.view;
      button.disabled = Boolean(refusal) || lens.writing;
      button.title = refusal || "asks what stands in the field";
      stop.hidden = !lens.writing;
      how.draw();
      picture.draw(Boolean(refusal));
    },
  };
}

/** How tokens are chosen, with the settings of that way alone. @param {Reading} lens */
function howPart(lens) {
  const how = pick(lens, "how", "how tokens are chosen", [
    ["greedy", "greedy", "the likeliest token at every step"],
    ["beam", "beam", "the likeliest answer that a search of several beginnings finds"],
    ["sample", "sample", "drawn from the distribution: its sliders stand beside the alternatives"],
  ]);
  const width = counted(lens, "width", { label: "width", says: "beams", min: 1 });
  const penalty = slider(lens, "length_penalty", {
    label: "length penalty",
    says: "length penalty of the search",
    min: -1,
    max: 2,
    step: 0.1,
  });
  const seed = counted(lens, "seed", { label: "seed", says: "seed of the draws", min: 0 });
  const most = counted(lens, "max_new_tokens", { label: "at most", says: "most tokens", min: 1 });
  const parts = [how, width, penalty, seed, most];
  return {
    element: h(
      "span",
      { class: "wb-row" },
      how.element,
      ...[width, penalty, seed, most].map((one) => one.element),
      h("span", { class: "wb-help", text: "tokens" }),
    ),
    draw() {
      parts.forEach((part) => part.draw());
      const kind = lens.model.get("how");
      width.element.hidden = penalty.element.hidden = kind !== "beam";
      seed.element.hidden = kind !== "sample";
    },
  };
}

/** Another picture: chosen, dropped, pasted, or named by a path. @param {AnswerBoard} board */
function picturePart(board) {
  const input = h("input", {
    type: "file",
    accept: "image/*",
    hidden: true,
    onchange: () => {
      void upload(board, input.files);
      input.value = "";
    },
  });
  const choose = h("button", {
    type: "button",
    class: "wb-button",
    text: "Picture…",
    title: "or drop or paste one anywhere here; it is written about at once",
    onclick: () => input.click(),
  });
  const path = h("input", {
    type: "text",
    "aria-label": "path of a picture",
    placeholder: "or a path",
    title: "on the kernel's machine; Enter opens it",
  });
  onEnter(path, () => {
    if (path.value.trim()) board.tell({ kind: "path", path: path.value });
  });
  const named = field(path, "picture");
  return {
    element: h("span", { class: "wb-row an-given" }, choose, input, named.element),
    /** @param {boolean} off */
    draw(off) {
      choose.disabled = path.disabled = off;
      named.draw(board.status());
    },
  };
}
