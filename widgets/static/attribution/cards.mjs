// @ts-check
// One card a map: the picture with its colours, what its numbers mean, and its scores beside those of random
// maps.
import { h, fill, rove } from "../shared/dom.mjs";
import { overlay } from "../shared/colours.mjs";
import { decimal, plural, signed } from "../shared/format.mjs";
import { cellAt, paint, placeOf } from "../shared/patches.mjs";
import { largest, mapLabel, rangeText, toggled, verdict } from "./values.mjs";

/** @import { Attribution, Heatmap, MapCard, PictureMap, Seen } from "./types.d.ts" */

/**
 * @param {Attribution} board
 * @param {Seen} seen
 * @param {(map: Heatmap) => number[]} valuesOf what a map shows now
 */
export function cards(board, seen, valuesOf) {
  const { model, view, root } = board;
  const grid = h("div", { class: "atb-maps" });
  const picture = h("img", { class: "atb-map", alt: "the picture as the model sees it" });
  const plain = h("figure", { class: "atb-card" }, h("figcaption", { text: "What the model sees" }), picture);
  const pane = h("div", { class: "atb-pane" }, h("div", { class: "atb-grid" }, plain, grid));
  const resized = new ResizeObserver(() => board.redraw());
  resized.observe(pane);
  root.addEventListener(
    "keydown",
    (/** @type {KeyboardEvent} */ event) => {
      const chosen = model.get("words").length + model.get("patches").length;
      if (
        event.key !== "Escape" ||
        event.defaultPrevented ||
        !chosen ||
        /** @type {Element} */ (event.target).matches("input[type=text]")
      )
        return;
      event.preventDefault(); // this Escape is spent: it does not leave the board as well
      model.set("words", []);
      board.send("patches", []);
    },
    { capture: false, signal: board.stop.signal },
  );
  return {
    element: pane,
    /** Scrolls the maps, not the notebook, until the one that follows the words is seen. */
    showReacting() {
      const place = view().maps.findIndex((map) => map.pairs);
      const card = grid.children[place];
      if (!card) return;
      const [inside, shown] = [card.getBoundingClientRect(), pane.getBoundingClientRect()];
      const below = inside.top + Math.min(inside.height, shown.height) - shown.bottom;
      if (inside.top < shown.top) pane.scrollTop += inside.top - shown.top;
      else if (below > 0) pane.scrollTop += below;
    },
    draw() {
      const { maps } = view();
      pane.style.setProperty("--atb-size", `${model.get("size")}px`);
      while (grid.children.length > maps.length) grid.lastChild?.remove();
      while (grid.children.length < maps.length) grid.append(emptyCard(board, seen));
      const values = maps.map(valuesOf);
      const shared = model.get("scale") === "shared" ? largest(values.flat()) : 0;
      maps.forEach((map, /** @type {number} */ place) => {
        fillCard(
          /** @type {MapCard} */ (grid.children[place]),
          map,
          values[place],
          shared || largest(values[place]),
          board,
          seen,
        );
      });
      if (picture.src !== seen.image.src) picture.src = seen.image.src;
      picture.toggleAttribute("data-smooth", seen.image.naturalWidth > 160);
      plain.hidden = !model.get("_picture")?.byteLength;
    },
    release: () => resized.disconnect(),
  };
}

/** @param {Attribution} board @param {Seen} seen */
function emptyCard(board, seen) {
  const { model, send } = board;
  const canvas = h("canvas", { class: "atb-map", tabindex: 0, role: "img" });
  const rest = ["atb-range", "atb-readout", "atb-scores", "wb-help atb-notes"].map((name) =>
    h(name === "atb-scores" ? "div" : "p", { class: name }),
  );
  const article = h(
    "article",
    { class: "atb-card" },
    h("h3"),
    h("div", {}, canvas, h("div", { class: "atb-tokens" })),
    h("div", { class: "atb-rest" }, ...rest),
  );
  const card = /** @type {MapCard} */ (article);
  const gridOf = () => card.map.grid ?? [1, 1];
  const cell = (/** @type {MouseEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    return cellAt(event.clientX - box.left, event.clientY - box.top, box.width, box.height, gridOf());
  };
  const look = (/** @type {number} */ patch) => {
    if (patch !== seen.hover) {
      seen.hover = patch;
      board.redraw();
    }
  };
  const choose = (/** @type {number} */ patch) => {
    if (model.get("focus") !== card.map.method) model.set("focus", card.map.method);
    send("patches", toggled(model.get("patches"), patch));
  };
  canvas.addEventListener("mousemove", (/** @type {MouseEvent} */ event) => look(cell(event)));
  canvas.addEventListener("mouseleave", () => look(-1));
  canvas.addEventListener("blur", () => look(-1));
  canvas.addEventListener("click", (/** @type {MouseEvent} */ event) => {
    if (!board.gone) choose(cell(event));
  });
  canvas.addEventListener("focus", () => {
    if (model.get("focus") !== card.map.method) send("focus", card.map.method);
  });
  canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const [rows, cols] = gridOf();
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      choose(Math.max(0, seen.hover));
      return;
    }
    const next = rove(Math.max(0, seen.hover), event.key, rows * cols, cols);
    if (next === null) return;
    event.preventDefault();
    look(next);
  });
  return card;
}

