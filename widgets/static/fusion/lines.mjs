// @ts-check
// Lines with bands, named in the right margin.
import { s, speaks, chartFrame } from "./chart.mjs";
import { path, short, span, wide, cut, apartFrom } from "./scales.mjs";

/** @import { Axis, Line, Name, Series } from "./charts.d.ts" */
/** @import { Axes } from "./chart.mjs" */

/**
 * Horizontal reference lines, whose names stand in the right margin.
 * @param {Axes} frame
 * @param {Line[]} lines
 * @returns {Name[]} names for `rightNames`
 */
function referenceLines(frame, lines) {
  const rows = lines.filter(
    ({ value }) => frame.Y(value) >= frame.top - 1 && frame.Y(value) <= frame.bottom + 1,
  );
  frame.element.append(
    ...rows.map(({ value }) =>
      s("line", {
        class: "fb-reference",
        x1: frame.left,
        x2: frame.right,
        y1: frame.Y(value),
        y2: frame.Y(value),
      }),
    ),
  );
  return rows.map(({ value, name }) => ({
    x: frame.right,
    y: frame.Y(value),
    name,
    kind: "fb-reference-name",
  }));
}

/**
 * Names in the right margin at the heights of what they name; a thin line leads to one that had to move.
 * @param {Axes} frame
 * @param {Name[]} names
 */
function rightNames(frame, names) {
  const places = apartFrom(
    names.map((row) => row.y),
    13,
    frame.top + 4,
    frame.bottom - 2,
  );
  names.forEach((row, at) => {
    const start = frame.right + 14;
    frame.element.append(
      s("path", {
        class: "fb-lead",
        d:
          `M${row.x.toFixed(1)},${row.y.toFixed(1)} L${frame.right + 3},${row.y.toFixed(1)} ` +
          `L${start - 3},${places[at].toFixed(1)}`,
      }),
    );
    frame.element.append(
      s("text", {
        class: row.kind,
        "data-where": row.where ?? "",
        style: row.colour ? `--own: ${row.colour}` : null,
        x: start,
        y: places[at] + 4,
        text: cut(row.name, frame.width - start),
      }),
    );
  });
}

/**
 * Room on the right for names, a third of the drawing at most.
 * @param {number} width
 * @param {string[]} names
 */
export function margin(width, names) {
  return Math.min(Math.max(12, ...names.map((name) => wide(name) + 20)), Math.floor(width * 0.36));
}

/**
 * Lines with an optional band. `points` are [x, y, low?, high?]; `strong` series are coloured and named, the
 * rest is grey.
 * @param {{label: string, x: Partial<Axis>, y: Partial<Axis>, series: Series[], lines?: Line[],
 *   width?: number, height?: number,
 *   onpick?: (name: string) => void}} options
 */
export function lineChart({ label, x, y, series, lines = [], width = 520, height = 240, onpick }) {
  const xs = series.flatMap((one) => one.points.map((point) => point[0]));
  const ys = series.flatMap((one) =>
    one.points.flatMap((point) => (one.strong ? point.slice(1) : [point[1]])),
  );
  const horizontal = { ...span(xs, 0), ...x };
  const vertical = { ...span([...ys, ...lines.map((line) => line.value)]), ...y };
  const strong = series.filter((one) => one.strong);
  const right = margin(width, [
    ...strong.map((one) => one.title ?? one.name),
    ...lines.map((line) => line.name),
  ]);
  const frame = chartFrame({ width, height, label, x: horizontal, y: vertical, right });
  const names = referenceLines(frame, lines);
  for (const one of [...series].sort((a, b) => Number(Boolean(a.strong)) - Number(Boolean(b.strong)))) {
    const title = one.title ?? one.name;
    const group = s("g", {
      class: "fb-series",
      "data-where": one.where ?? "",
      "data-strong": one.strong ? "true" : null,
      "data-dashed": one.dashed ? "true" : null,
      style: one.colour ? `--own: ${one.colour}` : null,
    });
    const banded = one.points.filter((point) => typeof point[2] === "number" && typeof point[3] === "number");
    if (one.strong && banded.length > 1) {
      const up = banded.map((point) => [point[0], point[3]]);
      const down = banded.map((point) => [point[0], point[2]]).reverse();
      group.append(s("path", { class: "fb-band", d: `${path([...up, ...down], frame.X, frame.Y)}Z` }));
    }
    const d = path(one.points, frame.X, frame.Y);
    const [lastX = 0, lastY = null] = one.points.filter((point) => point[1] !== null).at(-1) ?? [];
    group.append(
      s("path", { class: "fb-line", d }),
      s("path", {
        class: "fb-line-hit",
        d,
        ...speaks(`${title}: ${lastY === null ? "nothing yet" : `${short(lastY)} at ${short(lastX)}`}`),
      }),
    );
    if (one.points.length <= 12)
      for (const [a, b, low, high] of one.points)
        if (b !== null)
          group.append(
            s("circle", {
              cx: frame.X(a ?? 0),
              cy: frame.Y(b),
              r: one.strong ? 3 : 2,
              "data-tip":
                `${title} at ${short(a)}: ${short(b)}` +
                (typeof low === "number" && one.strong ? ` (${short(low)} to ${short(high)})` : ""),
            }),
          );
    if (onpick) group.addEventListener("click", () => onpick(one.name));
    frame.element.append(group);
    if (one.strong && lastY !== null)
      names.push({
        x: Math.max(frame.X(lastX ?? 0), frame.left),
        y: frame.Y(lastY),
        name: title,
        kind: "fb-line-name",
        where: one.where,
        colour: one.colour,
      });
  }
  rightNames(frame, names);
  return frame.element;
}
