// @ts-check
// The pictures: taken in, sorted as cards, chosen.
import { h, percent, rove, PictureUrl } from "./dom.mjs";
import { split, nameOf, prepared } from "./upload.mjs";
import { hue, panel } from "./zero_shot_controls.mjs";

/**
 * The selection after a click: alone, with Ctrl or Cmd one more or less, with Shift a run in screen order.
 * @param {number[]} selected @param {number} item @param {number[]} shown @param {number | null} anchor
 * @param {{ctrl: boolean, shift: boolean}} keys
 */
export function select(selected, item, shown, anchor, keys) {
  const from = anchor === null ? -1 : shown.indexOf(anchor);
  if (keys.shift && from >= 0) {
    const to = shown.indexOf(item);
    const run = shown.slice(Math.min(from, to), Math.max(from, to) + 1);
    return [...new Set([...(keys.ctrl ? selected : []), ...run])];
  }
  if (keys.ctrl) return selected.includes(item) ? selected.filter((other) => other !== item) : [...selected, item];
  return [item];
}

/** What a screen reader says of a card. @param {any} card */
export function cardLabel(card) {
  const answer = card.kept ? `${card.label}, ${percent(card.probability)}` : "none of these";
  const judged = card.right === null ? "" : card.right ? ", right" : `, wrong: it is ${card.truth}`;
  return `${card.name}: ${answer}${judged}`;
}

export function pictures(/** @type {any} */ board) {
  const input = h("input", { type: "file", accept: "image/*", multiple: true, hidden: true, onchange: () => { upload(board, input.files); input.value = ""; } });
  const path = h("input", { type: "text", "aria-label": "path of a picture or folder", placeholder: "or a path on the kernel's machine" });
  const open = () => path.value.trim() && board.model.send({ kind: "path", path: path.value });
  path.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && open());
  const button = h("button", { type: "button", class: "wb-button", text: "Choose pictures…", onclick: () => input.click() });
  const openButton = h("button", { type: "button", class: "wb-button", text: "Open", onclick: open });
  const reason = h("p", { class: "wb-help" });
  return {
    element: panel("Your pictures", "Drop or paste them anywhere on the board. They stay on this machine.", input, button, h("div", { class: "zsb-row" }, path, openButton), reason),
    draw() {
      const { live } = board.view().model;
      button.disabled = openButton.disabled = path.disabled = !live;
      reason.textContent = live ? "" : "Needs the model: show(ranking, model=model).";
    },
  };
}

/** @param {any} board @param {Iterable<File>} files */
async function upload(board, files) {
  const { pictures: chosen, others } = split(files);
  const problem = (/** @type {File} */ file, /** @type {string} */ why) => board.model.send({ kind: "problem", message: `${nameOf(file, 0)} cannot be used: ${why}.` });
  others.forEach((file) => problem(file, `it is ${file.type}, not a picture`));
  for (const [place, file] of chosen.entries()) {
    try {
      board.model.send({ kind: "upload", names: [nameOf(file, place)] }, undefined, [await prepared(file)]);
    } catch (error) {
      problem(file, /** @type {Error} */ (error).message);
    }
  }
}

/** @param {HTMLElement} root @param {any} board */
export function acceptPictures(root, board) {
  const options = { signal: board.stop.signal };
  const over = (/** @type {boolean} */ on) => root.classList.toggle("zsb-over", on);
  root.addEventListener("dragover", (event) => { event.preventDefault(); event.stopPropagation(); over(true); }, options);
  root.addEventListener("dragleave", () => over(false), options);
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    over(false);
    upload(board, event.dataTransfer?.files ?? []);
  }, options);
  root.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files;
    if (files?.length) { event.preventDefault(); event.stopPropagation(); upload(board, files); }
  }, options);
}

