// @ts-check
// The lens's controls: which map is read, and how it is drawn.
import { h, fill } from "../shared/dom.mjs";

/** @import { Lens } from "./state.mjs" */
/** @import { Reading, Traits } from "./types.d.ts" */

/** @param {string} text @param {HTMLElement} control @param {HTMLElement | null} [output] */
export const labelled = (text, control, output = null) =>
  h("label", { class: "al-control" }, h("span", { text }), control, output);

/** @param {Lens} lens */
export function controls(lens) {
  const where = h("select", {
    "aria-label": "attention of",
    onchange: () => {
      lens.turn(Number(where.value), false);
    },
  });
  const reading = h(
    "select",
    {
      "aria-label": "head aggregation",
      onchange: () => {
        lens.set({ reading: /** @type {Reading} */ (reading.value) });
      },
    },
    h("option", { value: "mean", text: "mean of heads" }),
    h("option", { value: "head", text: "one head" }),
    h("option", { value: "rollout", text: "rollout to this layer" }),
  );
  const layer = h("input", {
    type: "range",
    min: 1,
    step: 1,
    "aria-label": "layer",
    oninput: () => {
      lens.set({ layer: Number(layer.value) - 1 });
    },
  });
  const headSlider = h("input", {
    type: "range",
    min: 1,
    step: 1,
    "aria-label": "head",
    oninput: () => {
      lens.set({ head: Number(headSlider.value) - 1, reading: "head" });
    },
  });
  const direction = h(
    "select",
    {
      "aria-label": "direction",
      onchange: () => {
        lens.turn(lens.at, direction.value === "to");
      },
    },
    h("option", { value: "from", text: "query to keys", title: "what the token attends to" }),
    h("option", { value: "to", text: "key to queries", title: "which tokens attend to it" }),
  );
  const from = h("select", {
    "aria-label": "token",
    onchange: () => {
      lens.turn(lens.at, lens.backwards, from.value);
    },
  });
  const scale = h(
    "select",
    {
      "aria-label": "colour scale",
      onchange: () => {
        lens.choose("scale", /** @type {Traits["scale"]} */ (scale.value));
      },
    },
    h("option", {
      value: "shared",
      text: "shared scale",
      title: "one scale for all layers, so that maps can be compared",
    }),
    h("option", { value: "own", text: "own scale", title: "each map up to its largest weight" }),
  );
  const opacity = h("input", {
    type: "range",
    min: 0,
    max: 100,
    step: 5,
    "aria-label": "opacity of the overlay",
    oninput: () => {
      lens.choose("opacity", Number(opacity.value) / 100);
    },
  });
  const [layerNumber, headNumber, opacityNumber] = [h("output", {}), h("output", {}), h("output", {})];
  const whereLabel = labelled("Attention", where);
  const opacityLabel = labelled("Overlay", opacity, opacityNumber);
  let built = "";
  return {
    element: h(
      "div",
      { class: "al-controls" },
      whereLabel,
      labelled("Token", from),
      labelled("Direction", direction),
      labelled("Aggregation", reading),
      labelled("Layer", layer, layerNumber),
      labelled("Head", headSlider, headNumber),
      labelled("Colours", scale),
      opacityLabel,
    ),
    draw() {
      const { group } = lens;
      const shape = `${lens.at}${lens.backwards}${lens.groups.map((one) => one.key)}`;
      if (shape !== built) {
        built = shape;
        fill(where, ...lens.groups.map((one, at) => h("option", { value: at, text: one.title })));
        fill(
          from,
          ...lens.ids.map((/** @type {string} */ id) => h("option", { value: id, text: lens.nameOf(id) })),
        );
        layer.max = String(group.sites.length);
        headSlider.max = String(group.heads);
      }
      whereLabel.hidden = lens.groups.length < 2;
      opacityLabel.hidden = !lens.view.grid;
      where.value = String(lens.at);
      from.value = lens.pinned;
      direction.value = lens.backwards ? "to" : "from";
      reading.value = lens.reading;
      reading.options[2].disabled = !group.square;
      layer.value = String(lens.layer + 1);
      headSlider.value = String(lens.head + 1);
      headSlider.toggleAttribute("data-off", lens.reading !== "head");
      layerNumber.textContent = `${lens.layer + 1} of ${group.sites.length}`;
      headNumber.textContent =
        lens.reading === "head" ? `${lens.head + 1} of ${group.heads}` : `all ${group.heads}`;
      scale.value = lens.model.get("scale");
      opacity.value = String(Math.round(100 * lens.opacity));
      opacityNumber.textContent = `${Math.round(100 * lens.opacity)} %`;
    },
  };
}
