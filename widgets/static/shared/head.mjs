// @ts-check
// The top of every board: what it is of, what is being done, what went wrong, and what can be taken away from
// it.
import { h, fill } from "./dom.mjs";
import { captured } from "./capture.mjs";
import { menu } from "./menu.mjs";

/** @import { About, Frame, Job, Part } from "./types.d.ts" */

const SAID_MS = 2000;

/** One running job in words. @param {string} job @param {Job} now */
export function jobWords(job, now) {
  const count = now.total ? `${now.done} of ${now.total}` : "";
  return (
    [now.stage || job, count, now.message].filter(Boolean).join(", ") + (count || now.message ? "" : "…")
  );
}

/** @param {Frame} board @param {About} about @returns {Part} */
export function head(board, about) {
  const title = h("strong", { class: "wb-title" });
  const said = h("span", { class: "wb-said", role: "status", "aria-live": "polite" });
  const jobs = h("span", { class: "wb-jobs" });
  const strip = h("p", { class: "wb-strip", role: "alert", hidden: true });
  const error = h("span", { class: "wb-error-text" });
  const close = h("button", {
    type: "button",
    class: "wb-icon",
    "aria-label": "dismiss the error",
    text: "×",
    onclick: () => {
      dismissed = board.status().errors[""] ?? "";
      toast.hidden = true;
    },
  });
  const toast = h("p", { class: "wb-error", role: "alert", hidden: true }, error, close);
  const tools = [codeMenu(about), exportMenu(board, about), helpMenu(about)];
  let dismissed = "";
  return {
    element: h(
      "header",
      { class: "wb-head" },
      h(
        "div",
        { class: "wb-head-row" },
        title,
        said,
        jobs,
        h("span", { class: "wb-tools" }, ...tools.map((tool) => tool.element)),
      ),
      strip,
      toast,
    ),
    draw() {
      const now = board.status();
      title.textContent = about.title();
      const working = Object.entries(now.working);
      said.textContent = working.length ? "" : now.said[""] || about.said();
      drawJobs(jobs, working, board);
      strip.hidden = !board.gone;
      strip.textContent = board.gone;
      const problem = now.errors[""] ?? "";
      if (problem !== dismissed) dismissed = "";
      toast.hidden = !problem || problem === dismissed;
      error.textContent = problem;
      tools.forEach((tool) => tool.draw());
    },
  };
}

/**
 * A line of progress for each job, with its Cancel; changed in place, so that the button stays under the
 * pointer.
 * @param {HTMLElement} place
 * @param {[string, Job][]} working
 * @param {Frame} board
 */
function drawJobs(place, working, board) {
  while (place.children.length > working.length) place.lastChild?.remove();
  while (place.children.length < working.length) {
    const cancel = h("button", {
      type: "button",
      class: "wb-button",
      text: "Cancel",
      onclick: () => {
        board.tell({ kind: "cancel", what: cancel.dataset.job ?? "" });
      },
    });
    place.append(
      h(
        "span",
        { class: "wb-job" },
        h("span", { role: "status", "aria-live": "polite" }),
        h("progress", { max: 1, "aria-label": "progress" }),
        cancel,
      ),
    );
  }
  working.forEach(([job, now], at) => {
    const [text, bar, cancel] = /** @type {[Element, HTMLProgressElement, HTMLButtonElement]} */ (
      /** @type {unknown} */ ([...place.children[at].children])
    );
    text.textContent = jobWords(job, now);
    cancel.dataset.job = job;
    if (now.total) bar.value = (now.done ?? 0) / now.total;
    else bar.removeAttribute("value");
  });
}

/**
 * Copies the code and shows it. The text is the browser's own, so it can still be had after the kernel is
 * gone.
 * @param {About} about
 */
