// @ts-check
// What the kernel answers in pictures, and pictures that go to it.
import { PictureUrl } from "../shared/dom.mjs";
import { sendPictures } from "../shared/upload.mjs";
import { Asked } from "./store.mjs";

/** @import { Atlas, Card, FoundAnswer, SheetAnswer, ShownCard, Thumb } from "./types.d.ts" */
/** @import { Bytes, Message } from "../shared/types.d.ts" */

/**
 * Sheets of pictures: one WebP of square cells, read in the order that was asked for.
 * @extends {Asked<Thumb>}
 */
export class Sheets extends Asked {
  /** @override @param {Message} answer @param {Bytes[]} buffers @returns {Promise<[number, Thumb][]>} */
  async read(answer, buffers) {
    const message = /** @type {SheetAnswer} */ (answer);
    const sheet = await createImageBitmap(new Blob([buffers[0]], { type: "image/webp" }));
    return message.points.map((id, place) => [
      id,
      {
        sheet,
        cell: message.cell,
        left: (place % message.columns) * message.cell,
        top: Math.floor(place / message.columns) * message.cell,
      },
    ]);
  }
}

/**
 * What is known of a point, with its picture and those of its neighbours.
 * @extends {Asked<ShownCard>}
 */
export class Cards extends Asked {
  /** @override @param {Message} answer @param {Bytes[]} buffers @returns {[number, ShownCard][]} */
  read(answer, buffers) {
    const message = /** @type {FoundAnswer<Card>} */ (answer);
    return message.found.map(([id, card]) => [
      id,
      { ...card, picture: new PictureUrl().of(buffers[0]), strip: new PictureUrl().of(buffers[1]) },
    ]);
  }
}

/**
 * Put the first picture among the files on the map.
 * @param {Atlas} board
 * @param {Iterable<File> | null} files
 */
export function place(board, files) {
  return sendPictures(board, files, (name, content) => board.tell({ kind: "place", name }, [content]), 1);
}
