// What the attention lens and its kernel exchange, and what its parts draw. Written by `widgets/lens`.
import type { Board, Bytes, Common } from "../shared/types.d.ts";

export type Reading = "mean" | "head" | "rollout";
export type Detail = "heads" | "picture" | "lines" | "matrix";
export type Large = Exclude<Detail, "heads">;
export type Figure = "entropy" | "distance" | "cross" | "own";
export type Tool = "look" | "mask";

export interface Traits extends Common<View> {
  selected: Selection;
  masked: Partial<Masked>;
  scale: "shared" | "own";
  opacity: number;
  detail: Detail;
  figure: Figure;
  tool: Tool;
  _now: Now;
  _maps: Bytes | null;
  _alike: Bytes | null;
  _picture: Bytes | null;
}

/** What is looked at, as Python says it: places count from 0. */
export interface Selection {
  site: string;
  reading: Reading;
  head: number;
  token: number;
  backwards: boolean;
}

export interface Masked {
  patches: number[];
  words: number[];
}

/** What changes with every choice. */
export interface Now {
  code?: string;
  /** why nothing can be masked; "" where it can */
  refusal?: string;
  without?: Without | null;
  link?: Link | null;
}

/** The score with parts masked, beside random masks of the same size. */
export interface Without {
  before: number;
  score: number;
  draws: number;
  random: number;
  spread: number;
}

/** How far cosines can be trusted, in words; `measure` where that can be measured here. */
export interface Link {
  said: string;
  means: string;
  measure: boolean;
}

/** `lens_view`. */
export interface View {
  model: string;
  text: string;
  score: number | null;
  notes: string[];
  /** rows and columns of patches; null without a picture */
  grid: number[] | null;
  /** of the picture: height and width */
  shape: number[] | null;
  credit: string;
  levels: number;
  bytes: number;
  weights: string;
  /** largest difference of the model's output with hooks */
  difference: number | null;
  tokens: Record<string, Token>;
  groups: Group[];
}

export interface Token {
  name: string;
  kind: string;
  panel: "picture" | "words";
}

/** Sites that form one grid of layers and heads. */
export interface Group {
  key: string;
  title: string;
  kind: string;
  sites: string[];
  heads: number;
  /** places of the tokens kept, and their ids */
  queries: number[];
  keys: number[];
  query_ids: string[];
  key_ids: string[];
  query_patches: boolean;
  key_patches: boolean;
  /** every token asks and is asked: rollout can be computed */
  square: boolean;
  causal: boolean;
  /** place of the token that is read out */
  pooled: number;
  /** largest weight of a head, and of a mean of heads, that has full colour */
  top: number;
  top_mean: number;
  /** bytes in the stream of all maps */
  length: number;
  /** layer by head */
  figures: Record<Figure, (number | null)[][]>;
  uniform: number;
  even_distance: number;
}

export type ToKernel = { kind: "keep" } | { kind: "measure" } | { kind: "problem"; message: string };

export type LensBoard = Board<Traits, ToKernel>;

/** Values, what has full colour, and whether they have a sign. */
export interface Found {
  values: Map<string, number>;
  limit: number;
  signed: boolean;
}

/** Cosines of a token with all tokens of the other kind. */
export interface Linked {
  id: string;
  kind: "patches" | "words";
  values: Map<string, number>;
}

export interface Cell {
  layer: number;
  head: number;
}

export interface Box {
  width: number;
  height: number;
}

/** Room for what is drawn on canvases. */
export interface Room {
  picture: Box;
  heads: Box;
  large: Box;
}

/** The picture itself, decoded once for all who draw it. */
export interface Picture {
  image: HTMLImageElement;
  draw: () => void;
  release: () => void;
}

/** A canvas to work on, that remembers what is drawn on it. */
export type Sheet = HTMLCanvasElement & { shows?: unknown; of?: unknown; top?: number };

/** What is drawn in large: a canvas of its own, and what is under the pointer in words. */
export interface LargeView {
  canvas: HTMLCanvasElement;
  draw: (width: number, height: number, said: string) => string | void;
}
