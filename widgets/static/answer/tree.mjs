// @ts-check
// The tree of beginnings as places on a screen; which are shown, how probable, in what order. Nothing here
// draws.

/** @import { Placed, Tree } from "./types.d.ts" */

const [FINISHED, PRUNED] = [1, 2];
const STUBS = 1; // pruned children shown of a node: the likeliest, and those whose truth is known
const [ROW, STUB, GAP, LETTER] = [23, 16, 30, 7]; // pixels
const TOP = 6; // pixels above the first line

/** @param {Tree} tree @returns {number[][]} node + 1 -> its children, likeliest first */
export function childrenOf({ parent, logp }) {
  /** @type {number[][]} */ const found = Array.from({ length: parent.length + 1 }, () => []);
  parent.forEach((above, node) => found[above + 1].push(node));
  found.forEach((list) => list.sort((one, other) => logp[other] - logp[one] || one - other));
  return found;
}

/**
 * Nodes that a beam of `width` would have kept, as far as the tree holds them: of each step the likeliest
 * beginnings that go on from one that was kept. All that were kept, if no width is given.
 * @param {Tree} tree
 * @param {number | null} width
 * @returns {Set<number>}
 */
export function keptBy({ parent, step, total, fate }, width) {
  const last = Math.max(-1, ...step);
  /** @type {Set<number>} */ const kept = new Set();
  for (let at = 0; at <= last; at += 1) {
    const there = [...step.keys()].filter(
      (node) =>
        step[node] === at && (at === 0 || (kept.has(parent[node]) && fate[parent[node]] !== FINISHED)),
    );
    const open = width === null ? there.filter((node) => fate[node] !== PRUNED) : there;
    open.sort((one, other) => total[other] - total[one] || one - other);
    open.slice(0, width ?? open.length).forEach((node) => kept.add(node));
  }
  return kept;
}

/**
 * How probable each beginning is at a temperature. At 1 it is the model's own probability; else each choice
 * is made again among the children that the tree holds, what it does not hold counting as one token more.
 * @param {Tree} tree
 * @param {number} temperature
 */
export function sharesOf(tree, temperature) {
  const out = new Array(tree.parent.length).fill(0);
  const children = childrenOf(tree);
  const local = new Map();
  children.forEach((list) => {
    const shares = list.map((node) => Math.exp(tree.logp[node]));
    const rest = Math.max(0, 1 - shares.reduce((sum, share) => sum + share, 0));
    const weights = [...shares, rest].map((share) => (share > 0 ? share ** (1 / temperature) : 0));
    const sum = weights.reduce((all, weight) => all + weight, 0);
    list.forEach((node, place) => local.set(node, sum > 0 ? weights[place] / sum : 0));
  });
  tree.parent.forEach((above, node) => {
    out[node] = (above < 0 ? 1 : out[above]) * local.get(node);
  });
  return out;
}

/**
 * Nodes that end an answer, best first, by log-probability / length ** penalty, as `Beams.best` has it.
 * @param {Tree} tree
 * @param {number} penalty
 * @param {Set<number>} [among]
 */
export function ranked({ ends, total, step }, penalty, among) {
  const judged = (/** @type {number} */ node) => total[node] / (step[node] + 1) ** penalty;
  return ends
    .filter((node) => !among || among.has(node))
    .sort((one, other) => judged(other) - judged(one) || one - other);
}

/** Nodes from the first step to this one. @param {number[]} parent @param {number} node */
export function pathOf(parent, node) {
  const found = [];
  for (let at = node; at >= 0; at = parent[at]) found.push(at);
  return found.reverse();
}

/** @param {Tree} tree @param {number} node */
export function textOf({ parent, piece }, node) {
  return pathOf(parent, node)
    .map((one) => piece[one])
    .join("")
    .trim();
}

/**
 * Places for all that is shown, from left to right by step. A beginning and its likeliest child stand on one
 * line; what branches off stands on the next line below that has room, the shortest first.
 * @param {Tree} tree
 * @param {{width: number | null, temperature: number, path: Set<number>}} how `path` is always shown
 * @returns {{nodes: Placed[], width: number, height: number}}
 */
export function placed(tree, { width, temperature, path }) {
  const kept = keptBy(tree, width);
  path.forEach((node) => kept.add(node));
  const children = childrenOf(tree);
  const shares = sharesOf(tree, temperature);
  /** @type {Placed[]} */ const nodes = [];
  /** @type {number[]} */ const wide = [];
  /** @type {number[]} */ const free = []; // step -> the first line that has room
  const open = (/** @type {number} */ above) => children[above + 1].filter((node) => kept.has(node));
  const stubs = (/** @type {number} */ above) =>
    children[above + 1]
      .filter((node) => !kept.has(node))
      .filter((node, place) => place < STUBS || tree.truth[node] !== null);
  const lineOf = (/** @type {number} */ node) => {
    const line = [node];
    for (let next = open(node)[0]; next !== undefined; next = open(next)[0]) line.push(next);
    return line;
  };
  const put = (/** @type {number} */ node, /** @type {number} */ y, /** @type {boolean} */ stub) => {
    const label = tree.label[node];
    const step = tree.step[node];
    wide[step] = Math.max(wide[step] ?? 0, label.length * LETTER + 12);
    free[step] = y + (stub ? STUB : ROW);
    nodes.push({ node, parent: tree.parent[node], x: step, y, label, share: shares[node], stub });
  };
  /** @type {(line: number[], least: number, more: number[][]) => void} */
  const settle = (line, least, more) => {
    const y = Math.max(least, ...line.map((node) => free[tree.step[node]] ?? TOP));
    line.forEach((node) => put(node, y, !kept.has(node)));
    const off = line.flatMap((node) => [
      ...open(node).slice(1).map(lineOf),
      ...stubs(node).map((stub) => [stub]),
    ]);
    [...more, ...off]
      .sort((one, other) => one.length - other.length || tree.step[one[0]] - tree.step[other[0]])
      .forEach((branch) => settle(branch, y + STUB, []));
  };
  const [first, ...others] = open(-1);
  if (first !== undefined)
    settle(lineOf(first), TOP, [...others.map(lineOf), ...stubs(-1).map((stub) => [stub])]);
  const lefts = wide.map((_, step) => wide.slice(0, step).reduce((sum, one) => sum + one + GAP, 10));
  nodes.forEach((one) => {
    one.x = lefts[one.x];
  });
  const last = wide.length - 1;
  return { nodes, width: last < 0 ? 0 : lefts[last] + wide[last] + 10, height: Math.max(TOP, ...free) + 4 };
}
