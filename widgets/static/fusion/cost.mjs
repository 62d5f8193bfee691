// @ts-check
// The page "Cost": quality against what it costs, and the fusions that nothing beats in both.
import { h } from "../shared/dom.mjs";
import { chartPlace } from "./chart.mjs";
import { short } from "./scales.mjs";
import { choice, fixed, numbers, refill } from "./controls.mjs";
import { stamp } from "./quality.mjs";
import { pointChart } from "./points.mjs";

/** @import { Fusion } from "./types.d.ts" */

/** @param {Fusion} board */
export function costPage(board) {
  const measure = choice(board, "measure", "Quality", { label: "measure" });
  const cost = choice(board, "cost", "against", { label: "cost" });
  const chart = chartPlace();
  const below = h("div", {});
  return {
    element: h(
      "div",
      { class: "fb-page" },
      h("div", { class: "fb-row fb-wrap" }, measure.element, cost.element),
      chart.element,
      below,
    ),
    draw() {
      const page = board.view().cost;
      cost.draw(Object.entries(board.view().costs), page.cost);
      measure.draw(Object.entries(board.view().measures), page.measure);
      const looked = board.model.get("fusion");
      const front = page.rows.filter((row) => row.front).map((row) => row.title);
      const points = page.rows.map((row) => ({
        ...row,
        name: row.fusion,
        x: row.cost,
        y: row.mean,
        strong: row.fusion === looked,
      }));
      const known = points.map((point) => point.x ?? 0).filter((value) => value > 0);
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
          page.rows.map((row) => [
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
