import assert from "node:assert/strict";
import { test } from "node:test";
import {
  attentionOf,
  bandsOf,
  barsOf,
  evenOf,
  filtered,
  listed,
  mapLabel,
  meanMap,
  minus,
  nearest,
  rowsRead,
  stepsOf,
  wordAt,
  wordsAt,
} from "../../widgets/static/answer/numbers.mjs";
import { keptBy, pathOf, placed, ranked, sharesOf, textOf } from "../../widgets/static/answer/tree.mjs";
import { keptWidth } from "../../widgets/static/answer/beam.mjs";
import { titleOf } from "../../widgets/static/answer/words.mjs";

/** @import { Packed, Tree, View } from "../../widgets/static/answer/types.d.ts" */

/** @param {number[]} values */
const rounded = (values) => values.map((value) => Math.round(value * 1000) / 1000);
const settings = { temperature: 1, topK: /** @type {number | null} */ (null), topP: 1 };

test("temperature, then top-k, then top-p, of which the likeliest is always left", () => {
  assert.deepEqual(rounded(filtered([2, 1, 0], { ...settings, topK: 2 })), [0.731, 0.269, 0]);
  assert.deepEqual(
    rounded(filtered([Math.log(0.8), Math.log(0.2)], { ...settings, temperature: 0.5 })),
    [0.941, 0.059],
  );
  assert.deepEqual(filtered([3, 1, 0], { ...settings, topP: 0.01 }), [1, 0, 0]);
  assert.deepEqual(rounded(filtered([1, 0, 0], { ...settings, topK: 2 })), [0.576, 0.212, 0.212]); // equals
});

test("the likeliest tokens alone are exact only where they are enough", () => {
  const half = [0.5, 0.25, 0.125].map(Math.log);
  assert.deepEqual(listed(half, settings), { shares: half.map(Math.exp), rest: 0.125, exact: true });
  assert.deepEqual(rounded(listed(half, { ...settings, topK: 2 }).shares), [0.667, 0.333, 0]);
  assert.equal(listed(half, { ...settings, temperature: 2 }).exact, false);
  assert.equal(listed(half, { ...settings, temperature: 2, topK: 3 }).exact, true);
  assert.equal(listed(half, { ...settings, topP: 0.8 }).exact, true);
  assert.equal(listed(half, { ...settings, topP: 0.95 }).exact, false);
});

/** Two layers of three steps on a grid of 1 x 2; four parts. */
function bytes() {
  /** @type {Packed} */
  const packed = {
    layers: [0, 1],
    count: 2,
    names: ["a", "b"],
    steps: 3,
    grid: [1, 2],
    even: [
      [0.5, 0.5, 0, 0],
      [0.4, 0.4, 0.2, 0],
      [0.25, 0.25, 0.5, 0],
    ],
  };
  const tops = new Float32Array([1, 0.5, 0.25, 1, 1, 1]);
  const shares = new Float32Array(Array.from({ length: 24 }, (_, place) => (place % 4 === 0 ? 1 : 0)));
  const codes = new Uint8Array([255, 0, 0, 255, 255, 255, 0, 255, 255, 0, 0, 0]);
  const whole = new Uint8Array(4 * 30 + 12);
  whole.set(new Uint8Array(tops.buffer), 0);
  whole.set(new Uint8Array(shares.buffer), 24);
  whole.set(codes, 120);
  return { packed, view: new DataView(whole.buffer) };
}

test("maps come back from bytes: one row, the mean of rows, of one layer or of all", () => {
  const { packed, view } = bytes();
  const attention = attentionOf(packed, view);
  assert.ok(attention);
  assert.deepEqual([...(meanMap(attention, [0], 0) ?? [])], [1, 0]);
  assert.deepEqual([...(meanMap(attention, [1], 0) ?? [])], [0, 0.5]);
  assert.deepEqual([...(meanMap(attention, [0, 1], 0) ?? [])], [0.5, 0.25]);
  assert.deepEqual([...(meanMap(attention, [0], null) ?? [])], [0.5, 0.5]);
  assert.equal(meanMap(attention, [], null), null);
  assert.deepEqual(bandsOf(attention, [0]), [
    [1, 0, 0, 0],
    [1, 0, 0, 0],
  ]);
  assert.deepEqual(rounded(evenOf(attention, [0, 1])), [0.45, 0.45, 0.1, 0]);
  assert.deepEqual([...minus(new Float32Array([1, 0]), new Float32Array([0.5, 0.5]))], [0.5, -0.5]);
  assert.equal(attentionOf(null, view), null);
});

test("a word is produced one row before it is read, and the last word is read by none", () => {
  assert.deepEqual(rowsRead([1, 2], "producing", 3), [1, 2]);
  assert.deepEqual(rowsRead([1, 2], "reading", 3), [2]);
  assert.deepEqual(rowsRead([2], "reading", 3), []);
  assert.equal(nearest([1, 3, 5], 4), 1);
});

