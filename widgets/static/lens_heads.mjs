// @ts-check
// Every head of every layer as a small picture, a figure under each; dragging over them scrubs.
import { h, rove } from "./dom.mjs";
import { shade } from "./attention_maps.mjs";
import { labelled } from "./lens_controls.mjs";

/** @typedef {import("./lens_state.mjs").Lens} Lens */

const CELL = 84; // pixels of a small picture, at most
const BAR = 5; // pixels of the figure under it
const FIGURES = {
  entropy: ["entropy", "in bits; full bar: attention to all alike"],
  distance: ["distance", "in patches; full bar: the farthest head, mark: attention to all alike"],
  cross: ["share across picture and text", "full bar: all of it"],
  own: ["share kept by the token itself", "full bar: all of it"],
};

/** Layers x heads as small pictures, a figure under each. */
export function gridPart(/** @type {Lens} */ lens) {
  const canvas = h("canvas", { class: "al-grid", tabindex: 0, role: "application" });
  const sheet = document.createElement("canvas");
  const choose = h("select", { "aria-label": "figure under each head", onchange: () => { lens.figure = choose.value; lens.redraw(); } },
    ...Object.entries(FIGURES).map(([value, [text]]) => h("option", { value, text })));
  const said = h("p", { class: "al-caption", "aria-live": "polite" });
  const help = h("p", { class: "wb-help" });
  /** @type {any} */ let where = null;
  const cellAt = (/** @type {PointerEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left - where.left, event.clientY - box.top - where.head];
    const [head_, layer] = [Math.floor(x / where.width), Math.floor(y / where.height)];
    return head_ >= 0 && layer >= 0 && head_ < lens.group.heads && layer < lens.group.sites.length ? { head: head_, layer } : null;
  };
  let pressed = false;
  const scrub = (/** @type {PointerEvent} */ event) => {
    const cell = where && cellAt(event);
    if (cell) lens.set({ ...cell, reading: "head" });
  };
  canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => { pressed = true; canvas.setPointerCapture(event.pointerId); scrub(event); });
  canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => { if (pressed) scrub(event); });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { pressed = false; });
  canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (!lens.ready) return;
    const { heads, sites } = lens.group;
    const next = rove(lens.layer * heads + lens.head, event.key, heads * sites.length, heads);
    if (next === null) return;
    event.preventDefault();
    lens.set({ layer: Math.floor(next / heads), head: next % heads, reading: "head" });
  });
  return {
    element: h("div", { class: "al-heads" }, h("div", { class: "al-row" }, h("strong", { text: "Every head" }), labelled("Bar:", choose)), canvas, said, help),
    draw() {
      const { group } = lens;
      const [layers, heads] = [group.sites.length, group.heads];
      const known = Object.keys(FIGURES).filter((name) => group.figures[name].some((/** @type {any[]} */ row) => row.some((value) => value !== null)));
      [...choose.options].forEach((option) => (option.disabled = !known.includes(option.value)));
      if (!known.includes(lens.figure)) lens.figure = known[0];
      choose.value = lens.figure;
      const full = lens.figure === "entropy" ? group.uniform : lens.figure === "distance" ? Math.max(...group.figures.distance.flat()) : 1;
      where = geometry(lens, layers, heads, canvas.parentElement.clientWidth - 24);
      drawHeads(lens, canvas, sheet, where, full);
      const value = group.figures[lens.figure][lens.layer][lens.head];
      const [name, explained] = FIGURES[/** @type {keyof typeof FIGURES} */ (lens.figure)];
      const line = `Layer ${lens.layer}, head ${lens.head}: ${name} ${value === null ? "none" : value.toFixed(2)}${lens.figure === "entropy" ? ` of ${group.uniform.toFixed(2)}` : lens.figure === "distance" ? ` (even: ${group.even_distance.toFixed(2)})` : ""}.`;
      if (said.textContent !== line) said.textContent = line;
      help.textContent = `Rows are layers, columns heads; drag or use the arrow keys. Bar: ${explained}. ${lens.hasPatches() ? "Each small picture: the same token's attention to the patches." : "Each small picture: all tokens (down) to all tokens (across)."}`;
      canvas.setAttribute("aria-label", `${layers} layers by ${heads} heads; arrow keys move. ${line}`);
    },
  };
}

/** Where the small pictures stand. @param {Lens} lens @param {number} layers @param {number} heads @param {number} room */
function geometry(lens, layers, heads, room) {
  const left = 22;
  const [rows, columns] = lens.hasPatches() ? lens.view.grid : [lens.group.queries.length, lens.group.keys.length];
  const width = Math.max(14, Math.min(CELL, Math.floor((Math.max(240, room) - left) / heads)));
  const tall = Math.max(10, Math.min(1.4 * CELL, Math.round(((width - 3) * rows) / columns)));
  return { left, head: 16, width, height: tall + BAR + 5, tall, rows, columns, across: left + width * heads, down: 16 + (tall + BAR + 5) * layers };
}

