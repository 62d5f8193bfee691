// @ts-check
// The zero-shot board. It draws what the kernel computed (`_view`) and sends back what the user chose.
import { codeOf } from "./code.mjs";
import { h, fill, keepKeys, percent } from "./dom.mjs";
import { acceptPictures, cards, pictures } from "./zero_shot_cards.mjs";
import { finder, rejection, scoring, wordings, words } from "./zero_shot_controls.mjs";
import { lookedAt } from "./zero_shot_looked.mjs";

/** @param {{model: any, el: HTMLElement}} context */
function render({ model, el }) {
  const stop = new AbortController();
  const send = (/** @type {string} */ name, /** @type {any} */ value) => {
    model.set(name, value);
    model.save_changes();
  };
  const board = { model, send, stop, view: () => model.get("_view") };
  const parts = [status, words, wordings, scoring, rejection, pictures, finder, cards, lookedAt, foot].map((part) => part(board));
  const [statusPart, wordsPart, wordingsPart, scoringPart, rejectionPart, picturesPart, finderPart, cardsPart, lookedAtPart, footPart] = parts;
  const root = h(
    "section",
    { class: "wb zsb", "aria-label": "Zero-shot board" },
    statusPart.element,
    h(
      "div",
      { class: "zsb-columns" },
      h("div", { class: "zsb-side" }, ...[wordsPart, wordingsPart, scoringPart, rejectionPart, picturesPart].map((part) => part.element)),
      h("div", { class: "zsb-main" }, finderPart.element, cardsPart.element, lookedAtPart.element),
    ),
    footPart.element,
  );
  keepKeys(root, stop.signal);
  acceptPictures(root, board);
  let frame = 0; // many traits change together; one drawing serves them all
  const draw = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      parts.forEach((part) => part.draw());
    });
  };
  const traits = ["_view", "_status", "_sprite", "_large", "_seen", "labels", "templates", "active", "selected", "focus"]
    .concat(["temperature", "rule", "ensemble", "measure", "threshold", "sort", "query", "page"]);
  traits.forEach((name) => model.on(`change:${name}`, draw));
  draw();
  el.append(root);
  return () => {
    stop.abort();
    cancelAnimationFrame(frame);
    traits.forEach((name) => model.off(`change:${name}`, draw));
    parts.forEach((part) => part.release?.());
    root.remove();
  };
}

function status(/** @type {any} */ { model, stop }) {
  const said = h("span", { class: "zsb-said", role: "status", "aria-live": "polite" });
  const bar = h("progress", { max: 1, "aria-label": "progress", hidden: true });
  const cancel = h("button", { type: "button", class: "wb-button", text: "Cancel", hidden: true, onclick: () => model.send({ kind: "cancel" }) });
  const error = h("p", { class: "wb-error", role: "alert", hidden: true });
  const title = h("strong", { class: "zsb-title" });
  const about = h("p", { class: "wb-help zsb-about" });
  return {
    element: h("header", { class: "zsb-head" }, title, said, bar, cancel, about, error),
    draw() {
      const now = model.get("_status");
      const view = model.get("_view");
      const working = now.state === "working";
      title.textContent = view.model.name;
      about.textContent = view.model.notes.join(" ");
      about.hidden = !about.textContent;
      said.textContent = working ? [now.stage, now.total ? `${now.done} of ${now.total}` : "…", now.message].filter(Boolean).join(" ") : summary(view);
      bar.hidden = cancel.hidden = !working;
      if (working && now.total) bar.value = now.done / now.total;
      else bar.removeAttribute("value");
      error.hidden = !now.error;
      error.textContent = now.error || "";
    },
  };
}

/** @param {any} view */
function summary(view) {
  const { total, accuracy, known } = view.gallery;
  const right = accuracy === null ? "" : `, ${percent(accuracy)} of ${known} right`;
  return `${total.toLocaleString("en")} pictures among ${view.labels.toLocaleString("en")} labels${right}`;
}

function foot(/** @type {any} */ { view }) {
  const code = codeOf("zsb", "board");
  const notes = h("ul", { class: "zsb-hints" });
  const credit = h("small", { class: "wb-credit" });
  return {
    element: h("footer", { class: "zsb-foot" }, notes, h("div", { class: "zsb-row" }, code.button, credit), code.details),
    draw() {
      code.draw(view().code);
      credit.textContent = view().credit;
      fill(notes, ...view().notes.map((/** @type {string} */ note) => h("li", { text: note })));
    },
  };
}

export default { render };
