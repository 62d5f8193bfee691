// @ts-check
// The picture of the lens: patches under their weights, hovered, clicked, dragged over, and walked with the
// keyboard.
import { h, rove, PictureUrl } from "../shared/dom.mjs";
import { decimal, percent } from "../shared/format.mjs";
import { patchAt, patchesBetween, shade } from "./maps.mjs";
import { paintMarks, paintPatches, paintStrip, sized } from "./paint.mjs";
import { tokens } from "./words.mjs";

/** @import { Lens } from "./state.mjs" */
/** @import { Found, Picture } from "./types.d.ts" */
/** @import { Bytes } from "../shared/types.d.ts" */

/** The picture itself, decoded once for all who draw it. @param {Lens} lens @returns {Picture} */
export function pictureOf(lens) {
  const image = new Image();
  const url = new PictureUrl();
  /** @type {Bytes | null} */ let source = null;
  image.addEventListener("load", () => lens.redraw());
  return {
    image,
    draw() {
      if (lens.model.get("_picture") !== source) {
        source = lens.model.get("_picture");
        image.src = url.of(source) || "";
      }
    },
    release: () => url.release(),
  };
}

/**
 * A canvas with the picture and its patches, to be looked at and used.
 * @param {Lens} lens
 * @param {HTMLImageElement} image
 * @param {string} name
 */
export function patchCanvas(lens, image, name) {
  const canvas = h("canvas", { class: name, tabindex: 0, role: "application" });
  const small = document.createElement("canvas");
  let drag = -1;
  /** @type {number[]} */ let drawn = [];
  let cursor = 0;
  const under = (/** @type {PointerEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    return lens.ready && lens.view.grid
      ? patchAt(
          (event.clientX - box.left) / box.width,
          (event.clientY - box.top) / box.height,
          lens.view.grid,
        )
      : -1;
  };
  const look = (/** @type {string} */ id) => {
    if (id !== lens.hover) {
      lens.hover = id;
      lens.redraw();
    }
  };
  const finish = () => {
    if (drag < 0) return;
    const chosen = drawn;
    drag = -1;
    drawn = [];
    if (lens.tool === "mask" && chosen.length) lens.toggle("patches", chosen);
    lens.redraw();
  };
  canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    const patch = under(event);
    if (drag >= 0 && patch >= 0) {
      drawn = patchesBetween(drag, patch, lens.view.grid ?? [1, 1]);
      lens.redraw();
    } else look(patch >= 0 && lens.tool === "look" ? `p:${patch}` : "");
  });
  canvas.addEventListener("pointerleave", () => look(""));
  canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    const patch = under(event);
    if (patch < 0 || event.button !== 0) return;
    cursor = patch;
    if (lens.tool === "look") return lens.pick(`p:${patch}`);
    canvas.setPointerCapture(event.pointerId);
    drag = patch;
    drawn = [patch];
    lens.redraw();
  });
  canvas.addEventListener("pointerup", finish);
  canvas.addEventListener("pointercancel", () => {
    drag = -1;
    drawn = [];
    lens.redraw();
  });
  canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (!lens.ready || !lens.view.grid) return;
    const [rows, columns] = lens.view.grid;
    const next = rove(cursor, event.key, rows * columns, columns);
    if (event.key === "Escape") return look(""); // and on: out of the large view, or out of the board
    if (next === null && !["Enter", " ", "m"].includes(event.key)) return;
    event.preventDefault();
    if (next !== null) {
      cursor = next;
      look(`p:${next}`);
    } else if (event.key === "m" || lens.tool === "mask") lens.toggle("patches", [cursor]);
    else lens.pick(`p:${cursor}`);
  });
  canvas.addEventListener("blur", () => look(""));
  return {
    canvas,
    /**
     * @param {Found | null} found of `patchValues`
     * @param {number} width
     * @param {number} height of the room
     * @param {string} said
     */
    draw(found, width, height, said) {
      const [rows, columns] = lens.view.grid ?? [1, 1];
      const aspect = lens.view.shape ? lens.view.shape[0] / lens.view.shape[1] : rows / columns;
      const across = Math.max(120, Math.floor(Math.min(width, height / aspect)));
      sized(canvas, across, Math.round(across * aspect));
      paintPatches(lens, canvas, small, image, found);
      paintMarks(lens, canvas, { cursor: document.activeElement === canvas ? cursor : -1, drawn });
      canvas.setAttribute(
        "aria-label",
        `the picture in ${rows} x ${columns} patches; arrow keys move, Enter looks from a patch, m ` +
          `masks it. ${said}`,
      );
    },
  };
}