/**
 * @param {MapCard} card
 * @param {Heatmap} map
 * @param {number[]} values
 * @param {number} limit
 * @param {Attribution} board
 * @param {Seen} seen
 */
function fillCard(card, map, values, limit, board, seen) {
  const { model } = board;
  card.map = map;
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (card.querySelector(name));
  const canvas = /** @type {HTMLCanvasElement} */ (part("canvas"));
  card.dataset.method = map.method;
  card.toggleAttribute("data-looked", model.get("focus") === map.method);
  part("h3").textContent = map.title;
  part("h3").title = map.blind;
  part("canvas").setAttribute("aria-label", mapLabel(map, values));
  part(".atb-range").textContent = rangeText(map, values, limit);
  const hover = seen.hover >= 0 && seen.hover < values.length && map.image ? seen.hover : -1;
  part(".atb-readout").textContent =
    hover < 0 ? map.cost : `${placeOf(hover, (map.grid ?? [1, 1])[1])}: ${signed(values[hover])}`;
  part(".atb-notes").textContent = map.notes.join("; ");
  part("canvas").hidden = !map.image;
  const opacity = model.get("opacity");
  if (map.image)
    paint(canvas, {
      image: seen.image,
      grid: map.grid,
      values,
      limit,
      opacity,
      grey: model.get("ground") === "grey",
      chosen: model.get("patches"),
      hover,
    });
  fill(
    part(".atb-tokens"),
    ...(map.image
      ? []
      : values.map((value, place) =>
          h("span", {
            class: "atb-token",
            title: signed(value),
            style: { backgroundColor: overlay(value, limit, 0.8 * opacity) },
            text: board.view().tokens[place].text,
          }),
        )),
  );
  drawScores(part(".atb-scores"), map, board);
}

/** @param {HTMLElement} place @param {Heatmap} map @param {Attribution} board */
function drawScores(place, map, board) {
  const part = map.pairs && board.model.get("words").length > 0;
  const said = [map.method, map.scores, map.skipped, map.price];
  const key = JSON.stringify([...said, board.view().live, part]);
  if (place.dataset.key === key) return; // a button must not vanish under the pointer
  place.dataset.key = key;
  place.title = map.protocol;
  const help = (/** @type {string} */ text) => h("p", { class: "wb-help", text });
  if (!map.image) return fill(place, help("No picture, so there is no patch to mask: not evaluated."));
  if (board.view().whole)
    return fill(
      place,
      help("Not evaluated: only maps of two towers are. Compare with Occlusion, which masks parts."),
    );
  if (!map.scores.length) {
    const price = plural(map.price, "forward pass", "forward passes");
    return fill(
      place,
      h("button", {
        type: "button",
        class: "wb-button atb-evaluate",
        disabled: !board.view().live,
        text: `Evaluate faithfulness (${price})`,
        "aria-label": `evaluate faithfulness of ${map.title} (${price})`,
        onclick: () => board.tell({ kind: "score", methods: [map.method] }),
      }),
    );
  }
  return fill(
    place,
    part ? help("Scores of the map for the whole text, not of the chosen words:") : null,
    scoreTable(map),
    h("p", { class: "atb-verdict", text: verdict(map.scores) }),
    ...Object.entries(map.skipped).map(([name, why]) => help(`${name}: ${why}`)),
  );
}

/** @param {PictureMap} map */
function scoreTable(map) {
  const head = h(
    "tr",
    {},
    ...["score", "map", "random", "centre"].map((text) => h("th", { scope: "col", text })),
  );
  const rows = map.scores.map((row) =>
    h(
      "tr",
      { title: `${row.meaning}; ${row.better} is better` },
      h("th", { scope: "row", text: `${row.name} ${row.better === "lower" ? "↓" : "↑"}` }),
      h("td", {}, h("b", { text: `${decimal(row.value, 2)}${row.beats ? " ✓" : ""}` })),
      h("td", { text: `${decimal(row.random, 2)}${row.spread ? ` ± ${decimal(row.spread, 2)}` : ""}` }),
      h("td", { text: decimal(row.centre, 2) }),
    ),
  );
  return h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows));
}
