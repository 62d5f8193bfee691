// @ts-check
// The beam page: the tree of what was looked at, from left to right; click a node, and its path is the
// answer.
import { fill, h, pen } from "../shared/dom.mjs";
import { keep } from "../shared/fields.mjs";
import { decimal, percent, plural } from "../shared/format.mjs";
import { counted, labelled, slider } from "./controls.mjs";
import { keptBy, pathOf, placed, ranked, sharesOf, textOf } from "./tree.mjs";

/** @import { Placed, Tree } from "./types.d.ts" */
/** @import { Reading } from "./state.mjs" */

const THICKEST = 14; // pixels of a line that has all probability
const RANKED = 8; // answers in the list

/** @param {Reading} lens */
export function beam(lens) {
  const { board, model } = lens;
  const edges = h("canvas", { class: "an-edges", "aria-hidden": "true" });
  const nodes = h("div", { class: "an-nodes", role: "group", "aria-label": "tree of beginnings" });
  const stage = h("div", { class: "an-tree" }, edges, nodes);
  const list = h("ol", { class: "an-ranked" });
  const note = h("p", { class: "wb-help" });
  const controls = beamControls(lens);
  nodes.addEventListener("keydown", (event) => walk(lens, nodes, event));
  let built = "";
  return {
    element: h("div", { class: "an-beam" }, controls.element, stage),
    list: h("div", { class: "an-panel" }, h("h3", { text: "Answers, best first" }), list, note),
    draw() {
      controls.draw();
      if (model.get("page") !== "beam") return;
      const tree = model.get("_tree");
      const chosen = model.get("node");
      const path = new Set(chosen === null ? [] : pathOf(tree.parent, chosen));
      const width = model.get("shown_width");
      const found = placed(tree, { width, temperature: model.get("temperature"), path });
      const key = JSON.stringify([found.nodes.map((one) => [one.node, one.x, one.y]), tree.truth]);
      if (key !== built) {
        built = key;
        fill(nodes, ...found.nodes.map((one) => nodeOf(lens, tree, one)));
      }
      for (const button of /** @type {Iterable<HTMLElement>} */ (nodes.children)) {
        const node = Number(button.dataset.node);
        button.toggleAttribute("data-path", path.has(node));
        button.setAttribute("aria-pressed", String(node === chosen));
        button.tabIndex = node === (chosen ?? found.nodes[0]?.node) ? 0 : -1;
      }
      Object.assign(nodes.style, { width: `${found.width}px`, height: `${found.height}px` });
      drawEdges(edges, found, path, board.root);
      drawRanked(lens, list, tree, width);
      note.textContent = noteOf(tree, width, model.get("temperature"));
    },
  };
}

/** @param {Reading} lens */
function beamControls(lens) {
  const { board, model } = lens;
  const temperature = slider(lens, "temperature", {
    label: "temperature",
    says: "temperature of the tree",
    min: 0.1,
    max: 2,
    step: 0.05,
    text: (value) => value.toFixed(2),
  });
  const penalty = slider(lens, "length_penalty", {
    label: "length penalty",
    says: "length penalty of the tree",
    min: -1,
    max: 2,
    step: 0.1,
    text: (value) => value.toFixed(1),
  });
  const most = () => Math.max(1, keptWidth(model.get("_tree")));
  const said = h("output", { class: "an-number" });
  const shown = h("input", {
    type: "range",
    min: 1,
    step: 1,
    "aria-label": "width shown",
    oninput: () => {
      const value = Number(shown.value);
      lens.choose("shown_width", value >= most() ? null : value);
    },
  });
  const width = counted(lens, "width", { label: "width", says: "width of the search", min: 1 });
  const search = h("button", {
    type: "button",
    class: "wb-button",
    text: "Search",
    title: "looks at so many beginnings at once, and shows all it looked at",
    onclick: () => board.tell({ kind: "search" }),
  });
  return {
    element: h(
      "div",
      { class: "wb-row an-beam-controls" },
      labelled("width shown", shown, said),
      penalty.element,
      temperature.element,
      width.element,
      search,
    ),
    draw() {
      [temperature, penalty, width].forEach((one) => one.draw());
      shown.max = String(most());
      keep(shown, model.get("shown_width") ?? most());
      said.textContent = model.get("shown_width") === null ? "all" : String(model.get("shown_width"));
      search.disabled = Boolean(lens.view.refusal) || lens.writing || "writing" in board.status().working;
    },
  };
}

/** The most beginnings that were kept at one step. @param {Tree} tree */
export function keptWidth(tree) {
  const counts = new Map();
  tree.step.forEach((step, node) => {
    if (tree.fate[node] !== 2) counts.set(step, (counts.get(step) ?? 0) + 1);
  });
  return Math.max(0, ...counts.values());
}

