// @ts-check
// The labels: typed or pasted, which of them the model cannot read, and how many pictures each has won.
import { h, fill } from "../shared/dom.mjs";
import { field, whenTyped } from "../shared/fields.mjs";
import { plural, whole } from "../shared/format.mjs";
import { hueOf, panel, TYPING_PAUSE } from "./controls.mjs";

/** @import { Alike, Unread, View, ZeroShot } from "./types.d.ts" */

const NONE = "none of these";

/** Labels typed one a line. Blank lines are only spacing. @param {string} text */
export function parseLabels(text) {
  return text
    .split(/\r?\n/)
    .map((line) => line.split(/\s+/).filter(Boolean).join(" "))
    .filter(Boolean);
}

/** A pasted list becomes one label a line, whatever it was separated by. @param {string} text */
export function pastedLabels(text) {
  const separator = text.includes("\n") ? /\r?\n/ : text.includes("\t") ? /\t/ : /[,;，、；]/;
  const parts = text.split(separator).map((part) => part.trim().replace(/^["'“”]+|["'“”]+$/g, ""));
  return parts.filter(Boolean).join("\n");
}

/**
 * What stands under the legend when not every label is in it.
 * @param {Pick<View, "labels"> & {gallery: {counts: {index: number}[], winners: number}}} view
 */
export function absent(view) {
  const listed = view.gallery.counts.filter((row) => row.index >= 0).length;
  const parts = [];
  if (view.gallery.winners > listed) parts.push(`${whole(view.gallery.winners - listed)} more won fewer`);
  const idle = view.labels - view.gallery.winners;
  if (idle > 0) parts.push(`${plural(idle, "label")} won no picture`);
  return parts.join("; ");
}

/** @param {ZeroShot} board */
export function words({ model, send, view, status }) {
  const box = whenTyped(
    h("textarea", {
      rows: 6,
      spellcheck: "false",
      "aria-label": "labels, one a line",
      placeholder: "one label a line",
      onpaste: (/** @type {ClipboardEvent} */ event) => paste(event),
    }),
    (text) => send("labels", parseLabels(text)),
    TYPING_PAUSE,
  );
  const boxField = field(box, "labels");
  const paste = (/** @type {ClipboardEvent} */ event) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!text || parseLabels(pastedLabels(text)).length < 2) return;
    event.preventDefault();
    event.stopPropagation();
    // as if typed, so that Ctrl+Z takes it back
    document.execCommand("insertText", false, pastedLabels(text));
  };
  const unread = h("div", { class: "zsb-unread", role: "note" });
  const alike = h("div", { class: "zsb-alike", role: "note" });
  const counts = h("ul", {
    class: "zsb-counts",
    "aria-label": "pictures won by each label; press one to list only those",
  });
  const rest = h("p", { class: "wb-help" });
  let sent = "";
  return {
    element: panel(
      "Labels",
      "One a line; paste any list. Pictures are ranked anew as you type.",
      boxField.element,
      unread,
      alike,
      counts,
      rest,
    ),
    draw() {
      boxField.draw(status());
      const labels = model.get("labels");
      const joined = labels.join("\n");
      if (joined !== sent && joined !== parseLabels(box.value).join("\n")) box.value = joined;
      sent = joined;
      drawUnread(unread, view().unread);
      drawAlike(alike, view().alike, (/** @type {string[]} */ labels) => send("labels", labels));
      drawCounts(counts, { model, send, view });
      rest.textContent = absent(view());
    },
  };
}

/** @param {HTMLElement} place @param {Unread | null} unread */
function drawUnread(place, unread) {
  place.hidden = !unread;
  if (!unread) return;
  const more = unread.more ? `, and ${whole(unread.more)} more` : "";
  fill(
    place,
    h("p", {}, h("strong", { text: unread.said })),
    h(
      "p",
      { class: "wb-help" },
      "Not read: ",
      ...unread.labels.map((one) =>
        h("span", { class: "zsb-tag", text: one.label, title: `unknown: ${one.words.join(" ")}` }),
      ),
      `${more}. Its text tower has one token for every word it does not know, so all of these look ` +
        "alike to it.",
    ),
  );
}

/**
 * What cannot be told apart, and the offer to make it one.
 * @param {HTMLElement} place
 * @param {Alike | null} alike
 * @param {(labels: string[]) => void} change
 */
function drawAlike(place, alike, change) {
  place.hidden = !alike;
  if (!alike) return;
  fill(
    place,
    h("p", { text: alike.said }),
    h("button", {
      type: "button",
      class: "wb-button",
      text: "Make them one",
      title: "keep the first label of each",
      onclick: () => change(alike.labels),
    }),
  );
}

/**
 * The legend; its entries filter. Changed in place, so that the one in focus stays.
 * @param {HTMLElement} list
 * @param {Pick<ZeroShot, "model" | "send" | "view">} board
 */
function drawCounts(list, { model, send, view }) {
  const rows = view().gallery.counts;
  while (list.children.length > rows.length) list.lastChild?.remove();
  while (list.children.length < rows.length) list.append(entry(model, send));
  const [wonBy, only] = [model.get("won_by"), model.get("only")];
  rows.forEach((row, /** @type {number} */ place) => {
    const button = /** @type {HTMLElement} */ (list.children[place].firstChild);
    const on = row.index < 0 ? only === NONE : wonBy.includes(row.label);
    button.dataset.label = row.label;
    button.dataset.index = String(row.index);
    button.setAttribute("aria-pressed", String(on));
    button.title = on ? "list all again" : "list only these";
    button.style.setProperty("--hue", hueOf(view(), row.index));
    button.children[0].textContent = row.label;
    button.children[1].textContent = whole(row.count);
  });
}

/** @param {ZeroShot["model"]} model @param {ZeroShot["send"]} send */
function entry(model, send) {
  const flip = () => {
    send("page", 0);
    if (Number(button.dataset.index) < 0) {
      send("only", model.get("only") === NONE ? "all" : NONE);
      return;
    }
    const { label = "" } = button.dataset;
    const now = model.get("won_by");
    send(
      "won_by",
      now.includes(label) ? now.filter((/** @type {string} */ other) => other !== label) : [...now, label],
    );
  };
  const button = h(
    "button",
    { type: "button", class: "zsb-entry", onclick: flip },
    h("span", { class: "zsb-chip" }),
    h("span", { class: "zsb-number" }),
  );
  return h("li", {}, button);
}
