import assert from "node:assert/strict";
import { test } from "node:test";
import { cellAt, colourOf, largest, mapLabel, partOfPatches, partOfWords, rangeText, signed, toggled, wordsNote } from "../../widgets/static/attribution_board.mjs";

test("no colour at nothing, full colour at the limit, two hues for two signs", () => {
  assert.equal(colourOf(0, 2, 0.8), "rgba(214, 96, 0, 0.000)");
  assert.equal(colourOf(2, 2, 0.8), "rgba(214, 96, 0, 0.800)");
  assert.equal(colourOf(-1, 2, 0.8), "rgba(30, 110, 210, 0.400)");
  assert.equal(colourOf(5, 2, 1), "rgba(214, 96, 0, 1.000)");
  assert.equal(colourOf(1, 0, 1), "rgba(214, 96, 0, 0.000)");
});

test("a point belongs to the cell under it, also on the last edge of a grid that is not square", () => {
  assert.equal(cellAt(0, 0, 80, 60, [3, 4]), 0);
  assert.equal(cellAt(79, 59, 80, 60, [3, 4]), 11);
  assert.equal(cellAt(80, 60, 80, 60, [3, 4]), 11);
  assert.equal(cellAt(25, 30, 80, 60, [3, 4]), 5);
});

test("words and patches of a map of pairs add up the same numbers", () => {
  const pairs = new Float32Array([1, 2, 3, 10, 20, 30]); // two words, three patches
  assert.deepEqual(partOfWords(pairs, 3, [1]), [10, 20, 30]);
  assert.deepEqual(partOfWords(pairs, 3, [0, 1]), [11, 22, 33]);
  assert.deepEqual(partOfPatches(pairs, 3, [0, 2]), [4, 40]);
  assert.deepEqual(partOfWords(pairs, 3, []), [0, 0, 0]);
});

test("numbers are said with their sign and three digits", () => {
  assert.equal(signed(0), "0");
  assert.equal(signed(0.012345), "+0.0123");
  assert.equal(signed(-0.5), "−0.5");
  assert.equal(signed(0.00001234), "+1.2e-5");
});

test("a click chooses, a second click lets go", () => {
  assert.deepEqual(toggled([1, 2], 2), [1]);
  assert.deepEqual(toggled([1], 3), [1, 3]);
  assert.equal(largest([0.5, -2]), 2);
  assert.equal(largest([]), 0);
});

test("a screen reader hears where a map is strongest, or that it is flat", () => {
  const map = { title: "GradCAM", flat: false, grid: [2, 3] };
  assert.equal(mapLabel(map, [0, 0, 0, 0, 0.5, 0]), "GradCAM: strongest in row 2, column 2, +0.5");
  assert.equal(mapLabel({ ...map, flat: true }, [1, 1]), "GradCAM: flat, no patch counts more than another");
});

test("the note under the words says what their colours mean", () => {
  const first = { title: "GradCAM", pairs: false, text: null };
  const second = { title: "Pairs", pairs: true, text: [1] };
  assert.ok(wordsNote(first, [], [], [first]).includes("explains the picture only"));
  assert.ok(wordsNote(first, [1], [], [first]).includes("one for the whole text. Add"));
  assert.ok(wordsNote(first, [1], [], [{ ...first, whole: true }]).includes("every method for this kind of model"));
  assert.ok(!wordsNote({ ...first, text: [1], image: [1] }, [], [], [first]).includes("Click"));
  assert.ok(wordsNote(first, [1], [], [first, second]).includes("shows the chosen words alone"));
  assert.ok(wordsNote(second, [], [3], [second]).includes("the 1 chosen patch (Pairs)"));
});

test("a card says whether its numbers have a sign, and what full colour is", () => {
  const map = { signed: true, flat: false, image: [[0]] };
  assert.equal(rangeText(map, [-0.5, 0.25], 0.5), "for (+) and against (−): −0.5 … +0.25, full colour 0.5");
  assert.equal(rangeText({ ...map, signed: false }, [0, 2], 4), "never against: 0 … +2, full colour 4");
  assert.equal(rangeText({ ...map, flat: true, image: null }, [1, 1], 1), "flat: every word +1");
});
