// @ts-check
// The view as it stands, as a page without scripts and as a picture: what "Export" writes.
import { h } from "./dom.mjs";

const DENSITY = 2; // pixels of the picture for one on the screen
const SIDE = 8000; // of the picture at most, in pixels

/**
 * @param {HTMLElement} root of the board
 * @param {string} css its style sheets
 * @param {string} title
 * @param {string[]} caption
 * @returns {Promise<{page: string, picture: Uint8Array<ArrayBuffer>}>}
 */
export async function captured(root, css, title, caption) {
  const still = await stillOf(root, css);
  still.append(h("div", { class: "wb-caption" }, ...caption.filter(Boolean).map((text) => h("p", { text }))));
  const sheet = h("style", {});
  sheet.textContent = css;
  const width = Math.ceil(root.getBoundingClientRect().width);
  // Laid out once on this page, unseen, to learn how high it is; the same nodes are then drawn.
  const probe = h(
    "div",
    {
      style: { position: "absolute", left: "-99999px", top: "0", width: `${width}px` },
      "aria-hidden": "true",
    },
    still,
  );
  document.body.append(probe);
  const height = Math.ceil(still.getBoundingClientRect().height);
  probe.remove();
  const picture = await pictureOf(still, css, width, height);
  const page =
    `<!doctype html>\n<html lang="en"><head><meta ` +
    `charset="utf-8"><title>${escaped(title)}</title>${sheet.outerHTML}</head><body ` +
    `style="margin:16px">${still.outerHTML}</body></html>\n`;
  return { page, picture };
}

/**
 * A copy that needs no script: canvases and blobs become pictures, what was typed becomes an attribute.
 * @param {HTMLElement} root
 * @param {string} css
 */
async function stillOf(root, css) {
  const copy = /** @type {HTMLElement} */ (root.cloneNode(true));
  const [before, after] = [
    [root, ...root.querySelectorAll("*")],
    [copy, ...copy.querySelectorAll("*")],
  ];
  const known = new Map();
  for (const [place, element] of before.entries())
    await settle(/** @type {HTMLElement} */ (element), /** @type {HTMLElement} */ (after[place]), known);
  copy
    .querySelectorAll(".wb-menu, .wb-strip, progress, input[type=file], [hidden]")
    .forEach((element) => element.remove());
  copy.setAttribute("data-still", "");
  copy.removeAttribute("inert");
  const computed = getComputedStyle(root);
  for (const name of new Set(css.match(/--(?:jp|wb)-[\w-]+/g))) {
    const value = computed.getPropertyValue(name);
    if (value && name !== "--wb-screen") copy.style.setProperty(name, value);
  }
  [...known.values()].forEach((url, place) => copy.style.setProperty(`--wb-blob-${place}`, `url("${url}")`));
  return copy;
}

/**
 * @param {HTMLElement} from
 * @param {HTMLElement} to
 * @param {Map<string, string>} known blob addresses and their data
 */
async function settle(from, to, known) {
  if (from instanceof HTMLCanvasElement) {
    const picture = h("img", {
      src: from.width && from.height ? from.toDataURL() : "",
      alt: from.getAttribute("aria-label") ?? "",
      class: from.className,
    });
    picture.style.cssText = from.style.cssText;
    Object.assign(picture.style, { width: `${from.clientWidth}px`, height: `${from.clientHeight}px` });
    to.replaceWith(picture);
  } else if (from instanceof HTMLImageElement && from.src.startsWith("blob:"))
    to.setAttribute("src", await dataOf(from.src, known));
  else if (from instanceof HTMLInputElement) {
    to.setAttribute("value", from.value);
    to.toggleAttribute("checked", from.checked);
  } else if (from instanceof HTMLTextAreaElement) to.textContent = from.value;
  else if (from instanceof HTMLOptionElement) to.toggleAttribute("selected", from.selected);
  const blob = /url\("?(blob:[^")]+)"?\)/.exec(from.style?.backgroundImage ?? "");
  if (!blob) return;
  await dataOf(blob[1], known);
  // once for all who show it
  to.style.backgroundImage = `var(--wb-blob-${[...known.keys()].indexOf(blob[1])})`;
}

/** @param {string} address @param {Map<string, string>} known @returns {Promise<string>} */
async function dataOf(address, known) {
  const found = known.get(address);
  if (found) return found;
  const blob = await (await fetch(address)).blob();
  const data = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
  known.set(address, data);
  return data;
}

/** @param {HTMLElement} still @param {string} css @param {number} width @param {number} height */
async function pictureOf(still, css, width, height) {
  const density = Math.min(DENSITY, SIDE / Math.max(width, height));
  const body = new XMLSerializer().serializeToString(still);
  const style = new XMLSerializer().serializeToString(
    Object.assign(document.createElement("style"), { textContent: css }),
  );
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><foreignObject ` +
    `width="100%" height="100%"><div ` +
    `xmlns="http://www.w3.org/1999/xhtml">${style}${body}</div></foreignObject></svg>`;
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await picture.decode();
  const canvas = h("canvas", { width: Math.round(width * density), height: Math.round(height * density) });
  canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const blob = await /** @type {Promise<Blob | null>} */ (
    new Promise((resolve) => canvas.toBlob(resolve, "image/png"))
  );
  if (!blob) throw new Error("this browser draws no picture of the page");
  return new Uint8Array(await blob.arrayBuffer());
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
