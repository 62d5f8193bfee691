// @ts-check
// The fusion board. It draws what the kernel computed (`_view`, `_planes`, `_space`) and sends back choices.
import { codeOf } from "./code.mjs";
import { h, fill, keepKeys } from "./dom.mjs";
import { planePage } from "./fusion_plane.mjs";
import { contributionsPage, costPage, modelsPage, proofPage, qualityPage, robustnessPage, trainingPage } from "./fusion_pages.mjs";
import { examplesPage, lookedPart, spacePage } from "./fusion_examples.mjs";

const PAGES = { plane: planePage, proof: proofPage, quality: qualityPage, training: trainingPage, robustness: robustnessPage, contributions: contributionsPage, cost: costPage, examples: examplesPage, space: spacePage, models: modelsPage };
const JOBS = { plane: "decision regions", compare: "comparison", prove: "proof" };

/** One running job in words. @param {string} what @param {any} now */
export function jobWords(what, now) {
  const count = now.total ? `${now.done} of ${now.total}` : "";
  return [JOBS[/** @type {keyof typeof JOBS} */ (what)] ?? what, now.stage, count, now.message].filter(Boolean).join(", ");
}

/** Where the arrow keys lead among tabs that can be opened. @param {boolean[]} open @param {number} place @param {string} key */
export function nextTab(open, place, key) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
  if (key === "Home") return open.indexOf(true);
  if (key === "End") return open.lastIndexOf(true);
  if (!step) return null;
  let goal = place;
  for (let tries = 0; tries < open.length; tries += 1) {
    goal = (goal + step + open.length) % open.length;
    if (open[goal]) return goal;
  }
  return place;
}

/** @param {{model: any, el: HTMLElement}} context */
function render({ model, el }) {
  const stop = new AbortController();
  const send = (/** @type {string} */ name, /** @type {any} */ value) => {
    model.set(name, value);
    model.save_changes();
  };
  const board = { model, send, stop, view: () => model.get("_view"), look: (/** @type {string} */ name) => send("fusion", name) };
  const head = boardHead(board);
  const tabs = boardTabs(board);
  const looked = lookedPart(board);
  const foot = boardFoot(board);
  /** @type {Record<string, any>} */
  const pages = {};
  const place = h("div", { class: "fb-body", role: "tabpanel" });
  const root = h("section", { class: "wb fb", "aria-label": "Fusion board" }, head.element, tabs.element, h("div", { class: "fb-columns" }, place, looked.element), foot.element);
  keepKeys(root, stop.signal);
  let shown = "";
  let frame = 0; // many traits change together; one drawing serves them all
  const drawNow = () => {
    frame = 0;
    const name = board.view().tab;
    pages[name] ??= PAGES[/** @type {keyof typeof PAGES} */ (name)](board);
    if (shown !== name) { shown = name; fill(place, pages[name].element); place.setAttribute("aria-label", name); }
    [head, tabs, pages[name], looked, foot].forEach((part) => part.draw());
  };
  const draw = () => { frame ||= requestAnimationFrame(drawNow); };
  const traits = ["_view", "_status", "_live", "_planes", "_space", "_sprite", "_large", "tab", "fusion", "focus", "selected", "preset", "layer", "bottleneck", "task", "beside", "seed", "chosen", "curve", "order", "seeds", "epochs", "most_train", "training"];
  traits.forEach((name) => model.on(`change:${name}`, draw));
  const receive = (/** @type {any} */ message) => { if (message?.kind === "file") saveFile(root, message.name, message.text); };
  model.on("msg:custom", receive);
  draw();
  el.append(root);
  return () => {
    stop.abort();
    cancelAnimationFrame(frame);
    traits.forEach((name) => model.off(`change:${name}`, draw));
    model.off("msg:custom", receive);
    Object.values(pages).forEach((page) => page.release?.());
    root.remove();
  };
}

/** Hand a text to the browser as a download. @param {HTMLElement} root @param {string} name @param {string} text */
function saveFile(root, name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  const link = h("a", { href: url, download: name, hidden: true });
  root.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** @param {any} board */
function boardHead({ model, view }) {
  const title = h("strong", { class: "fb-title" });
  const said = h("span", { class: "fb-said", role: "status", "aria-live": "polite" });
  const jobs = h("div", { class: "fb-jobs" });
  const error = h("p", { class: "wb-error", role: "alert", hidden: true });
  return {
    element: h("header", { class: "fb-head" }, title, said, jobs, error),
    draw() {
      const now = model.get("_status");
      title.textContent = view().title;
      said.textContent = now.said || view().said;
      const working = Object.entries(now.working ?? {});
      while (jobs.children.length > working.length) jobs.lastChild?.remove();
      while (jobs.children.length < working.length) {
        const cancel = h("button", { type: "button", class: "wb-button", text: "Cancel", onclick: () => model.send({ kind: "cancel", what: cancel.dataset.what }) });
        jobs.append(h("div", { class: "fb-job" }, h("span", {}), h("progress", { max: 1, "aria-label": "progress" }), cancel));
      }
      working.forEach(([what, state], place) => {
        const [text, bar, cancel] = /** @type {any[]} */ ([...jobs.children[place].children]);
        text.textContent = jobWords(what, state);
        cancel.dataset.what = what;
        if (state.total) bar.value = state.done / state.total;
        else bar.removeAttribute("value");
      });
      error.hidden = !now.error;
      error.textContent = now.error || "";
    },
  };
}

/** @param {any} board */
function boardTabs({ send, view }) {
  const element = h("div", { class: "fb-tabs", role: "tablist", "aria-label": "pages" });
  let drawn = 0;
  element.addEventListener("keydown", (event) => {
    const buttons = /** @type {any[]} */ ([...element.children]);
    const place = buttons.indexOf(event.target);
    const goal = place < 0 ? null : nextTab(buttons.map((button) => button.getAttribute("aria-disabled") !== "true"), place, event.key);
    if (goal === null) return;
    event.preventDefault();
    buttons[goal].focus();
    send("tab", view().tabs[goal].name);
  });
  return {
    element,
    draw() {
      const { tabs, tab } = view();
      if (drawn !== tabs.length) {
        drawn = tabs.length;
        fill(element, ...tabs.map((/** @type {any} */ row, /** @type {number} */ at) => h("button", { type: "button", role: "tab", text: row.title, onclick: () => { if (!view().tabs[at].why) send("tab", row.name); } })));
      }
      tabs.forEach((/** @type {any} */ row, /** @type {number} */ at) => {
        const button = element.children[at];
        button.setAttribute("aria-selected", String(row.name === tab));
        button.setAttribute("aria-disabled", String(Boolean(row.why)));
        button.setAttribute("tabindex", row.name === tab ? "0" : "-1");
        button.title = row.why;
      });
    },
  };
}

/** @param {any} board */
function boardFoot({ model, view }) {
  const code = codeOf("fb", "board");
  const exporter = (/** @type {string} */ form, /** @type {string} */ text) => h("button", { type: "button", class: "wb-button", text, onclick: () => model.send({ kind: "export", form }) });
  const notes = h("ul", { class: "fb-notes" });
  const credit = h("small", { class: "wb-credit" });
  return {
    element: h("footer", { class: "fb-foot" }, notes, h("div", { class: "fb-row fb-wrap" }, code.button, exporter("csv", "Save as CSV"), exporter("latex", "Save as LaTeX"), credit), code.details),
    draw() {
      code.draw(view().code);
      credit.textContent = view().credit;
      fill(notes, ...view().notes.map((/** @type {string} */ note) => h("li", { text: note })));
    },
  };
}

export default { render };
