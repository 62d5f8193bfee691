// @ts-check
// How much room there is: the lens is at most one screen high, so what is drawn takes what the rest leaves.

/** @import { Lens } from "./state.mjs" */

const LEAST = { picture: 150, heads: 130, large: 200 }; // pixels; a screen that leaves less is scrolled
const MOST_PICTURE = 420;

/** @param {HTMLElement} element */
const tall = (element) => (element.hidden ? 0 : element.offsetHeight);

/**
 * Heights of an element's children but one, gaps and padding included.
 * @param {HTMLElement} element
 * @param {Element | null} but
 */
function besides(element, but) {
  const style = getComputedStyle(element);
  const gap = parseFloat(style.rowGap) || 0;
  const shown = [...element.children].filter((child) => !(/** @type {HTMLElement} */ (child).hidden));
  const rest = shown
    .filter((child) => child !== but)
    .reduce((sum, child) => sum + /** @type {HTMLElement} */ (child).offsetHeight, 0);
  return (
    rest +
    gap * Math.max(0, shown.length - 1) +
    parseFloat(style.paddingTop) +
    parseFloat(style.paddingBottom)
  );
}

/** @param {HTMLElement} element */
function wide(element) {
  const style = getComputedStyle(element);
  return element.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
}

/**
 * Sets `lens.room` for whatever is drawn on a canvas.
 * @param {Lens} lens
 * @param {HTMLElement} root
 * @param {Record<"controls" | "look" | "read" | "words" | "heads" | "large", HTMLElement>} parts
 */
export function roomPart(lens, root, { controls, look, read, words, heads, large }) {
  const seen = new ResizeObserver(() => lens.redraw());
  seen.observe(root);
  return {
    draw() {
      const screen = parseFloat(getComputedStyle(root).getPropertyValue("--wb-screen")) || 800;
      const [head, foot] = [".wb-head", ".wb-foot"].map((name) =>
        tall(/** @type {HTMLElement} */ (root.querySelector(name))),
      );
      const body =
        screen -
        head -
        foot -
        besides(root, null) +
        [...root.children].reduce((sum, child) => sum + tall(/** @type {HTMLElement} */ (child)), 0) -
        tall(controls) -
        4;
      const beside = look.offsetTop === read.offsetTop && lens.view.grid; // two columns
      const stage = /** @type {HTMLElement} */ (look.firstElementChild);
      const canvas = stage.querySelector("canvas");
      const used = besides(look, stage) + besides(stage, canvas);
      const left = Math.min(MOST_PICTURE, Math.max(LEAST.picture, body - used));
      const rest = (
        /** @type {HTMLElement} */ part,
        /** @type {Element | null} */ drawn,
        /** @type {number} */ least,
      ) => Math.max(least, body - tall(words) - besides(part, drawn));
      lens.room = {
        picture: { width: wide(look), height: beside ? left : Math.min(left, 300) },
        heads: {
          width: wide(heads.hidden ? large : heads),
          height: rest(heads, heads.querySelector("canvas"), LEAST.heads),
        },
        large: {
          width: wide(large.hidden ? heads : large),
          height: rest(large, large.querySelector(".al-large-view"), LEAST.large),
        },
      };
    },
    release: () => seen.disconnect(),
  };
}
