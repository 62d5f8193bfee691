import assert from "node:assert/strict";
import { test } from "node:test";
import { cellAt, placeOf } from "../../widgets/static/shared/patches.mjs";
import { captionOf, shownValues } from "../../widgets/static/attribution/board.mjs";
import {
  largest,
  mapLabel,
  partOfPatches,
  partOfWords,
  rangeText,
  toggled,
  verdict,
  wordsNote,
} from "../../widgets/static/attribution/values.mjs";

test("a point belongs to the cell under it, also on the last edge of a grid that is not square", () => {
  assert.equal(cellAt(0, 0, 80, 60, [3, 4]), 0);
  assert.equal(cellAt(79, 59, 80, 60, [3, 4]), 11);
  assert.equal(cellAt(80, 60, 80, 60, [3, 4]), 11);
  assert.equal(cellAt(25, 30, 80, 60, [3, 4]), 5);
  assert.equal(placeOf(5, 4), "row 2, column 2");
});

test("words and patches of a map of pairs add up the same numbers", () => {
  const pairs = new Float32Array([1, 2, 3, 10, 20, 30]); // two words, three patches
  assert.deepEqual(partOfWords(pairs, 3, [1]), [10, 20, 30]);
  assert.deepEqual(partOfWords(pairs, 3, [0, 1]), [11, 22, 33]);
  assert.deepEqual(partOfPatches(pairs, 3, [0, 2]), [4, 40]);
  assert.deepEqual(partOfWords(pairs, 3, []), [0, 0, 0]);
});

test("a card shows its map, a map of pairs its part for the chosen words, a text its words", () => {
  const pairs = () => new Float32Array([1, 2, 10, 20]);
  const map = { image: [[5, 6]], grid: [1, 2], text: [7, 8], pairs: true };
  assert.deepEqual(shownValues(map, [], pairs), [5, 6]);
  assert.deepEqual(shownValues(map, [1], pairs), [10, 20]);
  assert.deepEqual(shownValues({ ...map, pairs: false }, [1], pairs), [5, 6]);
  assert.deepEqual(shownValues({ ...map, image: null, grid: null }, [1], pairs), [7, 8]);
});

test("a click chooses, a second click lets go", () => {
  assert.deepEqual(toggled([1, 2], 2), [1]);
  assert.deepEqual(toggled([1], 3), [1, 3]);
  assert.equal(largest([0.5, -2]), 2);
  assert.equal(largest([]), 0);
});

test("a screen reader hears where a map is strongest, or that it is flat", () => {
  const map = { title: "Grad-CAM", flat: false, grid: [2, 3] };
  assert.equal(mapLabel(map, [0, 0, 0, 0, 0.5, 0]), "Grad-CAM: strongest in row 2, column 2, +0.500");
  assert.equal(mapLabel({ ...map, grid: null }, [0, 0.5]), "Grad-CAM: strongest at word 2, +0.500");
  assert.equal(mapLabel({ ...map, flat: true }, [1, 1]), "Grad-CAM: flat, no patch counts more than another");
});

test("the note under the words says what their colours mean", () => {
  const first = { title: "Grad-CAM", pairs: false, text: null };
  const second = { title: "Pairs", pairs: true, text: [1] };
  assert.ok(wordsNote(first, [], [], [first]).includes("explains the picture only"));
  assert.ok(wordsNote(first, [1], [], [first]).includes("one for the whole text. Add"));
  assert.ok(
    wordsNote(first, [1], [], [{ ...first, whole: true }]).includes("every method for this kind of model"),
  );
  assert.ok(!wordsNote({ ...first, text: [1], image: [[1]] }, [], [], [first]).includes("Click"));
  assert.ok(wordsNote(first, [1], [], [first, second]).startsWith("“Pairs” shows the chosen words alone"));
  assert.ok(wordsNote(second, [], [3], [second]).includes("the 1 chosen patch (Pairs)"));
});

test("a card says whether its numbers have a sign, and what the colour scale ends at", () => {
  const map = { signed: true, flat: false, image: [[0]] };
  assert.equal(rangeText(map, [-0.00078, 0.25], 0.5), "signed, −7.8e−4 to 0.250; colour scale max 0.500");
  assert.equal(
    rangeText({ ...map, signed: false }, [0, 0.0131], 0.0131),
    "non-negative, 0 to 0.0131; colour scale max 0.0131",
  );
  assert.equal(rangeText({ ...map, flat: true, image: null }, [1, 1], 1), "flat: every word 1.00");
});

test("scores end in a verdict beside random maps", () => {
  const row = (/** @type {string} */ name, /** @type {boolean} */ beats) => ({ name, beats });
  assert.equal(verdict([]), "");
  assert.equal(verdict([row("deletion", false)]), "Not distinguishable from random maps.");
  assert.equal(
    verdict([row("deletion", true), row("overlap", false)]),
    "Better than random maps in deletion only.",
  );
  assert.equal(verdict([row("deletion", true)]), "Better than random maps in every score.");
});

test("an exported picture says what is explained, to which model, and how it is drawn", () => {
  const view = {
    described: "cosine with “a very long text”",
    score: 0.7061,
    model: "shapes-clip",
    credit: "drawn here",
    maps: [{ protocol: "" }, { protocol: "8 steps" }],
  };
  const lines = captionOf(view, "shared", 0.6, "colour");
  assert.equal(lines[0], "cosine with “a very long text” = 0.706, explained to shapes-clip.");
  assert.ok(lines[1].includes("one colour scale for all maps; opacity 60 %, picture in colour"));
  assert.ok(lines[2].startsWith("Faithfulness: 8 steps. ✓: better than random maps"));
  assert.equal(lines[3], "drawn here");
});
