// What the answer lens and its kernel exchange, and what its parts draw. Written by `widgets/answer`.
import type { Board, Bytes, Common } from "../shared/types.d.ts";

export type Map = "attention" | "minus" | "relevance" | "occlusion";
export type Row = "producing" | "reading";
export type Part = "others" | "blur" | "mean" | "instruction" | "history";
export type How = "greedy" | "beam" | "sample";

export interface Traits extends Common<View> {
  selected: number[];
  patch: number | null;
  page: "answer" | "beam";
  map: Map;
  layer: number | null;
  row: Row;
  opacity: number;
  node: number | null;
  shown_width: number | null;
  part: Part | "";
  prompt: string;
  how: How;
  width: number;
  length_penalty: number;
  temperature: number;
  top_k: number | null;
  top_p: number;
  seed: number;
  max_new_tokens: number;
  _tree: Tree;
  _found: Record<string, Explained>;
  _writing: { on: boolean; text: string };
  _code: string;
  _maps: Bytes | null;
  _other: Bytes | null;
  _picture: Bytes | null;
}

/** `answer_view`, and what was read of it. */
export interface View {
  text: string;
  prompt: string;
  model: string;
  how: string;
  ended: "end" | "length" | "stopped";
  ending: string;
  /** log-probability of the whole */
  total: number | null;
  pieces: string[];
  tokens: number[];
  /** first step of each word, and the one after its last */
  words: [number, number][];
  /** what stands on the screen for each word */
  texts: string[];
  logp: (number | null)[];
  entropy: (number | null)[];
  rank: number[];
  alternatives: Alternative[][];
  notes: string[];
  credit: string;
  seconds: number;
  /** why nothing new can be computed; "" where it can */
  refusal: string;
  /** why its attention cannot be read; "" where it can */
  unread: string;
  maps: Packed | null;
  other: Packed | null;
  bits: Bits | null;
  /** what must be known of what was read and measured */
  evidence: string[];
  pictures: number;
}

export interface Alternative {
  token: number;
  /** what stands on the screen */
  text: string;
  logp: number | null;
}

/** How the bytes of all maps are read. */
export interface Packed {
  /** numbers of the layers that are there, of `count` */
  layers: number[];
  count: number;
  /** of all layers */
  names: string[];
  steps: number;
  grid: [number, number] | null;
  /** step by part: the shares if every place were attended to alike */
  even: number[][];
}

/** Bits that each token loses without each part. */
export interface Bits {
  parts: Part[];
  bits: (number | null)[][];
  low: (number | null)[][];
  high: (number | null)[][];
  count: number[];
}

/** One token explained. */
export interface Explained {
  grid: [number, number];
  values: number[];
  signed: boolean;
  title: string;
  score: number | null;
  notes: string[];
}

/** Columns of all nodes. */
export interface Tree {
  parent: number[];
  piece: string[];
  /** what stands on the screen */
  label: string[];
  logp: number[];
  total: number[];
  step: number[];
  /** 0 alive, 1 finished, 2 pruned */
  fate: number[];
  /** nodes at which an answer is over */
  ends: number[];
  truth: (boolean | null)[];
}

export type ToKernel =
  | { kind: "write" }
  | { kind: "stop" }
  | { kind: "search" }
  | { kind: "measure" }
  | { kind: "keep" }
  | { kind: "upload" }
  | { kind: "path"; path: string }
  | { kind: "take"; step: number; token: number }
  | { kind: "problem"; message: string };

export type AnswerBoard = Board<Traits, ToKernel>;

/** Attention as it was read from the bytes. */
export interface Attention {
  names: string[];
  layers: number[];
  count: number;
  steps: number;
  cells: number;
  grid: [number, number] | null;
  even: number[][];
  tops: Float32Array;
  shares: Float32Array;
  codes: Uint8Array;
}

/** What lies over the picture. */
export interface Drawn {
  grid: [number, number];
  values: Float32Array;
  limit: number;
  signed: boolean;
}

/** Temperature, top-k and top-p of a distribution. */
export interface Settings {
  temperature: number;
  topK: number | null;
  topP: number;
}

/** Probabilities of the tokens that are listed, and whether they are those of all tokens. */
export interface Listed {
  shares: number[];
  rest: number;
  exact: boolean;
}

/** A node on the screen. */
export interface Placed {
  node: number;
  parent: number;
  x: number;
  y: number;
  label: string;
  share: number;
  stub: boolean;
}
