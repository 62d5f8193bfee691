// @ts-check
// What lies on the points in this frame: chosen once nothing moves, and handed to the overlay.
import { pictureSide } from "./overlay.mjs";
import { bits, representatives } from "./space.mjs";

/** @import { Scene } from "./types.d.ts" */
/** @import { View } from "./space.mjs" */
/** @import { Stage } from "./stage.mjs" */

const PICTURES_AT_MOST = 60000; // in view; with more of them pictures would hide the map
const WORDS = 160;
const SHARP_FROM = 40; // px of a picture from which the finer sheet is asked for

/**
 * Once nothing moves: which pictures and words have room, and what of them is not here yet.
 * @param {Stage} stage
 * @param {View} view
 */
export function settled(stage, view) {
  const { asked, model } = stage.board;
  let pictures = 0;
  let all = 0;
  stage.grid.within(view.window(), (id) => {
    all++;
    if (stage.kinds[id] === 0) pictures++;
  });
  stage.inView = all;
  const wanted = model.get("pictures") && stage.board.view().pictures && pictures <= PICTURES_AT_MOST;
  stage.side = pictureSide(stage.size.width * stage.size.height, 2 * pictures);
  const shows = (/** @type {number} */ id) => stage.visible(id);
  const first = (/** @type {number} */ id) => (bits.has(stage.mask, id) ? 2 : 0) + rank(id);
  const shown = wanted
    ? representatives(stage.grid, view, stage.side, (id) =>
        stage.kinds[id] === 0 && shows(id) ? first(id) : -1,
      )
    : [];
  const sheet = stage.side >= SHARP_FROM ? asked.fine : asked.coarse;
  sheet.want(shown, 256);
  stage.thumbs = shown.flatMap((id) => {
    const thumb = sheet.known.get(id) ?? asked.coarse.known.get(id) ?? asked.fine.known.get(id);
    return thumb ? [{ id, ...thumb }] : [];
  });
  const named =
    model.get("words") && stage.board.view().words
      ? representatives(stage.grid, view, 44, (id) =>
          stage.kinds[id] !== 0 && shows(id) ? first(id) : -1,
        ).slice(0, 2 * WORDS)
      : [];
  asked.words.want(named, 400);
  stage.words = named
    .sort((a, b) => first(b) - first(a))
    .slice(0, WORDS)
    .flatMap((id) => {
      const text = asked.words.known.get(id);
      return text ? [{ id, text }] : [];
    });
}

/**
 * @param {Stage} stage
 * @param {View} view
 * @returns {Scene}
 */
export function sceneOf(stage, view) {
  const { model, asked } = stage.board;
  const focus = stage.hover >= 0 ? stage.hover : model.get("focus");
  const card = asked.look.known.get(focus);
  const known = (/** @type {number} */ id) => 2 * id < stage.layout.length;
  const [labels, kinds] = [model.get("labels"), model.get("kinds")];
  const landmarks =
    model.get("words") && stage.camera.zoom < 4 && stage.mix === 1
      ? stage.board
          .view()
          .landmarks.filter(
            (mark) =>
              (!labels.length || labels.includes(mark.label)) && (!kinds.length || kinds.includes(mark.kind)),
          )
      : [];
  return {
    ratio: stage.ratio,
    size: stage.size,
    thumbs: stage.thumbs,
    side: stage.side,
    words: stage.mix === 1 ? stage.words : [],
    landmarks,
    at: (/** @type {number} */ id) => view.toScreen(stage.layout[2 * id], stage.layout[2 * id + 1]),
    toScreen: (/** @type {number} */ x, /** @type {number} */ y) => view.toScreen(x, y),
    chosen: (/** @type {number} */ id) => bits.has(stage.mask, id),
    lit: (/** @type {number} */ id) => stage.lit(id),
    frame: (/** @type {number} */ id) =>
      stage.palette[(stage.board.store.arrays.codes ?? [])[id]] ?? stage.colours.soft,
    emphasis: stage.emphasis,
    colours: stage.colours,
    lasso: stage.lasso,
    placed: stage.board.view().placed ?? [],
    from: card && known(focus) ? focus : -1,
    ties: (card?.neighbours ?? []).map((near) => ({ id: near.point, kept: near.kept })),
    strangers: card?.strangers ?? [],
    focus: known(model.get("focus")) ? model.get("focus") : -1,
    hover: stage.hover,
  };
}

/** A fixed order of preference among points, the same at each zoom. @param {number} id */
function rank(id) {
  return ((id * 2654435761) % 4294967296) / 4294967296;
}
