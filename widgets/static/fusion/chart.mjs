// @ts-check
// What every chart has: SVG elements, a place as wide as it is, axes. Colours come from the style sheet.
import { ticks, logTicks, scale, short, wide, cut } from "./scales.mjs";

/** @import { Props } from "../shared/types.d.ts" */
/** @import { Axis } from "./charts.d.ts" */
/** @typedef {ReturnType<typeof chartPlace>} Chart */
/** @typedef {ReturnType<typeof chartFrame>} Axes */

const NS = "http://www.w3.org/2000/svg";

/**
 * An SVG element; `text` is plain text.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Props} [props]
 * @param {...(Node | null)} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function s(tag, props = {}, ...children) {
  const element = document.createElementNS(NS, tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") element.textContent = String(value);
    else if (key.startsWith("on"))
      element.addEventListener(key.slice(2), /** @type {EventListener} */ (value));
    else element.setAttribute(key, String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * A place for a chart that is drawn as wide as it is: letters keep their size on a narrow screen. Marks with
 * `data-tip` say their name and value on hover and on focus.
 * @param {{least?: number, most?: number}} [options] pixels
 */
export function chartPlace({ least = 300, most = 760 } = {}) {
  const tip = document.createElement("div");
  Object.assign(tip, { className: "fb-tip", hidden: true });
  tip.setAttribute("role", "status");
  const element = document.createElement("div");
  element.className = "fb-holder";
  /** @type {((width: number) => Element) | null} */ let make = null;
  let drawn = 0;
  const width = () => Math.round(Math.min(most, Math.max(least, element.clientWidth || most)));
  const draw = () => {
    if (!make) return;
    drawn = width();
    tip.hidden = true;
    element.replaceChildren(make(drawn), tip);
  };
  const told = (/** @type {Event} */ event) => {
    const mark = /** @type {Element} */ (event.target).closest?.("[data-tip]");
    tip.hidden = !mark;
    if (!mark) return;
    tip.textContent = mark.getAttribute("data-tip");
    const [box, own] = [mark.getBoundingClientRect(), element.getBoundingClientRect()];
    const x =
      event instanceof PointerEvent && event.type === "pointermove"
        ? event.clientX
        : box.left + Math.min(box.width, 120) / 2;
    const room = Math.max(0, own.width - tip.offsetWidth - 4);
    tip.style.left = `${Math.min(Math.max(0, x - own.left + 12), room)}px`;
    tip.style.top = `${Math.max(0, box.top - own.top - tip.offsetHeight - 6)}px`;
  };
  for (const name of ["pointermove", "focusin"]) element.addEventListener(name, told);
  for (const name of ["pointerleave", "focusout"])
    element.addEventListener(name, () => {
      tip.hidden = true;
    });
  const observer = new ResizeObserver(() => {
    if (make && Math.abs(width() - drawn) > 4) draw();
  });
  observer.observe(element);
  return {
    element,
    draw(/** @type {(width: number) => Element} */ how) {
      make = how;
      draw();
    },
    clear(/** @type {Node[]} */ ...children) {
      make = null;
      element.replaceChildren(...children);
    },
    release: () => observer.disconnect(),
  };
}

/**
 * What makes a mark speak: its tip, for the pointer, the keyboard and a screen reader.
 * @param {string} text
 */
export function speaks(text) {
  return { "data-tip": text, tabindex: 0, role: "img", "aria-label": text };
}

/** An empty drawing of its true size. @param {number} width @param {number} height @param {string} label */
export function chartRoot(width, height, label) {
  return s("svg", {
    class: "fb-chart",
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: "group",
    "aria-label": label,
  });
}

/**
 * Axes with their labels. The margin on the right holds names.
 * @param {{width: number, height: number, label: string, x: Axis, y: Axis, left?: number, right?: number}}
 *   options
 */
export function chartFrame({ width, height, label, x, y, left = 46, right = 12 }) {
  const [top, bottom] = [y.label ? 22 : 10, 36];
  const X = scale(x, left, width - right);
  const Y = scale(y, height - bottom, top);
  const element = chartRoot(width, height, label);
  const most = Math.max(2, Math.floor((width - left - right) / 70));
  const xs = x.ticks ?? (x.log ? logTicks(x.low, x.high) : ticks(x.low, x.high, most));
  const ys = y.ticks ?? ticks(y.low, y.high, Math.max(3, Math.floor(height / 45)));
  for (const value of ys) {
    element.append(s("line", { class: "fb-grid", x1: left, x2: width - right, y1: Y(value), y2: Y(value) }));
    element.append(
      s("text", { class: "fb-tick", x: left - 6, y: Y(value) + 4, "text-anchor": "end", text: short(value) }),
    );
  }
  let end = -Infinity;
  for (const value of xs) {
    const text = x.format ? x.format(value) : short(value);
    if (X(value) - wide(text) / 2 < end + 4) continue; // a tick without room for its number has none
    end = X(value) + wide(text) / 2;
    element.append(
      s("text", { class: "fb-tick", x: X(value), y: height - bottom + 16, "text-anchor": "middle", text }),
    );
  }
  element.append(
    s("line", { class: "fb-axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }),
  );
  element.append(
    s("text", {
      class: "fb-axis-label",
      x: (left + width - right) / 2,
      y: height - 4,
      "text-anchor": "middle",
      text: cut(x.label ?? "", width - left),
    }),
  );
  if (y.label) element.append(s("text", { class: "fb-axis-label", x: 2, y: 11, text: y.label }));
  return { element, X, Y, left, right: width - right, top, bottom: height - bottom, width };
}
