// @ts-check
// What is explained, by which methods, and how the maps are drawn.
import { h, fill, throttled } from "../shared/dom.mjs";
import { DIVERGING, css } from "../shared/colours.mjs";
import { field, keep, whenTyped } from "../shared/fields.mjs";
import { number, percent, plural } from "../shared/format.mjs";
import { menu } from "../shared/menu.mjs";
import { largest } from "./values.mjs";

/** @import { Attribution, Traits, Method } from "./types.d.ts" */
/** @import { Props } from "../shared/types.d.ts" */

const TYPING_PAUSE = 600; // ms without a key before a text is explained: it costs passes of the model
const SLIDER_INTERVAL = 40;

/** The text, and the one it is contrasted with. @param {Attribution} board */
export function texts({ model, send, view, status }) {
  const type = (/** @type {"text" | "against"} */ name, /** @type {Props} */ options) =>
    whenTyped(
      h("input", { type: "text", spellcheck: "false", ...options }),
      (text) => {
        if (text.trim() !== model.get(name)) send(name, text.trim());
      },
      TYPING_PAUSE,
    );
  const text = type("text", { "aria-label": "text explained" });
  const against = type("against", {
    "aria-label": "contrast with",
    placeholder: "another text: why the first rather than this one",
    title: "the cosine with the first text minus the cosine with this one",
  });
  const fields = [
    field(text, "text", { label: "Explain" }),
    field(against, "against", { label: "contrast with" }),
  ];
  const element = h("div", { class: "atb-texts" }, ...fields.map((one) => one.element));
  return {
    element,
    draw() {
      element.hidden = view().whole;
      keep(text, model.get("text"));
      keep(against, model.get("against"));
      text.disabled = against.disabled = !view().live;
      fields.forEach((one) => one.draw(status()));
    },
  };
}

/** Everything about how maps are drawn, in one row. @param {Attribution} board */
export function tools(board) {
  const { model, send } = board;
  const parts = [methods(board), evaluation(board)];
  /**
   * @template {"scale" | "ground"} K
   * @param {K} name
   * @param {string} label
   * @param {[Traits[K], string][]} options
   */
  const pick = (name, label, options) => {
    const control = h(
      "select",
      {
        "aria-label": label,
        onchange: () => {
          send(name, /** @type {Traits[K]} */ (control.value));
        },
      },
      ...options.map(([value, text]) => h("option", { value, text })),
    );
    return control;
  };
  const slider = (/** @type {"opacity" | "size"} */ name, /** @type {Props} */ options) => {
    const move = throttled((/** @type {number} */ value) => send(name, value), SLIDER_INTERVAL);
    const control = h("input", {
      type: "range",
      ...options,
      oninput: () => {
        move(Number(control.value));
      },
    });
    return control;
  };
  const scale = pick("scale", "colour scale", [
    ["own", "per map"],
    ["shared", "shared"],
  ]);
  const ground = pick("ground", "picture under the maps", [
    ["grey", "in grey"],
    ["colour", "in colour"],
  ]);
  const opacity = slider("opacity", { min: 0, max: 1, step: 0.05, "aria-label": "opacity" });
  const size = slider("size", { min: 140, max: 480, step: 20, "aria-label": "size of the maps" });
  const said = h("output", { class: "atb-number" });
  const labelled = (/** @type {string} */ text, /** @type {HTMLElement[]} */ ...controls) =>
    h("label", { class: "atb-tool" }, h("span", { text }), ...controls);
  return {
    element: h(
      "div",
      { class: "atb-tools" },
      parts[0].element,
      labelled("Scale", scale),
      labelled("Opacity", opacity, said),
      labelled("Picture", ground),
      labelled("Size", size),
      parts[1].element,
    ),
    draw() {
      keep(scale, model.get("scale"));
      keep(ground, model.get("ground"));
      keep(opacity, model.get("opacity"));
      keep(size, model.get("size"));
      said.textContent = percent(model.get("opacity")).replace(/\.0/, "");
      parts.forEach((part) => part.draw());
    },
  };
}

