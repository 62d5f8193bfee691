// @ts-check
// The picture in view: its scores, and which template carries the decision.
import { h, fill, PictureUrl } from "../shared/dom.mjs";
import { css, sequential } from "../shared/colours.mjs";
import { decimal, number, percent, plural } from "../shared/format.mjs";
import { deciding, hueOf } from "./controls.mjs";

/** @import { Detail, View, Wordings, ZeroShot } from "./types.d.ts" */
/** @import { Bytes } from "../shared/types.d.ts" */

const DARK = 0.55; // of the colour scale: below it, light words are read better

/** A cell's share of the colour scale. @param {number} value @param {number} low @param {number} high */
export function tint(value, low, high) {
  return high > low ? (value - low) / (high - low) : 0.5;
}

/** @param {ZeroShot} board */
export function lookedAt({ model, tell, view }) {
  const [large, seen] = [new PictureUrl(), new PictureUrl()];
  const picture = h("img", { class: "zsb-large" });
  const asSeen = h("img", { class: "zsb-seen" });
  const shownAsSeen = h("figure", {}, asSeen, h("figcaption", { text: "what the model sees" }));
  const name = h("h3", {});
  const verdict = h("p", { class: "zsb-verdict", "aria-live": "polite" });
  const scores = h("table", { class: "zsb-scores" });
  const heat = h("div", {
    class: "zsb-heat",
    tabindex: 0,
    role: "group",
    "aria-label": "cosine by label and template",
  });
  const texts = h("ol", { class: "zsb-texts" });
  const find = h("button", {
    type: "button",
    class: "wb-button",
    text: "Retrieve captions for this image",
    onclick: () => tell({ kind: "texts" }),
  });
  /** @type {(Bytes | null)[]} */
  const sources = [null, null];
  return {
    element: h(
      "section",
      { class: "zsb-detail", "aria-label": "the picture in view", tabindex: 0 },
      h("div", { class: "zsb-pictures" }, picture, shownAsSeen),
      h("div", { class: "zsb-judged" }, name, verdict, scores, find, texts),
      heat,
    ),
    draw() {
      const { detail, model: about, texts: found } = view();
      if (model.get("_large") !== sources[0]) {
        sources[0] = model.get("_large");
        picture.src = large.of(sources[0]);
      }
      if (model.get("_seen") !== sources[1]) {
        sources[1] = model.get("_seen");
        asSeen.src = seen.of(sources[1]);
      }
      shownAsSeen.hidden = !seen.url;
      picture.alt = `${detail.name}: ${detail.rows
        .slice(0, 3)
        .map((row) => `${row.label} ${percent(row.probability)}`)
        .join(", ")}`;
      asSeen.alt = `${detail.name}, as the model sees it`;
      name.textContent = detail.name;
      verdict.textContent = verdictOf(detail, model.get("measure"), model.get("threshold"));
      drawScores(scores, view(), model.get("rule"));
      heat.hidden = detail.wordings.templates.length < 2; // one column is in the table above already
      drawHeat(heat, detail.wordings);
      find.disabled = !about.live;
      fill(
        texts,
        ...(found ?? []).map(([/** @type {string} */ text, /** @type {number} */ cosine]) =>
          h(
            "li",
            {},
            h("span", { text }),
            h("span", { class: "zsb-number", text: ` cosine ${decimal(cosine)}` }),
          ),
        ),
      );
    },
    release() {
      large.release();
      seen.release();
    },
  };
}

/**
 * @param {Pick<Detail, "kept" | "score" | "margin"> & {rows: Pick<Detail["rows"][0], "label">[]}} detail
 * @param {string} measure
 * @param {number | null} threshold
 */
export function verdictOf(detail, measure, threshold) {
  const best = detail.rows[0];
  if (!detail.kept && threshold !== null)
    return (
      `None of these: for the best label, “${best.label}”, ` +
      `${deciding(measure, detail.score, threshold)}.`
    );
  return `“${best.label}”, ahead by a margin of ${decimal(detail.margin)} among these labels.`;
}

/** @param {HTMLElement} table @param {View} view @param {string} rule */
function drawScores(table, view, rule) {
  const { detail } = view;
  const more = detail.hidden ? `; ${plural(detail.hidden, "more label")} below these` : "";
  const head = ["label", "cosine", "logit", "probability"];
  const asked = rule === "softmax" ? "softmax over these labels" : "sigmoid, yes or no for each label";
  const { scale, bias } = view.model;
  fill(
    table,
    h("caption", {
      text:
        `Logit = (${decimal(scale, 1)} × cosine ${bias < 0 ? "−" : "+"} ${decimal(Math.abs(bias), 1)}) / ` +
        `temperature. Probability: ${asked}; all add up to ${decimal(detail.sum, 2)}${more}.`,
    }),
    h("thead", {}, h("tr", {}, ...head.map((text) => h("th", { scope: "col", text })))),
    h(
      "tbody",
      {},
      ...detail.rows.map((row) =>
        h(
          "tr",
          { "data-right": row.right, style: {} },
          h(
            "th",
            { scope: "row" },
            coloured(h("span", { class: "zsb-chip", text: row.label }), hueOf(view, row.index)),
            row.right ? " ✓" : "",
          ),
          h("td", { text: decimal(row.cosine) }),
          h("td", { text: decimal(row.logit, 2) }),
          h(
            "td",
            {},
            coloured(
              h("span", { class: "zsb-share" }, h("i", { style: { width: `${100 * row.probability}%` } })),
              hueOf(view, row.index),
            ),
            h("span", { class: "zsb-number", text: percent(row.probability) }),
          ),
        ),
      ),
    ),
  );
}

/** @param {HTMLElement} element @param {string} hue */
function coloured(element, hue) {
  element.style.setProperty("--hue", hue);
  return element;
}

/**
 * Label by template: which sentence carries the decision.
 * @param {HTMLElement} place
 * @param {Wordings} wordings
 */
function drawHeat(place, wordings) {
  const values = wordings.values.flat();
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const more = wordings.hidden ? ` (${plural(wordings.hidden, "more template")} not drawn)` : "";
  fill(
    place,
    h(
      "table",
      {},
      h("caption", {
        text:
          `Cosine of the picture with each label in each template, from ${number(low)} to ` +
          `${number(high)}; ▲ wins its column${more}.`,
      }),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col", text: "label" }),
          ...wordings.templates.map((/** @type {string} */ text, /** @type {number} */ at) =>
            h("th", { scope: "col", "data-off": !wordings.active[at], text }),
          ),
        ),
      ),
      h(
        "tbody",
        {},
        ...wordings.labels.map((/** @type {string} */ label, /** @type {number} */ row) =>
          h(
            "tr",
            {},
            h("th", { scope: "row", text: label }),
            ...wordings.values[row].map((/** @type {number} */ value, /** @type {number} */ at) =>
              cell(value, tint(value, low, high), {
                off: !wordings.active[at],
                wins: wordings.winner[at] === label,
              }),
            ),
          ),
        ),
      ),
    ),
  );
}

/** @param {number} value @param {number} share @param {{off: boolean, wins: boolean}} state */
function cell(value, share, { off, wins }) {
  return h("td", {
    "data-off": off,
    style: { backgroundColor: css(sequential(share)), color: share < DARK ? "#fff" : "#111" },
    text: `${decimal(value)}${wins ? " ▲" : ""}`,
  });
}
