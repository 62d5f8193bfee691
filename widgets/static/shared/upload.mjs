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

/**
 * Send pictures one after the other, `most` of them; the kernel is told why a file cannot be used.
 * @param {{tell: (message: {kind: "problem", message: string}) => void}} board
 * @param {Iterable<File> | null} files
 * @param {(name: string, content: ArrayBuffer) => void} send
 * @param {number} [most]
 */
export async function sendPictures(board, files, send, most = Infinity) {
  const { pictures, others } = split(files ?? []);
  const problem = (/** @type {File} */ file, /** @type {string} */ why) =>
    board.tell({ kind: "problem", message: `${nameOf(file, 0)} cannot be used: ${why}.` });
  others.forEach((file) => problem(file, `it is ${file.type}, not a picture`));
  for (const [place, file] of pictures.slice(0, most).entries()) {
    try {
      send(nameOf(file, place), await prepared(file));
    } catch (error) {
      problem(file, /** @type {Error} */ (error).message);
    }
  }
}

/**
 * Files dropped or pasted anywhere on a board; it is outlined while some are held over it.
 * @param {HTMLElement} root
 * @param {AbortSignal} signal
 * @param {(files: Iterable<File> | null) => void} take
 */
export function acceptFiles(root, signal, take) {
  const held = (/** @type {boolean} */ over) => root.classList.toggle("wb-dragged", over);
  const used = (/** @type {Event} */ event) => {
    event.preventDefault();
    event.stopPropagation();
  };
  const dragged = (/** @type {DragEvent} */ event) => {
    used(event);
    held(true);
  };
  const dropped = (/** @type {DragEvent} */ event) => {
    used(event);
    held(false);
    take(event.dataTransfer?.files ?? null);
  };
  const pasted = (/** @type {ClipboardEvent} */ event) => {
    const files = event.clipboardData?.files;
    if (!files?.length) return;
    used(event);
    take(files);
  };
  root.addEventListener("dragover", dragged, { signal });
  root.addEventListener("dragleave", () => held(false), { signal });
  root.addEventListener("drop", dropped, { signal });
  root.addEventListener("paste", pasted, { signal });
}
