// @ts-check
// Whether there is still a kernel behind a widget, and a model that never speaks to one that is gone.

/** @import { Model } from "./types.d.ts" */

const RESTARTED = "The kernel was restarted: run the cell again. What is shown here is from before.";
const GONE =
  "The kernel is gone: start it from the Kernel menu, then run the cell again. What is shown here is " +
  "from before.";
const WORDS = { restarting: RESTARTED, autorestarting: RESTARTED, dead: GONE, terminating: GONE };

/** What a kernel's status means for a widget made before; "" if nothing. @param {string} status */
export const statusWords = (status) => WORDS[/** @type {keyof typeof WORDS} */ (status)] ?? "";

/**
 * Calls `gone(words)` once the kernel that made the widget has been restarted, has died or was shut down.
 * @template T
 * @param {Model<T>} model of anywidget
 * @param {HTMLElement} el of the view
 * @param {(words: string) => void} gone
 * @returns {() => void} stops watching
 */
export function watched(model, el, gone) {
  // ipywidgets marks a view whose comm has ended with this class; there is no public word for it on the
  // model.
  const cut = () =>
    setTimeout(() => {
      if (el.isConnected && el.closest(".jupyter-widgets-disconnected")) gone(RESTARTED);
    });
  model.on("comm_live_update", cut);
  const kernel = model.widget_manager?.kernel; // JupyterLab's; other front ends have the class alone
  const status = (/** @type {unknown} */ _, /** @type {string} */ now) => {
    const words = statusWords(now);
    if (words) gone(words);
  };
  const ended = () => gone(GONE);
  kernel?.statusChanged?.connect(status);
  kernel?.disposed?.connect(ended);
  cut();
  return () => {
    model.off("comm_live_update", cut);
    kernel?.statusChanged?.disconnect(status);
    kernel?.disposed?.disconnect(ended);
  };
}

/**
 * The model, but silent once `alive()` is false: a change that nobody hears must not be drawn as if it had
 * happened.
 * @template T
 * @param {Model<T>} model
 * @param {() => boolean} alive
 * @param {(words: string) => void} gone called when a message cannot be sent
 * @returns {Model<T>}
 */
export function guarded(model, alive, gone) {
  const tried = (/** @type {() => void} */ act) => {
    if (!alive()) return;
    try {
      act();
    } catch (problem) {
      gone(GONE);
      console.warn("The widget could not reach its kernel:", problem);
    }
  };
  return {
    get: model.get,
    on: model.on,
    off: model.off,
    widget_manager: model.widget_manager,
    set: (...change) => tried(() => model.set(...change)),
    save_changes: () => tried(() => model.save_changes()),
    send: (...message) => tried(() => model.send(...message)),
  };
}
