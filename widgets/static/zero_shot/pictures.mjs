// @ts-check
// Pictures of one's own: chosen, dropped, pasted, or named by a path on the kernel's machine.
import { h } from "../shared/dom.mjs";
import { field, onEnter } from "../shared/fields.mjs";
import { sendPictures } from "../shared/upload.mjs";
import { panel } from "./controls.mjs";

/** @import { ZeroShot } from "./types.d.ts" */

/** @param {ZeroShot} board */
export function pictures(board) {
  const input = h("input", {
    type: "file",
    accept: "image/*",
    multiple: true,
    hidden: true,
    onchange: () => {
      upload(board, input.files);
      input.value = "";
    },
  });
  const path = h("input", {
    type: "text",
    "aria-label": "path of a picture or folder",
    placeholder: "or a path on the kernel's machine",
  });
  const open = () => path.value.trim() && board.tell({ kind: "path", path: path.value });
  onEnter(path, open);
  const pathField = field(path, "path");
  const button = h("button", {
    type: "button",
    class: "wb-button",
    text: "Choose pictures…",
    onclick: () => input.click(),
  });
  const openButton = h("button", { type: "button", class: "wb-button", text: "Open", onclick: open });
  const reason = h("p", { class: "wb-help" });
  return {
    element: panel(
      "Your pictures",
      "Drop or paste them anywhere on the board. They stay on this machine.",
      input,
      h("div", {}, button),
      h("div", { class: "wb-row zsb-entry-row" }, pathField.element, openButton),
      reason,
    ),
    draw() {
      pathField.draw(board.status());
      const { live } = board.view().model;
      button.disabled = openButton.disabled = path.disabled = !live;
      reason.textContent = live ? "" : "Needs the model: show(ranking, model=model).";
    },
  };
}

/** @param {ZeroShot} board @param {Iterable<File> | null} files */
export function upload(board, files) {
  return sendPictures(board, files, (name, content) =>
    board.tell({ kind: "upload", names: [name] }, [content]),
  );
}
