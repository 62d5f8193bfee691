import assert from "node:assert/strict";
import { test } from "node:test";
import {
  apartFrom,
  cut,
  logTicks,
  path,
  scale,
  short,
  span,
  staggered,
  ticks,
  wide,
} from "../../widgets/static/fusion/scales.mjs";
import { nextTab } from "../../widgets/static/fusion/board.mjs";
import { limit } from "../../widgets/static/fusion/choose.mjs";
import { fixed, spread } from "../../widgets/static/fusion/controls.mjs";
import { chooseItem } from "../../widgets/static/fusion/examples.mjs";
import { classColours, inside } from "../../widgets/static/fusion/fused_space.mjs";
import { heat } from "../../widgets/static/fusion/opened.mjs";
import { edgeWidth, graphWords } from "../../widgets/static/fusion/graph.mjs";
import { contributionWords } from "../../widgets/static/fusion/contributions.mjs";
import { qualityWords } from "../../widgets/static/fusion/quality.mjs";
import { sharedAxis } from "../../widgets/static/fusion/robustness.mjs";
import { whole } from "../../widgets/static/fusion/training.mjs";
import { besidePoints } from "../../widgets/static/fusion/points.mjs";
import { regionColour, sliderWords, tilePixels } from "../../widgets/static/fusion/plane.mjs";

/** @import { WordedRow } from "../../widgets/static/fusion/quality.mjs" */

test("the slider says in words where it stands", () => {
  assert.equal(sliderWords(0, 3, "0"), "early: from layer 1 of 3 on, all tokens are exchanged");
  assert.equal(sliderWords(2, 3, "4"), "mid: from layer 3 of 3 on, exchange through 4 shared tokens");
  assert.equal(sliderWords(1, 3, "1"), "mid: from layer 2 of 3 on, exchange through 1 shared token");
  assert.equal(sliderWords(3, 3, "4"), "late: nothing is exchanged");
});

/** @typedef {{left: number, right: number, top: number, bottom: number}} Edges */
/** @param {Edges} one @param {Edges} other */
const touches = (one, other) =>
  one.left < other.right && one.right > other.left && one.top < other.bottom && one.bottom > other.top;

test("names over upright lines stand at their lines, in as many rows as they need", () => {
  const lines = [
    { x: 300, name: "chance" },
    { x: 310, name: "best additive model" },
    { x: 500, name: "text alone" },
  ];
  const found = staggered(lines, 200, 620);
  found.forEach((one, at) => {
    const end = one.x + wide(lines[at].name);
    assert.ok(one.x <= lines[at].x && lines[at].x <= end, `${lines[at].name} stands at its line`);
    found.forEach((other, place) => {
      if (place !== at && other.row === one.row)
        assert.ok(other.x >= end || other.x + wide(lines[place].name) <= one.x);
    });
  });
  assert.deepEqual(
    found.map((one) => one.row),
    [0, 1, 0],
  );
  assert.deepEqual(staggered([], 0, 9), []);
});

test("names beside points touch no point and no other name, and stay inside", () => {
  const points = [
    { x: 100, y: 100, name: "mean of logits" },
    { x: 106, y: 101, name: "product of experts" },
    { x: 390, y: 12, name: "low-rank tensor fusion" },
    { x: 112, y: 103, name: "learned weights" },
  ];
  const within = { left: 40, right: 400, top: 0, bottom: 300 };
  const found = besidePoints(points, points, within);
  found.forEach((one, at) => {
    assert.ok(one.box.left >= 40 && one.box.right <= 400 && one.box.top >= 0 && one.box.bottom <= 300);
    for (const other of found.slice(0, at)) assert.ok(!touches(one.box, other.box));
    for (const { x, y } of points)
      assert.ok(!touches(one.box, { left: x - 5, right: x + 5, top: y - 5, bottom: y + 5 }));
  });
  assert.equal(found[2].end, true); // at the right border a name stands on the left
});

test("a name that has no room ends in an ellipsis", () => {
  assert.equal(cut("low-rank tensor fusion", 500), "low-rank tensor fusion");
  assert.equal(cut("low-rank tensor fusion", 70), "low-rank…");
});

test("a limit that is empty is none, and what is no number is not sent", () => {
  assert.deepEqual(["", "30,000", "12.5", "many", "-1"].map(limit), [0, 30000, 12.5, null, null]);
});

