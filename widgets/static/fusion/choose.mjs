// @ts-check
// The page "Choose": which fusion for a purpose. What is known goes in, theory and a comparison answer.
import { h, fill } from "../shared/dom.mjs";
import { field, keep } from "../shared/fields.mjs";
import { decimal, whole } from "../shared/format.mjs";
import { fieldset, radios } from "./controls.mjs";

/** @import { Advice, Option } from "./pages.d.ts" */
/** @import { Fusion, Traits } from "./types.d.ts" */

const NEEDS = [
  ["unknown", "not known"],
  ["sum", "a sum: each modality gives a score, the scores add up"],
  ["product", "both at once: comparing, XOR, a question about the picture"],
];
/** @type {["may_miss" | "explain" | "apart", string][]} */
const CLAIMS = [
  ["may_miss", "a modality may be missing when it is used"],
  ["explain", "each answer must fall into one part a modality, exactly"],
  ["apart", "each modality must be encoded without the other (an index, computed beforehand)"],
];
/** @type {["most_parameters" | "most_seconds" | "rows", string][]} */
const LIMITS = [
  ["most_parameters", "parameters at most"],
  ["most_seconds", "seconds to train a seed at most"],
  ["rows", "labelled rows to train on"],
];

/** A number of at least 0, or null while it is none. @param {string} text */
export function limit(text) {
  const value = Number(text.replace(/[,_\s]/g, ""));
  return text.trim() === "" ? 0 : Number.isFinite(value) && value >= 0 ? value : null;
}

/** @param {Fusion} board */
export function choosePage(board) {
  const { model, send } = board;
  const need = radios("need", "what the label needs", NEEDS, (value) =>
    send("need", /** @type {Traits["need"]} */ (value)),
  );
  const claims = CLAIMS.map(([name]) => {
    const box = h("input", {
      type: "checkbox",
      onchange: () => {
        send(name, box.checked);
      },
    });
    return box;
  });
  const limits = LIMITS.map(([name, label]) => {
    const entry = h("input", {
      type: "text",
      inputmode: "numeric",
      "aria-label": `${label}; empty for none`,
      placeholder: "any",
      oninput: () => {
        const value = limit(entry.value);
        entry.toggleAttribute("aria-invalid", value === null);
        if (value !== null) send(name, name === "most_seconds" ? value : Math.round(value));
      },
    });
    return entry;
  });
  const asked = field(h("span", {}), "choose");
  const answer = h("section", { class: "fb-answer", "aria-live": "polite", "aria-label": "advice" });
  const table = h("div", { class: "fb-scroll", tabindex: 0, role: "region", "aria-label": "answers" });
  /** @type {Advice | null} */ let drawn = null;
  return {
    element: h(
      "div",
      { class: "fb-split" },
      h(
        "div",
        { class: "fb-side" },
        fieldset(
          "What does the label need?",
          need.element,
          h("p", {
            class: "wb-help",
            text: "Not sure? Compare a sum with something that can multiply, and read the EMAP gap.",
          }),
        ),
        fieldset(
          "What else is known?",
          ...CLAIMS.map(([, text], at) => h("label", { class: "fb-claim" }, claims[at], h("span", { text }))),
        ),
        fieldset(
          "Budget",
          ...LIMITS.map(([, text], at) => h("label", { class: "fb-limit" }, h("span", { text }), limits[at])),
          asked.element,
        ),
      ),
      h("div", { class: "fb-main" }, answer, table),
    ),
    draw() {
      need.set(model.get("need"));
      CLAIMS.forEach(([name], at) => {
        claims[at].checked = model.get(name);
      });
      LIMITS.forEach(([name], at) => keep(limits[at], model.get(name) || ""));
      asked.draw(board.status());
      const { advice } = board.view().choose;
      if (advice === drawn && drawn) return;
      drawn = advice;
      if (!advice) {
        fill(
          answer,
          h("p", { class: "wb-help", text: "Asking theory and the kept comparison on easy-VQA…" }),
        );
        fill(table);
        return;
      }
      fill(answer, ...answerParts(advice));
      fill(table, optionTable(advice));
    },
  };
}

/** @param {Advice} advice */
function answerParts(advice) {
  const head = advice.choice
    ? h(
        "h3",
        {},
        h("span", { class: "fb-dot", "data-where": advice.where, "aria-hidden": "true" }),
        ` ${advice.title}`,
        h("small", { text: `  ${advice.choice} · class: ${advice.kind}` }),
      )
    : h("h3", { text: "Nothing meets all of this" });
  const reasons = advice.reasons.map((one) =>
    h(
      "li",
      {},
      h("span", {
        class: "fb-source",
        "data-source": one.source,
        text: one.source,
      }),
      h("span", { text: one.text }),
    ),
  );
  const next = advice.try_first.length
    ? h("p", {
        class: "fb-caption",
        text:
          "Before you believe it, on your own data: compare " +
          `${advice.try_first.join(", ")}${advice.gaps ? `, with p_missing_train=${advice.gaps}` : ""}. ` +
          "Show that report here and the advice is about your data.",
      })
    : null;
  return [
    head,
    h("ul", { class: "fb-reasons" }, ...reasons),
    next,
    h("p", { class: "wb-help", text: `Figures: ${advice.evidence}. ${advice.notes[0] ?? ""}` }),
  ].filter(Boolean);
}

/** @param {Advice} advice */
function optionTable(advice) {
  const without = advice.modalities.map((name) => `without ${name}`);
  const row = (/** @type {Option} */ one) =>
    h(
      "tr",
      { "data-out": one.excluded ? "" : null, "data-looked": one.fusion === advice.choice },
      h(
        "th",
        { scope: "row" },
        h("span", { class: "fb-dot", "data-where": one.where, "aria-hidden": "true" }),
        ` ${one.title}`,
      ),
      h("td", { text: one.kind }),
      h("td", { text: decimal(one.quality[0] ?? NaN) }),
      h("td", {
        text: one.excluded ? "" : one.tied ? "tied with the best" : `${decimal(one.behind[0] ?? NaN)} behind`,
      }),
      ...one.missing.map((value) => h("td", { text: decimal(value ?? NaN) })),
      h("td", { text: whole(one.parameters) }),
      h("td", { text: one.excluded }),
    );
  return h(
    "table",
    { class: "fb-options" },
    h("caption", {
      text:
        'Every fusion of both modalities, the advised one first; "without": trained on complete pairs, ' +
        "tested with none of it.",
    }),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...["fusion", "class", "accuracy", "", ...without, "parameters", "why not"].map((text) =>
          h("th", { scope: "col", text }),
        ),
      ),
    ),
    h("tbody", {}, ...advice.options.map(row)),
  );
}
