// What the atlas and its kernel exchange, and what its parts draw. Written by `widgets/atlas`.
import type { Board, Bytes, Common, Message, Pair } from "../shared/types.d.ts";
import type { Cards, Sheets } from "./answers.mjs";
import type { Frame } from "./gl.mjs";
import type { Stage } from "./stage.mjs";
import type { Asked, Store } from "./store.mjs";

export type Kind = "picture" | "text";
export type Listed = "pictures" | "texts" | "selection";
export type LinkChoice = "none" | "selection" | "worst";
export type Manner = "replace" | "add" | "take away";

export interface Traits extends Common<View> {
  _data: Record<string, Entry>;
  _mask: Bytes | null;
  _sprite: Bytes | null;
  _canvas2d: boolean;
  _code: string;
  _forget: number;
  colour: string;
  query: string;
  shift: number;
  temperature: number;
  layer: number;
  labels: string[];
  kinds: Kind[];
  only: boolean;
  gallery: Listed;
  page: number;
  links: LinkChoice;
  tool: "pan" | "lasso";
  words: boolean;
  pictures: boolean;
  focus: number;
  /** x, y, zoom; nothing for the whole map */
  camera: number[];
  wheel: "click" | "always";
}

/** An array of the kernel's that can be asked for. */
export interface Entry {
  version: number;
  bytes: number;
  type: "float32" | "uint8" | "uint16" | "uint32";
}

/** The arrays of a map, by name, once they have arrived. */
export interface Arrays {
  /** x, y by point */
  points?: Float32Array<ArrayBuffer>;
  /** 0 a picture, 1 a text */
  kinds?: Uint8Array<ArrayBuffer>;
  /** places in the palette */
  codes?: Uint8Array<ArrayBuffer>;
  /** 2 for what the legend's filter leaves out */
  filter?: Uint8Array<ArrayBuffer>;
  /** ends of the worst pairs' lines */
  links?: Uint32Array<ArrayBuffer>;
  /** a page that can be explored, as text in UTF-8 */
  page?: Uint8Array<ArrayBuffer>;
}

/** `atlas_view`, with what the screen adds to it. */
export interface View {
  title: string;
  said: string;
  /** number of the first text where both are on the map, else 0 */
  offset: number;
  pictures: boolean;
  words: boolean;
  palette: string[];
  legend: Legend;
  said_selection: string;
  landmarks: Landmark[];
  measures: Measures;
  colours: { value: string; text: string; why: string }[];
  redraw: boolean;
  /** why a slider cannot be moved; "" where it can */
  sliders: { shift: string; temperature: string };
  live: boolean;
  /** why nothing can be searched */
  dead: string;
  layers: string[];
  notes: string[];
  credit: string;
  help: string;
  gallery: Gallery;
  placed: Placed[];
  /** a page without a kernel */
  saved?: boolean;
}

export interface Legend {
  title: string;
  entries: LegendEntry[];
  kinds: { kind: Kind; shape: string; count: number }[];
  ramp: string[] | null;
  low: string;
  high: string;
}

export interface LegendEntry {
  text: string;
  colour: string;
  count: number | null;
  shape?: string;
  filter: boolean;
}

/** A label, written on the map. */
export interface Landmark {
  text: string;
  label: string;
  kind: Kind;
  x: number;
  y: number;
}

/** What was placed by hand. */
export interface Placed {
  x: number;
  y: number;
  text: string;
}

export interface Measures {
  caption: string;
  selection: string | null;
  rows: { name: string; all: string; selection: string; baseline: string; help: string }[];
}

/** A page of what is listed beside the map. */
export interface Listing {
  title: string;
  page: number;
  pages: number;
  total: number;
  rows: Hit[];
}

export interface Gallery extends Listing {
  thumb: number;
  columns: number;
}

export interface Hit {
  point: number;
  text: string;
  rank: number;
  score: number | null;
  right: boolean | null;
  /** place of its picture in the sheet */
  cell: number | null;
}

/** What is known of a point. */
export interface Card {
  point: number;
  kind: Kind;
  text: string;
  label: string;
  neighbours: Neighbour[];
  strangers: number[];
  figures: Figure[];
  kept: number | null;
  of: number;
}