test("a class that is the name of a colour has that colour", () => {
  const [red, other, blue] = classColours(["red", "yes", "Blue"]);
  assert.deepEqual([red, other, blue], ["#e03131", "hsl(348 34% 62%)", "#2f6fed"]);
  assert.deepEqual(classColours(["cat", "dog"]), ["hsl(210 62% 52%)", "hsl(348 62% 52%)"]);
});

test("a number that rounds to zero has no sign", () => {
  assert.deepEqual(
    [-0.001, 0.001, -0.01, -10].map((value) => fixed(value, 2)),
    ["0.00", "0.00", "−0.01", "−10.00"],
  );
});

test("colour runs from class 0 over undecided to class 1", () => {
  assert.deepEqual([0, 0.5, 1].map(regionColour), [
    [30, 110, 210],
    [255, 255, 255],
    [214, 96, 0],
  ]);
});

test("a tile is drawn with the text's axis upwards and its border dark", () => {
  const sure = new Uint8Array([0, 0, 0, 0, 255, 255, 255, 255]); // two tiles of 2 x 2
  assert.deepEqual([...tilePixels(sure, 0, 2).slice(0, 4)], [30, 110, 210, 255]);
  const split = new Uint8Array([0, 0, 255, 255]); // row 0, the smallest text value, is class 0
  const pixels = tilePixels(split, 0, 2);
  assert.deepEqual([...pixels.slice(0, 3)], [214, 96, 0]); // class 1 on top
  assert.deepEqual([...pixels.slice(8, 11)], [40, 40, 40]); // the border below it
});

test("arrow keys pass over tabs that cannot be opened", () => {
  const open = [true, false, false, true, true];
  assert.equal(nextTab(open, 0, "ArrowRight"), 3);
  assert.equal(nextTab(open, 3, "ArrowLeft"), 0);
  assert.equal(nextTab(open, 4, "ArrowRight"), 0);
  assert.equal(nextTab(open, 4, "Home"), 0);
  assert.equal(nextTab(open, 0, "End"), 4);
  assert.equal(nextTab(open, 0, "x"), null);
});

test("a graph tells a screen reader what crosses, and what is never read", () => {
  const nodes = [
    { id: "t1", side: "text", label: "block 1" },
    { id: "v2", side: "image", label: "block 2" },
    { id: "b", side: "joint", label: "bottleneck" },
  ];
  const graph = {
    caption: "Mid.",
    nodes,
    edges: [
      { from: "t1", to: "v2", kind: "cross" },
      { from: "v2", to: "b", kind: "unread" },
    ],
  };
  assert.equal(
    graphWords(graph),
    "Mid. What crosses: text block 1 to image block 2. What the last layer writes to the bottleneck is " +
      "never read.",
  );
  assert.match(graphWords({ ...graph, edges: [] }), /Nothing crosses between the modalities/);
});

test("an edge is as thick as the attention that crosses it, where that was measured", () => {
  assert.equal(edgeWidth({ kind: "own" }), 1.5);
  assert.equal(edgeWidth({ kind: "cross", weight: 0.5 }), 4.5);
  assert.equal(edgeWidth({ kind: "cross", weight: null }), 2.2);
});

test("a difference is called chance where its interval holds zero", () => {
  /** @type {WordedRow[]} */
  const rows = [
    { fusion: "a", title: "A", mean: 0.9, difference: [0.1, 0.05, 0.15], sure: true },
    { fusion: "b", title: "B", mean: 0.8, difference: null, sure: null },
  ];
  const page = { rows, order: ["a", "b"], baseline: "b", short: "accuracy" };
  assert.equal(
    qualityWords(page),
    "A has the best accuracy: 0.900; +0.100 (0.050 to 0.150) against B on the same seeds, the 95 % CI " +
      "excludes 0.",
  );
  rows[0].sure = false;
  assert.match(qualityWords(page), /it may be chance/);
  rows[0].sure = null;
  assert.match(qualityWords(page), /one seed says nothing about chance/);
  rows[0].mean = null;
  assert.equal(qualityWords(page), "Nothing was finished yet.");
});

