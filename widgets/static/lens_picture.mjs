// @ts-check
// The picture of the lens: patches in colour, hovered, clicked, dragged over, and walked with the keyboard.
import { h, rove, PictureUrl } from "./dom.mjs";
import { patchAt, patchesBetween, shade, weight } from "./attention_maps.mjs";
import { tokens } from "./lens_words.mjs";

/** @typedef {import("./lens_state.mjs").Lens} Lens */

const COVER = 0.65; // how much of the picture a patch's colour covers

/** The picture with the patches' colours over it. */
export function stage(/** @type {Lens} */ lens) {
  const canvas = h("canvas", { class: "al-picture", tabindex: 0, role: "application" });
  const small = document.createElement("canvas");
  const caption = h("p", { class: "al-caption", "aria-live": "polite" });
  const bar = legend(lens);
  const chips = h("div", { class: "al-chips", role: "group", "aria-label": "tokens beside the patches" });
  const chipList = tokens(lens, chips, "picture");
  const element = h("figure", { class: "al-stage" }, canvas, h("figcaption", {}, caption, bar.element), chips);
  const picture = new Image();
  const url = new PictureUrl();
  /** @type {any} */ let source = null;
  let drag = -1;
  /** @type {number[]} */ let drawn = [];
  let cursor = 0;
  const under = (/** @type {PointerEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    return lens.ready && lens.view.grid ? patchAt((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height, lens.view.grid) : -1;
  };
  const look = (/** @type {string} */ id) => {
    if (id !== lens.hover) { lens.hover = id; lens.redraw(); }
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
    if (drag >= 0 && patch >= 0) { drawn = patchesBetween(drag, patch, lens.view.grid); lens.redraw(); }
    else look(patch >= 0 && lens.tool === "look" ? `p:${patch}` : "");
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
  canvas.addEventListener("pointercancel", () => { drag = -1; drawn = []; lens.redraw(); });
  canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (!lens.ready || !lens.view.grid) return;
    const [rows, columns] = lens.view.grid;
    const next = rove(cursor, event.key, rows * columns, columns);
    if (next === null && !["Enter", " ", "m", "Escape"].includes(event.key)) return;
    event.preventDefault();
    if (next !== null) { cursor = next; look(`p:${next}`); }
    else if (event.key === "Escape") look("");
    else if (event.key === "m" || lens.tool === "mask") lens.toggle("patches", [cursor]);
    else lens.pick(`p:${cursor}`);
  });
  canvas.addEventListener("blur", () => look(""));
  picture.addEventListener("load", () => lens.redraw());
  return {
    element,
    draw() {
      const { view } = lens;
      element.hidden = !view.grid;
      if (!view.grid) return;
      if (lens.model.get("_picture") !== source) { source = lens.model.get("_picture"); picture.src = url.of(source) || ""; }
      const [rows, columns] = view.grid;
      const aspect = view.shape ? view.shape[0] / view.shape[1] : rows / columns;
      const ratio = Math.min(2, window.devicePixelRatio || 1);
      const [width, height] = [Math.round(320 * ratio), Math.round(320 * ratio * aspect)];
      if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
      const found = lens.patchValues();
      paint(lens, canvas, small, picture, found, { cursor: document.activeElement === canvas ? cursor : -1, drawn });
      const said = captionOf(lens, found);
      if (caption.textContent !== said) caption.textContent = said;
      canvas.setAttribute("aria-label", `the picture in ${rows} x ${columns} patches; arrow keys move, Enter looks from a patch, m takes it away. ${said}`);
      bar.draw(found);
      chipList.draw();
    },
    release: () => url.release(),
  };
}

