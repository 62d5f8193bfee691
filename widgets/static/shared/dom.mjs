// @ts-check
// Building blocks of every widget's front end. Text always enters as text, never as markup.

/** @import { Bytes, Props } from "./types.d.ts" */

/**
 * An element. `props` sets attributes; `on…` functions listen; `text` is plain text; a false or null
 * value leaves the attribute out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props} [props]
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) setProperty(element, key, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** @param {HTMLElement} element @param {string} key @param {unknown} value */
function setProperty(element, key, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(key);
  else if (key === "text") element.textContent = String(value);
  else if (key === "style") Object.assign(element.style, value);
  else if (key.startsWith("on")) element.addEventListener(key.slice(2), /** @type {EventListener} */ (value));
  else element.setAttribute(key, value === true ? "" : String(value));
}

/**
 * What has the focus in the document, or the shadow, that holds an element.
 * @param {HTMLElement} element
 */
export const activeIn = (element) =>
  /** @type {Document | ShadowRoot} */ (element.getRootNode()).activeElement;

/** The pen of a canvas. @param {HTMLCanvasElement} canvas */
export const pen = (canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));

/**
 * Replace everything inside `element`.
 * @param {Element} element
 * @param {...(Node | string | null)} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null));
}

/**
 * `fn` at most once every `interval_ms`, the last call always kept.
 * @template {unknown[]} A
 * @param {(...values: A) => void} fn
 * @param {number} interval_ms
 * @returns {(...values: A) => void}
 */
export function throttled(fn, interval_ms) {
  let timer = 0;
  let ready_at = 0;
  return (...values) => {
    clearTimeout(timer);
    const wait = Math.max(0, ready_at - Date.now());
    const call = () => {
      ready_at = Date.now() + interval_ms;
      fn(...values);
    };
    if (wait === 0) call();
    else timer = setTimeout(call, wait);
  };
}

/**
 * `fn` once nothing has been asked for `pause_ms`.
 * @template {unknown[]} A
 * @param {(...values: A) => void} fn
 * @param {number} pause_ms
 * @returns {(...values: A) => void}
 */
export function settled(fn, pause_ms) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => fn(...values), pause_ms);
  };
}

/**
 * Where the arrow keys lead in a grid of `count` cells, `columns` a row; null if the key is not ours.
 * @param {number} place @param {string} key @param {number} count @param {number} columns
 */
export function rove(place, key, count, columns) {
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  if (!(key in steps)) return null;
  const next = place + steps[/** @type {keyof typeof steps} */ (key)];
  return next >= 0 && next < count ? next : place;
}

/** An object URL for bytes of a trait; the one before is given back. */
export class PictureUrl {
  constructor() {
    this.url = "";
  }

  /** @param {Bytes | null} bytes @returns {string} "" where there are none */
  of(bytes) {
    this.release();
    if (bytes && bytes.byteLength > 0)
      this.url = URL.createObjectURL(new Blob([bytes], { type: "image/webp" }));
    return this.url;
  }

  release() {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = "";
  }
}