function codeMenu(about) {
  const COPY = "Copy as Python";
  const code = h("pre", {
    class: "wb-code",
    tabindex: 0,
    "data-alive": true,
    "aria-label": `Python code of this ${about.thing}`,
  });
  const copy = async () => {
    code.textContent = await about.code();
    try {
      await navigator.clipboard.writeText(code.textContent ?? "");
      button.textContent = "Copied";
    } catch {
      getSelection()?.selectAllChildren(code); // no clipboard permission: the code is marked for Ctrl+C
      button.textContent = "Press Ctrl+C";
    }
    setTimeout(() => (button.textContent = COPY), SAID_MS);
  };
  const { element, button } = menu(COPY, code, {
    title: "copies Python that shows this again",
    class: "wb-menu-code",
    opened: () => {
      void copy();
    },
  });
  button.setAttribute("data-alive", "");
  return { element, draw() {} };
}

/**
 * Everything to keep: the view as a page and a picture, the arrays, a table, the settings.
 * @param {Frame} board
 * @param {About} about
 */
function exportMenu(board, about) {
  const name = h("input", {
    type: "text",
    "aria-label": "name of the exported files",
    value: about.file,
    "data-alive": true,
  });
  const said = h("p", { class: "wb-help", role: "status", "aria-live": "polite" });
  const view = async () => {
    await about.sharp?.(true);
    try {
      return await captured(board.root, board.css(), about.title(), about.caption());
    } finally {
      about.sharp?.(false);
    }
  };
  const answered = async (/** @type {() => Promise<string>} */ act) => {
    said.textContent = "drawing the view…";
    try {
      said.textContent = await act();
    } catch (problem) {
      said.textContent = `The view could not be drawn: ${/** @type {Error} */ (problem).message}.`;
    }
  };
  const save = () =>
    answered(async () => {
      const { page, picture } = await view();
      asked = true;
      board.tell({ kind: "export", path: name.value }, [new TextEncoder().encode(page), picture]);
      return "saving…";
    });
  const download = (/** @type {"png" | "html"} */ form) =>
    answered(async () => {
      const own = form === "html" && !board.gone ? about.page : undefined;
      const { page, picture } = own ? { page: await own(), picture: "" } : await view();
      offer(
        board.root,
        `${name.value.trim() || about.file}.${form}`,
        form === "png" ? picture : page,
        form === "png" ? "image/png" : "text/html;charset=utf-8",
      );
      return `${form.toUpperCase()} handed to the browser`;
    });
  let asked = false;
  const button = (/** @type {string} */ text, /** @type {() => void} */ act, /** @type {boolean} */ alive) =>
    h("button", { type: "button", class: "wb-button", text, onclick: act, "data-alive": alive });
  const content = h(
    "div",
    { class: "wb-export" },
    h("label", { class: "wb-field" }, h("span", { class: "wb-field-name", text: "Name" }), name),
    h(
      "div",
      { class: "wb-row" },
      button("Save PNG + HTML + NPZ + CSV", save, false),
      button("Download PNG", () => download("png"), true),
      button("Download HTML", () => download("html"), true),
    ),
    said,
    h("p", {
      class: "wb-help",
      text:
        "The view as it stands, at twice its size, with model, settings and credits; saved beside the " +
        "notebook, or handed to the browser.",
    }),
    ...(about.exports ?? []),
  );
  const { element, button: opener } = menu("Export", content, { title: "keep the view and its numbers" });
  opener.setAttribute("data-alive", "");
  return {
    element,
    draw() {
      const now = board.status();
      const answer = now.errors.export || now.said.export;
      if (asked && answer) said.textContent = answer;
    },
  };
}

/** @param {About} about */
function helpMenu(about) {
  const list = h("ul", { class: "wb-help-list" });
  fill(list, ...about.help.map((/** @type {string} */ line) => h("li", { text: line })));
  const { element, button } = menu("Help", list, { title: `what this ${about.thing} shows, and its keys` });
  button.setAttribute("data-alive", "");
  return { element, draw() {} };
}

/**
 * Hand bytes or text to the browser as a download.
 * @param {HTMLElement} root
 * @param {string} name
 * @param {BlobPart} content
 * @param {string} type
 */
export function offer(root, name, content, type) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = h("a", { href: url, download: name, hidden: true });
  root.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
