// @ts-check
// Charts of one row a name: dots with intervals, and signed bars.
import { s, speaks, chartRoot } from "./chart.mjs";
import { ticks, scale, short, span, wide, cut, staggered } from "./scales.mjs";

/** @import { Axis, Bars, Dots, Line } from "./charts.d.ts" */

const TALL = 420; // pixels; a chart that is higher has its numbers above, too

/** Room on the left for the names of rows. @param {number} width @param {string[]} names */
function rowRoom(width, names) {
  return Math.min(Math.max(90, ...names.map((name) => wide(name) + 18)), Math.floor(width * 0.44));
}

/**
 * An upright axis of numbers under rows.
 * @param {SVGSVGElement} element
 * @param {{low: number, high: number}} axis
 * @param {(value: number) => number} X
 * @param {number} top
 * @param {number} height
 * @param {number} middle
 * @param {string} label
 * @param {boolean} [above] numbers above the rows, too
 */
function rowAxis(element, axis, X, top, height, middle, label, above = false) {
  for (const value of ticks(axis.low, axis.high, 5)) {
    if (above)
      element.append(
        s("text", { class: "fb-tick", x: X(value), y: top - 4, "text-anchor": "middle", text: short(value) }),
      );
    element.append(s("line", { class: "fb-grid", x1: X(value), x2: X(value), y1: top, y2: height - 30 }));
    element.append(
      s("text", {
        class: "fb-tick",
        x: X(value),
        y: height - 17,
        "text-anchor": "middle",
        text: short(value),
      }),
    );
  }
  element.append(
    s("text", { class: "fb-axis-label", x: middle, y: height - 3, "text-anchor": "middle", text: label }),
  );
}

/**
 * One row a name: a dot, its interval, and small marks for single seeds; upright reference lines with their
 * names above.
 * @param {{label: string, rows: Dots[], lines?: Line[], axis: Partial<Axis>, width?: number,
 *   onpick?: (name: string) =>
 *   void}} options
 */
export function dotChart({ label, rows, lines = [], axis, width = 620, onpick }) {
  const left = rowRoom(
    width,
    rows.map((one) => one.title),
  );
  const [right, row] = [18, 22];
  const values = rows
    .flatMap((one) => [one.mean, one.low, one.high, ...(one.seeds ?? [])])
    .concat(lines.map((line) => line.value));
  const horizontal = { ...span(values, 0.06), ...axis };
  const X = scale(horizontal, left, width - right);
  const named = staggered(
    lines.map((line) => ({ x: X(line.value), name: line.name })),
    left - 40,
    width - 2,
  );
  const top = 10 + 13 * (1 + Math.max(-1, ...named.map((one) => one.row)));
  const height = top + rows.length * row + 38;
  const element = chartRoot(width, height, label);
  rowAxis(element, horizontal, X, top - 4, height, (left + width - right) / 2, axis.label ?? "");
  lines.forEach((line, at) => {
    const y = top - 6 - 13 * named[at].row;
    element.append(
      s("line", { class: "fb-reference", x1: X(line.value), x2: X(line.value), y1: y, y2: height - 30 }),
    );
    element.append(s("text", { class: "fb-reference-name", x: named[at].x, y: y - 2, text: line.name }));
  });
  rows.forEach((one, place) => {
    const y = top + place * row + row / 2;
    const ends = one.low !== null && one.high !== null ? ` (${short(one.low)} to ${short(one.high)})` : "";
    const group = s("g", {
      class: "fb-series fb-dotrow",
      "data-where": one.where,
      "data-strong": one.strong ? "true" : null,
      ...speaks(`${one.title}: ${short(one.mean)}${ends}`),
    });
    group.append(s("rect", { class: "fb-hit", x: 0, y: y - row / 2, width, height: row }));
    group.append(
      s("text", {
        class: "fb-row-name",
        x: left - 10,
        y: y + 4,
        "text-anchor": "end",
        text: cut(one.title, left - 12),
      }),
    );
    if (one.low !== null && one.high !== null)
      group.append(s("line", { class: "fb-whisker", x1: X(one.low), x2: X(one.high), y1: y, y2: y }));
    for (const value of one.seeds ?? [])
      if (value !== null)
        group.append(s("line", { class: "fb-seed", x1: X(value), x2: X(value), y1: y - 5, y2: y + 5 }));
    if (one.mean !== null) group.append(s("circle", { cx: X(one.mean), cy: y, r: one.strong ? 6 : 4.5 }));
    if (onpick) group.addEventListener("click", () => onpick(one.fusion));
    element.append(group);
  });
  return element;
}

