import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cellOf,
  decodeTable,
  headLine,
  mapsOf,
  meanLine,
  patchAt,
  patchesBetween,
  rolloutLine,
  shade,
  toggled,
  wholeMap,
} from "../../widgets/static/lens/maps.mjs";

/** Two layers of two heads over three tokens, whose weights are squares of bytes. */
const roots = [
  [
    [
      [3, 0, 0],
      [0, 3, 0],
      [0, 0, 3],
    ],
    [
      [1, 2, 2],
      [2, 1, 2],
      [2, 2, 1],
    ],
  ],
  [
    [
      [0, 3, 0],
      [0, 0, 3],
      [3, 0, 0],
    ],
    [
      [2, 2, 1],
      [1, 2, 2],
      [2, 1, 2],
    ],
  ],
];
const group = { sites: ["a.0", "a.1"], heads: 2, queries: [0, 1, 2], keys: [0, 1, 2] };
const maps = () => mapsOf(group, Uint8Array.from(roots.flat(3)), 3);
const exact = roots.map((layer) => layer.map((head) => head.map((row) => row.map((root) => root ** 2 / 9))));
/** @param {Iterable<number>} all @param {Iterable<number>} wanted */
const near = (all, wanted) => {
  const found = [...all];

  [...wanted].forEach((value, at) => assert.equal(Math.abs(found[at] - value) < 1e-6, true));
};

test("a byte stands for the square of its share of the levels", () => {
  const table = decodeTable(255);
  assert.equal(table[0], 0);
  assert.equal(table[255], 1);
  assert.equal(Math.abs(table[51] - 0.04) < 1e-7, true);
});

test("a line is what one token attends to; backwards, the queries that attend to it", () => {
  near(headLine(maps(), 1, 1, 0, false), exact[1][1][0]);
  near(
    headLine(maps(), 0, 1, 2, true),
    exact[0][1].map((row) => row[2]),
  );
});

test("the mean of heads is the mean of their lines, in both directions", () => {
  near(
    meanLine(maps(), 1, 2, false),
    exact[1][0][2].map((value, at) => (value + exact[1][1][2][at]) / 2),
  );
  near(
    meanLine(maps(), 1, 2, true),
    [0, 1, 2].map((row) => (exact[1][0][row][2] + exact[1][1][row][2]) / 2),
  );
});

test("a line of rollout is the line of the product of all layers, computed here with whole matrices", () => {
  const mixed = exact.map(([one, other]) =>
    one.map((row, r) => row.map((value, c) => 0.25 * (value + other[r][c]) + (r === c ? 0.5 : 0))),
  );
  const flow = mixed[1].map((row) =>
    [0, 1, 2].map((c) => row.reduce((sum, value, k) => sum + value * mixed[0][k][c], 0)),
  );
  for (const token of [0, 1, 2]) {
    near(rolloutLine(maps(), 1, token, false), flow[token]);
    near(
      rolloutLine(maps(), 1, token, true),
      flow.map((row) => row[token]),
    );
  }
  near(rolloutLine(maps(), 0, 1, false), mixed[0][1]);
});

test("queries and keys may be of two sequences", () => {
  const wide = mapsOf(
    { sites: ["x"], heads: 1, queries: [0, 1], keys: [0, 1, 2] },
    Uint8Array.from([1, 2, 3, 3, 2, 1]),
    3,
  );
  near(headLine(wide, 0, 0, 1, false), [1, 4 / 9, 1 / 9]);
  near(headLine(wide, 0, 0, 2, true), [1, 1 / 9]);
});

test("a whole map is all of its lines, whatever the reading", () => {
  for (const reading of ["head", "mean", "rollout"]) {
    const whole = wholeMap(maps(), reading, 1, 0);
    for (const token of [0, 1, 2]) {
      const line = {
        head: headLine(maps(), 1, 0, token, false),
        mean: meanLine(maps(), 1, token, false),
        rollout: rolloutLine(maps(), 1, token, false),
      }[/** @type {"head" | "mean" | "rollout"} */ (reading)];
      near(whole.slice(3 * token, 3 * token + 3), [...line]);
    }
  }
});

test("the scale is a square root, ends at its top, and a flat map is one colour", () => {
  assert.equal(shade(0, 1), 0);
  assert.equal(shade(0.25, 1), 0.5);
  assert.equal(shade(7, 1), 1);
  assert.equal(shade(1, 0), 0);
  assert.deepEqual(new Set([0.02, 0.02, 0.02].map((value) => shade(value, 0.5))).size, 1);
});

test("all heads of usual models fit a small screen, and small grids do not fill it", () => {
  for (const [layers, heads] of [
    [4, 4],
    [12, 12],
    [24, 16],
    [32, 32],
  ]) {
    const cell = cellOf({
      layers,
      heads,
      rows: 14,
      columns: 14,
      width: 500,
      height: 300,
      most: 110,
      least: 8,
    });
    assert.equal(cell.width * heads <= 500, true, `${heads} heads: ${cell.width}`);
    const tall = cell.tall + (cell.bar ? cell.bar + 4 : 2);
    assert.equal(tall * layers <= Math.max(300, 10 * layers), true, `${layers} layers: ${tall}`);
  }
  assert.equal(
    cellOf({ layers: 1, heads: 1, rows: 8, columns: 8, width: 900, height: 900, most: 110, least: 8 }).tall,
    110,
  );
  const wide = cellOf({
    layers: 2,
    heads: 2,
    rows: 10,
    columns: 20,
    width: 300,
    height: 600,
    most: 110,
    least: 8,
  });
  assert.equal(Math.abs(wide.width / wide.tall - 2) < 0.1, true, "a map keeps its shape");
});

test("a point is in one patch of a grid that need not be square", () => {
  assert.equal(patchAt(0, 0, [2, 3]), 0);
  assert.equal(patchAt(0.99, 0.99, [2, 3]), 5);
  assert.equal(patchAt(0.34, 0.6, [2, 3]), 4);
  assert.equal(patchAt(1, 0.5, [2, 3]), -1);
  assert.equal(patchAt(NaN, 0.5, [2, 3]), -1);
});

test("a drag takes a rectangle whichever way it is drawn", () => {
  assert.deepEqual(patchesBetween(5, 1, [2, 3]), [1, 2, 4, 5]);
  assert.deepEqual(patchesBetween(0, 0, [2, 3]), [0]);
});

test("what is drawn over is masked, and comes back when all of it was", () => {
  assert.deepEqual(toggled([1], [1, 2]), [1, 2]);
  assert.deepEqual(toggled([1, 2, 7], [1, 2]), [7]);
});