/** A card with its picture and those of its neighbours, as addresses. */
export interface ShownCard extends Card {
  picture: string;
  strip: string;
}

export interface Neighbour {
  point: number;
  kind: Kind;
  text: string;
  by: string;
  close: number;
  kept: boolean;
  cell: number | null;
}

export interface Figure {
  name: string;
  value: number | null;
  unit: string;
  help: string;
  first: boolean;
}

/** A picture's place in a sheet. */
export interface Thumb {
  sheet: ImageBitmap;
  cell: number;
  left: number;
  top: number;
}

export type ToKernel =
  | { kind: "keep" }
  | { kind: "page"; done?: boolean }
  | { kind: "problem"; message: string }
  | { kind: "place"; name: string }
  | { kind: "stability" }
  | { kind: "choose"; what: "gallery" | "labels" }
  | Want;

export interface Want {
  kind: "want";
  name: string;
  version: number;
}

/** Asked for some points: pictures, words, a card. */
export interface Question {
  kind: "coarse" | "fine" | "words" | "look";
  points: number[];
}

export interface Part extends Message {
  kind: "part";
  name: keyof Arrays;
  version: number;
  offset: number;
}

/** Pictures: a sheet of cells, in the order of the points. */
export interface SheetAnswer extends Message {
  points: number[];
  cell: number;
  columns: number;
}

/** Words or cards, by point. */
export interface FoundAnswer<V> extends Message {
  found: [number, V][];
}

/** The answers that are remembered. */
export interface Asks {
  coarse: Sheets;
  fine: Sheets;
  words: Asked<string>;
  look: Cards;
}

export interface Atlas extends Board<Traits, ToKernel> {
  store: Store;
  canvas2d: boolean;
  asked: Asks;
  stage: Stage;
  tellCamera: (camera: number[]) => void;
  drawTip: () => void;
}

/** Points on a canvas, with or without WebGL. */
export interface Renderer {
  name: string;
  imitated: boolean;
  setLayouts(from: Float32Array, to: Float32Array, order: Uint32Array): void;
  setCodes(codes: Uint8Array): void;
  setKinds(kinds: Uint8Array): void;
  setMarks(marks: Uint8Array): void;
  setChosen(ids: Uint32Array): void;
  setLinks(ends: Uint32Array): void;
  setPalette(rgba: Uint8Array): void;
  draw(frame: Frame): void;
  release(): void;
}

/** Colours of the theme. */
export interface Colours {
  text: string;
  soft: string;
  ground: string;
  accent: string;
  good: string;
  bad: string;
}

/** What lies on the points in one frame. */
export interface Scene {
  ratio: number;
  size: { width: number; height: number };
  thumbs: ({ id: number } & Thumb)[];
  side: number;
  words: { id: number; text: string }[];
  landmarks: Landmark[];
  at: (id: number) => Pair;
  toScreen: (x: number, y: number) => Pair;
  chosen: (id: number) => boolean;
  lit: (id: number) => boolean;
  /** colour of a picture's frame */
  frame: (id: number) => string;
  emphasis: boolean;
  colours: Colours;
  lasso: Pair[];
  placed: Placed[];
  from: number;
  ties: { id: number; kept: boolean }[];
  strangers: number[];
  focus: number;
  hover: number;
}

/** An array as Python writes it into a page. */
export interface Packed {
  type: "float32" | "uint8" | "uint32";
  base64: string;
}

/** Texts and neighbours of a saved page's points. */
export interface SavedPoints {
  kinds: Kind[];
  texts: string[];
  labels: string[] | null;
  item: number[];
  k: number;
  by: string;
  near: Packed;
  close: Packed;
  kept: Packed;
}

/** Neighbours of all points, `k` a point, and the kind of each point. */
export interface Near {
  index: Uint32Array;
  close: Float32Array;
  kept: Uint8Array;
  kinds: Uint8Array;
}

/** What Python writes into a page. */
export interface Saved {
  view: View;
  state: Partial<Traits>;
  mask: string;
  arrays: Record<string, Packed>;
  points: SavedPoints | null;
  sheet: string;
  pictured: number[];
  cell: number;
  columns: number;
}