test("words hold their steps, and are coloured by how much they look at a patch", () => {
  /** @type {[number, number][]} */ const words = [
    [0, 1],
    [1, 3],
  ];
  assert.equal(wordAt(words, 2), 1);
  assert.deepEqual(stepsOf(words, 1), [1, 2]);
  const { packed, view } = bytes();
  const attention = attentionOf(packed, view);
  assert.ok(attention);
  assert.deepEqual(wordsAt(attention, words, 0, { row: "producing", layer: 0 }), [1, 0.125]);
});

test("a bar is the probability of a word until its bits are measured", () => {
  const view = {
    words: /** @type {[number, number][]} */ ([
      [0, 1],
      [1, 3],
    ]),
    logp: [Math.log(0.5), Math.log(0.5), Math.log(0.5)],
    bits: /** @type {View["bits"]} */ (null),
  };
  assert.deepEqual(rounded(barsOf(view).map((bar) => bar.length)), [0.5, 0.25]);
  view.bits = {
    parts: ["others", "history"],
    bits: [
      [4, 1, -3],
      [0, null, 1],
    ],
    low: [[], []],
    high: [[], []],
    count: [8, 8],
  };
  assert.deepEqual(barsOf(view), [
    { value: 4, length: 1 },
    { value: -2, length: 0.5 },
  ]);
  assert.deepEqual(barsOf(view, "history"), [
    { value: 0, length: 0 },
    { value: null, length: 0 },
  ]);
  const title = titleOf(/** @type {View} */ ({ ...view, texts: ["a", "star"] }), 1);
  assert.ok(title.includes("loses −2.00 bits when the picture is exchanged"), title);
  assert.ok(title.includes("2 tokens"), title);
});

/** "a b", "a c" cut, "d" and its end. @type {Tree} */
const TREE = {
  parent: [-1, -1, 0, 0, 1, 2],
  piece: ["a", "d", " b", " c", "", ""],
  label: ["a", "d", "b", "c", "(end)", "(end)"],
  logp: [0.6, 0.4, 0.5, 0.3, 1, 1].map(Math.log),
  total: [0.6, 0.4, 0.3, 0.18, 0.4, 0.3].map(Math.log),
  step: [0, 0, 1, 1, 1, 2],
  fate: [0, 0, 0, 2, 1, 1],
  ends: [4, 5],
  truth: [null, null, null, true, false, true],
};

test("a tree is told by its paths, ranked by any length penalty, narrowed to any width", () => {
  assert.deepEqual(pathOf(TREE.parent, 5), [0, 2, 5]);
  assert.equal(textOf(TREE, 5), "a b");
  assert.deepEqual(ranked(TREE, 0), [4, 5]);
  assert.deepEqual(ranked(TREE, 1), [5, 4]);
  assert.deepEqual([...keptBy(TREE, null)].sort(), [0, 1, 2, 4, 5]);
  assert.deepEqual([...keptBy(TREE, 1)].sort(), [0, 2, 5]);
  assert.equal(keptWidth(TREE), 2);
});

test("at temperature 1 a share is the model's probability; colder, the likelier gains", () => {
  assert.deepEqual(rounded(sharesOf(TREE, 1)), [0.6, 0.4, 0.3, 0.18, 0.4, 0.3]);
  assert.deepEqual(rounded(sharesOf(TREE, 0.5)).slice(0, 2), [0.692, 0.308]);
});

test("the likeliest child stands on its parent's line, what branches off below", () => {
  const { nodes, width, height } = placed(TREE, { width: null, temperature: 1, path: new Set() });
  const at = new Map(nodes.map((one) => [one.node, one]));
  assert.equal(at.get(0)?.y, at.get(2)?.y);
  assert.ok((at.get(3)?.y ?? 0) > (at.get(2)?.y ?? 0));
  assert.equal(at.get(3)?.stub, true);
  assert.equal(new Set(nodes.map((one) => `${one.x} ${one.y}`)).size, nodes.length);
  assert.ok(nodes.every((one) => one.x < width && one.y < height));
  const narrow = placed(TREE, { width: 1, temperature: 1, path: new Set([1, 4]) });
  assert.ok(narrow.nodes.some((one) => one.node === 4)); // the chosen path is always there
});

test("a screen reader hears where a map is strongest", () => {
  const values = new Float32Array([0, 0, 0.5, 0]);
  assert.equal(mapLabel({ grid: [2, 2], values, limit: 0.5, signed: false }), "strongest in row 2, column 1");
  assert.ok(mapLabel({ grid: [2, 2], values, limit: 0, signed: false }).startsWith("flat"));
});
