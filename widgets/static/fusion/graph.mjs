// @ts-check
// A fusion as a graph. Nodes keep their names while the slider moves, so they glide instead of jumping.
import { s } from "./chart.mjs";

/** @import { Graph, GraphEdge, GraphNode } from "./charts.d.ts" */

const COLUMN = 120; // pixels from one layer to the next
const ROW = 54; // pixels from one modality to the next
const STEP = 47; // pixels from one layer to the next where layers run downwards
const [WIDE, TALL] = [98, 32]; // of a node: "one weight each" has room

/**
 * What a screen reader says of a graph.
 * @param {{nodes: Pick<GraphNode, "id" | "side" | "label">[],
 *   edges: {from: string, to: string, kind: string}[], caption: string}} graph
 */
export function graphWords(graph) {
  const name = new Map(
    graph.nodes.map((node) => [node.id, node.side === "joint" ? node.label : `${node.side} ${node.label}`]),
  );
  const crossing = graph.edges
    .filter((edge) => edge.kind === "cross")
    .map((edge) => `${name.get(edge.from)} to ${name.get(edge.to)}`);
  const unread = graph.edges.filter((edge) => edge.kind === "unread").length;
  const said = crossing.length
    ? `What crosses: ${crossing.join(", ")}.`
    : "Nothing crosses between the modalities.";
  return (
    `${graph.caption} ` +
    `${said}${unread ? " What the last layer writes to the bottleneck is never read." : ""}`
  );
}

/**
 * How thick an edge is drawn: by the attention that crosses where it was measured.
 * @param {Pick<GraphEdge, "kind"> & {weight?: number | null}} edge
 */
export function edgeWidth(edge) {
  if (edge.kind !== "cross") return 1.5;
  return edge.weight === null || edge.weight === undefined ? 2.2 : 1 + 7 * edge.weight;
}

/**
 * A drawing that follows graphs given to `draw`; `down` runs from top to bottom.
 * @param {{down?: boolean}} [options]
 */
export function graphDrawing({ down = false } = {}) {
  const edges = s("g", { class: "fb-edges" });
  const nodes = s("g", { class: "fb-nodes" });
  const element = s("svg", { class: "fb-graph", role: "img" }, edges, nodes);
  /** @type {Map<string, {group: SVGGElement, box: SVGRectElement, label: SVGTextElement}>} */
  const known = new Map();
  const place = (/** @type {GraphNode} */ node) =>
    down
      ? [WIDE / 2 + 2 + node.row * (WIDE + 4), TALL / 2 + 4 + node.col * STEP]
      : [WIDE / 2 + 8 + node.col * COLUMN, TALL / 2 + 8 + node.row * ROW];

  const made = () => {
    const box = s("rect", { x: -WIDE / 2, y: -TALL / 2, width: WIDE, height: TALL });
    const label = s("text", { y: 4, "text-anchor": "middle" });
    return { group: s("g", { class: "fb-node" }, box, label), box, label };
  };

  const drawNode = (/** @type {GraphNode} */ node) => {
    const drawn = known.get(node.id) ?? made();
    const { group, box, label } = drawn;
    if (!known.has(node.id)) {
      known.set(node.id, drawn);
      nodes.append(group);
    }
    const [x, y] = place(node);
    group.setAttribute("data-kind", node.kind);
    group.setAttribute("data-side", node.side);
    group.style.transform = `translate(${x}px, ${y}px)`;
    const radius =
      node.kind === "shared" || node.kind === "answer" ? TALL / 2 : node.kind === "join" ? 10 : 4;
    box.setAttribute("rx", String(radius));
    label.textContent = node.label;
  };

  const drawEdge = (/** @type {GraphEdge} */ edge, /** @type {Map<string, GraphNode>} */ byName) => {
    const [from, to] = [edge.from, edge.to].map((id) => /** @type {GraphNode} */ (byName.get(id)));
    const [x1, y1] = place(from);
    const [x2, y2] = place(to);
    const d = curve([x1, y1], [x2, y2], [from.kind, to.kind]);
    const told =
      typeof edge.weight === "number"
        ? s("title", { text: `${(100 * edge.weight).toFixed(0)} % of attention crosses here` })
        : null;
    return s(
      "path",
      {
        class: "fb-edge",
        "data-kind": edge.kind,
        "data-side": from.side,
        "stroke-width": edgeWidth(edge).toFixed(1),
        d,
      },
      told,
    );
  };

  const curve = (
    /** @type {number[]} */ [x1, y1],
    /** @type {number[]} */ [x2, y2],
    /** @type {string[]} */ kinds,
  ) => {
    const inset = kinds.map((kind) => (kind === "shared" ? 6 : 0));
    if (down) {
      const [start, end] = [y1 + TALL / 2, y2 - TALL / 2];
      const bend = Math.max(8, (end - start) / 2);
      return `M${x1},${start} C${x1},${start + bend} ${x2},${end - bend} ${x2},${end}`;
    }
    const [start, end] = [x1 + WIDE / 2 - inset[0], x2 - WIDE / 2 + inset[1]];
    const bend = Math.max(14, (end - start) / 2);
    return `M${start},${y1} C${start + bend},${y1} ${end - bend},${y2} ${end},${y2}`;
  };

  return {
    element,
    draw(/** @type {Graph} */ graph) {
      const byName = new Map(graph.nodes.map((node) => [node.id, node]));
      for (const [name, { group }] of known)
        if (!byName.has(name)) {
          group.remove();
          known.delete(name);
        }
      graph.nodes.forEach(drawNode);
      edges.replaceChildren(...graph.edges.map((edge) => drawEdge(edge, byName)));
      const last = Math.max(...graph.nodes.map((node) => node.col));
      const [width, height] = down
        ? [3 * WIDE + 12, TALL + 8 + last * STEP]
        : [WIDE + 16 + last * COLUMN, TALL + 16 + 2 * ROW];
      element.setAttribute("viewBox", `0 0 ${width} ${height}`);
      element.style.maxWidth = `${width * 1.1}px`;
      if (down) element.style.maxHeight = "none";
      element.setAttribute("aria-label", graphWords(graph));
    },
  };
}
