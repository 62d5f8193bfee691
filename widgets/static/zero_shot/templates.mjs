// @ts-check
// The prompt templates: which count, what each is worth, and a field for a new one that refuses a bad one by
// itself.
import { h, fill } from "../shared/dom.mjs";
import { field, onEnter } from "../shared/fields.mjs";
import { signed } from "../shared/format.mjs";
import { choice, panel } from "./controls.mjs";

/** @import { ZeroShot } from "./types.d.ts" */

/** @param {ZeroShot} board */
export function templates({ model, send, tell, view, status }) {
  const list = h("ul", { class: "zsb-templates" });
  const entry = h("input", {
    type: "text",
    "aria-label": "new prompt template",
    placeholder: "a photo of a {}.",
  });
  let pending = "";
  const add = () => {
    pending = entry.value.trim();
    if (pending) tell({ kind: "template", text: pending }); // what was typed stays until it is taken
  };
  onEnter(entry, add);
  const entryField = field(entry, "templates");
  let drawn = "";
  const flip = (/** @type {number} */ place) =>
    send(
      "active",
      model
        .get("active")
        .map((/** @type {boolean} */ on, /** @type {number} */ at) => (at === place ? !on : on)),
    );
  const drop = (/** @type {number} */ place) =>
    send(
      "templates",
      model.get("templates").filter((/** @type {string} */ _, /** @type {number} */ at) => at !== place),
    );
  const row = (/** @type {string} */ template, /** @type {number} */ place) =>
    h(
      "li",
      {},
      h(
        "label",
        {},
        h("input", { type: "checkbox", onchange: () => flip(place) }),
        h("span", { class: "zsb-template", text: template }),
        h("span", { class: "zsb-number" }),
      ),
      h("button", {
        type: "button",
        class: "wb-icon",
        "aria-label": `remove the template ${template}`,
        text: "×",
        onclick: () => drop(place),
      }),
    );
  const combine = choice(
    "combine",
    "How templates are combined",
    [
      ["embedding", "average embeddings"],
      ["probability", "average scores"],
    ],
    (value) => send("ensemble", value),
  );
  return {
    element: panel(
      "Prompt templates",
      "{} stands for the label. The number: change of the margin of the picture in view without that " +
        "template.",
      list,
      h(
        "div",
        { class: "wb-row zsb-entry-row" },
        entryField.element,
        h("button", { type: "button", class: "wb-button", text: "Add", onclick: add }),
      ),
      combine.element,
    ),
    draw() {
      entryField.draw(status());
      const now = model.get("templates");
      const active = model.get("active");
      if (pending && now.includes(pending) && entry.value.trim() === pending) {
        entry.value = "";
        pending = "";
      }
      if (now.join("\n") !== drawn) {
        fill(list, ...now.map(row));
        drawn = now.join("\n");
      }
      const effects = view().detail.wordings.effect;
      [...list.children].forEach((item, place) => {
        /** @type {HTMLInputElement} */ (item.querySelector("input")).checked = active[place] ?? true;
        /** @type {HTMLButtonElement} */ (item.querySelector("button")).disabled = now.length === 1;
        const effect = effects[place];
        /** @type {HTMLElement} */ (item.querySelector(".zsb-number")).textContent =
          effect === null || effect === undefined ? "" : signed(effect);
      });
      combine.set(model.get("ensemble"));
    },
  };
}
