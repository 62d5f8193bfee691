// @ts-check
// The attention lens. All maps come once as bytes; hovering, clicking and scrubbing are arithmetic here.
// Only masking asks the kernel.
import { h, keepKeys } from "./dom.mjs";
import { Lens } from "./lens_state.mjs";
import { head, controls } from "./lens_controls.mjs";
import { stage } from "./lens_picture.mjs";
import { wordsPart } from "./lens_words.mjs";
import { gridPart } from "./lens_heads.mjs";
import { experiment, foot } from "./lens_foot.mjs";

/** @param {{model: any, el: HTMLElement}} context */
function render({ model, el }) {
  const stop = new AbortController();
  const lens = new Lens(model);
  const parts = [head, controls, stage, wordsPart, gridPart, experiment, foot].map((part) => part(lens));
  const [headPart, controlsPart, stagePart, words, grid, mask, footPart] = parts.map((part) => part.element);
  const root = h("section", { class: "wb al", "aria-label": "Attention lens" }, headPart, controlsPart,
    h("div", { class: "al-columns" }, h("div", { class: "al-look" }, stagePart, mask), h("div", { class: "al-read" }, words, grid)), footPart);
  keepKeys(root, stop.signal);
  let frame = 0;
  lens.redraw = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      if (!lens.ready) return;
      lens.compute();
      parts.forEach((part) => part.draw());
      root.toggleAttribute("data-picture", Boolean(lens.view.grid));
      root.dataset.site = lens.group.sites[lens.layer]; // what is drawn, for whoever waits for it
    });
  };
  const adopt = () => { lens.adopt(); lens.redraw(); };
  const traits = ["_view", "_maps"];
  const reload = () => lens.load().then(adopt, (problem) => model.send({ kind: "problem", message: `The maps could not be read: ${problem.message}` }));
  const lighter = ["selected", "masked", "scale", "_now", "_status", "_alike", "_picture"];
  traits.forEach((name) => model.on(`change:${name}`, reload));
  lighter.forEach((name) => model.on(`change:${name}`, adopt));
  reload();
  el.append(root);
  const themes = new MutationObserver(() => lens.redraw()); // what is drawn on a canvas does not follow by itself
  themes.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  return () => {
    stop.abort();
    cancelAnimationFrame(frame);
    themes.disconnect();
    traits.forEach((name) => model.off(`change:${name}`, reload));
    lighter.forEach((name) => model.off(`change:${name}`, adopt));
    parts.forEach((part) => part.release?.());
    root.remove();
  };
}

export default { render };
