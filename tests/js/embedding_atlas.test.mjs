import assert from "node:assert/strict";
import { test } from "node:test";
import { backendText, nextBudget, outsideText, pointSize } from "../../widgets/static/atlas/pace.mjs";
import { rgb } from "../../widgets/static/atlas/theme.mjs";
import { zooms } from "../../widgets/static/atlas/hand.mjs";
import { flipped } from "../../widgets/static/atlas/legend.mjs";
import { listOf } from "../../widgets/static/atlas/page.mjs";
import { onStage, pictureSide, withoutOverlap } from "../../widgets/static/atlas/overlay.mjs";
import { Asked, Store } from "../../widgets/static/atlas/store.mjs";
import { cardSays, figure } from "../../widgets/static/atlas/panels.mjs";
import { beside } from "../../widgets/static/atlas/board.mjs";
import { temperatureAt } from "../../widgets/static/atlas/controls.mjs";

/** @import { Bytes, Listener, Message } from "../../widgets/static/shared/types.d.ts" */
/** @import { Entry, Question } from "../../widgets/static/atlas/types.d.ts" */

test("the wheel is the page's until the map was clicked, Ctrl is held, or it is always the map's", () => {
  const none = { ctrlKey: false, metaKey: false };
  assert.equal(zooms("click", false, none), false);
  assert.ok(
    zooms("click", true, none) &&
      zooms("always", false, none) &&
      zooms("click", false, { ctrlKey: true, metaKey: false }),
  );
});

test("a click on a legend's entry leaves only it, another adds, a second one takes it back", () => {
  assert.deepEqual(flipped([], "a"), ["a"]);
  assert.deepEqual(flipped(["a"], "b"), ["a", "b"]);
  assert.deepEqual(flipped(["a", "b"], "a"), ["b"]);
});

test("a saved page lists a selection by pages", () => {
  const points = {
    texts: Array.from({ length: 30 }, (_, at) => `text ${at}`),
    item: Array.from({ length: 30 }, (_, at) => at),
  };
  const found = listOf(
    points,
    { gallery: "selection", page: 1, ids: points.item, near: [], said: "30 pairs" },
    new Map([[25, 3]]),
  );
  assert.deepEqual([found.pages, found.page, found.rows.length, found.title], [2, 1, 6, "30 pairs"]);
  assert.deepEqual(found.rows[1], {
    point: 25,
    text: "text 25",
    rank: 26,
    score: null,
    right: null,
    cell: 3,
  });
  assert.equal(
    listOf(points, { gallery: "texts", page: 0, ids: [], near: [[7, 0.5]], said: "" }, new Map()).rows[0]
      .score,
    0.5,
  );
});

test("the tip stays on the stage, on the roomier side", () => {
  const size = { width: 600, height: 300 };
  assert.deepEqual(beside([100, 150], [200, 100], size), [114, 100]);
  assert.deepEqual(beside([500, 150], [200, 100], size), [286, 100]);
  assert.deepEqual(beside([100, 5], [200, 100], size), [114, 4]);
  assert.deepEqual(beside([100, 299], [200, 100], size), [114, 196]);
  assert.deepEqual(beside([100, 150], [200, 400], size), [114, 4]);
});

test("slow frames draw fewer points, quick ones more, within bounds", () => {
  assert.equal(nextBudget(1000000, 100, 1000000), 400000);
  assert.equal(nextBudget(30000, 500, 1000000), 20000);
  assert.equal(nextBudget(900000, 8, 1000000), 1000000);
  assert.equal(nextBudget(100000, 25, 1000000), 100000);
  assert.equal(nextBudget(10, 500, 10), 10);
  assert.ok(pointSize(1000000, 1) < pointSize(100, 1));
});

test("the screen says what draws, and how much of it while moving", () => {
  assert.equal(backendText("WebGL 2", 10, 10), "WebGL 2");
  assert.equal(outsideText(0), "");
  assert.equal(outsideText(1914), " · 1,914 outliers off-screen (Fit shows them)");
  assert.match(
    backendText("canvas 2D", 50000, 1000000),
    /no WebGL on a graphics processor here · 50,000 of 1,000,000 points while moving/,
  );
});

