// @ts-check
// One head (or the mean of heads, or rollout) instead of the grid: the picture in large, lines between words,
// or all tokens by all tokens.
import { h } from "../shared/dom.mjs";
import { decimal, percent } from "../shared/format.mjs";
import { captionOf, patchCanvas, readingOf } from "./picture.mjs";
import { linesCanvas } from "./lines.mjs";
import { matrixCanvas } from "./matrix.mjs";

/** @import { Lens } from "./state.mjs" */
/** @import { Detail, Large, LargeView, Picture } from "./types.d.ts" */

const STEPS = new Map([
  ["[", -1],
  ["]", 1],
]);
const TABS = { picture: "picture", lines: "lines", matrix: "matrix" };

/**
 * @param {Lens} lens
 * @param {Picture} source the picture
 * @param {HTMLElement} root of the board
 * @param {HTMLCanvasElement} grid the canvas that the focus goes back to
 */
export function largePart(lens, source, root, grid) {
  /** @type {{picture: ReturnType<typeof patchCanvas>} & Record<"lines" | "matrix", LargeView>} */
  const views = {
    picture: patchCanvas(lens, source.image, "al-large-picture"),
    lines: linesCanvas(lens),
    matrix: matrixCanvas(lens),
  };
  const tabs = /** @type {[Large, string][]} */ (Object.entries(TABS)).map(([name, text]) =>
    h("button", {
      type: "button",
      class: "wb-button",
      "data-detail": name,
      text,
      onclick: () => lens.choose("detail", name),
    }),
  );
  const title = h("strong", {});
  const back = h("button", {
    type: "button",
    class: "wb-button",
    text: "All heads",
    title: "back to the grid (Escape)",
    onclick: () => close(),
  });
  const said = h("p", { class: "al-caption al-said-head", "aria-live": "polite" });
  const place = h("div", { class: "al-large-view" }, ...Object.values(views).map((view) => view.canvas));
  const element = h(
    "div",
    { class: "al-large" },
    h(
      "div",
      { class: "al-row" },
      back,
      title,
      h("span", { class: "al-tabs", role: "group", "aria-label": "view of the head" }, ...tabs),
    ),
    place,
    said,
  );
  let open = false;
  const close = () => lens.choose("detail", "heads");
  root.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const typed = /** @type {Element} */ (event.target).matches(
      "input:not([type=range], [type=radio]), textarea",
    );
    if (event.key !== "Escape" || event.defaultPrevented || !open || typed) return;
    event.preventDefault(); // spent here: it does not leave the board as well
    close();
  });
  element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const step = STEPS.get(event.key);
    if (!step || lens.reading === "rollout") return;
    event.preventDefault();
    const next = lens.layer * lens.group.heads + lens.head + step;
    if (next >= 0 && next < lens.group.heads * lens.group.sites.length)
      lens.set({
        layer: Math.floor(next / lens.group.heads),
        head: next % lens.group.heads,
        reading: "head",
      });
  });
  return {
    element,
    draw() {
      const { detail } = lens;
      element.hidden = detail === "heads";
      focus(lens, {
        opened: detail !== "heads" && !open,
        closed: detail === "heads" && open,
        grid,
        view: detail === "heads" ? null : views[detail],
      });
      open = detail !== "heads";
      for (const [name, view] of Object.entries(views)) view.canvas.hidden = name !== detail;
      if (detail === "heads") return;
      const known = lens.details();
      for (const tab of tabs) {
        tab.hidden = !known.includes(/** @type {Detail} */ (tab.dataset.detail));
        tab.setAttribute("aria-pressed", String(tab.dataset.detail === detail));
      }
      const reading = readingOf(lens);
      title.textContent = reading[0].toUpperCase() + reading.slice(1);
      const { width, height } = lens.room.large;
      const line = detail === "picture" ? captionOf(lens, lens.patchValues()) : mostOf(lens);
      const own =
        detail === "picture"
          ? views.picture.draw(lens.patchValues(), width, height, line)
          : views[detail].draw(width, height, line);
      const text = own ?? line;
      if (said.textContent !== text) said.textContent = text;
    },
  };
}

/**
 * The focus goes to what opens, and back to the grid, if it was in here.
 * @param {Lens} lens
 * @param {{opened: boolean, closed: boolean, grid: HTMLElement, view: {canvas: HTMLElement} | null}} change
 */
function focus(lens, { opened, closed, grid, view }) {
  const here = lens.board.root.contains(document.activeElement);
  if (opened && here) requestAnimationFrame(() => view?.canvas.focus({ preventScroll: true }));
  if (closed && here) requestAnimationFrame(() => grid.focus({ preventScroll: true }));
}

/** What a token attends to most, in words. @param {Lens} lens */
export function mostOf(lens) {
  const best = [...lens.values]
    .sort((one, other) => other[1] - one[1])
    .slice(0, 3)
    .filter(([, value]) => value > 0);
  const list = best
    .map(([id, value]) => `${lens.nameOf(id)} ${lens.backwards ? decimal(value, 3) : percent(value)}`)
    .join(", ");
  return lens.backwards
    ? `Queries that attend to ${lens.nameOf(lens.asked)} most: ${list}.`
    : `Keys that ${lens.nameOf(lens.asked)} attends to most: ${list}.`;
}