/** @param {Lens} lens @param {any} canvas @param {any} small @param {any} picture @param {any} found @param {{cursor: number, drawn: number[]}} state */
function paint(lens, canvas, small, picture, found, { cursor, drawn }) {
  const [rows, columns] = lens.view.grid;
  const { width, height } = canvas;
  const ink = canvas.getContext("2d");
  ink.globalAlpha = 1;
  ink.imageSmoothingEnabled = true;
  ink.fillStyle = "#808080";
  ink.fillRect(0, 0, width, height);
  if (picture.complete && picture.naturalWidth) {
    ink.filter = found ? "grayscale(1)" : "none";
    ink.imageSmoothingEnabled = picture.naturalWidth > 160; // of a tiny picture every pixel is seen
    ink.drawImage(picture, 0, 0, width, height);
    ink.filter = "none";
  }
  if (found) {
    small.width = columns;
    small.height = rows;
    const pixels = new ImageData(columns, rows);
    for (let k = 0; k < rows * columns; k++) lens.tint(pixels.data, 4 * k, lens.shadeOf(found.values.get(`p:${k}`) ?? 0, found));
    small.getContext("2d").putImageData(pixels, 0, 0);
    ink.imageSmoothingEnabled = false;
    ink.globalAlpha = COVER;
    ink.drawImage(small, 0, 0, width, height);
    ink.globalAlpha = 1;
  }
  const [w, t] = [width / columns, height / rows];
  const box = (/** @type {number} */ patch) => [(patch % columns) * w, Math.floor(patch / columns) * t];
  for (const patch of new Set([...lens.masked.patches, ...drawn])) {
    const [x, y] = box(patch);
    ink.fillStyle = "rgba(20,20,20,.82)";
    ink.fillRect(x, y, w, t);
    ink.strokeStyle = "#ffffff";
    ink.lineWidth = 1.5;
    ink.beginPath();
    ink.moveTo(x + 3, y + t - 3);
    ink.lineTo(x + w - 3, y + 3);
    ink.stroke();
  }
  const frame = (/** @type {number} */ patch, /** @type {string} */ colour) => {
    const [x, y] = box(patch);
    ink.lineWidth = 5;
    ink.strokeStyle = "#000000";
    ink.strokeRect(x + 1, y + 1, w - 2, t - 2);
    ink.lineWidth = 2.5;
    ink.strokeStyle = colour;
    ink.strokeRect(x + 1, y + 1, w - 2, t - 2);
  };
  if (cursor >= 0) frame(cursor, "#ffb000");
  for (const id of [lens.asked, lens.hover]) if (id.startsWith("p:")) frame(Number(id.slice(2)), "#ffffff");
}

/** What the colours of the picture are. @param {Lens} lens @param {any} found */
function captionOf(lens, found) {
  const who = lens.nameOf(lens.asked);
  if (!found) return `No attention leads from “${who}” to the picture here.`;
  if (!found.root) return `No attention joins picture and words in this model. Colours: cosine of each patch with “${lens.nameOf(lens.linked.id)}” as the towers' own heads read them.`;
  let sum = 0;
  for (const [id, value] of found.values) if (id.startsWith("p:")) sum += value;
  const reading = lens.reading === "head" ? `head ${lens.head}` : lens.reading === "mean" ? "the mean of heads" : "rollout";
  const share = lens.backwards ? `sum over patches ${sum.toFixed(2)}` : `${weight(sum)} of it goes to patches`;
  return lens.backwards ? `Who attends to ${who}: layer ${lens.layer}, ${reading}; ${share}.` : `What ${who} attends to: layer ${lens.layer}, ${reading}; ${share}.`;
}

/** The colour scale, its ends and what even attention would be. */
function legend(/** @type {Lens} */ lens) {
  const strip = h("canvas", { class: "al-strip", width: 256, height: 1, "aria-hidden": "true" });
  const ticks = h("div", { class: "al-ticks" });
  const [low, mark, high] = [h("span", {}), h("span", { class: "al-even" }), h("span", {})];
  ticks.append(low, mark, high);
  let painted = false;
  return {
    element: h("div", { class: "al-legend" }, strip, ticks),
    draw(/** @type {any} */ found) {
      this.element.hidden = !found;
      if (!found) return;
      if (!painted) {
        const pixels = new ImageData(256, 1);
        for (let k = 0; k < 256; k++) lens.tint(pixels.data, 4 * k, k);
        strip.getContext("2d").putImageData(pixels, 0, 0);
        painted = true;
      }
      const [from, to] = found.range;
      low.textContent = found.root ? "0" : from.toFixed(2);
      high.textContent = found.root ? `${weight(to)}${lens.model.get("scale") === "own" ? " (this map's largest)" : " and more"}` : to.toFixed(2);
      const even = 1 / lens.group.keys.length;
      mark.hidden = !found.root || even > to || lens.backwards;
      const share = (100 * shade(even, to)) / 255;
      const ends = share > 60; // towards the right end the words stand before the mark, else they would be cut
      mark.textContent = ends ? `even: ${weight(even)} ▲` : `▲ even: ${weight(even)}`;
      mark.style.left = ends ? "auto" : `${share}%`;
      mark.style.right = ends ? `calc(${100 - share}% - 6px)` : "auto";
      mark.toggleAttribute("data-ends", ends);
    },
  };
}