/**
 * Rows of signed bars from a common zero; each row has several `parts` {name, value, low, high, hue, mark}.
 * @param {{label: string, rows: Bars[], unit?: string, width?: number, onpick?: (name: string) => void,
 *   lines?: Line[]}} options
 */
export function barChart({ label, rows, unit = "", width = 620, onpick, lines = [] }) {
  const left = rowRoom(
    width,
    rows.map((row) => row.title),
  );
  const [right, bar, gap] = [20, 9, 8];
  const heights = rows.map((row) => Math.max(14, row.parts.length * bar) + gap);
  const rowsHigh = heights.reduce((sum, value) => sum + value, 0);
  const first = rowsHigh + 40 > TALL ? 16 : 4;
  const height = rowsHigh + 36 + first;
  const values = rows.flatMap((row) =>
    row.parts.flatMap((part) => [part.value, part.low, part.high, part.mark]),
  );
  const axis = span([0, ...values, ...lines.map((line) => line.value)], 0.04);
  const X = scale(axis, left, width - right);
  const element = chartRoot(width, height, label);
  rowAxis(element, axis, X, first, height, (left + width - right) / 2, unit, first > 4);
  let y = first + 2;
  rows.forEach((row, place) => {
    const said = row.parts
      .map(
        (part) =>
          `${part.name} ${short(part.value)}` +
          (typeof part.mark === "number" ? ` (labels shuffled: ${short(part.mark)})` : ""),
      )
      .join(", ");
    const group = s("g", {
      class: "fb-bars",
      "data-strong": row.strong ? "true" : null,
      ...speaks(`${row.title}: ${said} ${unit}`),
    });
    group.append(s("rect", { class: "fb-hit", x: 0, y: y - gap / 2, width, height: heights[place] }));
    group.append(
      s("text", {
        class: "fb-row-name",
        x: left - 10,
        y: y + (heights[place] - gap) / 2 + 4,
        "text-anchor": "end",
        text: cut(row.title, left - 12),
      }),
    );
    row.parts.forEach((part, /** @type {number} */ at) => {
      const top = y + at * bar + (row.parts.length === 1 ? 2 : 0);
      if (part.value === null) {
        group.append(
          s("line", { class: "fb-axis", x1: X(0) + 2, x2: X(0) + 8, y1: top + bar / 2, y2: top + bar / 2 }),
        );
        return;
      }
      const [from, to] = [X(Math.min(0, part.value)), X(Math.max(0, part.value))];
      group.append(
        s("rect", {
          class: "fb-bar",
          "data-hue": part.hue,
          x: from,
          y: top,
          width: Math.max(1, to - from),
          height: bar - 2,
        }),
      );
      if (typeof part.low === "number" && typeof part.high === "number")
        group.append(
          s("line", {
            class: "fb-error",
            x1: X(part.low),
            x2: X(part.high),
            y1: top + bar / 2 - 1,
            y2: top + bar / 2 - 1,
          }),
        );
      if (typeof part.mark === "number")
        group.append(
          s("line", { class: "fb-null", x1: X(part.mark), x2: X(part.mark), y1: top - 1, y2: top + bar - 1 }),
        );
    });
    if (onpick) group.addEventListener("click", () => onpick(row.fusion));
    element.append(group);
    y += heights[place];
  });
  element.append(s("line", { class: "fb-axis", x1: X(0), x2: X(0), y1: first, y2: height - 30 }));
  return element;
}
