// What each page of the fusion board is sent: its part of `_view`. Written by `widgets/fusion`.
import type { Graph, Line } from "./charts.d.ts";
import type { Brief } from "./types.d.ts";

/** A value with the ends of its interval; null where it is not known. */
export type Triple = (number | null)[];

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

/** What `advise` answered; null while it is asked. */
export interface Choose {
  advice: Advice | null;
}

export interface Advice {
  /** "" where nothing meets all that was asked */
  choice: string;
  title: string;
  kind: string;
  where: string;
  reasons: { text: string; source: "theory" | "measured" | "practice" }[];
  options: Option[];
  modalities: string[];
  try_first: string[];
  /** share of pairs that should be trained with a modality missing */
  gaps: number;
  evidence: string;
  notes: string[];
}

export interface Option {
  fusion: string;
  title: string;
  where: string;
  kind: string;
  quality: Triple;
  behind: Triple;
  tied: boolean;
  /** accuracy without each modality */
  missing: (number | null)[];
  parameters: number;
  seconds: number | null;
  /** why it is left out; "" where it is not */
  excluded: string;
}

/** The page "Decision regions". */
export interface Plane {
  depth: number;
  tasks: { name: string; title: string; why: string }[];
  /** of the task in view */
  why: string;
  regions: Regions;
  /** fusions that are still to be trained */
  missing: string[];
  steps: number;
  graph: Graph;
  slider: Brief & { trap: string; equation: string; paper: string };
  presets: { name: string; title: string; works: boolean; why: string }[];
}

export interface Regions {
  /** cells a side */
  size: number;
  axis: number[];
  /** the right answer, the best sum, then each fusion */
  tiles: Tile[];
  ceiling: number;
  steps: number;
  curves: Curve[];
  classes: string[];
}

export interface Tile {
  name: string;
  title: string;
  kind: string;
  words: string;
  accuracy: number | null;
  /** which of the sent planes; null while it is not trained */
  place: number | null;
  where: string;
  trap: string;
  equation: string;
  /** whether it is of another seed */
  other?: boolean;
}

export interface ProofTable {
  tasks: string[];
  rows: { fusion: string; kind: string; cells: ProofCell[] }[];
  seconds: number | null;
  failures: number;
  count: number;
  complete: boolean;
  said: string;
}

export interface ProofCell {
  task: string;
  state: "within" | "broken" | "no claim" | "none";
  measure: string;
  measured: number | null;
  /** measure, value, theory, and whether it holds; null without a claim */
  rows: [string, number | null, string, boolean | null][];
}

export interface Cost {
  cost: string;
  label: string;
  meaning: string;
  measure: string;
  short: string;
  rows: CostRow[];
  unmatched: string[];
  lines: Line[];
}

export interface CostRow {
  fusion: string;
  title: string;
  where: string;
  cost: number | null;
  mean: number | null;
  low: number | null;
  high: number | null;
  /** whether nothing is better and cheaper */
  front: boolean;
  parameters: number;
  flops: number;
  formula: number | null;
  seconds: number | null;
  p50: number | null;
  p95: number | null;
  memory: number | null;
}

/** The page "Real models". */
export interface Models {
  rows: RealModel[];
  own: Measured[];
}

/** A family of models in use; `closest` is the fusion of the lab that is nearest to it. */
export interface RealModel {
  model: string;
  where: string;
  channel: string;
  closest: string;
  kind: string;
  words: string;
  read: string;
  source: string;
  trap: string;
  /** name of the tiny model that is measured here, and of the node where its vectors meet */
  specimen?: string;
  join?: string;
  graph: Graph;
  measured: Measured | null;
}

/** Where attention crosses in one model. */
export interface Measured {
  model: string;
  said: string;
  /** false: a tiny one with random weights */
  trained: boolean;
  layers: CrossingLayer[];
}

export interface CrossingLayer {
  site: string;
  asks: string;
  seen: string;
  kind: string;
  /** share of attention that crosses: mean of the heads, lowest, highest, and that of even attention */
  share: number;
  low: number;
  high: number;
  even: number;
  gate: number | null;
}