test("panels share one axis, and a flat line does not fill it", () => {
  const panel = (/** @type {number[]} */ ...values) => ({
    theory: null,
    rows: [{ points: values.map((value, at) => [at, value, null, null]) }],
  });
  const wide = sharedAxis({
    panels: [panel(0.9, 0.5), panel(0.8, 0.7)],
    lines: [{ name: "chance", value: 0.1 }],
  });
  assert.ok(wide.low < 0.1 && wide.high > 0.9);
  const banded = sharedAxis(
    {
      panels: [
        {
          theory: null,
          rows: [
            { fusion: "a", points: [[0, 0.8, 0.7, 0.885]] },
            { fusion: "b", points: [[0, 0.75, 0.1, 0.99]] },
          ],
        },
      ],
      lines: [],
    },
    "a",
  );
  // the whole band of the one looked at
  assert.ok(banded.low <= 0.7 && banded.high >= 0.885 && banded.low > 0.1 && banded.high < 0.99);
  const flat = sharedAxis({ panels: [panel(0.56, 0.55)], lines: [] });
  assert.ok(flat.high - flat.low >= 0.0999);
});

test("a number that is still being typed is not sent", () => {
  assert.deepEqual(
    ["60", "", " ", "0", "2.4", "x", "-3"].map((text) => whole(text, 1)),
    [60, null, null, null, 2, null, null],
  );
});

test("interaction says what Shapley values cannot", () => {
  assert.match(contributionWords([0.3, 0.3], 0.4), /together they say more/);
  assert.match(contributionWords([0.3, 0.3], -0.4), /both say the same/);
  assert.match(contributionWords([0.3, 0.3], 0), /its own part/);
  assert.equal(contributionWords([0.3, 0.3], null), "");
});

test("a click chooses alone, a key adds and takes away", () => {
  assert.deepEqual(chooseItem([3, 4], 7, false), [7]);
  assert.deepEqual(chooseItem([3], 7, true), [3, 7]);
  assert.deepEqual(chooseItem([3, 7], 3, true), [7]);
});

test("a box finds the points inside it, whichever corner it was drawn from", () => {
  const points = new Uint16Array([0, 0, 32768, 32768, 65535, 65535]);
  assert.deepEqual(inside(points, [0.4, 0.4, 1, 1]), [1, 2]);
  assert.deepEqual(inside(points, [0.6, 0.6, 0, 0]), [0, 1]);
  assert.deepEqual(inside(points, [0.9, 0, 1, 0.1]), []);
});

test("attention is shaded by its largest share, and nothing by nothing", () => {
  assert.deepEqual(heat([0.1, 0.2]), [0.5, 1]);
  assert.deepEqual(heat([0, 0]), [0, 0]);
});

test("axes have round numbers, linear or logarithmic", () => {
  assert.deepEqual(ticks(0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(ticks(3, 3), [3]);
  assert.deepEqual(logTicks(100, 100000), [100, 1000, 10000, 100000]);
  assert.deepEqual(logTicks(100, 500), [100, 200, 500]);
  assert.equal(scale({ low: 1, high: 100, log: true }, 0, 10)(10), 5);
  assert.equal(scale({ low: 4, high: 4 }, 0, 10)(4), 0);
});

test("a span of nothing is widened, and what is not a number is left out", () => {
  assert.deepEqual(span([]), { low: 0, high: 1 });
  const one = span([2, null, Number.NaN]);
  assert.ok(one.low < 2 && one.high > 2);
});

test("a missing point breaks the line", () => {
  const same = (/** @type {number} */ value) => value;
  assert.equal(
    path(
      [
        [0, 1],
        [1, null],
        [2, 3],
        [3, 4],
      ],
      same,
      same,
    ),
    "M0.0,1.0M2.0,3.0L3.0,4.0",
  );
});

test("names beside lines keep apart and stay inside", () => {
  assert.deepEqual(apartFrom([10, 10, 10], 5, 0, 100), [10, 15, 20]);
  const low = apartFrom([99, 98], 5, 0, 100);
  assert.ok(Math.max(...low) <= 100 && Math.abs(low[0] - low[1]) >= 5);
});

test("numbers are short and what is missing is a dash", () => {
  assert.deepEqual([12345, 1500000, 0.00012, null].map(short), ["12.3k", "1.5M", "0.00012", "–"]);
  assert.equal(fixed(0.12345), "0.123");
  assert.equal(fixed(null), "–");
  assert.equal(spread([0.012, 0.004, 0.02]), "+0.012 (0.004 to 0.020)");
  assert.equal(spread([null, null, null]), "–");
});
