import assert from "node:assert/strict";
import { test } from "node:test";
import { percent, rove, throttled } from "../../widgets/static/dom.mjs";
import { fitWithin, nameOf, split } from "../../widgets/static/upload.mjs";
import { cardLabel, select } from "../../widgets/static/zero_shot_cards.mjs";
import { parseLabels, pastedLabels, toTemperature } from "../../widgets/static/zero_shot_controls.mjs";
import { tint, verdictOf } from "../../widgets/static/zero_shot_looked.mjs";

test("labels are one a line, and blank lines are only spacing", () => {
  assert.deepEqual(parseLabels(" a cat \r\n\n  a   dog\n\t\n"), ["a cat", "a dog"]);
  assert.deepEqual(parseLabels(""), []);
});

test("a pasted list becomes lines, whatever separates it", () => {
  assert.equal(pastedLabels("cat, dog; bird"), "cat\ndog\nbird");
  assert.equal(pastedLabels("猫，狗、鸟"), "猫\n狗\n鸟");
  assert.equal(pastedLabels("cat\tdog"), "cat\ndog");
  assert.equal(pastedLabels("salt, pepper\nsugar"), "salt, pepper\nsugar");
  assert.equal(pastedLabels('"cat", "dog"'), "cat\ndog");
});

test("the middle of the temperature slider is the model's own", () => {
  assert.equal(toTemperature(0), 1);
  assert.equal(toTemperature(1), 10);
  assert.equal(toTemperature(-1), 0.1);
});

test("a click selects alone, Ctrl adds and takes away, Shift takes the run in screen order", () => {
  const shown = [7, 3, 9, 1];
  assert.deepEqual(select([3], 9, shown, null, { ctrl: false, shift: false }), [9]);
  assert.deepEqual(select([3], 9, shown, 3, { ctrl: true, shift: false }), [3, 9]);
  assert.deepEqual(select([3, 9], 9, shown, 3, { ctrl: true, shift: false }), [3]);
  assert.deepEqual(select([], 1, shown, 3, { ctrl: false, shift: true }), [3, 9, 1]);
  assert.deepEqual(select([], 7, shown, 9, { ctrl: false, shift: true }), [7, 3, 9]);
});

test("arrow keys stay inside the grid", () => {
  assert.equal(rove(0, "ArrowRight", 10, 4), 1);
  assert.equal(rove(3, "ArrowDown", 10, 4), 7);
  assert.equal(rove(8, "ArrowDown", 10, 4), 8);
  assert.equal(rove(0, "ArrowUp", 10, 4), 0);
  assert.equal(rove(5, "End", 10, 4), 9);
  assert.equal(rove(5, "x", 10, 4), null);
});

test("a picture is made to fit, never enlarged, and never vanishes", () => {
  assert.deepEqual(fitWithin(4000, 1000, 1024), [1024, 256]);
  assert.deepEqual(fitWithin(10, 20, 1024), [10, 20]);
  assert.deepEqual(fitWithin(10000, 1, 100), [100, 1]);
});

test("files that are no pictures are told apart", () => {
  const files = [{ name: "a.png", type: "image/png" }, { name: "b.txt", type: "text/plain" }, { name: "c", type: "" }];
  const { pictures, others } = split(files);
  assert.deepEqual(pictures.map((file) => file.name), ["a.png", "c"]);
  assert.deepEqual(others.map((file) => file.name), ["b.txt"]);
  assert.equal(nameOf({ name: "image.png" }, 1), "pasted picture 2");
});

test("no share is rounded to nothing or to everything", () => {
  assert.equal(percent(0), "0.0 %");
  assert.equal(percent(0.00001), "< 0.1 %");
  assert.equal(percent(0.99999), "> 99.9 %");
  assert.equal(percent(1), "100.0 %");
});

test("a card says to a screen reader what it shows", () => {
  const card = { name: "a red card", label: "red", probability: 0.5, kept: true, right: false, truth: "blue" };
  assert.equal(cardLabel(card), "a red card: red, 50.0 %, wrong: it is blue");
  assert.equal(cardLabel({ ...card, kept: false, right: null }), "a red card: none of these");
});

test("the verdict names the margin, or says that nothing is near enough", () => {
  const detail = { kept: true, margin: 0.25, rows: [{ label: "red" }] };
  assert.match(verdictOf(detail), /margin of 0\.250 among these labels/);
  assert.match(verdictOf({ ...detail, kept: false }), /None of these/);
});

test("a scale without a span is drawn in its middle", () => {
  assert.equal(tint(3, 3, 3), 0.5);
  assert.equal(tint(4, 3, 5), 0.5);
});

test("a throttled call keeps the last value", async () => {
  const seen = [];
  const call = throttled((value) => seen.push(value), 20);
  [1, 2, 3].forEach((value) => call(value));
  await new Promise((done) => setTimeout(done, 60));
  assert.deepEqual(seen, [1, 3]);
});
