// @ts-check
// One life for every board: put together, drawn, kept from the notebook's keys, fitted to the screen, and
// told when its kernel is gone.
import { h, fill } from "./dom.mjs";
import { head } from "./head.mjs";
import { guarded, watched } from "./kernel.mjs";

const LEAST_HEIGHT = 420; // pixels; below this a page that scrolls is better than a board that does
const LEAST_NAMED = 240; // pixels, where the layout around it names a height
const MARGIN = 24; // pixels of the notebook's own around a cell's output
const CONTROLS = "button, input, select, textarea";
const TYPED =
  "textarea, input:not([type=range], [type=checkbox], [type=radio], [type=file], [type=button]), " +
  "[contenteditable=true]";

/** @import { About, Board, Common, Context, Message, Part } from "./types.d.ts" */

/**
 * Put a board together from its parts, and keep it until it is taken away.
 * @template {Common<unknown>} T
 * @template {Message} M
 * @param {Context<T>} context of anywidget
 * @param {(board: Board<T, M>) => About} make
 * @returns {() => void} cleans up
 */
export function mount({ model: raw, el }, make) {
  const stop = new AbortController();
  const root = h("section", { class: "wb" });
  const alive = () => !board.gone;
  const gone = (/** @type {string} */ words) => {
    if (stop.signal.aborted || board.gone) return;
    board.gone = words;
    board.redraw();
  };
  const model = guarded(raw, alive, gone);
  let frame = 0;
  /** @type {Board<T, M>} */
  const board = {
    model,
    root,
    stop,
    gone: "",
    send: (name, value) => {
      model.set(name, value);
      model.save_changes();
    },
    tell: (message, buffers = []) => model.send(message, undefined, buffers),
    view: () => model.get("_view"),
    status: () => ({ working: {}, errors: {}, said: {}, ...model.get("_status") }),
    redraw: () => {
      frame ||= requestAnimationFrame(draw);
    },
    css: () => model.get("_css") ?? "",
  };
  const about = make(board);
  const [above, below] = [head(board, about), foot(about)];
  const parts = [above, ...about.parts, below];
  root.classList.add(about.kind);
  root.setAttribute("aria-label", about.label);
  about.body.classList.add("wb-body");
  root.append(above.element, about.body, below.element);
  function draw() {
    frame = 0;
    if (about.ready && !about.ready()) return;
    parts.forEach((part) => part.draw());
    root.toggleAttribute("data-gone", Boolean(board.gone));
    if (board.gone)
      root.querySelectorAll(CONTROLS).forEach((control) => {
        if (!control.hasAttribute("data-alive"))
          /** @type {HTMLButtonElement} */ (control).disabled = true;
      });
  }
  const events = {
    ...Object.fromEntries(["_status", ...about.traits].map((name) => [`change:${name}`, board.redraw])),
    ...about.listeners,
  };
  for (const [name, act] of Object.entries(events)) raw.on(name, act);
  keepKeys(root, stop.signal);
  el.classList.add("wb-place");
  el.append(root);
  const release = [watched(raw, el, gone), fitted(root), themed(board.redraw)];
  board.redraw();
  return () => {
    stop.abort();
    cancelAnimationFrame(frame);
    for (const [name, act] of Object.entries(events)) raw.off(name, act);
    release.forEach((end) => end());
    parts.forEach((part) => part.release?.());
    root.remove();
  };
}

/**
 * Notes and credit.
 * @param {About} about
 * @returns {Part}
 */
function foot(about) {
  const notes = h("ul", { class: "wb-notes" });
  const credit = h("small", { class: "wb-credit" });
  let drawn = "";
  return {
    element: h("footer", { class: "wb-foot" }, notes, credit),
    draw() {
      const lines = about.notes();
      credit.textContent = about.credit();
      if (lines.join("\n") === drawn) return;
      drawn = lines.join("\n");
      fill(notes, ...lines.map((text) => h("li", { text })));
    },
  };
}

/**
 * Keys pressed in a board belong to the board: JupyterLab listens above it, would take Enter and undo away
 * from a text field, and cut or delete the cell for an `x` or `dd`. Escape outside a field, when nothing in
 * the board has used it, goes back to the notebook.
 * @param {HTMLElement} root
 * @param {AbortSignal} signal
 */
function keepKeys(root, signal) {
  const mine = (/** @type {Event} */ event) => event.stopPropagation();
  root.addEventListener(
    "keydown",
    (event) => {
      event.stopPropagation();
      if (
        event.key !== "Escape" ||
        event.defaultPrevented ||
        /** @type {Element} */ (event.target).matches(TYPED)
      )
        return;
      const cell = /** @type {HTMLElement | null} */ (root.closest(".jp-Cell"));
      if (!cell) return;
      cell.tabIndex = -1;
      cell.focus();
    },
    { signal },
  );
  for (const name of ["keyup", "keypress", "copy", "cut", "paste", "beforeinput"])
    root.addEventListener(name, mine, { signal });
}

/**
 * The nearest widget around a board, its own place first, whose layout names a height: a row of 300px, a
 * pane.
 * @param {HTMLElement} root @returns {HTMLElement | null}
 */
function named(root) {
  const names = (/** @type {string} */ length) =>
    Boolean(length) && !/^(auto|none|.*%|(min|max|fit)-content)$/.test(length);
  let around = /** @type {HTMLElement | null} */ (root.parentElement);
  while (
    around &&
    !(
      around.matches(".jupyter-widgets, .wb-place") &&
      (names(around.style.height) || names(around.style.maxHeight))
    )
  )
    around = around.parentElement;
  return around;
}

/**
 * A board is at most as high as what the notebook, or the layout it stands in, shows of it.
 * @param {HTMLElement} root
 */
function fitted(root) {
  /** @type {Element | null} */
  let page = null;
  const fit = () => {
    if (!page && root.isConnected) {
      page =
        root.closest(".jp-WindowedPanel-outer") ??
        root.closest(".jp-NotebookPanel-notebook") ??
        root.closest(".jp-LinkedOutputView");
      if (page) observer.observe(page);
      if (root.parentElement) observer.observe(root.parentElement);
    }
    const screen = Math.max(LEAST_HEIGHT, (page?.clientHeight || window.innerHeight) - MARGIN);
    const pane = named(root)?.clientHeight;
    root.style.setProperty(
      "--wb-screen",
      `${pane ? Math.min(screen, Math.max(LEAST_NAMED, pane)) : screen}px`,
    );
  };
  const observer = new ResizeObserver(fit);
  observer.observe(root); // its first size comes when it is put into the page, which is after it was made
  window.addEventListener("resize", fit);
  fit();
  return () => {
    observer.disconnect();
    window.removeEventListener("resize", fit);
  };
}

/** What is drawn on a canvas does not follow the theme by itself. @param {() => void} redraw */
function themed(redraw) {
  const themes = new MutationObserver(redraw);
  themes.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  return () => themes.disconnect();
}
