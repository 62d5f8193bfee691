// @ts-check
// What stands over the map: search, tools, sliders.
import { fill, h, throttled } from "../shared/dom.mjs";
import { field, keep, onEnter, whenTyped } from "../shared/fields.mjs";
import { place } from "./answers.mjs";

/** @import { Atlas, Traits } from "./types.d.ts" */

const TYPING_MS = 350; // without a key before a sentence is searched: it needs the model
const SLIDING_MS = 60; // between two positions of a slider

/** The temperature slider is logarithmic. @param {number} position */
export function temperatureAt(position) {
  return Number((10 ** position).toPrecision(3));
}

/** @param {Atlas} board */
export function search(board) {
  const { model, send, view } = board;
  const query = h("input", {
    type: "search",
    "aria-label": "search by text or vector arithmetic",
    placeholder: "Search by text or vector arithmetic: #12 + red − night",
  });
  whenTyped(
    query,
    (text) => {
      if (text !== model.get("query")) send("query", text);
    },
    TYPING_MS,
  );
  onEnter(query, () => send("query", query.value));
  const file = h("input", {
    type: "file",
    accept: "image/*",
    hidden: true,
    "aria-label": "picture to search by",
    onchange: () => {
      place(board, file.files);
      file.value = "";
    },
  });
  const drop = h("button", {
    type: "button",
    class: "wb-button",
    text: "Search by picture…",
    title: "or drop or paste one on the map",
    onclick: () => file.click(),
  });
  const searched = field(query, "query");
  return {
    element: h("div", { class: "atl-row atl-search" }, searched.element, file, drop),
    draw() {
      keep(query, model.get("query"));
      searched.draw(board.status());
      query.disabled = drop.disabled = !view().live;
      query.title = view().live
        ? "placed on the map by its neighbours in the model's space; #12 is point 12, + and − mix"
        : view().dead;
    },
  };
}

/** @param {Atlas} board */
export function tools(board) {
  const { model, send, view } = board;
  const button = (
    /** @type {Traits["tool"]} */ tool,
    /** @type {string} */ text,
    /** @type {string} */ title,
  ) => h("button", { type: "button", class: "wb-button", text, title, onclick: () => send("tool", tool) });
  const modes = {
    pan: button("pan", "✥ Move", "drag moves the map (P)"),
    lasso: button("lasso", "◌ Lasso", "drag selects (L, or hold Shift); Ctrl adds, Alt takes away"),
  };
  const fit = h("button", {
    type: "button",
    class: "wb-button",
    text: "Fit",
    title: "show the whole map (0); again: outliers too",
    onclick: () => board.stage.fit(),
  });
  const colour = h("select", {
    "aria-label": "colour by",
    onchange: () => {
      send("colour", colour.value);
    },
  });
  const links = h(
    "select",
    {
      "aria-label": "pair links",
      onchange: () => {
        send("links", /** @type {Traits["links"]} */ (links.value));
      },
    },
    ...[
      ["none", "no links"],
      ["selection", "links of the selection"],
      ["worst", "links of the worst pairs"],
    ].map(([value, text]) => h("option", { value, text })),
  );
  const tick = (/** @type {"pictures" | "words"} */ name, /** @type {string} */ text) => {
    const box = h("input", {
      type: "checkbox",
      onchange: () => {
        send(name, box.checked);
      },
    });
    return { box, element: h("label", { class: "atl-tick" }, box, text) };
  };
  const ticks = { pictures: tick("pictures", "pictures"), words: tick("words", "words") };
  const wheel = h("input", {
    type: "checkbox",
    onchange: () => {
      send("wheel", wheel.checked ? "always" : "click");
    },
  });
  const wheelTick = h(
    "label",
    { class: "atl-tick", title: "else it zooms with Ctrl or ⌘, or once the map has been clicked" },
    wheel,
    "wheel zooms",
  );
  let options = "";
  return {
    element: h(
      "div",
      { class: "atl-row" },
      h(
        "span",
        { class: "atl-modes", role: "group", "aria-label": "what a drag does" },
        modes.pan,
        modes.lasso,
      ),
      fit,
      h("label", { class: "atl-tick" }, h("span", { class: "wb-field-name", text: "Colour" }), colour),
      links,
      ticks.pictures.element,
      ticks.words.element,
      wheelTick,
    ),
    draw() {
      for (const [tool, element] of Object.entries(modes))
        element.setAttribute("aria-pressed", String(model.get("tool") === tool));
      const now = view();
      if (JSON.stringify(now.colours) !== options) {
        options = JSON.stringify(now.colours);
        fill(
          colour,
          ...now.colours.map((one) =>
            h("option", {
              value: one.value,
              text: one.why ? `${one.text} (${one.why})` : one.text,
              disabled: Boolean(one.why),
            }),
          ),
        );
      }
      colour.value = model.get("colour");
      links.value = model.get("links");
      links.disabled = !now.offset;
      links.title = now.offset
        ? "a line from each picture to its own text"
        : "needs pictures and texts on one map";
      for (const name of /** @type {const} */ (["pictures", "words"])) {
        const { box, element } = ticks[name];
        box.checked = model.get(name);
        element.hidden = !now[name];
      }
      wheel.checked = model.get("wheel") === "always";
    },
  };
}