/**
 * The picture with what belongs to it: its caption, its colour scale, the tokens beside the patches.
 * @param {Lens} lens
 * @param {Picture} source of `pictureOf`
 * @param {HTMLElement} tools what a click does
 */
export function stage(lens, source, tools) {
  const patches = patchCanvas(lens, source.image, "al-picture");
  const caption = h("p", { class: "al-caption", "aria-live": "polite" });
  const bar = legend(lens);
  const chips = h("div", { class: "al-chips", role: "group", "aria-label": "tokens beside the patches" });
  const chipList = tokens(lens, chips, "picture");
  const element = h(
    "figure",
    { class: "al-stage" },
    patches.canvas,
    h("figcaption", {}, caption, bar.element),
    h("div", { class: "al-row" }, chips, tools),
  );
  return {
    element,
    draw() {
      element.hidden = !lens.view.grid;
      if (!lens.view.grid) return;
      source.draw();
      const found = lens.patchValues();
      const said = captionOf(lens, found);
      if (caption.textContent !== said) caption.textContent = said;
      bar.draw(found);
      chipList.draw();
      const { width, height } = lens.room.picture;
      patches.draw(found, width, height, said);
    },
    release: () => source.release(),
  };
}

/** How the heads are read, in words. @param {Lens} lens */
export function readingOf(lens) {
  const layers = lens.group.sites.length;
  const layer = `layer ${lens.layer + 1} of ${layers}`;
  if (lens.reading === "rollout") return `rollout up to ${layer}`;
  return (
    `${layer}, ` +
    `${lens.reading === "head" ? `head ${lens.head + 1} of ${lens.group.heads}` : `mean of heads`}`
  );
}

/** What the colours of the picture are. @param {Lens} lens @param {Found | null} found */
export function captionOf(lens, found) {
  const who = lens.nameOf(lens.asked);
  if (!found) return `No attention leads from “${who}” to the picture here.`;
  if (found.signed)
    return (
      `Cosine of each patch with “${lens.nameOf(lens.linked?.id ?? "")}”; no attention joins picture and ` +
      "words here."
    );
  let sum = 0;
  for (const [id, value] of found.values) if (id.startsWith("p:")) sum += value;
  return lens.backwards
    ? `Patches that attend to ${who}: ${readingOf(lens)}; sum over patches ${decimal(sum, 2)}.`
    : `What ${who} attends to: ${readingOf(lens)}; ${percent(sum)} of it on patches.`;
}

/** The colour scale, its ends and what uniform attention would be. @param {Lens} lens */
function legend(lens) {
  const strip = h("canvas", { class: "al-strip", width: 256, height: 1, "aria-hidden": "true" });
  const [low, mark, high] = [h("span", {}), h("span", { class: "al-even" }), h("span", {})];
  const ticks = h("div", { class: "al-ticks" }, low, mark, high);
  const element = h("div", { class: "al-legend" }, strip, ticks);
  return {
    element,
    draw(/** @type {Found | null} */ found) {
      element.style.visibility = found ? "visible" : "hidden"; // its room is kept, so that nothing moves
      if (!found) return;
      paintStrip(strip, found.signed, lens.opacity);
      const own = lens.model.get("scale") === "own";
      low.textContent = found.signed ? decimal(-found.limit, 2) : "0";
      high.textContent = found.signed
        ? decimal(found.limit, 2)
        : `${percent(found.limit)}${own ? " (this map's largest)" : " and more"}`;
      const even = 1 / lens.group.keys.length;
      mark.hidden = !found.signed && (even > found.limit || lens.backwards);
      const share = found.signed ? 50 : 100 * shade(even, found.limit);
      // towards the right end the words stand before the mark, else they would be cut
      const ends = !found.signed && share > 60;
      const words = found.signed ? "0" : `uniform: ${percent(even)}`;
      mark.textContent = ends ? `${words} ▲` : `▲ ${words}`;
      mark.style.left = ends ? "auto" : `${share}%`;
      mark.style.right = ends ? `calc(${100 - share}% - 6px)` : "auto";
      mark.toggleAttribute("data-ends", ends);
    },
  };
}
