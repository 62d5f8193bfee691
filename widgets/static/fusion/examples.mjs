// @ts-check
// The page of single items: what every fusion answered to each.
import { h, rove, PictureUrl } from "../shared/dom.mjs";
import { percent } from "../shared/format.mjs";
import { choice } from "./controls.mjs";
import { itemOpened } from "./opened.mjs";

/** @import { Fusion } from "./types.d.ts" */
/** @import { Examples } from "./pages.d.ts" */
/** @import { Bytes } from "../shared/types.d.ts" */

const ORDERS = ["as given", "fusions disagree", "this one wrong", "only this one right"];

/**
 * The selection after a click: alone, or with a key one more or less.
 * @param {number[]} selected
 * @param {number} item
 * @param {boolean} more
 */
export function chooseItem(selected, item, more) {
  if (!more) return [item];
  return selected.includes(item) ? selected.filter((other) => other !== item) : [...selected, item];
}

/** @param {Fusion} board */
export function examplesPage(board) {
  const { model, send } = board;
  const order = choice(board, "order", "Order", { label: "order of items", first: () => send("page", 0) });
  const flip = (/** @type {number} */ step) => send("page", board.view().examples.page + step);
  const back = h("button", {
    type: "button",
    class: "wb-icon",
    "aria-label": "page before",
    text: "‹",
    onclick: () => flip(-1),
  });
  const next = h("button", {
    type: "button",
    class: "wb-icon",
    "aria-label": "next page",
    text: "›",
    onclick: () => flip(1),
  });
  const count = h("span", { class: "fb-number" });
  const grid = itemGrid(board);
  const opened = itemOpened(board);
  return {
    element: h(
      "div",
      { class: "fb-page" },
      h(
        "div",
        { class: "fb-row" },
        order.element,
        back,
        count,
        next,
        h("span", { class: "wb-help", text: "Ctrl or Space chooses more than one: board.selected" }),
      ),
      grid.element,
      opened.element,
    ),
    draw() {
      const page = board.view().examples;
      order.draw(
        ORDERS.map((name) => [name, name]),
        model.get("order"),
      );
      count.textContent = `${page.page + 1} / ${page.pages}`;
      back.disabled = page.page === 0;
      next.disabled = page.page + 1 >= page.pages;
      grid.draw(page);
      opened.draw(page);
    },
    release() {
      grid.release();
      opened.release();
    },
  };
}

/** @param {Fusion} board */
function itemGrid(board) {
  const { model, send } = board;
  const element = h("div", {
    class: "fb-items",
    role: "listbox",
    "aria-multiselectable": "true",
    "aria-label": "test items",
  });
  const url = new PictureUrl();
  /** @type {Bytes | null} */ let source = null;
  const shown = () => board.view().examples.items;
  const choose = (/** @type {number} */ item, /** @type {boolean} */ more) => {
    model.set("selected", chooseItem(model.get("selected"), item, more));
    send("focus", item);
  };
  element.addEventListener("click", (event) => {
    const card = /** @type {HTMLElement} */ (event.target).closest(".fb-item");
    if (card)
      choose(Number(card.getAttribute("data-item")), event.ctrlKey || event.metaKey || event.shiftKey);
  });
  element.addEventListener("keydown", (event) => {
    const place = [...element.children].indexOf(/** @type {Element} */ (event.target));
    if (place < 0) return;
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      choose(shown()[place].item, event.key === " ");
      return;
    }
    const columns = getComputedStyle(element).gridTemplateColumns.split(" ").length;
    const goal = rove(place, event.key, element.children.length, columns);
    if (goal === null) return;
    event.preventDefault();
    /** @type {HTMLElement} */ (element.children[goal]).focus();
    send("focus", shown()[goal].item);
  });
  return {
    element,
    release: () => url.release(),
    draw(/** @type {Examples} */ page) {
      const { thumb, columns } = board.view();
      if (model.get("_sprite") !== source) {
        source = model.get("_sprite");
        url.of(source);
      }
      const [selected, focus] = [model.get("selected"), model.get("focus")];
      const first = page.items.some((row) => row.item === focus) ? focus : page.items[0]?.item;
      while (element.children.length > page.items.length) element.lastChild?.remove();
      while (element.children.length < page.items.length)
        element.append(
          h(
            "div",
            { class: "fb-item", role: "option" },
            h("span", { class: "fb-thumb", "aria-hidden": "true" }),
            h("span", { class: "fb-item-text" }),
            h("span", { class: "fb-item-answer" }),
          ),
        );
      page.items.forEach((row, /** @type {number} */ place) => {
        const card = /** @type {HTMLElement} */ (element.children[place]);
        const verdict = row.right ? "right" : `wrong, it is ${row.truth}`;
        const attributes = {
          tabindex: row.item === first ? 0 : -1,
          "aria-selected": String(selected.includes(row.item)),
          "data-item": row.item,
          "aria-label":
            `${row.text || `item ${row.item}`}: ${row.answer}, ${percent(row.probability)}, ${verdict}; ` +
            `${percent(row.share)} of the fusions are right`,
        };
        for (const [name, value] of Object.entries(attributes)) card.setAttribute(name, String(value));
        card.toggleAttribute("data-looked", row.item === focus);
        const picture = /** @type {HTMLElement} */ (card.querySelector(".fb-thumb"));
        picture.hidden = !page.pictures;
        Object.assign(picture.style, {
          width: `${thumb}px`,
          height: `${thumb}px`,
          backgroundImage: `url("${url.url}")`,
          backgroundPosition: `-${(place % columns) * thumb}px -${Math.floor(place / columns) * thumb}px`,
        });
        /** @type {HTMLElement} */ (card.querySelector(".fb-item-text")).textContent =
          row.text || `item ${row.item}`;
        /** @type {HTMLElement} */ (card.querySelector(".fb-item-answer")).textContent =
          `${row.right ? "✓" : "✗"} ${row.answer}`;
      });
    },
  };
}
