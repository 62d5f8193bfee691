// @ts-check
// The page of quality: every fusion's measure with its interval, and its calibration.
import { h } from "../shared/dom.mjs";
import { chartPlace } from "./chart.mjs";
import { lineChart } from "./lines.mjs";
import { dotChart } from "./rows.mjs";
import { choice, fixed, numbers, refill, spread } from "./controls.mjs";

/** @import { Fusion } from "./types.d.ts" */
/** @import { CalibrationRow, Quality, QualityRow } from "./pages.d.ts" */
/** @import { Chart } from "./chart.mjs" */
/**
 * What one sentence is made of.
 * @typedef {Pick<Quality["rows"][0], "fusion" | "title" | "mean" | "difference" | "sure">} WordedRow
 * @typedef {Pick<Quality, "order" | "baseline" | "short"> & {rows: WordedRow[]}} Worded
 */

/** "best by 0.012 over …": one sentence of a quality page. @param {Worded} page */
export function qualityWords(page) {
  const rows = new Map(page.rows.map((row) => [row.fusion, row]));
  const best = rows.get(page.order[0]);
  if (!best || best.mean === null) return "Nothing was finished yet.";
  const base = rows.get(page.baseline);
  const lead = `${best.title} has the best ${page.short}: ${fixed(best.mean)}`;
  if (!best.difference || !base) return `${lead}.`;
  const sure =
    best.sure === null
      ? "one seed says nothing about chance"
      : best.sure
        ? "the 95 % CI excludes 0"
        : "the 95 % CI includes 0: it may be chance";
  return `${lead}; ${spread(best.difference)} against ${base.title} on the same seeds, ${sure}.`;
}

/** @param {Fusion} board */
export function qualityPage(board) {
  const measure = choice(board, "measure", "Measure", { label: "measure" });
  const baseline = choice(board, "baseline", "Differences from", { label: "difference from" });
  const words = h("p", { class: "fb-caption" });
  const chart = chartPlace();
  const meaning = h("p", { class: "wb-help" });
  const calibration = chartPlace({ most: 460 });
  const below = h("div", {});
  return {
    element: h(
      "div",
      { class: "fb-page" },
      h("div", { class: "fb-row" }, measure.element, baseline.element),
      words,
      chart.element,
      meaning,
      below,
      h("h4", { text: "Calibration: how often it is right when it is so sure" }),
      calibration.element,
    ),
    draw() {
      const page = board.view().quality;
      const looked = board.model.get("fusion");
      measure.draw(Object.entries(board.view().measures), page.measure);
      baseline.draw(
        page.rows.map((row) => [row.fusion, row.title]),
        page.baseline,
      );
      const rows = page.order.map(
        (/** @type {string} */ name) =>
          /** @type {QualityRow} */ (page.rows.find((row) => row.fusion === name)),
      );
      words.textContent = qualityWords(page);
      meaning.textContent =
        `${page.short}: ${page.meaning}, ${page.more ? "more" : "less"} is better. Dot: mean of ` +
        `${page.seeds.length} seeds; line: 95 % interval; ticks: single seeds. The epoch was chosen on ` +
        "validation rows, the test rows were touched once.";
      chart.draw((width) =>
        dotChart({
          width,
          label: `${page.short} of each fusion with its interval; ${qualityWords(page)}`,
          rows: rows.map((row) => ({ ...row, strong: row.fusion === looked })),
          lines: page.lines,
          axis: { label: `${page.short} on the test rows` },
          onpick: board.look,
        }),
      );
      refill(
        below,
        stamp(page.unmatched),
        ...page.broken.map((row) =>
          h("p", { class: "wb-error", text: `${row.fusion} was not compared: ${row.why}` }),
        ),
        numbers(
          "The numbers",
          ["fusion", "class", "mean", "95 % interval", "difference from the baseline", "epochs kept"],
          rows.map((row) => [
            row.title,
            row.kind,
            fixed(row.mean),
            `${fixed(row.low)} to ${fixed(row.high)}`,
            spread(row.difference),
            row.epoch.join(" "),
          ]),
        ),
      );
      drawCalibration(calibration, page.calibration, looked, board.look);
    },
    release() {
      chart.release();
      calibration.release();
    },
  };
}

/** Unequal budgets stand on the figure. @param {string[]} names */
export function stamp(names) {
  if (!names.length) return null;
  return h("p", {
    class: "fb-stamp",
    text:
      `Unmatched budgets: ${names.join(", ")} cost more than 1.5 times more or less than the median of ` +
      "the others. A difference may be theirs and not the fusion's.",
  });
}

/**
 * A bin of fewer items than this, half a percent of all, says nothing and is not drawn.
 * @param {CalibrationRow} row
 */
function few(row) {
  return 0.005 * row.points.reduce((/** @type {number} */ sum, point) => sum + point[2], 0);
}

/**
 * @param {Chart} place
 * @param {CalibrationRow[]} rows
 * @param {string} looked
 * @param {(name: string) => void} look
 */
function drawCalibration(place, rows, looked, look) {
  const series = rows.map((row) => ({
    name: row.fusion,
    title: row.title,
    where: row.where,
    strong: row.fusion === looked,
    points: row.points.filter((point) => point[2] >= few(row)).map((point) => [point[0], point[1]]),
  }));
  const ideal = {
    name: "",
    title: "as sure as right",
    where: "none",
    dashed: true,
    points: [
      [0, 0],
      [1, 1],
    ],
  };
  const one = rows.find((row) => row.fusion === looked);
  const said = (one?.points ?? [])
    .map((point) => `${fixed(point[0], 2)} sure, ${fixed(point[1], 2)} right, ${point[2]} items`)
    .join("; ");
  place.draw((/** @type {number} */ width) =>
    lineChart({
      width,
      label: `calibration of ${looked}: ${said}`,
      x: { label: "mean confidence of a bin, probability", low: 0, high: 1 },
      y: { low: 0, high: 1, label: "accuracy in the bin" },
      series: [ideal, ...series],
      height: 260,
      onpick: (name) => name && look(name),
    }),
  );
}
