// @ts-check
// Pictures from a drop, a paste or a file dialog, made small enough for one message to the kernel.

export const SIDE_LIMIT = 1024; // pixels; no model here looks at more
export const SEND_AS_IS = 2e6; // bytes; smaller files go as they are, so that the kernel sees the original

/**
 * The size that fits into a square of `limit`, never larger than before.
 * @param {number} width
 * @param {number} height
 * @param {number} limit
 */
export function fitWithin(width, height, limit) {
  const scale = Math.min(1, limit / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

/**
 * What to call a file that has no name, such as a pasted one.
 * @param {{name?: string}} file
 * @param {number} place
 */
export function nameOf(file, place) {
  return file.name && file.name !== "image.png" ? file.name : `pasted picture ${place + 1}`;
}

/**
 * Only what may be a picture: files dragged along with it are said, not sent.
 * @template {{type: string}} F
 * @param {Iterable<F>} files
 */
export function split(files) {
  /** @type {{pictures: F[], others: F[]}} */
  const { pictures, others } = { pictures: [], others: [] };
  for (const file of files)
    (file.type.startsWith("image/") || file.type === "" ? pictures : others).push(file);
  return { pictures, others };
}

/**
 * The bytes to send. A large picture is drawn smaller first: a message over 10 MB would close the
 * connection to the kernel without a word.
 * @param {File} file @returns {Promise<ArrayBuffer>}
 */
export async function prepared(file) {
  if (file.size === 0) throw new Error("it is empty");
  if (file.size <= SEND_AS_IS) return file.arrayBuffer();
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(
      "this browser cannot read it as a picture; give its path on the kernel's machine instead",
    );
  }
  const [width, height] = fitWithin(bitmap.width, bitmap.height, SIDE_LIMIT);
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const blob = await canvas.convertToBlob({ type: "image/webp", quality: 0.95 });
  return blob.arrayBuffer();
}
