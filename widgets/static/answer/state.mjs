// @ts-check
// What the answer lens looks at, and the numbers of it. The maps came once, as bytes; this is arithmetic on
// them.
import { settled } from "../shared/dom.mjs";
import { attentionOf, largest, meanMap, minus, rowsRead, stepsOf, wordAt } from "./numbers.mjs";

/** @import { AnswerBoard, Attention, Drawn, Packed, Settings, Traits } from "./types.d.ts" */
/** @import { Bytes } from "../shared/types.d.ts" */

const TELL_PAUSE = 120; // ms of rest before the kernel hears what is looked at

/** A stretch of bytes, read when it is first asked for. */
class Kept {
  constructor() {
    /** @type {Bytes | null} */ this.bytes = null;
    /** @type {Packed | null} */ this.packed = null;
    /** @type {Attention | null} */ this.attention = null;
  }

  /** @param {Packed | null} packed @param {Bytes | null} bytes */
  of(packed, bytes) {
    if (bytes !== this.bytes || packed !== this.packed) {
      this.bytes = bytes;
      this.packed = packed;
      this.attention = attentionOf(packed, bytes);
    }
    return this.attention;
  }
}

/** What is looked at, and the numbers of it. */
export class Reading {
  /** @param {AnswerBoard} board */
  constructor(board) {
    this.board = board;
    this.model = board.model;
    this.hover = -1; // patch under the pointer
    this.own = new Kept();
    this.other = new Kept();
    this.saveSoon = settled(() => this.model.save_changes(), TELL_PAUSE);
  }

  get view() {
    return this.board.view();
  }

  /** @type {boolean} whether an answer is being written */
  get writing() {
    return this.model.get("_writing").on;
  }

  /** Steps that are looked at and that this answer has. */
  get selected() {
    const steps = this.model.get("selected").filter((step) => step < this.view.pieces.length);
    return steps.length ? steps : [0];
  }

  /** The word that is looked at. */
  get word() {
    return wordAt(this.view.words, this.selected[0]);
  }

  get attention() {
    return this.own.of(this.view.maps, this.model.get("_maps"));
  }

  get otherAttention() {
    return this.other.of(this.view.other, this.model.get("_other"));
  }

  /** Rows of the model that are read for the selected word. */
  get rows() {
    return rowsRead(this.selected, this.model.get("row"), this.view.pieces.length);
  }

  /** @returns {Settings} */
  get settings() {
    return {
      temperature: this.model.get("temperature"),
      topK: this.model.get("top_k"),
      topP: this.model.get("top_p"),
    };
  }

  /**
   * A choice of the screen: drawn at once, told to the kernel after a rest.
   * @template {keyof Traits} K
   * @param {K} name
   * @param {Traits[K]} value
   */
  choose(name, value) {
    this.model.set(name, value);
    this.saveSoon();
    this.board.redraw();
  }

  /** @param {number} word */
  pick(word) {
    const { words } = this.view;
    this.choose("selected", stepsOf(words, Math.min(words.length - 1, Math.max(0, word))));
  }

  /** What lies over the picture; null where there is nothing yet. @returns {Drawn | null} */
  drawn() {
    const map = this.model.get("map");
    if (this.writing) return null;
    if (map === "relevance" || map === "occlusion") {
      const found = this.model.get("_found")[`${map} ${this.selected[0]}`];
      if (!found) return null;
      const values = new Float32Array(found.values);
      return { grid: found.grid, values, limit: largest(values), signed: found.signed };
    }
    const own = this.attention;
    if (!own?.grid) return null;
    const layer = this.model.get("layer");
    const mine = meanMap(own, this.rows, layer);
    if (map === "attention" || !mine)
      return mine && { grid: own.grid, values: mine, limit: largest(mine), signed: false };
    const theirs = this.otherAttention && meanMap(this.otherAttention, this.rows, layer);
    if (!theirs || theirs.length !== mine.length) return null;
    const values = minus(mine, theirs);
    return { grid: own.grid, values, limit: largest(values), signed: true };
  }

  /** What the map is, and which row of the model it is read from. */
  said() {
    const { view, model } = this;
    const map = model.get("map");
    const word = view.texts[this.word] ?? "";
    if (this.writing) return "A new answer is being written.";
    if (map === "relevance" || map === "occlusion") {
      const found = model.get("_found")[`${map} ${this.selected[0]}`];
      if (!found) return view.refusal || `Being computed for “${word}”…`;
      return `${found.title}: what speaks for “${word}” where it is chosen (orange), and against it (blue).`;
    }
    if (!this.attention) return view.refusal || view.unread || "Its attention is being read…";
    if (!this.attention.grid) return "Its attention cannot be laid on the picture: the notes below say why.";
    if (map === "minus" && !this.otherAttention) return "Attention under another picture has not been read.";
    const layer = model.get("layer");
    const depth =
      layer === null
        ? `mean of ${this.attention.count} layers`
        : `layer ${layer + 1} of ${this.attention.count}`;
    const minusWords = map === "minus" ? ", minus that under another picture" : "";
    return `Attention${minusWords}, ${depth}. ${this.rowWords()}`;
  }

  /** Which row the numbers come from. */
  rowWords() {
    const { view, selected } = this;
    const word = view.texts[this.word] ?? "";
    const before = selected[0] ? view.pieces[selected[0] - 1].trim() || "a mark" : "";
    if (this.model.get("row") === "producing")
      return (
        `Read at the row that produces “${word}”: ` +
        `${before ? `that of “${before}”, one before it` : "the prompt's last token"}.`
      );
    if (!this.rows.length) return `No row reads “${word}”: it is the last.`;
    return `Read at the row after, which reads “${word}” and produces what follows.`;
  }
}
