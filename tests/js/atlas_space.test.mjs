import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Grid,
  View,
  between,
  bits,
  bodyOf,
  boundsOf,
  whole,
  home,
  insideOf,
  lassoed,
  representatives,
  spreadOrder,
  thinned,
  zoomAt,
} from "../../widgets/static/atlas/space.mjs";
import { manner } from "../../widgets/static/atlas/hand.mjs";

/** @import { Pair } from "../../widgets/static/shared/types.d.ts" */
/** @import { Bounds } from "../../widgets/static/atlas/space.mjs" */

/** A small generator with a seed: tests must not depend on luck. */
const numbers = (/** @type {number} */ seed) => () =>
  (seed = (seed * 1664525 + 1013904223) % 4294967296) / 4294967296;
const cloud = (/** @type {number} */ count, seed = 1) => {
  const next = numbers(seed);
  return Float32Array.from({ length: 2 * count }, () => 10 * next() - 3);
};

/** The textbook test, against every edge. */
const slowInside = (/** @type {Pair[]} */ polygon) => (/** @type {number} */ x, /** @type {number} */ y) => {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [polygon[i], polygon[j]];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
};

test("the box of points leaves out what is not finite, and is never empty", () => {
  assert.deepEqual(boundsOf(new Float32Array([1, 5, NaN, 2, -3, 7, 4, Infinity])), {
    low: [-3, 5],
    high: [1, 7],
  });
  assert.deepEqual(boundsOf(new Float32Array(0)), { low: [-0.5, -0.5], high: [0.5, 0.5] });
});

test("a few stragglers do not shrink the first view, and fitting again shows them", () => {
  const points = cloud(1000);
  points.set([500, 500], 0);
  const [body, all, size] = [bodyOf(points), boundsOf(points), { width: 400, height: 300 }];
  assert.ok(body.high[0] < 12 && all.high[0] === 500);
  const [px, py] = new View(whole(body, all, size), body, size).toScreen(500, 500);
  assert.ok(px <= 400 && py >= 0);
  assert.deepEqual(bodyOf(cloud(1000)), boundsOf(cloud(1000)));
  assert.deepEqual(bodyOf(new Float32Array([1, 1, 1, 1])), boundsOf(new Float32Array([1, 1, 1, 1])));
});

test("screen and map are inverse to one another, and the first view holds every point", () => {
  const points = cloud(50);
  const bounds = boundsOf(points);
  const view = new View(home(bounds), bounds, { width: 700, height: 300 });
  for (let i = 0; i < 100; i += 2) {
    const [px, py] = view.toScreen(points[i], points[i + 1]);
    assert.ok(px >= 0 && px <= 700 && py >= 0 && py <= 300);
    const [x, y] = view.toMap(px, py);
    assert.ok(Math.abs(x - points[i]) < 1e-6 && Math.abs(y - points[i + 1]) < 1e-6);
  }
});

test("zooming keeps what is under the pointer, and stops at its limits", () => {
  /** @type {Bounds} */
  const bounds = { low: [0, 0], high: [4, 2] };
  const view = new View(home(bounds), bounds, { width: 400, height: 200 });
  const camera = zoomAt(view, 90, 40, 3);
  const after = new View(camera, bounds, { width: 400, height: 200 });
  const [before, now] = [view.toMap(90, 40), after.toMap(90, 40)];
  assert.ok(Math.abs(before[0] - now[0]) < 1e-9 && Math.abs(before[1] - now[1]) < 1e-9);
  assert.equal(zoomAt(view, 0, 0, 1e9).zoom, 1e5);
});

test("the index finds the nearest point, as looking at every one does", () => {
  const points = cloud(3000);
  const grid = new Grid(points);
  const next = numbers(9);
  for (let round = 0; round < 200; round++) {
    const [x, y, radius] = [12 * next() - 4, 12 * next() - 4, 0.3 * next()];
    let [best, least] = [-1, radius * radius];
    for (let id = 0; id < 3000; id++) {
      const far = (points[2 * id] - x) ** 2 + (points[2 * id + 1] - y) ** 2;
      if (far < least) [best, least] = [id, far];
    }
    assert.equal(grid.nearest(x, y, radius), best);
  }
  assert.ok(grid.nearest(100, 100, Infinity) >= 0);
});

test("one point, equal points and points that are no numbers can be indexed", () => {
  assert.equal(new Grid(new Float32Array([2, 3])).nearest(2, 3, 0.1), 0);
  const same = new Grid(new Float32Array(200).fill(1));
  let seen = 0;
  same.within({ low: [0, 0], high: [2, 2] }, () => seen++);
  assert.equal(seen, 100);
  assert.equal(new Grid(new Float32Array([NaN, NaN])).nearest(0, 0, 1e9), -1);
  assert.equal(new Grid(new Float32Array(0)).nearest(0, 0, 1e9), -1);
});

