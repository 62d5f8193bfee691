// @ts-check
// Pictures of one's own: chosen, dropped, pasted, or named by a path on the kernel's machine.
import { h } from "../shared/dom.mjs";
import { field, onEnter } from "../shared/fields.mjs";
import { split, nameOf, prepared } from "../shared/upload.mjs";
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
async function upload(board, files) {
  const { pictures: chosen, others } = split(files ?? []);
  const problem = (/** @type {File} */ file, /** @type {string} */ why) =>
    board.tell({ kind: "problem", message: `${nameOf(file, 0)} cannot be used: ${why}.` });
  others.forEach((file) => problem(file, `it is ${file.type}, not a picture`));
  for (const [place, file] of chosen.entries()) {
    try {
      board.tell({ kind: "upload", names: [nameOf(file, place)] }, [await prepared(file)]);
    } catch (error) {
      problem(file, /** @type {Error} */ (error).message);
    }
  }
}

/** @param {HTMLElement} root @param {ZeroShot} board */
export function acceptPictures(root, board) {
  const options = { signal: board.stop.signal };
  const over = (/** @type {boolean} */ on) => root.classList.toggle("zsb-over", on);
  root.addEventListener(
    "dragover",
    (event) => {
      event.preventDefault();
      event.stopPropagation();
      over(true);
    },
    options,
  );
  root.addEventListener("dragleave", () => over(false), options);
  root.addEventListener(
    "drop",
    (event) => {
      event.preventDefault();
      event.stopPropagation();
      over(false);
      upload(board, event.dataTransfer?.files ?? []);
    },
    options,
  );
  root.addEventListener(
    "paste",
    (event) => {
      const files = event.clipboardData?.files;
      if (files?.length) {
        event.preventDefault();
        event.stopPropagation();
        upload(board, files);
      }
    },
    options,
  );
}
