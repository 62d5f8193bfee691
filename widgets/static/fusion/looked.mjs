// @ts-check
// The fusion looked at, beside the pages: its picture, its equation, its class, what goes wrong with it.
import { h, fill } from "../shared/dom.mjs";
import { graphDrawing } from "./graph.mjs";

/** @import { Fusion } from "./types.d.ts" */

/**
 * The fusion looked at: its picture, its equation, its class, what goes wrong with it.
 * @param {Fusion} board
 */
export function lookedPart(board) {
  const drawing = graphDrawing({ down: true });
  const title = h("h3", {});
  const facts = h("p", { class: "wb-help" });
  const equation = h("code", { class: "fb-equation" });
  const trap = h("p", { class: "fb-trap" });
  const paper = h("p", { class: "wb-help" });
  const caption = h("p", { class: "wb-help" });
  const list = h("div", { class: "fb-list", role: "radiogroup", "aria-label": "fusion looked at" });
  const group = `looked-${Math.random().toString(36).slice(2)}`;
  let drawn = "";
  const element = h(
    "aside",
    { class: "fb-looked", "aria-label": "the fusion looked at" },
    list,
    title,
    drawing.element,
    caption,
    equation,
    facts,
    trap,
    paper,
  );
  return {
    element,
    draw() {
      const view = board.view();
      const { looked } = view;
      element.hidden =
        !looked ||
        view.tab === "plane" ||
        view.tab === "choose" ||
        view.tab === "proof" ||
        view.tab === "models";
      if (element.hidden || !looked) return;
      const names = view.fusions.map((row) => row.name).join();
      if (names !== drawn) {
        drawn = names;
        fill(
          list,
          ...view.fusions.map((row) =>
            h(
              "label",
              { "data-where": row.where },
              h("input", {
                type: "radio",
                name: group,
                value: row.name,
                onchange: () => board.look(row.name),
              }),
              h("span", { class: "fb-dot", "aria-hidden": "true" }),
              h("span", { text: row.title }),
              h("small", { text: row.where }),
            ),
          ),
        );
      }
      list.querySelectorAll("input").forEach((input) => {
        input.checked = input.value === looked.name;
      });
      title.textContent = looked.title;
      drawing.draw(looked.graph);
      caption.textContent = looked.graph.caption;
      equation.textContent = looked.equation;
      facts.textContent =
        `${looked.where}; through ${looked.channel}; ${looked.operator}; class: ` +
        `${looked.kind}${looked.rank ? ` (rank: ${looked.rank})` : ""}`;
      trap.textContent = looked.trap ? `Beware: ${looked.trap}.` : "";
      trap.hidden = !looked.trap;
      paper.textContent = looked.paper;
    },
  };
}
