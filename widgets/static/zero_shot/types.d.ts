// What the zero-shot board and its kernel exchange: traits, `_view`, messages. Written by
// `widgets/zero_shot`.
import type { Board, Bytes, Common } from "../shared/types.d.ts";

export type Measure = "probability" | "margin" | "cosine";
export type Rule = "softmax" | "sigmoid";
export type Ensemble = "embedding" | "probability";
export type Only = "all" | "right" | "wrong" | "none of these";

export interface Traits extends Common<View> {
  _sprite: Bytes | null;
  _large: Bytes | null;
  _seen: Bytes | null;
  _copying: string;
  labels: string[];
  templates: string[];
  active: boolean[];
  selected: number[];
  focus: number;
  temperature: number;
  rule: Rule;
  ensemble: Ensemble;
  measure: Measure;
  threshold: number | null;
  thresholds: Partial<Record<Measure, number>>;
  sort: string;
  only: Only;
  won_by: string[];
  removed: number[];
  size: number;
  query: string;
  page: number;
}

/** `board_view`, with what the board adds to it. */
export interface View {
  gallery: Gallery;
  detail: Detail;
  reject: Reject;
  /** candidates for the picture in view, each with its cosine */
  texts: [string, number][] | null;
  query: string;
  model: { name: string; live: boolean; scale: number; bias: number; notes: string[] };
  hints: string[];
  /** how many there are */
  labels: number;
  unread: Unread | null;
  alike: Alike | null;
  /** label's index to its colour's place */
  hues: Record<number, number>;
  notes: string[];
  credit: string;
  code: string;
  told: string[];
  /** the `_copying` that the code was made for */
  kept: string;
  /** of the sheet of small pictures */
  columns: number;
}

export interface Gallery {
  page: number;
  pages: number;
  total: number;
  listed: number;
  removed: number;
  items: Card[];
  counts: Count[];
  /** labels that have won a picture */
  winners: number;
  /** pictures whose right answer is known */
  known: number;
  right: number;
  accuracy: number | null;
}

export interface Card {
  item: number;
  name: string;
  /** the best label, and its index */
  label: string;
  index: number;
  probability: number;
  score: number;
  /** false for none of these */
  kept: boolean;
  right: boolean | null;
  truth: string | null;
  unread: boolean;
  /** cosine with the sentence searched; null without one */
  similarity: number | null;
}

/** A label's entry in the legend; index −1 is none of these. */
export interface Count {
  label: string;
  index: number;
  count: number;
}

export interface Detail {
  item: number;
  name: string;
  kept: boolean;
  score: number;
  margin: number;
  rows: Row[];
  /** labels that are not among the rows */
  hidden: number;
  sum: number;
  wordings: Wordings;
}

export interface Row {
  label: string;
  index: number;
  cosine: number;
  logit: number;
  probability: number;
  right: boolean;
}

/** Label by template: cosines of the picture in view. */
export interface Wordings {
  templates: string[];
  active: boolean[];
  values: number[][];
  labels: string[];
  winner: string[];
  /** change of the margin without a template; null where it is not known */
  effect: (number | null)[];
  hidden: number;
}

export interface Reject {
  low: number;
  high: number;
  bars: number[];
  most: number;
  measured: { value: number; said: string; note: string } | null;
  cost: string;
}

export interface Unread {
  said: string;
  labels: { label: string; words: string[] }[];
  more: number;
}

export interface Alike {
  said: string;
  labels: string[];
}

export type ToKernel =
  | { kind: "texts" }
  | { kind: "template"; text: string }
  | { kind: "path"; path: string }
  | { kind: "problem"; message: string }
  | { kind: "upload"; names: string[] };

export type ZeroShot = Board<Traits, ToKernel>;
