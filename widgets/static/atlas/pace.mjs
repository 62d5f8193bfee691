// @ts-check
// How many points a moving map draws, how large they are, and what the corner of the stage says of it.
import { plural, whole } from "../shared/format.mjs";

const SLOW = 34; // ms a frame may take before fewer points are drawn while moving
export const FEWEST = 20000; // points always drawn

/** Size of a point in CSS pixels. @param {number} count points in view @param {number} zoom */
export function pointSize(count, zoom) {
  const base = count > 300000 ? 1.6 : count > 30000 ? 2.6 : count > 3000 ? 4.5 : 6.5;
  return base * Math.min(2.4, Math.max(1, zoom ** 0.25));
}

/**
 * How many points to draw in the next moving frame, after one that took `took` ms.
 * @param {number} budget
 * @param {number} took
 * @param {number} count
 */
export function nextBudget(budget, took, count) {
  if (took > SLOW) return Math.max(Math.min(FEWEST, count), Math.round(budget * Math.max(0.4, SLOW / took)));
  return took < 0.6 * SLOW ? Math.min(count, Math.round(budget * 1.4)) : budget;
}

/** @param {string} name @param {number} drawn @param {number} count */
export function backendText(name, drawn, count) {
  const fewer = drawn < count ? ` · ${whole(drawn)} of ${whole(count)} points while moving` : "";
  const missing = name === "canvas 2D" ? " · no WebGL on a graphics processor here" : "";
  return `${name}${missing}${fewer}`;
}

/** How many points the first view leaves out, in words; "" for none. @param {number} count */
export function outsideText(count) {
  return count > 0
    ? ` · ${plural(count, "outlier")} off-screen (Fit shows ${count === 1 ? "it" : "them"})`
    : "";
}
