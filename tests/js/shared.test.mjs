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
import { whenTyped } from "../../widgets/static/shared/fields.mjs";
import { decimal, number, percent, plural, signed } from "../../widgets/static/shared/format.mjs";
import { jobWords } from "../../widgets/static/shared/head.mjs";
import { guarded, statusWords } from "../../widgets/static/shared/kernel.mjs";
import { acceptFiles, sendPictures } from "../../widgets/static/shared/upload.mjs";

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

/** Of a picture, a text, an empty file, a picture: what is sent and what refused. @param {number} [most] */
async function sent(most) {
  const files = [
    new File(["one"], "a.png", { type: "image/png" }),
    new File(["two"], "b.txt", { type: "text/plain" }),
    new File([], "c.png", { type: "image/png" }),
    new File(["four"], "image.png", { type: "image/png" }),
  ];
  /** @type {string[]} */ const told = [];
  /** @type {[string, number][]} */ const pictures = [];
  const board = { tell: (/** @type {{message: string}} */ { message }) => told.push(message) };
  await sendPictures(board, files, (name, content) => pictures.push([name, content.byteLength]), most);
  return { told, pictures };
}

test("pictures go one by one, and of every file that cannot be used the reason is told", async () => {
  const { told, pictures } = await sent();
  assert.deepEqual(pictures, [
    ["a.png", 3],
    ["pasted picture 3", 4],
  ]);
  assert.deepEqual(told, [
    "b.txt cannot be used: it is text/plain, not a picture.",
    "c.png cannot be used: it is empty.",
  ]);
  assert.deepEqual((await sent(1)).pictures, [["a.png", 3]]);
});

test("what is typed is sent after a pause, or at once when the field is left, and once", async () => {
  const field = Object.assign(new EventTarget(), { value: "", dataset: {} });
  /** @type {string[]} */ const sent = [];
  const control = /** @type {HTMLInputElement} */ (/** @type {unknown} */ (field));
  whenTyped(control, (text) => sent.push(text), 5);
  field.value = "one";
  field.dispatchEvent(new Event("input"));
  field.dispatchEvent(new Event("blur"));
  assert.deepEqual(sent, ["one"]);
  field.value = "two";
  field.dispatchEvent(new Event("input"));
  assert.deepEqual(sent, ["one"]);
  await new Promise((done) => setTimeout(done, 30));
  assert.deepEqual(sent, ["one", "two"]);
  field.dispatchEvent(new Event("blur"));
  assert.deepEqual(sent, ["one", "two"]);
});

test("a board takes files dropped or pasted, and keeps them from the notebook; not pasted text", () => {
  /** @type {Set<string>} */ const marks = new Set();
  const classList = {
    toggle: (/** @type {string} */ name, /** @type {boolean} */ on) =>
      on ? marks.add(name) : marks.delete(name),
  };
  const root = Object.assign(new EventTarget(), { classList });
  const stop = new AbortController();
  /** @type {unknown[]} */ const taken = [];
  acceptFiles(/** @type {HTMLElement} */ (/** @type {unknown} */ (root)), stop.signal, (files) =>
    taken.push(files),
  );
  const fire = (/** @type {string} */ kind, /** @type {object} */ more = {}) => {
    const event = Object.assign(new Event(kind, { cancelable: true }), more);
    root.dispatchEvent(event);
    return event.defaultPrevented;
  };
  assert.equal(fire("dragover"), true);
  assert.deepEqual([...marks], ["wb-dragged"]);
  fire("dragleave");
  assert.deepEqual([...marks], []);
  fire("dragover");
  assert.equal(fire("drop", { dataTransfer: { files: ["dropped"] } }), true);
  assert.deepEqual([...marks], []);
  assert.equal(fire("paste", { clipboardData: { files: [] } }), false);
  assert.equal(fire("paste", { clipboardData: { files: ["pasted"] } }), true);
  assert.deepEqual(taken, [["dropped"], ["pasted"]]);
  stop.abort();
  fire("drop", { dataTransfer: { files: ["late"] } });
  assert.equal(taken.length, 2);
});