export function cards(/** @type {any} */ { model, send, view }) {
  const grid = h("div", { class: "zsb-grid", role: "listbox", "aria-multiselectable": "true", "aria-label": "pictures" });
  const url = new PictureUrl();
  let source = null;
  let anchor = /** @type {number | null} */ (null);
  const shown = () => view().gallery.items.map((/** @type {any} */ card) => card.item);
  const choose = (/** @type {number} */ item, /** @type {any} */ event) => {
    const keys = { ctrl: event.ctrlKey || event.metaKey || event.key === " ", shift: event.shiftKey };
    model.set("selected", select(model.get("selected"), item, shown(), anchor, keys));
    if (!keys.shift) anchor = item;
    send("focus", item);
  };
  const keyed = (/** @type {KeyboardEvent} */ event) => {
    const place = [...grid.children].indexOf(/** @type {Element} */ (event.target));
    if (place < 0) return;
    if (event.key === " " || event.key === "Enter") { event.preventDefault(); choose(shown()[place], event); return; }
    const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
    const next = rove(place, event.key, grid.children.length, columns);
    if (next === null) return;
    event.preventDefault();
    /** @type {HTMLElement} */ (grid.children[next]).focus();
    send("focus", shown()[next]);
  };
  grid.addEventListener("keydown", keyed);
  grid.addEventListener("click", (event) => {
    const card = /** @type {HTMLElement} */ (event.target).closest(".zsb-card");
    if (card) choose(Number(card.getAttribute("data-item")), event);
  });
  // Cards are changed in place: the one in focus must not vanish under the keyboard.
  const draw = () => {
    const { gallery, thumb, columns } = view();
    if (model.get("_sprite") !== source) { source = model.get("_sprite"); url.of(source); }
    const [selected, focus] = [model.get("selected"), model.get("focus")];
    const first = gallery.items.some((/** @type {any} */ card) => card.item === focus) ? focus : gallery.items[0]?.item;
    while (grid.children.length > gallery.items.length) grid.lastChild?.remove();
    while (grid.children.length < gallery.items.length) grid.append(emptyCard(thumb));
    gallery.items.forEach((/** @type {any} */ card, /** @type {number} */ place) => {
      const element = /** @type {HTMLElement} */ (grid.children[place]);
      fillCard(element, card, { selected: selected.includes(card.item), focus: card.item === first });
      const picture = /** @type {HTMLElement} */ (element.querySelector(".zsb-thumb"));
      picture.style.backgroundImage = `url("${url.url}")`;
      picture.style.backgroundPosition = `-${(place % columns) * thumb}px -${Math.floor(place / columns) * thumb}px`;
    });
  };
  return { element: grid, draw, release: () => url.release() };
}

/** @param {number} side */
function emptyCard(side) {
  return h("div", { class: "zsb-card", role: "option" },
    h("span", { class: "zsb-thumb", "aria-hidden": "true", style: { width: `${side}px`, height: `${side}px` } }),
    h("span", { class: "zsb-answer" }, h("span", { class: "zsb-words" }), h("span", { class: "zsb-mark" })),
    h("span", { class: "zsb-share" }, h("i")),
    h("span", { class: "zsb-number" }));
}

/** @param {HTMLElement} element @param {any} card @param {{selected: boolean, focus: boolean}} state */
function fillCard(element, card, { selected, focus }) {
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (element.querySelector(name));
  const colour = hue(card.kept ? card.index : -1);
  const attributes = { tabindex: focus ? 0 : -1, "aria-selected": String(selected), "aria-label": cardLabel(card), "data-item": card.item };
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.title = card.truth && !card.right ? `right: ${card.truth}` : card.name;
  element.toggleAttribute("data-looked", focus);
  part(".zsb-words").textContent = card.kept ? card.label : "none of these";
  part(".zsb-mark").textContent = card.right === null ? "" : card.right ? "✓" : "✗";
  part(".zsb-number").textContent = card.similarity === null ? percent(card.probability) : `cosine ${card.similarity.toFixed(3)}`;
  part(".zsb-answer").dataset.hue = part(".zsb-share").dataset.hue = colour;
  part(".zsb-share i").style.width = `${100 * card.probability}%`;
}
