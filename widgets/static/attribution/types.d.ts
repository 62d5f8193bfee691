// What the attribution board and its kernel exchange. Written by `widgets/attribution`.
import type { Board, Bytes, Common } from "../shared/types.d.ts";

export type Scale = "own" | "shared";
export type Ground = "grey" | "colour";

export interface Traits extends Common<View> {
  _pairs: Bytes | null;
  _picture: Bytes | null;
  _code: string;
  methods: string[];
  text: string;
  against: string;
  focus: string;
  patches: number[];
  words: number[];
  scale: Scale;
  opacity: number;
  ground: Ground;
  size: number;
}

/** `board_view`. */
export interface View {
  model: string;
  live: boolean;
  /** a whole model that came with its own tensors, not two towers */
  whole: boolean;
  title: string;
  described: string;
  score: number;
  tokens: { text: string; word: boolean }[];
  maps: Heatmap[];
  /** forward passes that evaluating all maps takes, of those that are not evaluated yet */
  price: number;
  methods: Method[];
  credit: string;
}

export interface Method {
  name: string;
  title: string;
  shown: boolean;
  /** why it does not apply; "" where it does */
  reason: string;
}

interface Said {
  method: string;
  title: string;
  /** what the method cannot see */
  blind: string;
  /** one map for the whole text */
  whole: boolean;
  signed: boolean;
  flat: boolean;
  notes: string[];
  cost: string;
  /** forward passes that its scores take */
  price: number;
  scores: Score[];
  /** a score's name to why it was not taken */
  skipped: Record<string, string>;
  protocol: string;
}

/** A map of the picture, with or without one of the words; `pairs`: each word has a part of it. */
export interface PictureMap extends Said {
  grid: number[];
  image: number[][];
  text: number[] | null;
  pairs: boolean;
}

/** A map of the words alone. */
export interface TextMap extends Said {
  grid: null;
  image: null;
  text: number[];
  pairs: false;
}

export type Heatmap = PictureMap | TextMap;

export interface Score {
  name: string;
  value: number;
  random: number;
  spread: number;
  centre: number;
  better: "lower" | "higher";
  beats: boolean;
  meaning: string;
}

export type ToKernel = { kind: "score"; methods: string[] } | { kind: "keep" };

export type Attribution = Board<Traits, ToKernel>;

/** What all cards share: the picture, and the patch under the pointer. */
export interface Seen {
  image: HTMLImageElement;
  hover: number;
}

/** The interactions of words and patches, as the kernel sent them. */
export type Pairs = () => Float32Array | null;

/** A card on the page, and the map that it shows. */
export type MapCard = HTMLElement & { map: Heatmap };
