// @ts-check
// One item inside one fusion: what every fusion answered, its gates, its attention.
import { sequential } from "../shared/colours.mjs";
import { h, fill, pen, PictureUrl } from "../shared/dom.mjs";
import { percent } from "../shared/format.mjs";
import { fixed, options } from "./controls.mjs";

/** @import { Fusion } from "./types.d.ts" */
/** @import { Answer, AttentionMap, Examples, Focus, Gate, Look } from "./pages.d.ts" */
/** @import { Bytes } from "../shared/types.d.ts" */

/** Shares of an attention row as cells 0 to 1 of their largest. @param {number[]} shares */
export function heat(shares) {
  const most = Math.max(...shares, 1e-9);
  return shares.map((share) => share / most);
}

/** @param {Fusion} board */
export function itemOpened(board) {
  const url = new PictureUrl();
  /** @type {Bytes | null} */ let source = null;
  /** @type {Examples | null} */ let drawn = null;
  let map = 0;
  const picture = h("img", { class: "fb-picture" });
  const cover = h("canvas", { class: "fb-cover", "aria-hidden": "true" });
  const frame = h("div", { class: "fb-frame" }, picture, cover);
  const text = h("p", { class: "fb-text" });
  const place = h("div", { class: "fb-inside" });
  const answers = h("div", {
    class: "fb-scroll",
    tabindex: 0,
    role: "region",
    "aria-label": "answers of every fusion",
  });
  const which = h("select", {
    "aria-label": "attention shown",
    onchange: () => {
      map = Number(which.value);
      drawn = null;
      draw(board.view().examples);
    },
  });
  const draw = (/** @type {Examples} */ page) => {
    if (board.model.get("_large") !== source) {
      source = board.model.get("_large");
      picture.src = url.of(source);
    }
    frame.hidden = !page.pictures || !url.url;
    if (page === drawn) return;
    drawn = page;
    const rows = page.focus?.rows ?? [];
    picture.alt = page.text;
    const look = page.look;
    const maps = look?.maps ?? [];
    map = Math.min(map, Math.max(0, maps.length - 1));
    options(
      which,
      maps.map((row, /** @type {number} */ at) => [
        String(at),
        `layer ${row.layer + 1}: ` +
          `${row.asker}${row.cross > 0 ? `, ${(100 * row.cross).toFixed(0)} % across` : " asks"}`,
      ]),
      String(map),
    );
    which.hidden = maps.length === 0;
    drawText(text, page, look, maps[map]);
    drawCover(cover, look, maps[map]);
    fill(
      answers,
      page.focus ? answerTable(page.focus, board) : h("p", { class: "wb-help", text: "Pick an item." }),
    );
    fill(place, ...insideParts(page, look, rows));
  };
  return {
    element: h(
      "section",
      { class: "fb-opened", "aria-label": "the item in view" },
      h("div", {}, frame, which, text),
      place,
      answers,
    ),
    draw,
    release: () => url.release(),
  };
}

/**
 * Words shaded by attention where there is one.
 * @param {Element} place
 * @param {Examples} page
 * @param {Look | null} look
 * @param {AttentionMap | undefined} map
 */
function drawText(place, page, look, map) {
  const shares = map?.asked?.text;
  if (!look || !shares || !look.words.length) {
    fill(place, h("span", { text: page.text }));
    return;
  }
  const warm = heat(shares);
  fill(
    place,
    ...look.words.map((/** @type {string} */ word, /** @type {number} */ at) =>
      h("span", {
        class: "fb-word",
        title: `${(100 * (shares[at] ?? 0)).toFixed(1)} % of attention`,
        style: {
          background: `color-mix(in srgb, var(--f-text) ${Math.round(65 * (warm[at] ?? 0))}%, transparent)`,
        },
        text: word,
      }),
    ),
  );
}

/**
 * Attention over the patches, laid on the picture.
 * @param {HTMLCanvasElement} canvas
 * @param {Look | null} look
 * @param {AttentionMap | undefined} map
 */