/** @param {Lens} lens @param {any} canvas @param {any} sheet @param {any} where @param {number} full */
function drawHeads(lens, canvas, sheet, where, full) {
  const { group } = lens;
  const [layers, heads] = [group.sites.length, group.heads];
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const [width, height] = [Math.round(where.across * ratio), Math.round(where.down * ratio)];
  if (canvas.width !== width || canvas.height !== height) {
    Object.assign(canvas, { width, height });
    Object.assign(canvas.style, { width: `${where.across}px`, height: `${where.down}px` });
  }
  fillSheet(lens, sheet, where);
  const ink = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  ink.setTransform(ratio, 0, 0, ratio, 0, 0);
  ink.clearRect(0, 0, where.across, where.down);
  ink.imageSmoothingEnabled = where.columns > where.width; // shrunk maps are smoothed; of enlarged ones every weight is seen
  ink.font = "11px system-ui, sans-serif";
  ink.textAlign = "center";
  ink.textBaseline = "middle";
  ink.fillStyle = style.color;
  const [text, accent] = [style.color, style.getPropertyValue("--wb-accent")];
  const skip = where.width < 20 ? 2 : 1;
  for (let head_ = 0; head_ < heads; head_ += skip) ink.fillText(String(head_), where.left + (head_ + 0.5) * where.width, 8);
  for (let layer = 0; layer < layers; layer++) {
    const y = where.head + layer * where.height;
    ink.fillStyle = text;
    ink.fillText(String(layer), 10, y + where.tall / 2);
    for (let head_ = 0; head_ < heads; head_++) {
      const x = where.left + head_ * where.width;
      const inner = where.width - 3;
      ink.drawImage(sheet, head_ * where.columns, layer * where.rows, where.columns, where.rows, x, y, inner, where.tall);
      const value = group.figures[lens.figure][layer][head_];
      ink.globalAlpha = 0.2;
      ink.fillStyle = text;
      ink.fillRect(x, y + where.tall + 1, inner, BAR - 1);
      ink.globalAlpha = 1;
      ink.fillStyle = accent;
      if (value !== null && full > 0) ink.fillRect(x, y + where.tall + 1, inner * Math.min(1, value / full), BAR - 1);
      if (lens.figure === "distance" && full > 0) {
        ink.fillStyle = text;
        ink.fillRect(x + inner * Math.min(1, group.even_distance / full) - 0.5, y + where.tall + 1, 1, BAR - 1);
      }
    }
  }
  ink.lineWidth = 2;
  ink.strokeStyle = accent;
  const y = where.head + lens.layer * where.height - 1;
  if (lens.reading === "head") ink.strokeRect(where.left + lens.head * where.width - 1, y, where.width - 1, where.height - 2);
  else ink.strokeRect(where.left - 1, y, where.width * heads - 1, where.height - 2);
}

/** One pixel a patch (or a pair of tokens), all heads on one sheet. @param {Lens} lens @param {any} sheet @param {any} where */
function fillSheet(lens, sheet, where) {
  const { group } = lens;
  const maps = lens.maps[lens.at];
  const [width, height] = [where.columns * maps.heads, where.rows * maps.layers];
  const patches = lens.hasPatches();
  const levels = Uint8Array.from(maps.table, (value) => shade(value, group.top));
  // Another layer, another head: the small pictures stay. Those of whole maps do not depend on the token.
  const wanted = patches ? `${lens.at} ${lens.asked} ${lens.backwards}` : `${lens.at}`;
  if (sheet.shows === wanted && sheet.of === lens.view) return;
  Object.assign(sheet, { shows: wanted, of: lens.view });
  Object.assign(sheet, { width, height });
  const pixels = new ImageData(width, height);
  const first = patches ? lens.shownIds.indexOf("p:0") : 0;
  const token = lens.ids.indexOf(lens.asked);
  const step = lens.backwards ? maps.keys : 1;
  for (let layer = 0; layer < maps.layers; layer++) {
    for (let head_ = 0; head_ < maps.heads; head_++) {
      const start = (layer * maps.heads + head_) * maps.queries * maps.keys;
      const line = patches ? start + (lens.backwards ? first * maps.keys + token : token * maps.keys + first) : start;
      for (let row = 0; row < where.rows; row++) {
        for (let col = 0; col < where.columns; col++) {
          const number = row * where.columns + col;
          lens.tint(pixels.data, 4 * ((layer * where.rows + row) * width + head_ * where.columns + col), levels[maps.codes[line + number * (patches ? step : 1)]]);
        }
      }
    }
  }
  sheet.getContext("2d").putImageData(pixels, 0, 0);
}