test("words do not touch, the first one stays, and pictures keep their place", () => {
  assert.deepEqual(
    withoutOverlap([
      [0, 0, 50, 10],
      [40, 5, 50, 10],
      [60, 20, 5, 5],
    ]),
    [true, false, true],
  );
  assert.deepEqual(withoutOverlap([[0, 0, 50, 10]], [[10, 0, 5, 5]]), [false]);
  assert.deepEqual(
    withoutOverlap([
      [0, 0, 300, 10],
      [250, 0, 10, 10],
    ]),
    [true, false],
  );
  assert.deepEqual([onStage(-30, 80, 400), onStage(390, 80, 400), onStage(100, 80, 400)], [4, 316, 100]);
  assert.ok(pictureSide(450000, 50) > pictureSide(450000, 5000));
});

test("colours of a theme are read as shares", () => {
  assert.deepEqual(rgb("#ff0000"), [1, 0, 0]);
  assert.deepEqual(rgb("#0f0"), [0, 1, 0]);
  assert.deepEqual(rgb("rgba(0, 51, 255, 0.5)"), [0, 0.2, 1]);
});

test("an unknown figure is a dash and never a zero", () => {
  assert.equal(figure(null, "%"), "–");
  assert.equal(figure(NaN, ""), "–");
  assert.equal(figure(0, "%"), "0.0 %");
  assert.equal(figure(0.12345, ""), "0.123");
  assert.equal(figure(1234.5, ""), "1235");
  assert.equal(figure(1914, ""), "1,914");
  assert.equal(figure(3, ""), "3");
  assert.equal(temperatureAt(-2), 0.01);
});

test("a point says to a screen reader what it shows", () => {
  assert.equal(
    cardSays({ kind: "picture", text: "a cat", label: "animals", kept: 3, of: 15 }),
    "picture “a cat”, animals; 3 of 15 true neighbours are near on the map",
  );
  assert.equal(cardSays({ kind: "text", text: "a cat", label: "", kept: null, of: 0 }), "text “a cat”");
});

/** An anywidget model: traits, listeners, and what was sent. */
/** @param {Record<string, Entry>} data */
const fakeModel = (data) => {
  /** @type {Record<string, Listener[]>} */
  const listeners = {};
  /** @type {Question[]} */
  const sent = [];
  const model = {
    sent,
    data,
    /** @param {string} _name */
    get: (_name) => model.data,
    /** @param {string} name @param {Listener} act */
    on: (name, act) => void (listeners[name] ??= []).push(act),
    off() {},
    /** @param {Message} message */
    send(message) {
      sent.push(/** @type {Question} */ (message));
    },
    /** @param {string} name @param {object} [message] @param {Bytes[]} [buffers] */
    tell: (name, message = {}, buffers = []) =>
      (listeners[name] ?? []).forEach((act) => act(/** @type {Message} */ (message), buffers)),
  };
  return model;
};
/** @param {Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>} array */
const part = (array) => new DataView(array.buffer, array.byteOffset, array.byteLength);

test("an array arrives in parts, in any order, and only in its newest version", () => {
  const model = fakeModel({ points: { version: 2, bytes: 16, type: "float32" } });
  const store = new Store(model);
  let told = 0;
  store.listeners.add(() => told++);
  store.ask();
  assert.deepEqual(model.sent, [{ kind: "want", name: "points", version: 2 }]);
  const [late, early] = [new Float32Array([3, 4]), new Float32Array([1, 2])];
  model.tell("msg:custom", { kind: "part", name: "points", version: 1, offset: 0 }, [part(late)]);
  model.tell("msg:custom", { kind: "part", name: "points", version: 2, offset: 8 }, [part(late)]);
  assert.equal(store.share, 0.5);
  model.tell("msg:custom", { kind: "part", name: "points", version: 2, offset: 0 }, [part(early)]);
  assert.deepEqual([...(store.arrays.points ?? [])], [1, 2, 3, 4]);
  assert.deepEqual([told, store.share, store.received], [1, 1, 16]);
  store.ask();
  assert.equal(model.sent.length, 1);
  model.data = {};
  model.tell("change:_data");
  assert.equal(store.arrays.points, undefined);
});

test("of many wishes only the newest is asked after the one under way", async () => {
  const model = fakeModel({});
  const asked = new Asked(model, "look", 2, () => {});
  asked.want([1], 1);
  asked.want([2], 1);
  asked.want([3], 1);
  assert.deepEqual(
    model.sent.map((message) => message.points),
    [[1]],
  );
  model.tell("msg:custom", { kind: "look", found: [[1, "one"]] }, []);
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(
    model.sent.map((message) => message.points),
    [[1], [3]],
  );
  model.tell("msg:custom", { kind: "look", found: [[3, "three"]] }, []);
  await Promise.resolve();
  await Promise.resolve();
  asked.want([3, 1], 1);
  assert.equal(model.sent.length, 2);
  assert.equal(asked.known.get(3), "three");
});
