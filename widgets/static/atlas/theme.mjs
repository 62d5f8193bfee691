// @ts-check
// Colours of the page's theme and of the figures' palette, as the map draws them.

/** A CSS colour (#rgb, #rrggbb or rgb()) as three shares. @param {string} colour */
export function rgb(colour) {
  const text = colour.trim();
  if (text.startsWith("#")) {
    const wide = text.length < 6 ? [...text.slice(1)].map((digit) => digit + digit).join("") : text.slice(1);
    return [0, 2, 4].map((at) => parseInt(wide.slice(at, at + 2), 16) / 255);
  }
  const parts = (text.match(/[\d.]+/g) ?? ["0", "0", "0"]).slice(0, 3).map(Number);
  return parts.map((part) => part / 255);
}