/** A menu of all methods, with the reason where one does not apply. @param {Attribution} board */
function methods({ model, send, view, status }) {
  const list = h("ul", { class: "atb-methods" });
  const open = menu("Methods", list, {
    title: "maps by which methods; a grey one says why it does not apply",
  });
  const beside = field(open.element, "methods");
  let drawn = "";
  const flip = (/** @type {string} */ name, /** @type {boolean} */ on) => {
    const order = view().methods.map((row) => row.name);
    const chosen = on
      ? [...model.get("methods"), name]
      : model.get("methods").filter((/** @type {string} */ other) => other !== name);
    send(
      "methods",
      [...order, ...chosen.filter((/** @type {string} */ other) => !order.includes(other))].filter((other) =>
        chosen.includes(other),
      ),
    );
  };
  const row = (/** @type {Method} */ { name, title, reason }) =>
    h(
      "li",
      { "data-name": name },
      h(
        "label",
        {},
        h("input", {
          type: "checkbox",
          onchange: (event) => flip(name, /** @type {HTMLInputElement} */ (event.target).checked),
        }),
        h("span", { text: title }),
      ),
      reason ? h("small", { class: "wb-help", text: reason }) : null,
    );
  return {
    element: beside.element,
    draw() {
      const rows = view().methods;
      const key = JSON.stringify(rows.map((one) => [one.name, one.title, one.reason]));
      if (key !== drawn) fill(list, ...rows.map(row));
      drawn = key;
      const boxes = [...list.querySelectorAll("input")];
      rows.forEach((one, /** @type {number} */ place) => {
        boxes[place].checked = status().working.explaining
          ? model.get("methods").includes(one.name)
          : one.shown;
        boxes[place].disabled = Boolean(one.reason) || !view().live;
      });
      open.button.textContent = `Methods: ${view().maps.length} of ${rows.length}`;
      beside.draw(status());
    },
  };
}

/** Every map that is not scored yet, and what that costs. @param {Attribution} board */
function evaluation({ tell, view, status }) {
  const button = h("button", {
    type: "button",
    class: "wb-button",
    title: "faithfulness of every map, in forward passes of the model",
    onclick: () => tell({ kind: "score", methods: missing().map((map) => map.method) }),
  });
  const beside = field(button, "score");
  const missing = () => view().maps.filter((map) => map.image && !map.scores.length);
  return {
    element: beside.element,
    draw() {
      const left = missing();
      button.hidden = view().whole || !view().maps.some((map) => map.image);
      button.disabled = !view().live || !left.length || Boolean(status().working.scoring);
      button.textContent = left.length
        ? `Evaluate all (${plural(view().price, "pass", "passes")})`
        : "All are evaluated";
      beside.draw(status());
    },
  };
}

/**
 * The colour scale in colours: nothing at 0, so the picture shows.
 * @param {Attribution} board
 * @param {() => number[][]} shown values of all maps
 */
export function legend({ model }, shown) {
  const [least, most, bar] = [h("span"), h("span"), h("i")];
  return {
    element: h(
      "div",
      { class: "atb-legend", role: "img", "aria-label": "colour scale: blue against, orange for" },
      least,
      bar,
      most,
    ),
    draw() {
      const opacity = model.get("opacity");
      const ends = [
        css(DIVERGING[0], opacity),
        css(DIVERGING[0], 0),
        css(DIVERGING[2], 0),
        css(DIVERGING[2], opacity),
      ];
      bar.style.background = `linear-gradient(90deg, ${ends[0]}, ${ends[1]} 50%, ${ends[2]} 50%, ${ends[3]})`;
      const limit = model.get("scale") === "shared" ? number(largest(shown().flat())) : "";
      least.textContent = limit ? `against −${limit}` : "against";
      most.textContent = limit ? `+${limit} for` : "for";
    },
  };
}
