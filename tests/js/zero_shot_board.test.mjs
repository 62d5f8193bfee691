import assert from "node:assert/strict";
import { test } from "node:test";
import { NAMED, NEUTRAL } from "../../widgets/static/shared/colours.mjs";
import { rove, throttled } from "../../widgets/static/shared/dom.mjs";
import { fitWithin, nameOf, split } from "../../widgets/static/shared/upload.mjs";
import { summary } from "../../widgets/static/zero_shot/board.mjs";
import { cardBar, cardLabel, cardNumber, select } from "../../widgets/static/zero_shot/cards.mjs";
import { deciding, hueOf } from "../../widgets/static/zero_shot/controls.mjs";
import { listedWords } from "../../widgets/static/zero_shot/gallery.mjs";
import { tint, verdictOf } from "../../widgets/static/zero_shot/looked.mjs";
import { along, toTemperature, typedTemperature } from "../../widgets/static/zero_shot/scoring.mjs";
import { absent, parseLabels, pastedLabels } from "../../widgets/static/zero_shot/words.mjs";

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
  const files = [
    { name: "a.png", type: "image/png" },
    { name: "b.txt", type: "text/plain" },
    { name: "c", type: "" },
  ];
  const { pictures, others } = split(files);
  assert.deepEqual(
    pictures.map((file) => file.name),
    ["a.png", "c"],
  );
  assert.deepEqual(
    others.map((file) => file.name),
    ["b.txt"],
  );
  assert.equal(nameOf({ name: "image.png" }, 1), "pasted picture 2");
});

const CARD = {
  name: "a red card",
  label: "red",
  index: 0,
  probability: 0.41,
  score: 0.2231,
  kept: true,
  right: false,
  truth: "blue",
  similarity: null,
  unread: false,
};

test("a card says to a screen reader what it shows", () => {
  assert.equal(cardLabel(CARD), "a red card: red, 41.0 %, wrong: it is blue");
  assert.equal(
    cardLabel({ ...CARD, kept: false }, "cosine", 0.2535),
    "a red card: none of these, cosine 0.223 < 0.254",
  );
  assert.match(cardLabel({ ...CARD, unread: true }), /cannot read/);
});

test("a rejected card never shows a percentage that reads as certainty, and has no bar", () => {
  const rejected = { ...CARD, kept: false };
  assert.equal(cardNumber(rejected, "cosine", 0.2535), "cosine 0.223 < 0.254");
  assert.equal(cardNumber({ ...rejected, score: 0.41 }, "probability", 0.5), "probability 0.410 < 0.500");
  assert.equal(cardBar(rejected), null);
  assert.equal(cardBar(CARD), 0.41);
});

test("while searching, number and bar are one thing: the cosine", () => {
  const found = { ...CARD, similarity: -0.045 };
  assert.equal(cardNumber(found, "cosine", 0.2), "cosine −0.045");
  assert.equal(cardBar(found), 0);
  assert.equal(cardBar({ ...CARD, similarity: 0.3 }), 0.3);
});

test("two numbers that differ are never written alike", () => {
  assert.equal(deciding("cosine", 0.2531, 0.2534), "cosine 0.2531 < 0.2534");
  assert.equal(deciding("margin", -0.02, 0.1), "margin −0.020 < 0.100");
});

test("a label has its own colour or none", () => {
  const view = { hues: { 3: 0, 7: 5 } };
  assert.equal(hueOf(view, 3), NAMED[0]);
  assert.equal(hueOf(view, 7), NAMED[5]);
  assert.equal(hueOf(view, 4), NEUTRAL);
  assert.equal(hueOf(view, -1), NEUTRAL);
});

test("the verdict names the margin, or the measure that decided", () => {
  const detail = { kept: true, margin: 0.25, score: 0.1, rows: [{ label: "red" }] };
  assert.match(verdictOf(detail, "cosine", null), /margin of 0\.250 among these labels/);
  assert.match(
    verdictOf({ ...detail, kept: false }, "cosine", 0.2),
    /None of these: for the best label, “red”, cosine 0\.100 < 0\.200/,
  );
});

test("the legend says how many labels are not in it", () => {
  const view = {
    labels: 500,
    gallery: { winners: 230, counts: [...Array(200).keys()].map((index) => ({ index })) },
  };
  assert.equal(absent(view), "30 more won fewer; 270 labels won no picture");
  assert.equal(absent({ labels: 1, gallery: { winners: 1, counts: [{ index: 0 }, { index: -1 }] } }), "");
});

test("counts are said in the singular and the plural, and accuracy with its base", () => {
  const gallery = { total: 40, accuracy: 1, known: 2, right: 2 };
  assert.equal(
    summary({ labels: 1, gallery }),
    "40 pictures among 1 label; accuracy 100.0 % (2 of 40 pictures have a known label among these)",
  );
  assert.equal(
    summary({ labels: 3, gallery: { total: 15, accuracy: 2 / 3, known: 15, right: 10 } }),
    "15 pictures among 3 labels; accuracy 66.7 % (10 of 15)",
  );
  assert.equal(
    summary({ labels: 3, gallery: { total: 1, accuracy: null, known: 0, right: 0 } }),
    "1 picture among 3 labels",
  );
  assert.equal(listedWords({ listed: 3, total: 40 }), "3 of 40 pictures listed");
  assert.equal(listedWords({ listed: 40, total: 40 }), "");
});

test("a typed temperature is a number or nothing; zero is sent, for the kernel says why not", () => {
  assert.equal(typedTemperature("0,5"), 0.5);
  assert.equal(typedTemperature("0"), 0);
  assert.equal(typedTemperature(" "), null);
  assert.equal(typedTemperature("hot"), null);
});

test("a mark stands where its value is on the axis, inside it", () => {
  assert.equal(along(0.25, 0, 0.5), 50);
  assert.equal(along(0.9, 0, 0.5), 100);
  assert.equal(along(1, 2, 2), 50);
});

test("a scale without a span is drawn in its middle", () => {
  assert.equal(tint(3, 3, 3), 0.5);
  assert.equal(tint(4, 3, 5), 0.5);
});

test("a throttled call keeps the last value", async () => {
  /** @type {number[]} */
  const seen = [];
  const call = throttled((/** @type {number} */ value) => seen.push(value), 20);
  [1, 2, 3].forEach((value) => call(value));
  await new Promise((done) => setTimeout(done, 60));
  assert.deepEqual(seen, [1, 3]);
});
