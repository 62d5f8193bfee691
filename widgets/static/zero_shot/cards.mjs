// @ts-check
// The cards: a picture each, its answer, and the number that decided; chosen by mouse and keyboard.
import { h, rove, PictureUrl } from "../shared/dom.mjs";
import { decimal, percent } from "../shared/format.mjs";
import { deciding, hueOf } from "./controls.mjs";
import { removeSelected, selection } from "./gallery.mjs";

/** @import { Card, ZeroShot } from "./types.d.ts" */
/** @import { Bytes } from "../shared/types.d.ts" */

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
  if (keys.ctrl)
    return selected.includes(item) ? selected.filter((other) => other !== item) : [...selected, item];
  return [item];
}

/**
 * The number of a card: what decided if nothing fits, the cosine if a sentence was searched, else the
 * probability.
 * @param {Pick<Card, "similarity" | "kept" | "score" | "probability">} card
 * @param {string} measure
 * @param {number | null} threshold
 */
export function cardNumber(card, measure, threshold) {
  if (card.similarity !== null) return `cosine ${decimal(card.similarity)}`;
  if (!card.kept && threshold !== null) return deciding(measure, card.score, threshold);
  return percent(card.probability);
}

/**
 * How much of its bar a card fills, 0 to 1; null for no bar: a share of none of these means nothing.
 * @param {Pick<Card, "similarity" | "kept" | "probability">} card
 */
export function cardBar(card) {
  if (card.similarity !== null) return Math.min(1, Math.max(0, card.similarity));
  return card.kept ? card.probability : null;
}

/**
 * What a screen reader says of a card.
 * @param {Omit<Card, "item" | "index">} card
 * @param {string} [measure]
 * @param {number | null} [threshold]
 */
export function cardLabel(card, measure = "probability", threshold = null) {
  const number = card.kept || threshold !== null ? `, ${cardNumber(card, measure, threshold)}` : "";
  const judged =
    card.right === null || !card.kept ? "" : card.right ? ", right" : `, wrong: it is ${card.truth}`;
  const unread = card.unread ? ", a label that the model cannot read" : "";
  return `${card.name}: ${card.kept ? card.label : "none of these"}${number}${judged}${unread}`;
}

/** @param {ZeroShot} board */
export function cards(board) {
  const { model, send, view } = board;
  const grid = h("div", {
    class: "zsb-grid",
    role: "listbox",
    "aria-multiselectable": "true",
    "aria-label": "pictures",
  });
  const empty = h("p", { class: "wb-help zsb-empty", text: "No picture passes these filters." });
  const state = selection(board);
  const url = new PictureUrl();
  /** @type {Bytes | null} */
  let source = null;
  let anchor = /** @type {number | null} */ (null);
  const shown = () => view().gallery.items.map((card) => card.item);
  const choose = (/** @type {number} */ item, /** @type {MouseEvent | KeyboardEvent} */ event) => {
    const keys = {
      ctrl: event.ctrlKey || event.metaKey || ("key" in event && event.key === " "),
      shift: event.shiftKey,
    };
    model.set("selected", select(model.get("selected"), item, shown(), anchor, keys));
    if (!keys.shift) anchor = item;
    send("focus", item);
  };
  const keyed = (/** @type {KeyboardEvent} */ event) => {
    const place = [...grid.children].indexOf(/** @type {Element} */ (event.target));
    if (place < 0) return;
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      choose(shown()[place], event);
      return;
    }
    if (event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      send("selected", shown());
      return;
    }
    if (event.key === "Delete") {
      event.preventDefault();
      removeSelected(board);
      return;
    }
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
    const { gallery, columns } = view();
    const size = model.get("size");
    if (model.get("_sprite") !== source) {
      source = model.get("_sprite");
      url.of(source);
    }
    const [selected, focus] = [model.get("selected"), model.get("focus")];
    const first = gallery.items.some((card) => card.item === focus) ? focus : gallery.items[0]?.item;
    grid.style.setProperty("--thumb", `${size}px`);
    while (grid.children.length > gallery.items.length) grid.lastChild?.remove();
    while (grid.children.length < gallery.items.length) grid.append(emptyCard());
    empty.hidden = gallery.items.length > 0;
    state.draw();
    gallery.items.forEach((card, /** @type {number} */ place) => {
      const element = /** @type {HTMLElement} */ (grid.children[place]);
      fillCard(element, card, { selected: selected.includes(card.item), focus: card.item === first, board });
      const picture = /** @type {HTMLElement} */ (element.querySelector(".zsb-thumb"));
      picture.style.backgroundImage = `url("${url.url}")`;
      picture.style.backgroundSize = `${columns * size}px auto`;
      picture.style.backgroundPosition =
        `-${(place % columns) * size}px ` + `-${Math.floor(place / columns) * size}px`;
    });
  };
  return {
    element: h("div", { class: "zsb-cards" }, grid, empty, state.element),
    draw,
    release: () => url.release(),
  };
}

function emptyCard() {
  return h(
    "div",
    { class: "zsb-card", role: "option" },
    h("span", { class: "zsb-thumb", "aria-hidden": "true" }),
    h("span", { class: "zsb-answer" }, h("span", { class: "zsb-words" }), h("span", { class: "zsb-mark" })),
    h("span", { class: "zsb-share" }, h("i")),
    h("span", { class: "zsb-number" }),
    h("span", { class: "zsb-tag", text: "not read" }),
  );
}

/**
 * @param {HTMLElement} element
 * @param {Card} card
 * @param {{selected: boolean, focus: boolean, board: ZeroShot}} state
 */
function fillCard(element, card, { selected, focus, board }) {
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (element.querySelector(name));
  const [measure, threshold] = [board.model.get("measure"), board.model.get("threshold")];
  const label = cardLabel(card, measure, threshold);
  const attributes = {
    tabindex: focus ? 0 : -1,
    "aria-selected": String(selected),
    "aria-label": label,
    "data-item": card.item,
  };
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.title = [
    card.name,
    card.kept ? "" : `best label: ${card.label}`,
    card.truth && !card.right ? `right: ${card.truth}` : "",
  ]
    .filter(Boolean)
    .join("\n");
  element.toggleAttribute("data-looked", focus);
  element.toggleAttribute("data-none", !card.kept);
  element.style.setProperty("--hue", hueOf(board.view(), card.kept ? card.index : -1));
  part(".zsb-words").textContent = card.kept ? card.label : "none of these";
  part(".zsb-mark").textContent = card.right === null || !card.kept ? "" : card.right ? "✓" : "✗";
  part(".zsb-number").textContent = cardNumber(card, measure, threshold);
  part(".zsb-tag").hidden = !card.unread || !card.kept;
  const bar = cardBar(card);
  part(".zsb-share").style.visibility = bar === null ? "hidden" : "visible";
  part(".zsb-share i").style.width = `${100 * (bar ?? 0)}%`;
}
