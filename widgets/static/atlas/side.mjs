// @ts-check
// What stands beside the map: the point looked at, the list of what is near or selected, the figures of
// trust.
import { PictureUrl, fill, h } from "../shared/dom.mjs";
import { onEnter } from "../shared/fields.mjs";
import { cardBody, galleryCards, measuresTable } from "./panels.mjs";

/** @import { Atlas, Listed, Listing, ShownCard } from "./types.d.ts" */
/** @import { Bytes } from "../shared/types.d.ts" */

/** @param {string} title @param {...HTMLElement} children */
function panel(title, ...children) {
  return h("section", { class: "atl-panel", "aria-label": title }, h("h3", { text: title }), ...children);
}

/** @param {Atlas} board */
export function point({ model, asked, send, view }) {
  const place = h("div", { class: "atl-card", "aria-live": "polite" });
  /** @type {ShownCard | null | undefined} */
  let drawn = null;
  return {
    element: panel("Point looked at", place),
    draw() {
      const focus = model.get("focus");
      const card = focus < 0 ? null : asked.look.known.get(focus);
      if (card === drawn && place.childNodes.length) return;
      drawn = card;
      const side = place.closest(".atl-side");
      if (card && side && !side.contains(document.activeElement)) side.scrollTop = 0; // looked at on the map
      if (card) fill(place, ...cardBody(card, (/** @type {number} */ id) => send("focus", id)));
      else fill(place, h("p", { class: "wb-help", text: focus < 0 ? view().help : "…" }));
    },
  };
}

/** @param {Atlas} board */
export function gallery(board) {
  const { model, send, view } = board;
  const title = h("p", { class: "atl-found-title", role: "status", "aria-live": "polite" });
  const of = h(
    "select",
    {
      "aria-label": "what to list",
      onchange: () => {
        send("gallery", /** @type {Listed} */ (of.value));
      },
    },
    ...[
      ["pictures", "nearest pictures"],
      ["texts", "nearest texts"],
      ["selection", "the selection"],
    ].map(([value, text]) => h("option", { value, text })),
  );
  const choose = h("button", {
    type: "button",
    class: "wb-button",
    text: "Select these",
    onclick: () => board.tell({ kind: "choose", what: "gallery" }),
  });
  const list = h("ol", { class: "atl-gallery", "aria-label": "found" });
  const pages = pager((page) => send("page", page));
  const url = new PictureUrl();
  /** @type {Bytes | null} */
  let source = null;
  let [drawn, listed] = ["", ""];
  const element = h(
    "section",
    { class: "atl-panel atl-found", "aria-label": "retrieval" },
    h("div", { class: "atl-row" }, of, choose),
    h("div", { class: "atl-row" }, title, pages.element),
    list,
  );
  return {
    element,
    draw() {
      const { gallery: found } = view();
      const fresh = model.get("_sprite") !== source;
      if (fresh) {
        source = model.get("_sprite");
        url.of(source);
      }
      of.value = model.get("gallery");
      title.textContent = found.title;
      choose.hidden = !found.rows.length || model.get("gallery") === "selection" || Boolean(view().saved);
      list.hidden = !found.rows.length;
      pages.draw(found);
      const key = JSON.stringify([found, model.get("focus")]);
      if (key !== drawn || fresh)
        fill(
          list,
          ...galleryCards(found, url.url, model.get("focus"), (/** @type {number} */ id) =>
            send("focus", id),
          ),
        );
      drawn = key;
      const now = `${model.get("gallery")} ${view().said_selection}`;
      if (now !== listed && model.get("gallery") === "selection" && element.parentElement)
        element.parentElement.scrollTop = element.offsetTop - element.parentElement.offsetTop;
      listed = now;
    },
    release: () => url.release(),
  };
}

/** Pages by arrows or by number, counted from 1. @param {(page: number) => void} go */
function pager(go) {
  let [page, pages] = [0, 1];
  const step = (/** @type {number} */ by) => go(Math.max(0, Math.min(pages - 1, page + by)));
  const button = (/** @type {string} */ text, /** @type {string} */ name, /** @type {number} */ by) =>
    h("button", { type: "button", class: "wb-icon", "aria-label": name, text, onclick: () => step(by) });
  const [back, on] = [button("‹", "page before", -1), button("›", "next page", 1)];
  const number = h("input", { type: "text", inputmode: "numeric", class: "atl-page", "aria-label": "page" });
  const typed = () => {
    const asked = Math.round(Number(number.value));
    if (asked >= 1) go(Math.min(pages, asked) - 1);
    else number.value = String(page + 1);
  };
  onEnter(number, typed);
  number.addEventListener("change", typed);
  const of = h("span", { class: "atl-number" });
  const element = h(
    "span",
    { class: "atl-pager", role: "group", "aria-label": "pages" },
    back,
    number,
    of,
    on,
  );
  return {
    element,
    draw(/** @type {Listing} */ found) {
      [page, pages] = [found.page, found.pages];
      element.hidden = pages < 2;
      number.value = String(page + 1);
      of.textContent = `of ${pages.toLocaleString("en")}`;
      back.disabled = page === 0;
      on.disabled = page >= pages - 1;
    },
  };
}

/** @param {Atlas} board */
export function measures(board) {
  const { view } = board;
  const place = h("div", {});
  const redraw = h("button", {
    type: "button",
    class: "wb-button",
    text: "Stability over 2 more seeds",
    title: "Draws the map twice more: how much of it would another seed have shown?",
    onclick: () => board.tell({ kind: "stability" }),
  });
  let drawn = "";
  return {
    element: panel("How far to trust this map", place, redraw),
    draw() {
      redraw.hidden = !view().redraw;
      redraw.disabled = "maps" in board.status().working;
      const now = JSON.stringify(view().measures);
      if (now !== drawn) fill(place, measuresTable(view().measures));
      drawn = now;
    },
  };
}
