// @ts-check
// The page of training: a new comparison, and curves as it runs.
import { colourOf } from "../shared/colours.mjs";
import { h } from "../shared/dom.mjs";
import { field, keep } from "../shared/fields.mjs";
import { chartPlace } from "./chart.mjs";
import { lineChart } from "./lines.mjs";
import { choice, fieldset, fixed, fusionChecks, options } from "./controls.mjs";

/** @import { Fusion } from "./types.d.ts" */
/** @import { Training } from "./pages.d.ts" */
/** @import { Chart } from "./chart.mjs" */

/**
 * A whole number of at least `low`, or null while there is none yet.
 * @param {string} text
 * @param {number} low
 */
export function whole(text, low) {
  const value = Math.round(Number(text));
  return text.trim() !== "" && Number.isFinite(value) && value >= low ? value : null;
}

/** @param {Fusion} board */
export function trainingPage(board) {
  const { model, send } = board;
  const curve = choice(board, "curve", "Curve", { label: "curve" });
  const chart = chartPlace();
  const what = h("p", { class: "wb-help" });
  const data = h("select", {
    "aria-label": "data set",
    onchange: () => {
      if (data.value) send("data", data.value);
    },
  });
  const dataField = field(data, "data", { label: "Data" });
  const checks = fusionChecks(board, "chosen", { wide: true });
  const count = (
    /** @type {"seeds" | "epochs" | "most_train"} */ name,
    /** @type {string} */ label,
    /** @type {number} */ low,
  ) => {
    const entry = h("input", {
      type: "number",
      min: low,
      step: 1,
      "aria-label": label,
      oninput: () => {
        const value = whole(entry.value, low);
        if (value !== null) send(name, value);
      },
      onchange: () => {
        send(name, whole(entry.value, low) ?? low);
      },
    });
    return entry;
  };
  const [seeds, epochs, most] = [
    count("seeds", "seeds", 1),
    count("epochs", "epochs", 1),
    count("most_train", "training rows at most, 0 for all", 0),
  ];
  const way = choice(board, "training", "Training", { label: "training" });
  const run = h("button", {
    type: "button",
    class: "wb-button fb-run",
    text: "Compare",
    onclick: () => board.tell({ kind: "compare" }),
  });
  const runField = field(run, "compare");
  return {
    element: h(
      "div",
      { class: "fb-page" },
      fieldset(
        "A new comparison",
        h("div", { class: "fb-row fb-wrap" }, dataField.element, what),
        checks.element,
        h(
          "div",
          { class: "fb-row fb-wrap" },
          h("label", { class: "fb-row" }, "Seeds", seeds),
          h("label", { class: "fb-row" }, "Epochs", epochs),
          h("label", { class: "fb-row" }, "Training rows at most (0: all)", most),
          way.element,
          runField.element,
        ),
      ),
      h("div", { class: "fb-row" }, curve.element),
      chart.element,
    ),
    draw() {
      const page = board.view().training;
      const { all, fusions } = board.view();
      checks.draw([...all, ...fusions.filter((row) => !all.some((other) => other.name === row.name))]);
      const chosen = model.get("chosen");
      options(
        data,
        [["", page.live ? "what is loaded" : "choose a data set…"], ...page.sets],
        model.get("data"),
      );
      what.textContent = page.live
        ? `Trains on ${page.examples}. Cancelling keeps what was finished.`
        : 'These ship with the package. Your own: show(examples(data.load("table.csv"))), with picture, ' +
          "text and label columns.";
      run.disabled = !page.live || chosen.length === 0;
      run.title = page.live ? (chosen.length ? "" : "tick a fusion") : "choose a data set first";
      dataField.draw(board.status());
      runField.draw(board.status());
      keep(seeds, model.get("seeds"));
      keep(epochs, model.get("epochs"));
      keep(most, model.get("most_train"));
      way.draw(
        [
          ["joint", "joint, from end to end"],
          ["separate", "experts apart, then combined"],
          ["experts-first", "experts apart, then joint"],
        ],
        model.get("training"),
      );
      curve.draw(
        [
          ["validation_accuracy", "accuracy on validation"],
          ["validation_loss", "loss on validation"],
          ["train_loss", "loss in training"],
        ],
        model.get("curve"),
      );
      drawCurves(board, chart, page);
    },
    release: () => chart.release(),
  };
}

/** @param {Fusion} board @param {Chart} place @param {Training} page */
function drawCurves(board, place, page) {
  const live = board.model.get("_live") ?? {};
  const running = live.what === "compare" ? (live.curves ?? []) : [];
  const kept = running.length ? null : page.curves;
  const looked = board.model.get("fusion");
  if (!running.length && !kept) {
    place.clear(h("p", { class: "wb-help", text: "Curves appear here while a comparison runs." }));
    return;
  }
  const colours = colourOf(running.map((row) => row.name));
  const series = kept
    ? kept.rows.map((row) => ({ ...row, name: row.fusion, strong: row.fusion === looked }))
    : running.map((row) => ({ ...row, strong: true, colour: colours.get(row.name) }));
  const unit = kept ? kept.label : (live.curve ?? "").replace("_", " ");
  const label = kept ? `${unit}; mean of the seeds, the band holds all of them` : `${unit}, as it runs`;
  place.draw((/** @type {number} */ width) =>
    h(
      "div",
      {},
      h("h4", { text: label }),
      lineChart({
        width,
        label:
          `${label}: ` +
          series.map((row) => `${row.title} ends at ${fixed(row.points.at(-1)?.[1])}`).join(", "),
        x: { label: "epoch" },
        y: { label: unit },
        series,
        lines: kept ? kept.lines : [],
        height: 280,
        onpick: board.look,
      }),
    ),
  );
}
