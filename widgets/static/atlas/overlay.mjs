// @ts-check
// What lies on the points: pictures, words, the true neighbours of the point looked at, the lasso. A 2D
// canvas, a few hundred marks at most, so it is the same with and without WebGL.

/** @import { Colours, Placed, Scene } from "./types.d.ts" */
/** @import { Pair } from "../shared/types.d.ts" */

/** @typedef {[number, number, number, number]} Box left, top, width, height in CSS pixels */

/**
 * Words that do not touch: the first come first. `mine` is a box already taken.
 * @param {Box[]} boxes
 * @param {Box[]} [taken]
 * @returns {boolean[]}
 */
export function withoutOverlap(boxes, taken = []) {
  const cell = 48;
  /** @type {Map<string, Box[]>} */
  const held = new Map();
  const cells = (/** @type {Box} */ [left, top, width, height]) => {
    const keys = [];
    for (let x = Math.floor(left / cell); x <= Math.floor((left + width) / cell); x++)
      for (let y = Math.floor(top / cell); y <= Math.floor((top + height) / cell); y++)
        keys.push(`${x},${y}`);
    return keys;
  };
  const hold = (/** @type {Box} */ box) =>
    cells(box).forEach((key) => held.set(key, [...(held.get(key) ?? []), box]));
  taken.forEach(hold);
  return boxes.map((box) => {
    const free = cells(box).every((key) => (held.get(key) ?? []).every((other) => apart(box, other)));
    if (free) hold(box);
    return free;
  });
}

/** @param {Box} one @param {Box} other */
const apart = ([l0, t0, w0, h0], [l1, t1, w1, h1]) =>
  l0 + w0 <= l1 || l1 + w1 <= l0 || t0 + h0 <= t1 || t1 + h1 <= t0;

/**
 * Where a text of this width begins, so that it stays on the stage.
 * @param {number} left
 * @param {number} width
 * @param {number} room
 */
export function onStage(left, width, room) {
  return Math.max(4, Math.min(left, room - width - 4));
}

/**
 * Side of a picture on the map: the fewer are in view, the larger.
 * @param {number} area pixels of the stage
 * @param {number} count
 */
export function pictureSide(area, count) {
  return Math.round(Math.min(72, Math.max(20, 0.8 * Math.sqrt(area / Math.max(1, count)))));
}

