// @ts-check
// The picture in view: its scores, and which wording carries the decision.
import { h, fill, percent, PictureUrl } from "./dom.mjs";
import { hue } from "./zero_shot_controls.mjs";

/** A cell's share of the colour scale. @param {number} value @param {number} low @param {number} high */
export function tint(value, low, high) {
  return high > low ? (value - low) / (high - low) : 0.5;
}

export function lookedAt(/** @type {any} */ { model, view }) {
  const [large, seen] = [new PictureUrl(), new PictureUrl()];
  const picture = h("img", { class: "zsb-large" });
  const asSeen = h("img", { class: "zsb-seen" });
  const name = h("h3", {});
  const verdict = h("p", { class: "zsb-verdict", "aria-live": "polite" });
  const scores = h("table", { class: "zsb-scores" });
  const heat = h("div", { class: "zsb-heat" });
  const texts = h("ol", { class: "zsb-texts" });
  const find = h("button", { type: "button", class: "wb-button", text: "Find this data's texts for the picture", onclick: () => model.send({ kind: "texts" }) });
  const sources = [null, null];
  return {
    element: h("section", { class: "zsb-detail", "aria-label": "the picture in view" },
      h("div", { class: "zsb-pictures" }, picture, h("figure", {}, asSeen, h("figcaption", { text: "what the model sees" }))),
      h("div", { class: "zsb-judged" }, name, verdict, scores, find, texts), heat),
    draw() {
      const { detail, model: about, texts: found } = view();
      if (model.get("_large") !== sources[0]) { sources[0] = model.get("_large"); picture.src = large.of(sources[0]); }
      if (model.get("_seen") !== sources[1]) { sources[1] = model.get("_seen"); asSeen.src = seen.of(sources[1]); }
      asSeen.parentElement.hidden = !seen.url;
      picture.alt = `${detail.name}: ${detail.rows.slice(0, 3).map((/** @type {any} */ row) => `${row.label} ${percent(row.probability)}`).join(", ")}`;
      asSeen.alt = `${detail.name}, as the model sees it`;
      name.textContent = detail.name;
      verdict.textContent = verdictOf(detail);
      drawScores(scores, view(), model.get("rule"));
      drawHeat(heat, detail.wordings);
      find.disabled = !about.live;
      fill(texts, ...(found ?? []).map(([/** @type {string} */ text, /** @type {number} */ cosine]) => h("li", {}, h("span", { text }), h("span", { class: "zsb-number", text: ` ${cosine.toFixed(3)}` }))));
    },
    release() { large.release(); seen.release(); },
  };
}

/** @param {any} detail */
export function verdictOf(detail) {
  const best = detail.rows[0];
  if (!detail.kept) return `None of these: the best label, “${best.label}”, is below the threshold.`;
  return `“${best.label}”, ahead by a margin of ${detail.margin.toFixed(3)} among these labels.`;
}

/** @param {HTMLElement} table @param {any} view @param {string} rule */
function drawScores(table, view, rule) {
  const { detail } = view;
  const more = detail.hidden ? `; ${detail.hidden.toLocaleString("en")} more below these` : "";
  const head = ["label", "cosine", "logit", rule === "softmax" ? "share among these labels" : "yes, on its own"];
  fill(table,
    h("caption", { text: `Logit = (${view.model.scale.toFixed(1)} × cosine ${view.model.bias < 0 ? "−" : "+"} ${Math.abs(view.model.bias).toFixed(1)}) / temperature; all probabilities add up to ${detail.sum.toFixed(2)}${more}.` }),
    h("thead", {}, h("tr", {}, ...head.map((text) => h("th", { scope: "col", text })))),
    h("tbody", {}, ...detail.rows.map((/** @type {any} */ row) => h("tr", { "data-right": row.right },
      h("th", { scope: "row" }, h("span", { class: "zsb-chip", "data-hue": hue(row.index), text: row.label }), row.right ? " ✓" : ""),
      h("td", { text: row.cosine.toFixed(4) }), h("td", { text: row.logit.toFixed(2) }),
      h("td", {}, h("span", { class: "zsb-share", "data-hue": hue(row.index) }, h("i", { style: { width: `${100 * row.probability}%` } })), h("span", { class: "zsb-number", text: percent(row.probability) }))))));
}

/** Label by wording: which sentence carries the decision. @param {HTMLElement} place @param {any} wordings */
function drawHeat(place, wordings) {
  const values = wordings.values.flat();
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const more = wordings.hidden ? ` (${wordings.hidden} more wordings not drawn)` : "";
  fill(place, h("table", {},
    h("caption", { text: `Cosine of the picture with each label in each wording, from ${low.toFixed(3)} to ${high.toFixed(3)}; ▲ wins its column${more}.` }),
    h("thead", {}, h("tr", {}, h("th", { scope: "col", text: "label" }), ...wordings.templates.map((/** @type {string} */ text, /** @type {number} */ at) => h("th", { scope: "col", "data-off": !wordings.active[at], text })))),
    h("tbody", {}, ...wordings.labels.map((/** @type {string} */ label, /** @type {number} */ row) => h("tr", {},
      h("th", { scope: "row", text: label }),
      ...wordings.values[row].map((/** @type {number} */ value, /** @type {number} */ at) => h("td", { "data-off": !wordings.active[at], style: { backgroundColor: `color-mix(in srgb, var(--wb-accent) ${Math.round(60 * tint(value, low, high))}%, transparent)` },
        text: `${value.toFixed(3)}${wordings.winner[at] === label ? " ▲" : ""}` })))))));
}
