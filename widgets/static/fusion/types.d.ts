// What the fusion board and its kernel exchange. Written by `widgets/fusion`.
import type { Board, Bytes, Common, Message } from "../shared/types.d.ts";

export interface Traits extends Common<View> {
  _live: Live;
  _planes: Bytes | null;
  _space: Bytes | null;
  _sprite: Bytes | null;
  _large: Bytes | null;
  tab: string;
  need: "unknown" | "sum" | "product";
  may_miss: boolean;
  explain: boolean;
  apart: boolean;
  most_parameters: number;
  most_seconds: number;
  rows: number;
  task: string;
  layer: number;
  bottleneck: number;
  beside: string[];
  seed: number;
  steps: number;
  preset: string;
  fusion: string;
  baseline: string;
  measure: string;
  cost: string;
  curve: string;
  order: string;
  page: number;
  focus: number;
  selected: number[];
  data: string;
  chosen: string[];
  seeds: number;
  epochs: number;
  most_train: number;
  training: "joint" | "separate" | "experts-first";
}

/** What every page's `_view` has; `tab` says which page's own part is there. */
export interface View {
  tab: string;
  /** `why`: why a page cannot be opened; "" where it can */
  tabs: { name: string; title: string; why: string }[];
  title: string;
  said: string;
  origin: string;
  looked: Looked | null;
  fusions: Brief[];
  all: Brief[];
  measures: Record<string, string>;
  costs: Record<string, string>;
  notes: string[];
  leaks?: string[];
  credit: string;
  code: string;
  /** of the sheet of small pictures */
  thumb: number;
  columns: number;
  quality: Quality;
  training: Training;
  robustness: Robustness;
  contributions: { parts: Contributions | null };
  examples: Examples;
  space: Space;
  choose: any; // these five pages are still to be typed
  plane: any;
  proof: any;
  cost: any;
  models: any;
}

/** A fusion in a list: its name, and where it joins. */
export interface Brief {
  name: string;
  title: string;
  where: string;
  kind: string;
}

export interface Looked extends Brief {
  equation: string;
  paper: string;
  trap: string;
  channel: string;
  operator: string;
  rank: string | number | null;
  graph: any; // of `fusion_graph`: still to be typed
}

/** A value with the ends of its interval; null where it is not known. */
export type Triple = (number | null)[];

export interface Line {
  name: string;
  value: number;
}

export interface QualityRow {
  fusion: string;
  title: string;
  where: string;
  kind: string;
  mean: number | null;
  low: number | null;
  high: number | null;
  seeds: (number | null)[];
  difference: Triple | null;
  /** whether the difference's interval excludes 0; null with one seed */
  sure: boolean | null;
  epoch: number[];
}

export interface Quality {
  measure: string;
  short: string;
  meaning: string;
  /** whether more is better */
  more: boolean;
  baseline: string;
  order: string[];
  rows: QualityRow[];
  seeds: number[];
  lines: Line[];
  unmatched: string[];
  broken: { fusion: string; why: string }[];
  calibration: CalibrationRow[];
}

export interface CalibrationRow {
  fusion: string;
  title: string;
  where: string;
  /** mean confidence, accuracy, items of a bin */
  points: number[][];
}

/** `points`: x, y, and the ends of a band where there is one. */
export interface Curve {
  name: string;
  title: string;
  where?: string;
  points: (number | null)[][];
}

/** A comparison that runs. */
export interface Live {
  what?: string;
  curve?: string;
  curves?: Curve[];
}

export interface Training {
  curves: { label: string; rows: (Omit<Curve, "name"> & { fusion: string })[]; lines: Line[] } | null;
  live: boolean;
  examples: string;
  sets: [string, string][];
}

export interface RobustnessRow {
  fusion: string;
  title: string;
  where: string;
  points: (number | null)[][];
  relative: number | null;
}

export interface Panel {
  title: string;
  x: string;
  levels: number[];
  theory: (number | null)[][] | null;
  rows: RobustnessRow[];
  realised: string[];
  items: number;
  p_missing_train: number;
}

export interface Robustness {
  measure: string;
  panels: Panel[];
  lines: Line[];
}

export interface ContributionRow {
  fusion: string;
  title: string;
  where: string;
  kind: string;
  shapley: Triple[];
  interaction: Triple;
  gap: Triple;
  emap: Triple;
  additive: Triple;
  cosine: Triple;
  ratio: Triple;
}

export interface Pid {
  name: string;
  title: string;
  /** name and value */
  bars: [string, number][];
  /** the same with labels shuffled */
  null: (number | null)[];
  estimator: string;
  unit: string;
}

export interface Contributions {
  modalities: string[];
  removal: string;
  items: number;
  emap_items: number;
  rows: ContributionRow[];
  pid: Pid[];
}

export interface Item {
  item: number;
  text: string;
  answer: string;
  probability: number;
  right: boolean;
  truth: string;
  /** of the fusions that are right */
  share: number;
}

export interface Answer {
  fusion: string;
  title: string;
  where: string;
  answer: string;
  probability: number;
  right: boolean;
  /** probability of the truth */
  truth: number;
}

export interface Focus {
  truth: string;
  rows: Answer[];
}

/** Attention of one layer, of which the shares of text and picture are shown. */
export interface AttentionMap {
  layer: number;
  asker: string;
  cross: number;
  asked: { text?: number[]; image?: number[] };
}

export interface Gate {
  name: string;
  mean: number;
  low: number;
  high: number;
  values: number[];
  hidden: number;
}

/** One item inside one fusion. */
export interface Look {
  fusion: string;
  words: string[];
  grid: number[] | null;
  maps: AttentionMap[];
  /** label and share */
  together: [string, number | null][];
  alone: Record<string, [string, number | null][]>;
  crossing: number | null;
  interaction: [string, number][] | null;
  gates: Gate[];
}

export interface Examples {
  page: number;
  pages: number;
  items: Item[];
  focus: Focus | null;
  pictures: boolean;
  text: string;
  look: Look | null;
  why: string;
}

export interface Space {
  items: number[];
  fusions: Brief[];
  spread: (number | null)[];
  classes: string[];
  truth: number[];
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

export type ToKernel =
  { kind: "table"; form: "csv" | "latex" } | { kind: "compare" } | { kind: "train" } | { kind: "prove" };

/** A table, for the browser to save. */
export interface FileMessage extends Message {
  kind: "file";
  name: string;
  text: string;
}

export interface Fusion extends Board<Traits, ToKernel> {
  look: (name: string) => void;
}