export class Overlay {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    /** @type {{id: number, box: Box}[]} pictures on the screen now: they are what a pointer meets first */
    this.pictures = [];
  }

  /** @param {Scene} scene */
  draw(scene) {
    const { context, canvas } = this;
    context.setTransform(scene.ratio, 0, 0, scene.ratio, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    this.pictures = [];
    this.#drawPictures(scene);
    const landmarks = this.#drawLandmarks(scene);
    this.#drawWords(scene, landmarks);
    this.#drawTies(scene);
    this.#drawPlaced(scene);
    this.#drawRing(scene, scene.focus, scene.colours.accent, 2.5);
    this.#drawRing(scene, scene.hover, scene.colours.text, 1.5);
    this.#drawLasso(scene);
  }

  /** @param {Scene} scene */
  #drawPictures({ thumbs, side, at, lit, chosen, colours, frame }) {
    const { context } = this;
    for (const { id, sheet, left, top, cell } of thumbs) {
      const [x, y] = at(id);
      /** @type {Box} */
      const box = [x - side / 2, y - side / 2, side, side];
      context.globalAlpha = lit(id) ? 1 : 0.18;
      context.fillStyle = colours.ground;
      context.fillRect(...box);
      context.drawImage(sheet, left, top, cell, cell, ...box);
      this.#outline(box, frame(id), 2); // what the colours mean is not hidden by pictures
      if (chosen(id)) this.#outline([box[0] - 2, box[1] - 2, side + 4, side + 4], colours.accent, 2);
      this.pictures.push({ id, box });
    }
    context.globalAlpha = 1;
  }

  /** @param {Box} box @param {string} colour @param {number} width */
  #outline([left, top, wide, tall], colour, width) {
    this.context.strokeStyle = colour;
    this.context.lineWidth = width;
    this.context.strokeRect(left - 1, top - 1, wide + 2, tall + 2);
  }

  /** @param {Scene} scene @returns {Box[]} */
  #drawLandmarks({ landmarks, placed: stars, toScreen, colours, size }) {
    const { context } = this;
    context.font = "600 13px system-ui, sans-serif";
    const placed = landmarks
      .map((mark) => {
        const [x, y] = toScreen(mark.x, mark.y);
        const width = context.measureText(mark.text).width + 6;
        /** @type {Box} */
        const box = [onStage(x - width / 2, width, size.width), onStage(y - 9, 18, size.height), width, 18];
        return { mark, x, y, box };
      })
      .filter(({ x, y }) => x > 0 && y > 0 && x < size.width && y < size.height);
    const starred = stars.map((star) => this.#starBox(star, toScreen, size));
    const free = withoutOverlap(
      placed.map(({ box }) => box),
      starred,
    );
    placed.forEach(
      ({ mark, box }, /** @type {number} */ place) =>
        free[place] && this.#write(mark.text, box[0] + 3, box[1] + 9, colours, "left"),
    );
    return [
      ...starred,
      ...placed.filter((_, /** @type {number} */ place) => free[place]).map(({ box }) => box),
    ];
  }

  /**
   * The star and its words; the words stand left of it where there is no room on the right.
   * @param {Placed} star
   * @param {Scene["toScreen"]} toScreen
   * @param {Scene["size"]} size
   * @returns {Box}
   */
  #starBox({ x, y, text }, toScreen, size) {
    const [px, py] = toScreen(x, y);
    this.context.font = "600 12px system-ui, sans-serif";
    const width = this.context.measureText(text).width + 30;
    const left = px - 12 + width > size.width - 4 ? px + 12 - width : px - 12;
    return [left, py - 12, width, 24];
  }

  /** Texts as words beside their points. @param {Scene} scene @param {Box[]} taken */
  #drawWords({ words, at, lit, colours, size }, taken) {
    const { context } = this;
    context.font = "11px system-ui, sans-serif";
    const placed = words.map(({ id, text }) => {
      const [x, y] = at(id);
      const width = context.measureText(text).width + 8;
      // beside its point, on the side where there is room
      const left = x + 4 + width > size.width ? x - 4 - width : x + 4;
      return { id, text, x: left + 3, y, /** @type {Box} */ box: [left, y - 8, width, 16] };
    });
    const free = withoutOverlap(
      placed.map(({ box }) => /** @type {Box} */ (box)),
      [...taken, ...this.pictures.map(({ box }) => box)],
    );
    placed.forEach(({ id, text, x, y, box }, /** @type {number} */ place) => {
      if (!free[place] || box[0] < 0 || box[1] < 0 || box[1] + box[3] > size.height) return;
      context.globalAlpha = lit(id) ? 1 : 0.3;
      this.#write(text, x, y, colours, "left");
    });
    context.globalAlpha = 1;
  }

  /**
   * @param {string} text
   * @param {number} x
   * @param {number} y
   * @param {Colours} colours
   * @param {CanvasTextAlign} align
   */
  #write(text, x, y, colours, align) {
    const { context } = this;
    Object.assign(context, {
      textAlign: align,
      textBaseline: "middle",
      lineWidth: 3,
      lineJoin: "round",
      strokeStyle: colours.ground,
      fillStyle: colours.text,
    });
    context.strokeText(text, x, y);
    context.fillText(text, x, y);
  }

  /**
   * Lines to the true neighbours, dashed where the map has torn them away; rings on false ones.
   * @param {Scene} scene
   */
  #drawTies({ ties, strangers, from, at, colours }) {
    if (from < 0) return;
    const { context } = this;
    for (const { id, kept } of ties) {
      context.beginPath();
      context.setLineDash(kept ? [] : [4, 4]);
      context.strokeStyle = kept ? colours.good : colours.bad;
      context.lineWidth = 1.6;
      context.moveTo(...at(from));
      context.lineTo(...at(id));
      context.stroke();
    }
    context.setLineDash([2, 2]);
    for (const id of strangers) this.#circle(at(id), 7, colours.bad, 1.4);
    context.setLineDash([]);
  }

  /** Stars for what was placed by hand. @param {Scene} scene */
  #drawPlaced({ placed, toScreen, colours, size }) {
    const { context } = this;
    for (const { x, y, text } of placed) {
      const [px, py] = toScreen(x, y);
      context.beginPath();
      for (let corner = 0; corner < 10; corner++) {
        const far = corner % 2 ? 5 : 11;
        const turn = (Math.PI * corner) / 5 - Math.PI / 2;
        context.lineTo(px + far * Math.cos(turn), py + far * Math.sin(turn));
      }
      context.closePath();
      Object.assign(context, { fillStyle: colours.accent, strokeStyle: colours.ground, lineWidth: 2 });
      context.stroke();
      context.fill();
      const [left] = this.#starBox({ x, y, text }, toScreen, size);
      this.#write(text, left < px - 12 ? left + 3 : px + 14, py, colours, "left");
    }
  }

  /** @param {Scene} scene @param {number} id @param {string} colour @param {number} width */
  #drawRing({ at }, id, colour, width) {
    if (id < 0) return;
    const picture = this.pictures.find((other) => other.id === id);
    if (picture) this.#outline(picture.box, colour, width);
    else this.#circle(at(id), 8, colour, width);
  }

  /** @param {Pair} centre @param {number} radius @param {string} colour @param {number} width */
  #circle([x, y], radius, colour, width) {
    const { context } = this;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    Object.assign(context, { strokeStyle: colour, lineWidth: width });
    context.stroke();
  }

  /** @param {Scene} scene */
  #drawLasso({ lasso, colours }) {
    if (lasso.length < 2) return;
    const { context } = this;
    context.beginPath();
    lasso.forEach((/** @type {[number, number]} */ point) => context.lineTo(...point));
    context.closePath();
    Object.assign(context, { strokeStyle: colours.accent, lineWidth: 1.5, fillStyle: colours.accent });
    context.globalAlpha = 0.12;
    context.fill();
    context.globalAlpha = 1;
    context.setLineDash([5, 4]);
    context.stroke();
    context.setLineDash([]);
  }

  /** The picture under a pointer, the topmost first; -1 for none. @param {number} x @param {number} y */
  pictureAt(x, y) {
    for (let at = this.pictures.length - 1; at >= 0; at--) {
      const {
        id,
        box: [left, top, wide, tall],
      } = this.pictures[at];
      if (x >= left && x <= left + wide && y >= top && y <= top + tall) return id;
    }
    return -1;
  }
}