function drawCover(canvas, look, map) {
  const shares = map?.asked?.image;
  const grid = look?.grid;
  canvas.hidden = !shares || !grid || grid[0] * grid[1] > shares.length;
  if (canvas.hidden || !shares || !grid) return;
  const [rows, cols] = grid;
  canvas.width = cols;
  canvas.height = rows;
  const context = pen(canvas);
  const pixels = context.createImageData(cols, rows);
  heat(shares.slice(0, rows * cols)).forEach((value, at) =>
    pixels.data.set([...sequential(value), Math.round(190 * value)], at * 4),
  );
  context.putImageData(pixels, 0, 0);
}

/** @param {Focus} focus @param {Fusion} board */
function answerTable(focus, board) {
  const looked = board.model.get("fusion");
  return h(
    "table",
    { class: "fb-answers" },
    h("caption", { text: `Right: ${focus.truth}. Answers of the first seed.` }),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...["fusion", "answer", "probability", "probability of the truth"].map((name) =>
          h("th", { scope: "col", text: name }),
        ),
      ),
    ),
    h(
      "tbody",
      {},
      ...focus.rows.map((row) =>
        h(
          "tr",
          { "data-looked": row.fusion === looked },
          h(
            "th",
            { scope: "row" },
            h("span", { class: "fb-dot", "data-where": row.where, "aria-hidden": "true" }),
            ` ${row.title}`,
          ),
          h("td", { text: `${row.right ? "✓" : "✗"} ${row.answer}` }),
          h("td", { text: percent(row.probability) }),
          h("td", { text: percent(row.truth) }),
        ),
      ),
    ),
  );
}

/**
 * What is seen inside the fusion: alone and together, gates, interaction.
 * @param {Examples} page
 * @param {Look | null} look
 * @param {Answer[]} rows
 */
function insideParts(page, look, rows) {
  if (!rows.length) return [];
  if (!look) return [h("p", { class: "wb-help", text: page.why || "Opening the model…" })];
  const shares = (/** @type {string} */ name, /** @type {Look["together"]} */ top) =>
    h(
      "tr",
      {},
      h("th", { scope: "row", text: name }),
      h("td", {
        text: top
          .slice(0, 3)
          .map(([label, share]) => `${label} ${percent(share ?? 0)}`)
          .join(", "),
      }),
    );
  const parts = [
    h("h4", { text: `Inside ${look.fusion}` }),
    h(
      "table",
      {},
      h(
        "tbody",
        {},
        shares("together", look.together),
        ...Object.entries(look.alone).map(([name, top]) => shares(`${name} alone`, top)),
      ),
    ),
  ];
  if (look.crossing !== null)
    parts.push(
      h("p", {
        class: "wb-help",
        text:
          `${(100 * look.crossing).toFixed(0)} % of the attention goes to the other modality. Attention ` +
          "shows where it looked, not what mattered.",
      }),
    );
  if (look.interaction)
    parts.push(
      h("p", {
        class: "wb-help",
        text: `Beyond any sum of one score a modality: ${look.interaction
          .slice(0, 3)
          .map(([label, value]) => `${label} ${value > 0 ? "+" : ""}${fixed(value, 2)}`)
          .join(", ")} (logits).`,
      }),
    );
  for (const gate of look.gates) parts.push(gateBars(gate));
  if (!look.maps.length && !look.gates.length)
    parts.push(
      h("p", {
        class: "wb-help",
        text:
          "This fusion has neither gates nor attention across modalities: there is nothing to look at " +
          "before the answer.",
      }),
    );
  return parts;
}

/** @param {Gate} gate */
function gateBars(gate) {
  const most = Math.max(1, ...gate.values.map(Math.abs));
  return h(
    "div",
    {
      class: "fb-gate",
      role: "img",
      "aria-label":
        `gate ${gate.name}: mean ${fixed(gate.mean)}, ` + `from ${fixed(gate.low)} to ${fixed(gate.high)}`,
    },
    h("span", {
      text: `${gate.name}, mean ${fixed(gate.mean, 2)}${gate.hidden ? `, ${gate.hidden} more` : ""}`,
    }),
    h(
      "span",
      { class: "fb-gate-bars" },
      ...gate.values.map((/** @type {number} */ value) =>
        h("i", {
          title: fixed(value),
          "data-negative": value < 0,
          style: { height: `${(100 * Math.abs(value)) / most}%` },
        }),
      ),
    ),
  );
}
