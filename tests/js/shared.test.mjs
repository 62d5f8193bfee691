// What every board shares: numbers, colours, fields, the words for a kernel that is gone.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  colourOf,
  diverging,
  NAMED,
  NEUTRAL,
  overlay,
  sequential,
} from "../../widgets/static/shared/colours.mjs";
import { decimal, number, percent, plural, signed } from "../../widgets/static/shared/format.mjs";
import { jobWords } from "../../widgets/static/shared/head.mjs";
import { guarded, statusWords } from "../../widgets/static/shared/kernel.mjs";

/** @import { Model } from "../../widgets/static/shared/types.d.ts" */

test("a number has three digits, a true minus sign, and an exponent only where it must", () => {
  assert.deepEqual([0, 1, -0.2504, 1234.4, 0.00012, 123456, NaN].map(number), [
    "0",
    "1.00",
    "−0.250",
    "1234",
    "1.2e−4",
    "1.2e5",
    "not known",
  ]);
  assert.deepEqual([0.5, -0.5, 0].map(signed), ["+0.500", "−0.500", "0"]);
  assert.equal(decimal(-0.0001), "0.000");
});

test("a share is never rounded to nothing or to all", () => {
  assert.deepEqual([0, 0.0004, 0.1234, 0.9996, 1].map(percent), [
    "0.0 %",
    "< 0.1 %",
    "12.3 %",
    "> 99.9 %",
    "100.0 %",
  ]);
});

test("one picture is not many", () =>
  assert.deepEqual([plural(1, "picture"), plural(2000, "picture")], ["1 picture", "2,000 pictures"]));

test("the sequential map ends at its ends, the diverging one is white at zero", () => {
  assert.deepEqual(
    [sequential(0), sequential(1), sequential(7)],
    [
      [68, 1, 84],
      [253, 231, 37],
      [253, 231, 37],
    ],
  );
  assert.deepEqual(
    [diverging(-1), diverging(0), diverging(1)],
    [
      [30, 110, 210],
      [255, 255, 255],
      [214, 96, 0],
    ],
  );
});

test("laid over a picture, zero has no colour and the limit has all of it", () => {
  assert.equal(overlay(0, 1, 0.8), "rgba(214, 96, 0, 0)");
  assert.equal(overlay(-2, 1, 0.8), "rgba(30, 110, 210, 0.8)");
});

test("no colour is given to two names", () => {
  const colours = colourOf(Array.from({ length: 12 }, (_, place) => `label ${place}`));
  const named = [...colours.values()].filter((colour) => colour !== NEUTRAL);
  assert.equal(new Set(named).size, named.length);
  assert.equal(named.length, NAMED.length);
});

test("a job says its stage, how far it is, and more", () => {
  assert.equal(
    jobWords("scoring", { stage: "pictures", done: 3, total: 9, message: "" }),
    "pictures, 3 of 9",
  );
  assert.equal(jobWords("scoring", { stage: "", done: 0, total: 0, message: "" }), "scoring…");
});

test("a kernel that restarts or dies has its words, one that works has none", () => {
  assert.match(statusWords("restarting"), /restarted/);
  assert.match(statusWords("autorestarting"), /restarted/);
  assert.match(statusWords("dead"), /gone/);
  assert.equal(statusWords("busy"), "");
});

test("a model without a kernel neither changes nor speaks, and says once that it could not", () => {
  /** @type {unknown[][]} */
  const heard = [];
  /** @type {Model<Record<"a" | "b", number>>} */
  const raw = {
    get: () => 1,
    on() {},
    off() {},
    set: (...change) => void heard.push(change),
    save_changes() {},
    send() {
      throw new Error("Cannot send");
    },
  };
  let gone = "";
  const warn = console.warn;
  console.warn = () => {};
  const model = guarded(
    raw,
    () => !gone,
    (words) => {
      gone = words;
    },
  );
  model.set("a", 1);
  model.send({ kind: "x" });
  model.set("b", 2);
  console.warn = warn;
  assert.deepEqual(heard, [["a", 1]]);
  assert.match(gone, /kernel is gone/);
});
