// @ts-check
// The fusion board. It draws what the kernel computed (`_view`, `_planes`, `_space`) and sends back choices.
import { h, fill } from "../shared/dom.mjs";
import { offer } from "../shared/head.mjs";
import { mount } from "../shared/mount.mjs";
import { choosePage } from "./choose.mjs";
import { costPage } from "./cost.mjs";
import { examplesPage } from "./examples.mjs";
import { spacePage } from "./fused_space.mjs";
import { lookedPart } from "./looked.mjs";
import { modelsPage, proofPage } from "./models.mjs";
import { contributionsPage } from "./contributions.mjs";
import { qualityPage } from "./quality.mjs";
import { robustnessPage } from "./robustness.mjs";
import { trainingPage } from "./training.mjs";
import { planePage } from "./plane.mjs";

/** @import { FileMessage, Fusion, ToKernel, Traits } from "./types.d.ts" */
/** @import { Board, Context, Part } from "../shared/types.d.ts" */

const PAGES = {
  choose: choosePage,
  plane: planePage,
  proof: proofPage,
  quality: qualityPage,
  training: trainingPage,
  robustness: robustnessPage,
  contributions: contributionsPage,
  cost: costPage,
  examples: examplesPage,
  space: spacePage,
  models: modelsPage,
};
const TRAITS = [
  "_view",
  "_live",
  "_planes",
  "_space",
  "_sprite",
  "_large",
  "tab",
  "fusion",
  "focus",
  "selected",
  "preset",
  "layer",
  "bottleneck",
  "task",
  "beside",
  "seed",
  "data",
  "chosen",
  "curve",
  "order",
  "seeds",
  "epochs",
  "most_train",
  "training",
  "need",
  "may_miss",
  "explain",
  "apart",
  "most_parameters",
  "most_seconds",
  "rows",
];
const HELP = [
  "Choose: which fusion for a purpose, with reasons from theory and from a comparison.",
  "Decision regions: what each fusion can say of two numbers; move the slider from early to late. " +
    "Planes of seed 0 ship with the package.",
  "Training: choose a data set and compare; then every other page opens.",
  "Charts: point at a mark, or Tab to it, to read its name and value; a click looks at that fusion.",
  "Arrow keys move among the tabs and among the items; Space chooses more than one item.",
  "Escape, outside a text field, goes back to the notebook.",
];

/**
 * Where the arrow keys lead among tabs that can be opened.
 * @param {boolean[]} open
 * @param {number} place
 * @param {string} key
 */
export function nextTab(open, place, key) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
  if (key === "Home") return open.indexOf(true);
  if (key === "End") return open.lastIndexOf(true);
  if (!step) return null;
  let goal = place;
  for (let tries = 0; tries < open.length; tries += 1) {
    goal = (goal + step + open.length) % open.length;
    if (open[goal]) return goal;
  }
  return place;
}

/** @param {Context<Traits>} context */
function render(context) {
  return mount(context, (/** @type {Board<Traits, ToKernel>} */ frame) => {
    const board = Object.assign(frame, { look: (/** @type {string} */ name) => frame.send("fusion", name) });
    const tabs = boardTabs(board);
    const leaks = boardLeaks(board);
    const looked = lookedPart(board);
    const pages = boardPages(board);
    const { view } = board;
    return {
      kind: "fb",
      label: "Fusion board",
      thing: "board",
      file: "fusion",
      help: HELP,
      traits: TRAITS,
      parts: [tabs, leaks, pages, looked],
      title: () => view().title,
      said: () => view().said,
      notes: () => view().notes,
      credit: () => view().credit,
      code: () => view().code,
      caption: () => [
        view().title,
        view().origin,
        `page: ${view().tabs.find((row) => row.name === view().tab)?.title}`,
        view().credit,
      ],
      exports: [tableButtons(board)],
      listeners: {
        "msg:custom": (message) => {
          if (message?.kind !== "file") return;
          const { name, text } = /** @type {FileMessage} */ (message);
          offer(board.root, name, text, "text/plain;charset=utf-8");
        },
      },
      ready: () => Boolean(view()?.tab),
      body: h(
        "div",
        { class: "fb-frame-body" },
        tabs.element,
        leaks.element,
        h("div", { class: "fb-columns" }, pages.element, looked.element),
      ),
    };
  });
}