/** @param {Atlas} board */
export function sliders(board) {
  const { model, send, view } = board;
  const shift = slider(
    "shift",
    "Gap closed by λ",
    { min: -0.5, max: 1.5, step: 0.05 },
    (value) => send("shift", value),
    (value) => value.toFixed(2).replace("-", "−"),
  );
  const temperature = slider(
    "temperature",
    "Temperature τ",
    { min: -2.5, max: 1, step: 0.02 },
    (value) => send("temperature", temperatureAt(value)),
    (value) => String(temperatureAt(value)),
  );
  const layer = slider(
    "layer",
    "Layer",
    { min: 0, max: 1, step: 1 },
    (value) => send("layer", value),
    (value) => view().layers[value] ?? "",
  );
  shift.element.title = "0 is the space as it is, 1 lays the centres of pictures and texts on one another";
  temperature.element.title = "of the contrastive loss alone: no point moves";
  const all = [shift, temperature, layer];
  return {
    element: h(
      "div",
      { class: "atl-row atl-sliders", role: "group", "aria-label": "simulate" },
      ...all.map((one) => one.element),
    ),
    draw() {
      const now = view();
      shift.set(model.get("shift"), now.sliders.shift, model.get("shift").toFixed(2).replace("-", "−"));
      temperature.set(
        Math.log10(model.get("temperature")),
        now.sliders.temperature,
        String(Number(model.get("temperature").toPrecision(3))),
      );
      layer.element.hidden = now.layers.length < 2;
      layer.input.max = String(Math.max(0, now.layers.length - 1));
      layer.set(model.get("layer"), "", now.layers[model.get("layer")] ?? "");
      all.forEach((one) => one.field.draw(board.status()));
    },
  };
}

/**
 * @param {string} trait
 * @param {string} name
 * @param {{min: number, max: number, step: number}} range
 * @param {(value: number) => void} moved
 * @param {(value: number) => string} word
 */
function slider(trait, name, range, moved, word) {
  const tell = throttled(moved, SLIDING_MS);
  const input = h("input", {
    type: "range",
    ...range,
    "aria-label": name,
    oninput: () => {
      tell(Number(input.value));
      said();
    },
  });
  const value = h("output", { class: "atl-number" });
  const said = (/** @type {string} */ text = word(Number(input.value))) => {
    value.textContent = text;
    input.setAttribute("aria-valuetext", value.textContent ?? "");
  };
  const placed = field(input, trait, { label: name, beside: value });
  return {
    element: placed.element,
    input,
    field: placed,
    // `exact` is what is in force: a slider stops at its nearest step, and would say that instead.
    set(/** @type {number} */ position, /** @type {string} */ why, /** @type {string} */ exact) {
      keep(input, Number(position.toFixed(4)));
      input.disabled = Boolean(why);
      if (why) placed.element.title = why;
      said(document.activeElement === input ? undefined : exact);
    },
  };
}