/** @param {Reading} lens @param {Tree} tree @param {Placed} one */
function nodeOf(lens, tree, one) {
  const { node } = one;
  const truth = tree.truth[node];
  const fate = ["it went on", "an answer ends here", "not kept"][tree.fate[node]];
  const known = truth === null ? "" : truth ? "; true" : "; false";
  const button = h("button", {
    type: "button",
    class: "an-node",
    "data-node": node,
    "data-stub": one.stub,
    "data-truth": truth === null ? null : String(truth),
    "data-finished": tree.ends.includes(node),
    style: { left: `${one.x}px`, top: `${one.y}px` },
    text: `${one.label}${truth === null ? "" : truth ? " ✓" : " ✗"}`,
    title: `“${textOf(tree, node)}”: probability ${percent(Math.exp(tree.total[node]))}; ${fate}${known}`,
    onclick: () => lens.choose("node", node),
  });
  return button;
}

/** Left to the parent, right to the likeliest child, up and down to what is next there.
 * @param {Reading} lens @param {HTMLElement} nodes @param {KeyboardEvent} event */
function walk(lens, nodes, event) {
  const tree = lens.model.get("_tree");
  const here = Number(/** @type {HTMLElement} */ (event.target).dataset.node);
  const all = /** @type {HTMLElement[]} */ ([...nodes.children]);
  const at = all.findIndex((one) => Number(one.dataset.node) === here);
  /** @type {Record<string, () => HTMLElement | undefined>} */
  const leads = {
    ArrowLeft: () => all.find((one) => Number(one.dataset.node) === tree.parent[here]),
    ArrowRight: () => all.find((one) => tree.parent[Number(one.dataset.node)] === here),
    ArrowDown: () => all.slice(at + 1).find((one) => one.style.left === all[at].style.left),
    ArrowUp: () => all.slice(0, at).findLast((one) => one.style.left === all[at].style.left),
  };
  const next = leads[event.key]?.();
  if (!next) return;
  event.preventDefault();
  next.focus();
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{nodes: Placed[], width: number, height: number}} found
 * @param {Set<number>} path
 * @param {HTMLElement} root
 */
function drawEdges(canvas, { nodes, width, height }, path, root) {
  const density = Math.max(2, window.devicePixelRatio || 1);
  const size = { width: Math.round(width * density), height: Math.round(height * density) };
  if (canvas.width !== size.width || canvas.height !== size.height) Object.assign(canvas, size);
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  const style = getComputedStyle(root);
  const [accent, soft] = ["--wb-accent", "--wb-soft"].map((name) => style.getPropertyValue(name));
  const context = pen(canvas);
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  const at = new Map(nodes.map((one) => [one.node, one]));
  for (const one of nodes) {
    const from = at.get(one.parent);
    const [x, y] = from ? [from.x + 7 * from.label.length + 8, from.y + 9] : [0, one.y + 9];
    context.beginPath();
    context.moveTo(x, y);
    const middle = (x + one.x) / 2;
    context.bezierCurveTo(middle, y, middle, one.y + 9, one.x, one.y + 9);
    context.lineWidth = Math.max(one.stub ? 0.6 : 1, THICKEST * one.share);
    context.strokeStyle = path.has(one.node) ? accent : soft;
    context.globalAlpha = path.has(one.node) ? 0.9 : one.stub ? 0.35 : 0.5;
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** @param {Reading} lens @param {HTMLElement} list @param {Tree} tree @param {number | null} width */
function drawRanked(lens, list, tree, width) {
  const penalty = lens.model.get("length_penalty");
  const order = ranked(tree, penalty, width === null ? undefined : keptBy(tree, width)).slice(0, RANKED);
  const shares = sharesOf(tree, lens.model.get("temperature"));
  fill(
    list,
    ...order.map((node) => {
      const truth = tree.truth[node];
      return h(
        "li",
        { "data-truth": truth === null ? null : String(truth) },
        h("button", {
          type: "button",
          class: "an-link",
          text: textOf(tree, node) || "(end)",
          "aria-pressed": String(node === lens.model.get("node")),
          onclick: () => lens.choose("node", node),
        }),
        h("span", {
          class: "an-number",
          text:
            `${percent(shares[node])}, ${decimal(tree.total[node] / (tree.step[node] + 1) ** penalty, 2)}` +
            (truth === null ? "" : truth ? " ✓ true" : " ✗ false"),
        }),
      );
    }),
  );
}

/** @param {Tree} tree @param {number | null} width @param {number} temperature */
function noteOf(tree, width, temperature) {
  const ends = tree.ends.length;
  const pruned = tree.fate.filter((fate) => fate === 2).length;
  const held = tree.ends.reduce((sum, node) => sum + Math.exp(tree.total[node]), 0);
  const said = [
    `${plural(tree.parent.length, "beginning")}, ${plural(ends, "answer")}, which hold ` +
      `${percent(held)} of all probability; ${plural(pruned, "stub")} not kept (the likeliest are drawn).`,
  ];
  if (width !== null) said.push("A narrower beam, as far as this search went: it may end early.");
  if (temperature !== 1) said.push("Temperature: among what the tree holds; all else counts as one token.");
  return said.join(" ");
}
