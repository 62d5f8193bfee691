// @ts-check
// The lens's head and its controls: which map is read, and how.
import { h, fill } from "./dom.mjs";

/** @typedef {import("./lens_state.mjs").Lens} Lens */

export function head(/** @type {Lens} */ lens) {
  const { model } = lens;
  const title = h("strong", {});
  const said = h("span", { class: "al-said", role: "status", "aria-live": "polite" });
  const cancel = h("button", { type: "button", class: "wb-button", text: "Cancel", hidden: true, onclick: () => model.send({ kind: "cancel" }) });
  const error = h("p", { class: "wb-error", role: "alert", hidden: true });
  return {
    element: h("header", { class: "al-head" }, title, said, cancel, error),
    draw() {
      const now = model.get("_status");
      const { view } = lens;
      title.textContent = view.model;
      const score = view.score === null ? "" : `cosine of picture and text ${view.score.toFixed(3)}; `;
      said.textContent = now.state === "working" ? `asking the model… ${now.stage ?? ""}` : now.message || `${score}every row adds up to 100 %`;
      cancel.hidden = now.state !== "working";
      error.hidden = !now.error;
      error.textContent = now.error || "";
    },
  };
}

/** @param {string} text @param {any} control @param {any} [output] */
export const labelled = (text, control, output = null) => h("label", { class: "al-control" }, h("span", { text }), control, output);

export function controls(/** @type {Lens} */ lens) {
  const where = h("select", { "aria-label": "attention of", onchange: () => lens.turn(Number(where.value), false) });
  const reading = h("select", { "aria-label": "reading", onchange: () => lens.set({ reading: reading.value }) },
    h("option", { value: "mean", text: "mean of heads" }), h("option", { value: "head", text: "one head" }), h("option", { value: "rollout", text: "rollout to this layer" }));
  const layer = h("input", { type: "range", min: 0, step: 1, "aria-label": "layer", oninput: () => lens.set({ layer: Number(layer.value) }) });
  const headSlider = h("input", { type: "range", min: 0, step: 1, "aria-label": "head", oninput: () => lens.set({ head: Number(headSlider.value), reading: "head" }) });
  const direction = h("select", { "aria-label": "direction", onchange: () => lens.turn(lens.at, direction.value === "to") },
    h("option", { value: "from", text: "what it attends to" }), h("option", { value: "to", text: "who attends to it" }));
  const from = h("select", { "aria-label": "query", onchange: () => lens.turn(lens.at, lens.backwards, from.value) });
  const scale = h("select", { "aria-label": "colour scale", onchange: () => lens.send("scale", scale.value) },
    h("option", { value: "shared", text: "one scale for all" }), h("option", { value: "own", text: "each map its own" }));
  const [layerNumber, headNumber] = [h("output", {}), h("output", {})];
  const whereLabel = labelled("Attention", where);
  let built = "";
  return {
    element: h("div", { class: "al-controls" }, whereLabel, labelled("Token", from), labelled("Direction", direction), labelled("Reading", reading),
      labelled("Layer", layer, layerNumber), labelled("Head", headSlider, headNumber), labelled("Colours", scale)),
    draw() {
      const { group } = lens;
      const shape = `${lens.at}${lens.backwards}${lens.groups.map((one) => one.key)}`;
      if (shape !== built) {
        built = shape;
        fill(where, ...lens.groups.map((one, at) => h("option", { value: at, text: one.title })));
        fill(from, ...lens.ids.map((/** @type {string} */ id) => h("option", { value: id, text: lens.nameOf(id) })));
        layer.max = group.sites.length - 1;
        headSlider.max = group.heads - 1;
      }
      whereLabel.hidden = lens.groups.length < 2;
      where.value = String(lens.at);
      from.value = lens.pinned;
      direction.value = lens.backwards ? "to" : "from";
      reading.value = lens.reading;
      reading.options[2].disabled = !group.square;
      layer.value = String(lens.layer);
      headSlider.value = String(lens.head);
      headSlider.toggleAttribute("data-off", lens.reading !== "head");
      layerNumber.textContent = `${lens.layer} of ${group.sites.length - 1}`;
      headNumber.textContent = lens.reading === "head" ? `${lens.head} of ${group.heads - 1}` : "all";
      scale.value = lens.model.get("scale");
    },
  };
}