test("the lasso takes what the textbook test takes, for a path that crosses itself too", () => {
  const points = cloud(4000);
  const grid = new Grid(points);
  const next = numbers(4);
  for (const corners of [3, 4, 9, 300, 1500]) {
    const polygon = Array.from({ length: corners }, (_, at) => {
      const far = 1 + 4 * next();
      const turn = (2.7 * Math.PI * at) / corners;
      return /** @type {Pair} */ ([2 + far * Math.cos(turn), 2 + far * Math.sin(turn)]);
    });
    const slow = slowInside(polygon);
    const expected = [];
    for (let id = 0; id < 4000; id++) if (slow(points[2 * id], points[2 * id + 1])) expected.push(id);
    assert.ok(expected.length > 10);
    assert.deepEqual([...bits.ids(lassoed(grid, polygon))], expected);
  }
  assert.equal(
    bits.count(
      lassoed(grid, [
        [0, 0],
        [1, 1],
      ]),
    ),
    0,
  );
});

test("a polygon with level edges counts a point once", () => {
  const square = insideOf([
    [0, 0],
    [4, 0],
    [4, 2],
    [0, 2],
  ]);
  assert.ok(square(1, 1) && square(3.9, 0.1));
  assert.ok(!square(5, 1) && !square(1, 3) && !square(-1, 1));
});

test("a mask is what NumPy packs with the little end first", () => {
  const mask = bits.of(11, [0, 3, 8, 10]);
  assert.deepEqual([...mask], [0b1001, 0b101]);
  assert.deepEqual([...bits.ids(mask)], [0, 3, 8, 10]);
  assert.equal(bits.count(mask), 4);
  assert.ok(bits.has(mask, 8) && !bits.has(mask, 9) && !bits.has(mask, 99));
});

test("a lasso replaces, adds or takes away", () => {
  const [old, fresh] = [bits.of(9, [1, 2, 8]), bits.of(9, [2, 3])];
  assert.deepEqual([...bits.ids(bits.combine(old, fresh, "replace"))], [2, 3]);
  assert.deepEqual([...bits.ids(bits.combine(old, fresh, "add"))], [1, 2, 3, 8]);
  assert.deepEqual([...bits.ids(bits.combine(old, fresh, "take away"))], [1, 8]);
  assert.deepEqual([...bits.ids(bits.combine(new Uint8Array(0), fresh, "add"))], [2, 3]);
  assert.deepEqual([...bits.ids(bits.combine(new Uint8Array(0), fresh, "take away"))], []);
  assert.equal(manner({ altKey: true, ctrlKey: true }), "take away");
  assert.equal(manner({ shiftKey: true }), "add");
  assert.equal(manner({}), "replace");
});

test("what may not be met is passed over for the next nearest", () => {
  const grid = new Grid(new Float32Array([0, 0, 1, 0, 5, 5]));
  assert.equal(grid.nearest(0, 0, 3), 0);
  assert.equal(
    grid.nearest(0, 0, 3, (id) => id !== 0),
    1,
  );
  assert.equal(
    grid.nearest(0, 0, 3, () => false),
    -1,
  );
});

test("of pictures in one place the one with the highest rank is drawn, and panning changes nobody", () => {
  const points = cloud(500);
  const bounds = boundsOf(points);
  const grid = new Grid(points);
  const size = { width: 300, height: 300 };
  const rank = (/** @type {number} */ id) => (id === 7 ? 2 : id % 2 ? -1 : (id % 50) / 50);
  const here = representatives(grid, new View({ x: 2, y: 2, zoom: 1 }, bounds, size), 40, rank);
  const there = representatives(grid, new View({ x: 2.02, y: 2.01, zoom: 1 }, bounds, size), 40, rank);
  assert.ok(here.includes(7));
  assert.ok(here.every((id) => id === 7 || id % 2 === 0));
  assert.deepEqual([...here].sort(), [...there].sort());
  const closer = representatives(grid, new View({ x: 2, y: 2, zoom: 64 }, bounds, size), 1, () => 1);
  let inside = 0;
  grid.within(new View({ x: 2, y: 2, zoom: 64 }, bounds, size).window(1), () => inside++);
  assert.equal(closer.length, inside);
});

test("the order drawn while moving holds every point once, spread from its beginning", () => {
  for (const count of [0, 1, 2, 10, 1000, 1914])
    assert.deepEqual(
      [...spreadOrder(count)].sort((a, b) => a - b),
      Array.from({ length: count }, (_, at) => at),
    );
  const first = [...spreadOrder(1000).slice(0, 100)];
  for (let tenth = 0; tenth < 10; tenth++) assert.ok(first.some((id) => Math.floor(id / 100) === tenth));
});

test("a drawn path loses only vertices nearer than the step", () => {
  assert.deepEqual(
    thinned(
      [
        [0, 0],
        [1, 0],
        [2, 0],
        [5, 0],
      ],
      3,
    ),
    [
      [0, 0],
      [5, 0],
    ],
  );
});

test("points between two layouts, and a layout of another size at once", () => {
  assert.deepEqual([...between(new Float32Array([0, 4]), new Float32Array([2, 8]), 0.5)], [1, 6]);
  const to = new Float32Array([1, 2, 3, 4]);
  assert.equal(between(new Float32Array([0, 4]), to, 0.5), to);
  assert.equal(between(to, to, 1), to);
});
