// @ts-check
// Words on two sides, lines between them: the wider and the firmer, the more one attends to the other.
import { h, pen } from "../shared/dom.mjs";
import { percent } from "../shared/format.mjs";
import { sized } from "./paint.mjs";

/** @import { Lens } from "./state.mjs" */

const [ROW, LEAST, WIDE] = [24, 13, 620]; // pixels of a word, of a word at least, of the whole at most
const HEAD = 18;

/** @typedef {{id: string, at: number}} Word */
/** @typedef {{from: Word[], to: Word[], row: number}} Shown */

/** Places and ids of the words on one side. @param {string[]} ids */
const wordsIn = (ids) => ids.map((id, at) => ({ id, at })).filter(({ id }) => !id.startsWith("p:"));

/** @param {Lens} lens */
export function linesCanvas(lens) {
  const canvas = h("canvas", { class: "al-lines", tabindex: 0, role: "application" });
  /** @type {Shown | null} */ let shown = null;
  const rowAt = (/** @type {PointerEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    const left = event.clientX - box.left < box.width / 2;
    const words = left ? shown?.from : shown?.to;
    return { left, word: words?.[Math.floor((event.clientY - box.top - HEAD) / (shown?.row ?? ROW))] };
  };
  const hover = (/** @type {string} */ id) => {
    if (id !== lens.hover) {
      lens.hover = id;
      lens.redraw();
    }
  };
  // The side that is asked answers to the pointer: queries on the left, and keys on the right when the
  // direction is turned.
  canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    const { left, word } = rowAt(event);
    hover(word && left !== lens.backwards ? word.id : "");
  });
  canvas.addEventListener("pointerleave", () => hover(""));
  canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    const { left, word } = rowAt(event);
    if (!word || event.button !== 0) return;
    if (left === lens.backwards)
      lens.turn(lens.at, !lens.backwards, word.id); // the other side: turned round
    else lens.pick(word.id);
  });
  canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const words = lens.backwards ? shown?.to : shown?.from;
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (!words || (!step && event.key !== "Enter")) return;
    event.preventDefault();
    if (!step) return lens.pick(lens.asked);
    const place = words.findIndex((word) => word.id === lens.asked);
    hover(words[Math.max(0, Math.min(words.length - 1, place + step))].id);
  });
  canvas.addEventListener("blur", () => hover(""));
  return {
    canvas,
    /** @param {number} width @param {number} height @param {string} said */
    draw(width, height, said) {
      const [from, to] = [wordsIn(lens.group.query_ids), wordsIn(lens.group.key_ids)];
      const most = Math.max(from.length, to.length);
      const row = Math.max(LEAST, Math.min(ROW, Math.floor((height - HEAD) / most)));
      shown = { from, to, row };
      paint(lens, canvas, shown, Math.min(WIDE, width), HEAD + row * most + 2);
      canvas.setAttribute(
        "aria-label",
        `lines from ${from.length} queries, left, to ${to.length} keys, right; up and down choose a ` +
          `word, Enter keeps it. ${said}`,
      );
    },
  };
}

/**
 * @param {Lens} lens
 * @param {HTMLCanvasElement} canvas
 * @param {Shown} shown
 * @param {number} width
 * @param {number} height
 */
function paint(lens, canvas, { from, to, row }, width, height) {
  const ratio = sized(canvas, width, height);
  const ink = pen(canvas);
  const style = getComputedStyle(canvas);
  const [text, soft, accent] = [
    style.color,
    style.getPropertyValue("--wb-soft"),
    style.getPropertyValue("--wb-accent"),
  ];
  ink.setTransform(ratio, 0, 0, ratio, 0, 0);
  ink.clearRect(0, 0, width, height);
  const [x1, x2] = [width * 0.36, width * 0.64];
  const y = (/** @type {number} */ at) => HEAD + (at + 0.5) * row;
  const [whole, keys] = [lens.whole(), lens.group.keys.length];
  const asked = (/** @type {Word} */ q, /** @type {Word} */ k) =>
    (lens.backwards ? k.id : q.id) === lens.asked;
  ink.strokeStyle = accent;
  for (const first of [false, true]) {
    // those of the word that is asked lie on top
    from.forEach((q, /** @type {number} */ a) =>
      to.forEach((k, /** @type {number} */ b) => {
        const value = whole[q.at * keys + k.at];
        if (asked(q, k) !== first || value < 0.004) return;
        ink.globalAlpha = Math.min(1, first ? 0.15 + Math.sqrt(value) : 0.22 * value + 0.02);
        ink.lineWidth = first ? 1 + 4 * value : 1;
        ink.beginPath();
        ink.moveTo(x1 + 4, y(a));
        ink.bezierCurveTo(x1 + 0.4 * (x2 - x1), y(a), x2 - 0.4 * (x2 - x1), y(b), x2 - 4, y(b));
        ink.stroke();
      }),
    );
  }
  ink.globalAlpha = 1;
  Object.assign(ink, {
    textBaseline: "middle",
    font: "11px system-ui, sans-serif",
    fillStyle: soft,
    textAlign: "right",
  });
  ink.fillText("queries", x1, 8);
  ink.textAlign = "left";
  ink.fillText("keys", x2, 8);
  names(lens, ink, {
    words: from,
    x: x1,
    y,
    align: "right",
    room: x1 - 48,
    numbered: lens.backwards,
    row,
    text,
    accent,
  });
  names(lens, ink, {
    words: to,
    x: x2,
    y,
    align: "left",
    room: width - x2 - 48,
    numbered: !lens.backwards,
    row,
    text,
    accent,
  });
}

/**
 * One side's words, with the shares of the word that is asked on the other.
 * @param {Lens} lens
 * @param {CanvasRenderingContext2D} ink
 * @param {{words: Word[], x: number, y: (at: number) => number, align: "left" | "right", room: number,
 *   numbered: boolean, row: number, text: string, accent: string}} side
 */
function names(lens, ink, { words, x, y, align, room, numbered, row, text, accent }) {
  ink.textAlign = align;
  words.forEach((word, /** @type {number} */ at) => {
    const own = !numbered && word.id === lens.asked;
    ink.font = `${own ? "600 " : ""}${Math.min(13, row - 1)}px system-ui, sans-serif`;
    ink.fillStyle = own ? accent : text;
    ink.fillText(cut(ink, lens.nameOf(word.id), room), x, y(at));
    if (!numbered) return;
    ink.font = `${Math.min(11, row - 2)}px system-ui, sans-serif`;
    ink.textAlign = align === "right" ? "left" : "right";
    ink.fillText(percent(lens.values.get(word.id) ?? 0), align === "right" ? 0 : x + room + 48, y(at));
    ink.textAlign = align;
  });
}

/** @param {CanvasRenderingContext2D} ink @param {string} text @param {number} room */
function cut(ink, text, room) {
  if (ink.measureText(text).width <= room) return text;
  let shown = text;
  while (shown.length > 1 && ink.measureText(`${shown}…`).width > room) shown = shown.slice(0, -1);
  return `${shown}…`;
}
