// @ts-check
// The same points where WebGL 2 is missing: written pixel by pixel into a picture of the stage. No
// transparency and no smooth edges, but a million points still take only some tens of milliseconds.
import { between } from "./space.mjs";

/** @import { Renderer } from "./types.d.ts" */
/** @import { Frame } from "./gl.mjs" */

/** @type {Uint8Array} */
const EMPTY = new Uint8Array(0);

/** @implements {Renderer} */
export class FlatPoints {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.name = "canvas 2D";
    this.imitated = false;
    /** @type {Float32Array} */ this.from = new Float32Array(0);
    this.to = this.layout = this.from;
    /** @type {Uint32Array} */ this.order = new Uint32Array(0);
    this.chosen = this.links = this.order;
    this.codes = this.kinds = this.marks = EMPTY;
    this.strong = this.weak = new Uint32Array(256);
    this.drawnMix = -1;
    /** @type {ImageData | null} */
    this.picture = null;
  }

  /** @param {Float32Array} from @param {Float32Array} to @param {Uint32Array} order */
  setLayouts(from, to, order) {
    Object.assign(this, { from, to, order, drawnMix: -1 });
  }
  /** @param {Uint8Array} codes */
  setCodes(codes) {
    this.codes = codes;
  }
  /** @param {Uint8Array} kinds */
  setKinds(kinds) {
    this.kinds = kinds;
  }
  /** @param {Uint8Array} marks */
  setMarks(marks) {
    this.marks = marks;
  }
  /** @param {Uint32Array} ids */
  setChosen(ids) {
    this.chosen = ids;
  }
  /** @param {Uint32Array} ends */
  setLinks(ends) {
    this.links = ends;
  }

  /** @param {Uint8Array} rgba 256 colours */
  setPalette(rgba) {
    const pack = (/** @type {number} */ alpha) =>
      Uint32Array.from(
        { length: 256 },
        (_, code) =>
          ((Math.round(alpha * rgba[4 * code + 3]) << 24) |
            (rgba[4 * code + 2] << 16) |
            (rgba[4 * code + 1] << 8) |
            rgba[4 * code]) >>>
          0,
      );
    this.strong = pack(1);
    this.weak = pack(0.22);
  }

  /** @param {Frame} frame */
  draw(frame) {
    const { width, height } = this.canvas;
    if (frame.mix !== this.drawnMix) this.layout = between(this.from, this.to, frame.mix);
    this.drawnMix = frame.mix;
    if (this.picture?.width !== width || this.picture.height !== height)
      this.picture = this.context.createImageData(width, height);
    const pixels = new Uint32Array(this.picture.data.buffer);
    pixels.fill(0);
    const side = Math.max(1, Math.round(frame.size * frame.ratio));
    this.#splat(pixels, frame, this.order, side, frame.emphasis ? this.weak : this.strong);
    this.#splat(pixels, frame, this.chosen, side + 2, this.strong);
    this.context.putImageData(this.picture, 0, 0);
    this.#stroke(frame);
  }

  /**
   * Squares of `side` pixels. One plain loop over plain arrays: it runs a million times a frame.
   * @param {Uint32Array} pixels
   * @param {Frame} frame
   * @param {Uint32Array} ids
   * @param {number} side
   * @param {Uint32Array} inks
   */
  #splat(pixels, { view, ratio, most, weak: faint }, ids, side, inks) {
    const { width, height } = this.canvas;
    const { layout, codes, marks, weak } = this;
    const scale = view.scale * ratio;
    const [left, top] = [
      width / 2 - view.camera.x * scale - side / 2,
      height / 2 + view.camera.y * scale - side / 2,
    ];
    const [right, bottom] = [width - side, height - side];
    const count = Math.min(most, ids.length);
    for (let at = 0; at < count; at++) {
      const id = ids[at];
      const px = left + layout[2 * id] * scale;
      const py = top - layout[2 * id + 1] * scale;
      if (!(px >= 0 && py >= 0 && px < right && py < bottom)) continue;
      const shade = marks[id] & 2 ? weak : inks;
      if (faint === 0 && shade === weak) continue; // "hide the rest"
      const ink = shade[codes[id]];
      const first = (py | 0) * width + (px | 0);
      for (let row = 0; row < side; row++)
        for (let col = 0; col < side; col++) pixels[first + row * width + col] = ink;
    }
  }

  /** @param {Frame} frame */
  #stroke({ view, ratio, line }) {
    if (!this.links.length) return;
    const { context, layout, links } = this;
    context.save();
    context.scale(ratio, ratio);
    context.strokeStyle = `rgb(${line
      .slice(0, 3)
      .map((/** @type {number} */ part) => Math.round(255 * part))
      .join(" ")} / ${line[3]})`;
    context.beginPath();
    for (let at = 0; at < links.length; at += 2) {
      context.moveTo(...view.toScreen(layout[2 * links[at]], layout[2 * links[at] + 1]));
      context.lineTo(...view.toScreen(layout[2 * links[at + 1]], layout[2 * links[at + 1] + 1]));
    }
    context.stroke();
    context.restore();
  }

  release() {}
}
