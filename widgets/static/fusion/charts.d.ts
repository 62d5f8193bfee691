// What the charts and the graphs of the fusion board draw.

/** A line to read a chart against: chance, an upper bound. */
export interface Line {
  name: string;
  value: number;
}

/** An axis of a chart. */
export interface Axis {
  low: number;
  high: number;
  label?: string;
  log?: boolean;
  ticks?: number[];
  format?: (value: number) => string;
  unit?: string;
}

/** A line of a chart, or points with a band: x, y, low, high. */
export interface Series {
  name: string;
  title?: string;
  where?: string;
  strong?: boolean;
  dashed?: boolean;
  colour?: string;
  points: (number | null)[][];
}

/** A row of dots: a mean, its interval, and single seeds. */
export interface Dots {
  fusion: string;
  title: string;
  where: string;
  mean: number | null;
  low: number | null;
  high: number | null;
  seeds?: (number | null)[];
  strong?: boolean;
}

/** A bar from zero, with its interval, and a mark beside it. */
export interface Bar {
  name: string;
  value: number | null;
  low?: number | null;
  high?: number | null;
  hue?: string;
  mark?: number | null;
}

/** A row of bars. */
export interface Bars {
  fusion: string;
  title: string;
  strong?: boolean;
  parts: Bar[];
}

/** A name in the right margin, at the height of what it names. */
export interface Name {
  x: number;
  y: number;
  name: string;
  kind: string;
  where?: string;
  colour?: string;
}

/** A fusion's quality against what it costs. */
export interface CostPoint {
  name: string;
  title: string;
  where: string;
  x: number | null;
  y: number | null;
  low: number | null;
  high: number | null;
  front: boolean;
  strong: boolean;
}

/** A fusion drawn as tokens, blocks, and what goes from one to the other. Of `fusion_graph`. */
export interface Graph {
  nodes: GraphNode[];
  edges: GraphEdge[];
  caption: string;
}

export interface GraphNode {
  id: string;
  kind: string;
  label: string;
  /** columns run with the layers; row 0 is the text, 1 what both share, 2 the picture */
  col: number;
  row: number;
  side: string;
}

export interface GraphEdge {
  from: string;
  to: string;
  kind: "own" | "cross" | "unread";
  layer: number | null;
  /** share of attention that crosses here, where it was measured */
  weight: number | null;
}
