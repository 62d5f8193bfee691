// What the fusion board and its kernel exchange. Written by `widgets/fusion`.
import type { Board, Bytes, Common, Message } from "../shared/types.d.ts";
import type { Graph } from "./charts.d.ts";
import type {
  Choose,
  Contributions,
  Cost,
  Examples,
  Live,
  Models,
  Plane,
  ProofTable,
  Quality,
  Robustness,
  Space,
  Training,
} from "./pages.d.ts";

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
  choose: Choose;
  plane: Plane;
  proof: { proof: ProofTable | null };
  cost: Cost;
  models: Models;
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
  graph: Graph;
}

export type ToKernel =
  | { kind: "table"; form: "csv" | "latex" }
  | { kind: "compare" }
  | { kind: "train" }
  | { kind: "prove" }
  | { kind: "specimens" };

/** A table, for the browser to save. */
export interface FileMessage extends Message {
  kind: "file";
  name: string;
  text: string;
}

export interface Fusion extends Board<Traits, ToKernel> {
  look: (name: string) => void;
}
