// What every board of the front end speaks of: its model, its wire, its parts. Read by the type checker
// alone.

/** A message to or from the kernel; which fields it has depends on its kind. */
export interface Message {
  kind: string;
}

/** Bytes as they travel: what anywidget hands over, and what may be sent. */
export type Bytes = DataView<ArrayBuffer>;
export type Sent = ArrayBuffer | ArrayBufferView<ArrayBuffer>;

/** Called for "change:TRAIT" without anything that is read, for "msg:custom" with a message and its bytes. */
export type Listener = (message: Message, buffers: Bytes[]) => void;

/** JupyterLab's signals, as far as they are listened to. */
export interface Signal<A> {
  connect(act: (sender: unknown, value: A) => void): void;
  disconnect(act: (sender: unknown, value: A) => void): void;
}

export interface Kernel {
  statusChanged?: Signal<string>;
  disposed?: Signal<void>;
}

/** anywidget's model of a widget with the traits T. */
export interface Model<T> {
  get<K extends keyof T>(name: K): T[K];
  set<K extends keyof T>(name: K, value: T[K]): void;
  on(event: string, act: Listener): void;
  off(event: string, act: Listener): void;
  send<M extends Message>(message: M, callbacks?: undefined, buffers?: Sent[]): void;
  save_changes(): void;
  widget_manager?: { kernel?: Kernel };
}

/** A job that is under way. */
export interface Job {
  stage?: string;
  done?: number;
  total?: number;
  message?: string;
}

/** `_status`, whole: what is being done, and what is said at which place; "" is the board as a whole. */
export interface Status {
  working: Record<string, Job>;
  errors: Record<string, string>;
  said: Record<string, string>;
}

/** Traits that every board has. */
export interface Common<V> {
  _view: V;
  _status: Partial<Status>;
  _css: string;
}

/** What a part of any board is given that needs no trait of its own. */
export interface Frame {
  root: HTMLElement;
  stop: AbortController;
  /** a message to the kernel */
  tell: (message: Cancel | Export, buffers?: Sent[]) => void;
  status: () => Status;
  /** soon, once for all that changed */
  redraw: () => void;
  css: () => string;
  /** why there is no kernel any more; "" while there is one */
  gone: string;
}

/** What every part of a board is given; M are the messages it may send. */
export interface Board<T extends Common<unknown>, M extends Message = Message> extends Frame {
  model: Model<T>;
  tell: (message: M | Cancel | Export, buffers?: Sent[]) => void;
  /** set a trait of the kernel's */
  send: <K extends keyof T>(name: K, value: T[K]) => void;
  /** what the kernel computed (`_view`) */
  view: () => T["_view"];
}

export interface Cancel {
  kind: "cancel";
  what: string;
}

export interface Export {
  kind: "export";
  path: string;
}

/** A part of a board: drawn anew for every change, in place. */
export interface Part {
  element: HTMLElement;
  draw: () => void;
  release?: () => void;
}

/** What a board says of itself to `mount`. */
export interface About {
  /** class of the root */
  kind: string;
  /** its name for a screen reader */
  label: string;
  /** "board", "lens", "atlas" */
  thing: string;
  /** first part of the names of exported files */
  file: string;
  title: () => string;
  /** what stands beside the title while nothing runs */
  said: () => string;
  /** lines of the help panel, keys among them */
  help: string[];
  /** more for the export panel */
  exports?: HTMLElement[];
  notes: () => string[];
  credit: () => string;
  /** Python of what is on the screen */
  code: () => string | Promise<string>;
  /** lines under an exported picture: model, settings, credit */
  caption: () => string[];
  /** a better page than the view, for "Download HTML" while there is a kernel */
  page?: () => Promise<string>;
  /** draws canvases at the density of the exported picture, and back */
  sharp?: (on: boolean) => unknown;
  /** the element between head and foot */
  body: HTMLElement;
  /** drawn in this order */
  parts: Pick<Part, "draw" | "release">[];
  /** a change of which draws the board again */
  traits: string[];
  /** other events of the model */
  listeners?: Record<string, Listener>;
  /** false while there is nothing to draw yet */
  ready?: () => boolean;
}

/** What anywidget gives to `render`. */
export interface Context<T> {
  model: Model<T>;
  el: HTMLElement;
}

type Handlers = {
  [K in keyof HTMLElementEventMap as `on${K}`]?: ((event: HTMLElementEventMap[K]) => unknown) | null;
};

/** Attributes, listeners, text and style of an element; what is null or false is left out. */
export interface Props extends Handlers {
  text?: string | number | null;
  style?: Partial<CSSStyleDeclaration> | null;
  [attribute: string]: unknown;
}

/** What a person types into or chooses from. */
export type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

/** Red, green, blue. */
export type Rgb = number[];

/** Left, top or x, y: a pair of numbers. */
export type Pair = [number, number];
