// @ts-check
// What stands over the cards: search, order, filters, size, pages, and the pictures that were taken away.
import { h, throttled } from "../shared/dom.mjs";
import { field, keep, onEnter, whenTyped } from "../shared/fields.mjs";
import { plural, whole } from "../shared/format.mjs";
import { SLIDER_INTERVAL, TYPING_PAUSE } from "./controls.mjs";

/** @import { Gallery, Only, Traits, ZeroShot } from "./types.d.ts" */

const SORTS = ["as given", "surest first", "doubtful first", "by label", "wrong first"];
const ONLY = [
  ["all", "all answers"],
  ["right", "only right"],
  ["wrong", "only wrong"],
  ["none of these", "only none of these"],
];

const JUDGED = ["wrong first", "right", "wrong"]; // choices that need the right answers

/** Which cards are listed, if not all. @param {Pick<Gallery, "listed" | "total">} gallery */
export function listedWords(gallery) {
  return gallery.listed === gallery.total
    ? ""
    : `${whole(gallery.listed)} of ${plural(gallery.total, "picture")} listed`;
}

/** @param {ZeroShot} board */
export function finder(board) {
  const { model, send, view } = board;
  const query = whenTyped(
    h("input", {
      type: "search",
      "aria-label": "find pictures by a sentence",
      placeholder: "Find pictures by a sentence…",
    }),
    (text) => send("query", text),
    TYPING_PAUSE,
  );
  /** @template {"sort" | "only"} K @param {K} name @param {Traits[K]} value */
  const first = (name, value) => {
    send("page", 0);
    send(name, value);
  };
  const sort = h(
    "select",
    {
      "aria-label": "sort pictures",
      onchange: () => {
        first("sort", sort.value);
      },
    },
    ...SORTS.map((name) => h("option", { value: name, text: name })),
  );
  const only = h(
    "select",
    {
      "aria-label": "list",
      onchange: () => {
        first("only", /** @type {Only} */ (only.value));
      },
    },
    ...ONLY.map(([value, text]) => h("option", { value, text })),
  );
  const resize = throttled((/** @type {number} */ value) => send("size", value), SLIDER_INTERVAL);
  const size = h("input", {
    type: "range",
    min: 64,
    max: 224,
    step: 4,
    "aria-label": "size of the pictures",
    title: "size of the pictures",
    oninput: () => {
      resize(Number(size.value));
    },
  });
  const pages = pager(board);
  return {
    element: h("div", { class: "zsb-tools" }, query, sort, only, size, pages.element),
    draw() {
      const shown = view().gallery;
      keep(query, model.get("query"));
      keep(sort, model.get("sort"));
      keep(only, model.get("only"));
      keep(size, model.get("size"));
      query.disabled = !view().model.live;
      sort.disabled = Boolean(view().query);
      for (const option of [...sort.options, ...only.options])
        if (JUDGED.includes(option.value)) option.disabled = shown.known === 0;
      pages.draw();
    },
  };
}

/** @param {ZeroShot} board */
function pager({ send, view }) {
  const flip = (/** @type {number} */ page) =>
    send("page", Math.min(view().gallery.pages - 1, Math.max(0, page)));
  const back = h("button", {
    type: "button",
    class: "wb-icon",
    "aria-label": "page before",
    text: "‹",
    onclick: () => flip(view().gallery.page - 1),
  });
  const next = h("button", {
    type: "button",
    class: "wb-icon",
    "aria-label": "next page",
    text: "›",
    onclick: () => flip(view().gallery.page + 1),
  });
  const page = h("input", {
    type: "number",
    min: 1,
    "aria-label": "page",
    onchange: () => {
      flip(Number(page.value) - 1 || 0);
    },
  });
  onEnter(page, () => flip(Number(page.value) - 1 || 0));
  const pages = h("span", { class: "zsb-number" });
  const element = h("span", { class: "zsb-pager" }, back, page, pages, next);
  return {
    element,
    draw() {
      const shown = view().gallery;
      element.hidden = shown.pages === 1;
      page.max = String(shown.pages);
      keep(page, shown.page + 1);
      pages.textContent = `of ${whole(shown.pages)}`;
      back.disabled = shown.page === 0;
      next.disabled = shown.page + 1 >= shown.pages;
    },
  };
}

/**
 * What is selected, filtered or removed, each with its way back; it lies over the last cards, so that none
 * moves.
 * @param {ZeroShot} board
 */
export function selection({ model, send, view, status }) {
  const clear = h("button", {
    type: "button",
    class: "wb-button",
    text: "List all",
    onclick: () => {
      send("page", 0);
      send("won_by", []);
      send("only", "all");
    },
  });
  const none = h("button", {
    type: "button",
    class: "wb-button",
    text: "Select none",
    onclick: () => send("selected", []),
  });
  const remove = h("button", {
    type: "button",
    class: "wb-button",
    text: "Remove from the board",
    title: "Delete",
    onclick: () => removeSelected({ model, send }),
  });
  const removeField = field(remove, "gallery");
  const back = h("button", { type: "button", class: "wb-button", onclick: () => send("removed", []) });
  const [listed, picked] = [h("span", { role: "status" }), h("span", { role: "status" })];
  const element = h("div", { class: "zsb-state" }, listed, clear, picked, none, removeField.element, back);
  return {
    element,
    draw() {
      const shown = view().gallery;
      const chosen = model.get("selected").length;
      listed.textContent = listedWords(shown);
      clear.hidden = !(model.get("won_by").length || model.get("only") !== "all");
      picked.textContent = chosen ? `${whole(chosen)} selected` : "";
      none.hidden = !chosen;
      removeField.draw(status());
      removeField.element.hidden = !chosen;
      back.hidden = !shown.removed;
      element.hidden = clear.hidden && none.hidden && back.hidden;
      back.textContent = `Put back ${plural(shown.removed, "removed picture")}`;
    },
  };
}

/** @param {Pick<ZeroShot, "model" | "send">} board */
export function removeSelected({ model, send }) {
  const chosen = model.get("selected");
  if (chosen.length) send("removed", [...new Set([...model.get("removed"), ...chosen])]);
}
