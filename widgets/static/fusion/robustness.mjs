// @ts-check
// The page of robustness: the same models meet worse inputs.
import { h, fill } from "../shared/dom.mjs";
import { chartPlace } from "./chart.mjs";
import { lineChart } from "./lines.mjs";
import { span } from "./scales.mjs";
import { fixed, numbers, refill } from "./controls.mjs";

/** @import { Fusion } from "./types.d.ts" */
/** @import { Line } from "./charts.d.ts" */
/** @import { RobustnessRow } from "./pages.d.ts" */
/** @typedef {Pick<RobustnessRow, "points"> & {fusion?: string}} SharedRow */

/**
 * One axis for all panels, or they could not be compared; it holds the whole band of the fusion looked at,
 * and spans a tenth at least, or noise would look like a fall.
 * @param {{panels: {theory: (number | null)[][] | null, rows: SharedRow[]}[], lines: Line[]}} page
 * @param {string} [looked]
 * @param {number} [least]
 */
export function sharedAxis(page, looked = "", least = 0.1) {
  const values = page.panels.flatMap((panel) => [
    ...(panel.theory ?? []).map((point) => point[1]),
    ...panel.rows.flatMap((row) =>
      row.points.flatMap((point) => (row.fusion === looked ? point.slice(1) : [point[1]])),
    ),
  ]);
  const { low, high } = span([...values, ...page.lines.map((line) => line.value)]);
  const room = Math.max(0, least - (high - low)) / 2;
  return { low: low - room, high: high + room };
}

/** @param {Fusion} board */
export function robustnessPage(board) {
  /** @type {ReturnType<typeof chartPlace>[]} */ const charts = [];
  const place = h("div", { class: "fb-panels" });
  const below = h("div", {});
  return {
    element: h(
      "div",
      { class: "fb-page" },
      place,
      h("p", {
        class: "wb-help",
        text:
          "Nothing was trained again: the same models meet worse inputs. Band: 95 % interval over seeds " +
          "of the fusion looked at. Dashed: chance, and what theory gives for these data, where it does.",
      }),
      below,
    ),
    draw() {
      const page = board.view().robustness;
      const looked = board.model.get("fusion");
      const y = { ...sharedAxis(page, looked), label: page.measure };
      while (charts.length < page.panels.length) charts.push(chartPlace({ least: 260, most: 520 }));
      if (place.children.length !== page.panels.length)
        fill(
          place,
          ...page.panels.map((_, /** @type {number} */ at) =>
            h("section", {}, h("h4", {}), charts[at].element, h("p", { class: "wb-help" })),
          ),
        );
      page.panels.forEach((panel, /** @type {number} */ at) => {
        const [title, , words] = place.children[at].children;
        const theory = panel.theory
          ? [{ name: "", title: "theory", where: "none", dashed: true, strong: true, points: panel.theory }]
          : [];
        const series = panel.rows.map((row) => ({
          name: row.fusion,
          title: row.fusion,
          where: row.where,
          strong: row.fusion === looked,
          points: row.points,
        }));
        const own = panel.rows.find((row) => row.fusion === looked);
        const said = (own?.points ?? [])
          .map((point) => `${fixed(point[0], 2)}: ${fixed(point[1])}`)
          .join(", ");
        title.textContent = panel.title;
        words.textContent =
          `Items changed: ${panel.realised.join(", ")} of ${panel.items}. Missing in training: ` +
          `${(100 * panel.p_missing_train).toFixed(0)} %.`;
        charts[at].draw((width) =>
          lineChart({
            width,
            label: `${page.measure} of ${looked}, ${panel.title}: ${said}`,
            x: { label: panel.x },
            y,
            series: [...series, ...theory],
            lines: page.lines,
            height: 230,
            onpick: (name) => name && board.look(name),
          }),
        );
      });
      refill(
        below,
        numbers(
          "The numbers",
          [
            "fusion",
            "damage",
            ...(page.panels[0]?.levels ?? []).map((_, /** @type {number} */ at) => `level ${at + 1}`),
            "area kept",
          ],
          page.panels.flatMap((panel) =>
            panel.rows.map((row) => [
              row.title,
              panel.title,
              ...row.points.map((point) => `${fixed(point[1])} at ${fixed(point[0], 2)}`),
              fixed(row.relative),
            ]),
          ),
        ),
      );
    },
    release: () => charts.forEach((chart) => chart.release()),
  };
}