/** The page in view; pages are made when they are first opened. @param {Fusion} board */
function boardPages(board) {
  /** @type {Record<string, Part>} */
  const made = {};
  const element = h("div", { class: "fb-body", role: "tabpanel", tabindex: 0 });
  let shown = "";
  return {
    element,
    draw() {
      const name = board.view().tab;
      made[name] ??= PAGES[/** @type {keyof typeof PAGES} */ (name)](board);
      if (shown !== name) {
        shown = name;
        fill(element, made[name].element);
        element.setAttribute("aria-label", name);
        element.scrollTop = 0;
      }
      made[name].draw();
    },
    release: () => Object.values(made).forEach((page) => page.release?.()),
  };
}

/** @param {Fusion} board */
function boardTabs({ send, view }) {
  const list = h("div", { class: "fb-tabs", role: "tablist", "aria-label": "pages" });
  const why = h("span", { class: "fb-tabs-why" });
  const element = h("div", { class: "fb-tabs-row" }, list, why);
  let drawn = 0;
  list.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const buttons = /** @type {HTMLElement[]} */ ([...list.children]);
    const place = buttons.indexOf(/** @type {HTMLElement} */ (event.target));
    const goal =
      place < 0
        ? null
        : nextTab(
            buttons.map((button) => button.getAttribute("aria-disabled") !== "true"),
            place,
            event.key,
          );
    if (goal === null) return;
    event.preventDefault();
    buttons[goal].focus();
    send("tab", view().tabs[goal].name);
  });
  return {
    element,
    draw() {
      const { tabs, tab } = view();
      if (drawn !== tabs.length) {
        drawn = tabs.length;
        fill(
          list,
          ...tabs.map((row, /** @type {number} */ at) =>
            h("button", {
              type: "button",
              role: "tab",
              text: row.title,
              onclick: () => {
                if (!view().tabs[at].why) send("tab", row.name);
              },
            }),
          ),
        );
      }
      tabs.forEach((row, /** @type {number} */ at) => {
        const button = /** @type {HTMLElement} */ (list.children[at]);
        button.setAttribute("aria-selected", String(row.name === tab));
        button.setAttribute("aria-disabled", String(Boolean(row.why)));
        button.setAttribute("tabindex", row.name === tab ? "0" : "-1");
        button.title = row.why ? `${row.title} ${row.why}` : "";
      });
      const closed = tabs.filter((row) => row.why);
      why.textContent = closed.length ? `Grey: ${closed[0].why}.` : "";
    },
  };
}

/**
 * How the comparison could be won without learning: in red, above every page that shows its numbers.
 * @param {Fusion} board
 */
function boardLeaks(board) {
  const element = h("div", {
    class: "fb-leaks",
    role: "note",
    "aria-label": "leaks",
    tabindex: 0,
    hidden: true,
  });
  let drawn = "";
  return {
    element,
    draw() {
      const leaks = board.view().leaks ?? [];
      element.hidden = leaks.length === 0;
      if (leaks.join("\n") === drawn) return;
      drawn = leaks.join("\n");
      fill(
        element,
        ...leaks.map((/** @type {string} */ text) => h("p", {}, h("strong", { text: "Leak. " }), text)),
      );
    },
  };
}

/** Tables of the page in view, handed to the browser. @param {Fusion} board */
function tableButtons(board) {
  const button = (/** @type {"csv" | "latex"} */ form, /** @type {string} */ text) =>
    h("button", {
      type: "button",
      class: "wb-button",
      text,
      onclick: () => board.tell({ kind: "table", form }),
    });
  return h("div", { class: "wb-row" }, button("csv", "Table as CSV"), button("latex", "Table as LaTeX"));
}

export default { render };
