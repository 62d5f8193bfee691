// @ts-check
// The page "Cost": quality against what it costs, and the fusions that nothing beats in both.
import { h } from "../shared/dom.mjs";
import { chartPlace } from "./chart.mjs";
import { short } from "./scales.mjs";
import { fixed, numbers, options, refill } from "./controls.mjs";
import { stamp } from "./quality.mjs";
import { pointChart } from "./points.mjs";

/** @param {any} board */
export function costPage(board) {
  const cost = h("select", {
    "aria-label": "cost",
    onchange: () => {
      board.send("cost", cost.value);
    },
  });
  const measure = h("select", {
    "aria-label": "measure",
    onchange: () => {
      board.send("measure", measure.value);
    },
  });
  const chart = chartPlace();
  const below = h("div", {});
  return {
    element: h(
      "div",
      { class: "fb-page" },
      h(
        "div",
        { class: "fb-row fb-wrap" },
        h("label", { class: "fb-row" }, "Quality", measure),
        h("label", { class: "fb-row" }, "against", cost),
      ),
      chart.element,
      below,
    ),
    draw() {
      const page = board.view().cost;
      options(cost, Object.entries(board.view().costs), page.cost);
      options(measure, Object.entries(board.view().measures), page.measure);
      const looked = board.model.get("fusion");
      const front = page.rows
        .filter((/** @type {any} */ row) => row.front)
        .map((/** @type {any} */ row) => row.title);
      const points = page.rows.map((/** @type {any} */ row) => ({
        ...row,
        name: row.fusion,
        x: row.cost,
        y: row.mean,
        strong: row.fusion === looked,
      }));
      const known = points
        .filter((/** @type {any} */ point) => point.x > 0)
        .map((/** @type {any} */ point) => point.x);
      const log = known.length > 1 && Math.max(...known) / Math.min(...known) > 3;
      chart.draw((width) =>
        pointChart({
          width,
          label: `${page.short} against ${page.label}; Pareto front: ${front.join(", ")}`,
          x: { label: `${page.label}, ${page.meaning}${log ? " (logarithmic)" : ""}`, log, unit: page.label },
          y: { label: page.short },
          points,
          lines: page.lines,
          onpick: board.look,
        }),
      );
      refill(
        below,
        stamp(page.unmatched),
        h("p", {
          class: "wb-help",
          text:
            `Pareto front (joined, coloured): nothing is better and cheaper than ${front.join(", ")}. ` +
            "Point at the grey ones, or Tab to them, for their names.",
        }),
        numbers(
          "The numbers",
          [
            "fusion",
            page.short,
            "parameters",
            "FLOPs counted",
            "by formula",
            "training s",
            "p50 ms",
            "p95 ms",
            "memory MB",
          ],
          page.rows.map((/** @type {any} */ row) => [
            row.title,
            fixed(row.mean),
            short(row.parameters),
            short(row.flops),
            short(row.formula),
            fixed(row.seconds, 1),
            fixed(row.p50, 2),
            fixed(row.p95, 2),
            fixed(row.memory, 1),
          ]),
        ),
      );
    },
    release: () => chart.release(),
  };
}
