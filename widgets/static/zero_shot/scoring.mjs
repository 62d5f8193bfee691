// @ts-check
// From cosines to an answer: the rule, the temperature, and the threshold below which there is none.
import { h, fill, throttled } from "../shared/dom.mjs";
import { field, keep } from "../shared/fields.mjs";
import { decimal, number as written, whole } from "../shared/format.mjs";
import { choice, panel, SLIDER_INTERVAL } from "./controls.mjs";

/** @import { Measure, Reject, ZeroShot } from "./types.d.ts" */

/** The temperature slider is logarithmic: its middle is the model's own, 1. @param {number} position */
export function toTemperature(position) {
  return Number((10 ** position).toPrecision(3));
}

/**
 * What a typed temperature becomes: 0 is sent as well, for the kernel says why it is none.
 * @param {string} text
 */
export function typedTemperature(text) {
  const value = Number(text.replace(",", ".").trim());
  return text.trim() === "" || Number.isNaN(value) ? null : value;
}

/** @param {ZeroShot} board */
export function scoring({ model, send, view, status, redraw }) {
  const rule = choice(
    "rule",
    "Rule that makes probabilities",
    [
      ["softmax", "softmax: which of these"],
      ["sigmoid", "sigmoid: yes or no each"],
    ],
    (value) => send("rule", value),
  );
  const move = throttled((/** @type {number} */ value) => send("temperature", value), SLIDER_INTERVAL);
  const slider = h("input", {
    type: "range",
    min: -1.5,
    max: 1.5,
    step: 0.01,
    "aria-label": "temperature (logarithmic)",
    oninput: () => {
      move(toTemperature(Number(slider.value)));
    },
  });
  const type = () => {
    const value = typedTemperature(number.value);
    if (value === null) redraw();
    else send("temperature", value);
  };
  const number = h("input", {
    type: "number",
    min: 0.01,
    step: 0.1,
    "aria-label": "temperature",
    onchange: type,
    onblur: () => redraw(),
  });
  const numberField = field(number, "temperature");
  const hints = h("ul", { class: "zsb-hints" });
  return {
    element: panel(
      "Scoring",
      "",
      rule.element,
      h("div", { class: "zsb-heat-row" }, h("span", { text: "Temperature" }), slider, numberField.element),
      hints,
    ),
    draw() {
      const temperature = model.get("temperature");
      numberField.draw(status());
      rule.set(model.get("rule"));
      keep(number, temperature);
      if (temperature > 0) keep(slider, Math.log10(temperature).toFixed(2));
      fill(hints, ...view().hints.map((/** @type {string} */ hint) => h("li", { text: hint })));
    },
  };
}

/**
 * Where a value stands between two others, in per cent.
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export function along(value, low, high) {
  return high > low ? 100 * Math.min(1, Math.max(0, (value - low) / (high - low))) : 50;
}

/** @param {ZeroShot} board */
export function rejection({ model, send, view }) {
  const start = () =>
    model.get("thresholds")[model.get("measure")] ??
    view().reject.measured?.value ??
    (view().reject.low + view().reject.high) / 2;
  const on = h("input", {
    type: "checkbox",
    onchange: () => {
      send("threshold", on.checked ? start() : null);
    },
  });
  const measure = h(
    "select",
    {
      "aria-label": "measure",
      onchange: () => {
        send("measure", /** @type {Measure} */ (measure.value));
      },
    },
    ...["probability", "margin", "cosine"].map((name) => h("option", { value: name, text: name })),
  );
  const move = throttled((/** @type {number} */ value) => send("threshold", value), SLIDER_INTERVAL);
  const slider = h("input", {
    type: "range",
    step: 0.001,
    "aria-label": "abstain below",
    oninput: () => {
      move(Number(slider.value));
    },
  });
  const typed = h("input", {
    type: "number",
    step: 0.005,
    "aria-label": "threshold",
    onchange: () => {
      typed.value !== "" && send("threshold", Number(typed.value));
    },
  });
  const back = h("button", {
    type: "button",
    class: "wb-button zsb-measured",
    onclick: () => send("threshold", view().reject.measured?.value ?? null),
  });
  const chart = histogram();
  const cost = h("p", { class: "zsb-cost", role: "status" });
  return {
    element: panel(
      "Abstain below a threshold",
      "",
      h(
        "div",
        { class: "zsb-switch" },
        h("label", {}, on, h("span", { text: " “none of these” below a" })),
        measure,
        h("span", { text: "of:" }),
      ),
      chart.element,
      slider,
      h("div", { class: "wb-row" }, typed, back),
      cost,
    ),
    draw() {
      const { low, high, cost: said, measured } = view().reject;
      const threshold = model.get("threshold");
      on.checked = threshold !== null;
      slider.disabled = typed.disabled = threshold === null;
      [slider.min, slider.max] = [String(low), String(high)];
      keep(measure, model.get("measure"));
      keep(slider, threshold ?? low);
      keep(typed, threshold === null ? "" : Number(threshold.toFixed(4)));
      back.hidden = !measured;
      back.disabled = !measured || threshold === measured.value;
      back.textContent = measured?.said ?? "";
      back.title = `the threshold measured for this model. ${measured?.note ?? ""}`.trim();
      chart.draw(view().reject, threshold, model.get("measure"));
      cost.textContent = [said, measured?.note].filter(Boolean).join(" ");
    },
  };
}

/** How many pictures have which score; what the threshold cuts off is hatched, the measured one is a mark. */
function histogram() {
  const bars = h("div", { class: "zsb-bars" });
  const mark = h("span", { class: "zsb-mark-line" });
  const most = h("span", { class: "zsb-most" });
  const axis = h("div", { class: "zsb-axis" });
  const element = h(
    "div",
    { class: "zsb-histogram", role: "img" },
    h("div", { class: "zsb-plot" }, most, bars, mark),
    axis,
  );
  return {
    element,
    draw(
      /** @type {Reject} */ { low, high, bars: counts, most: top, measured },
      /** @type {number | null} */ threshold,
      /** @type {string} */ measure,
    ) {
      const step = (high - low) / counts.length;
      fill(
        bars,
        ...counts.map((/** @type {number} */ count, /** @type {number} */ place) =>
          h("span", {
            "data-cut": threshold !== null && low + (place + 0.5) * step < threshold,
            style: { height: `${(100 * count) / Math.max(1, top)}%` },
            title: `${decimal(low + place * step)} to ${decimal(low + (place + 1) * step)}: ${whole(count)}`,
          }),
        ),
      );
      most.textContent = whole(top);
      most.title = "pictures in the highest bar";
      mark.hidden = !measured;
      if (measured) mark.style.left = `${along(measured.value, low, high)}%`;
      mark.title = measured?.said ?? "";
      fill(
        axis,
        h("span", { text: written(low) }),
        h("span", { text: `${measure} of the best label` }),
        h("span", { text: written(high) }),
      );
      element.setAttribute(
        "aria-label",
        `Histogram of the ${measure} of the best label, ${decimal(low, 2)} to ${decimal(high, 2)}, at ` +
          `most ${whole(top)} pictures a bar${measured ? `; ${measured.said}` : ""}`,
      );
    },
  };
}
