// @ts-check
// Pages of the fusion board that stand on no comparison: the proof of the fusions, and models in use.
import { h, fill } from "../shared/dom.mjs";
import { field } from "../shared/fields.mjs";
import { graphDrawing } from "./graph.mjs";
import { fixed } from "./controls.mjs";

/** @import { Measured, ProofTable } from "./pages.d.ts" */
/** @import { Fusion } from "./types.d.ts" */

const MARKS = { within: "✓", broken: "✗", "no claim": "–", none: "" };

/** @param {Fusion} board */
export function proofPage(board) {
  const run = h("button", {
    type: "button",
    class: "wb-button fb-run",
    text: "Prove every fusion (about two minutes)",
    onclick: () => board.tell({ kind: "prove" }),
  });
  const placed = field(run, "prove");
  const said = h("p", { class: "fb-caption", role: "status" });
  const table = h("div", { class: "fb-scroll", tabindex: 0, role: "region", "aria-label": "models" });
  const detail = h("div", { class: "fb-detail", "aria-live": "polite" });
  let open = "";
  /** @type {ProofTable | null} */ let drawn = null;
  const pick = (/** @type {string} */ key) => {
    open = open === key ? "" : key;
    drawn = null;
    draw();
  };
  const draw = () => {
    const proof = board.view().proof.proof;
    placed.draw(board.status());
    run.textContent = proof ? "Prove again" : "Prove every fusion (about two minutes)";
    if (proof === drawn && proof) return;
    drawn = proof;
    if (!proof) {
      said.textContent =
        "Each fusion is trained on tasks whose answer is known, and must reach what its class can, and " +
        "no more. Comparisons rest on it.";
      fill(table);
      fill(detail);
      return;
    }
    said.textContent = proof.said;
    fill(
      table,
      h(
        "table",
        { class: "fb-proof" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col", text: "fusion" }),
            h("th", { scope: "col", text: "class" }),
            ...proof.tasks.map((task) => h("th", { scope: "col", text: task })),
          ),
        ),
        h(
          "tbody",
          {},
          ...proof.rows.map((row) =>
            h(
              "tr",
              {},
              h("th", { scope: "row", text: row.fusion }),
              h("td", { text: row.kind }),
              ...row.cells.map((cell) =>
                h(
                  "td",
                  {},
                  cell.state === "none"
                    ? null
                    : h(
                        "button",
                        {
                          type: "button",
                          class: "fb-cell",
                          "data-state": cell.state,
                          "aria-expanded": String(open === `${row.fusion}/${cell.task}`),
                          "aria-label":
                            `${row.fusion} on ${cell.task}: ${cell.state}, ${cell.measure} ` +
                            `${fixed(cell.measured)}`,
                          onclick: () => pick(`${row.fusion}/${cell.task}`),
                        },
                        `${MARKS[cell.state]} ${fixed(cell.measured, 2)}`,
                      ),
                ),
              ),
            ),
          ),
        ),
      ),
    );
    const [fusion, task] = open.split("/");
    const cell = proof.rows.find((row) => row.fusion === fusion)?.cells.find((one) => one.task === task);
    fill(
      detail,
      ...(cell
        ? [
            h("h4", { text: `${fusion} on ${task}` }),
            h(
              "ul",
              {},
              ...cell.rows.map((row) =>
                h(
                  "li",
                  { "data-state": row[3] === false ? "broken" : "within" },
                  h("strong", { text: `${row[0]} ${fixed(row[1], 4)}` }),
                  ` theory: ${row[2]}${row[3] === false ? " — broken" : ""}`,
                ),
              ),
            ),
          ]
        : [h("p", { class: "wb-help", text: "Open a cell for what was measured and why theory says so." })]),
    );
  };
  return {
    element: h(
      "div",
      { class: "fb-page" },
      h("div", { class: "fb-row" }, placed.element),
      said,
      table,
      detail,
    ),
    draw,
  };
}

/** @param {Fusion} board */
export function modelsPage(board) {
  const run = h("button", {
    type: "button",
    class: "wb-button fb-run",
    text: "Measure tiny ones here",
    onclick: () => board.tell({ kind: "specimens" }),
  });
  const own = h("div", { class: "fb-models" });
  const list = h("div", { class: "fb-models" });
  let drawn = "";
  return {
    element: h(
      "div",
      { class: "fb-page" },
      h("p", {
        class: "fb-caption",
        text:
          "The same questions asked of models in use: where do the modalities meet, through what, and " +
          "what can be read there?",
      }),
      h(
        "div",
        { class: "fb-row" },
        run,
        h("span", {
          class: "wb-help",
          text:
            "Each family with two layers a part and random weights, captured: its structure is real, its " +
            "shares are near those of even attention. Yours: show(meeting(capture(model, inputs))).",
        }),
      ),
      own,
      list,
    ),
    draw() {
      const page = board.view().models;
      const key = JSON.stringify([page.own, page.rows.map((row) => row.measured)]);
      if (key === drawn) return;
      drawn = key;
      fill(
        own,
        ...page.own.map((found) =>
          h("article", { class: "fb-model" }, h("h4", { text: found.model }), measuredPart(found)),
        ),
      );
      fill(
        list,
        ...page.rows.map((row) => {
          const drawing = graphDrawing({ down: true });
          drawing.draw(row.graph);
          return h(
            "article",
            { class: "fb-model" },
            h(
              "h4",
              {},
              h("span", { class: "fb-dot", "data-where": row.where, "aria-hidden": "true" }),
              ` ${row.model}`,
            ),
            h("p", {
              class: "wb-help",
              text: `${row.where} · ${row.channel} · nearest here: ${row.closest} (${row.kind})`,
            }),
            drawing.element,
            h("p", { text: row.words }),
            h("p", { class: "fb-trap", text: row.trap }),
            h("p", { class: "wb-help", text: `To read: ${row.read}. ${row.source}` }),
            row.measured ? measuredPart(row.measured) : null,
          );
        }),
      );
    },
  };
}

/**
 * What was measured in one model: a sentence, and a bar for each direction of each layer.
 * @param {Measured} found
 */
function measuredPart(found) {
  const weights = found.trained ? "Measured" : "Measured on a tiny one (random weights)";
  const bars = found.layers.map((one) => {
    const told =
      one.kind === "cross"
        ? "cross-attention: all of it " +
          `crosses${one.gate === null ? "" : `, times a gate of ${one.gate.toFixed(2)}`}`
        : `${(100 * one.share).toFixed(0)} % crosses (heads ${(100 * one.low).toFixed(0)} to ` +
          `${(100 * one.high).toFixed(0)} %; even attention: ${(100 * one.even).toFixed(0)} %)`;
    return h(
      "li",
      { title: told },
      h("span", {
        text:
          `${one.site.replace(/^(joint|text|image)\.(\d+)(\.cross)?$/, "layer $2")}: ${one.asks} → ` +
          `${one.seen}`,
      }),
      h(
        "span",
        { class: "fb-share", role: "img", "aria-label": told },
        h("i", { style: { width: `${100 * one.share * (one.gate ?? 1)}%` } }),
        h("b", { style: { left: `${100 * one.even}%` } }),
      ),
      h("small", {
        text:
          one.kind === "cross"
            ? one.gate === null
              ? "all"
              : `gate ${one.gate.toFixed(2)}`
            : `${(100 * one.share).toFixed(0)} %`,
      }),
    );
  });
  return h(
    "div",
    { class: "fb-measured" },
    h("p", { text: `${weights}: ${found.said}.` }),
    bars.length ? h("ul", {}, ...bars) : null,
  );
}
