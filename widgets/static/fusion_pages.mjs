// @ts-check
// Pages of the fusion board that show a comparison: quality, training, robustness, contributions, cost, proof, models.
import { h, fill } from "./dom.mjs";
import { barChart, dotChart, lineChart, pointChart, short, span } from "./charts.mjs";
import { graphDrawing } from "./fusion_graph.mjs";
import { fieldset, fixed, keep, numbers, options, refill, spread } from "./fusion_controls.mjs";

/** "best by 0.012 over …": one sentence of a quality page. @param {any} page */
export function qualityWords(page) {
  const rows = new Map(page.rows.map((/** @type {any} */ row) => [row.fusion, row]));
  const best = rows.get(page.order[0]);
  if (!best || best.mean === null) return "Nothing was finished yet.";
  const base = rows.get(page.baseline);
  const lead = `${best.title} has the best ${page.short}: ${fixed(best.mean)}`;
  if (!best.difference || !base) return `${lead}.`;
  const sure = best.sure === null ? "one seed says nothing about chance" : best.sure ? "the interval leaves zero out" : "the interval holds zero: it may be chance";
  return `${lead}; ${spread(best.difference)} against ${base.title} on the same seeds, ${sure}.`;
}

/** @param {any} board */
export function qualityPage(board) {
  const { send } = board;
  const measure = h("select", { "aria-label": "measure", onchange: () => send("measure", measure.value) });
  const baseline = h("select", { "aria-label": "difference from", onchange: () => send("baseline", baseline.value) });
  const words = h("p", { class: "fb-caption" });
  const chart = h("div", { class: "fb-holder" });
  const meaning = h("p", { class: "wb-help" });
  const calibration = h("div", { class: "fb-holder" });
  const below = h("div", {});
  return {
    element: h("div", { class: "fb-page" },
      h("div", { class: "fb-row" }, h("label", { class: "fb-row" }, "Measure", measure), h("label", { class: "fb-row" }, "Differences from", baseline)),
      words, chart, meaning, below, h("h4", { text: "Calibration: how often it is right when it is so sure" }), calibration),
    draw() {
      const page = board.view().quality;
      const looked = board.model.get("fusion");
      options(measure, Object.entries(board.view().measures), page.measure);
      options(baseline, page.rows.map((/** @type {any} */ row) => [row.fusion, row.title]), page.baseline);
      const rows = page.order.map((/** @type {string} */ name) => page.rows.find((/** @type {any} */ row) => row.fusion === name));
      words.textContent = qualityWords(page);
      meaning.textContent = `${page.short}: ${page.meaning}, ${page.more ? "more" : "less"} is better. Dot: mean of ${page.seeds.length} seeds; line: 95 % interval; ticks: single seeds. The epoch was chosen on validation rows, the test rows were touched once.`;
      fill(chart, dotChart({
        label: `${page.short} of each fusion with its interval; ${qualityWords(page)}`,
        rows: rows.map((/** @type {any} */ row) => ({ ...row, strong: row.fusion === looked })),
        lines: page.lines, axis: { label: page.short }, onpick: board.look,
      }));
      refill(below,
        stamp(page.unmatched),
        ...page.broken.map((/** @type {any} */ row) => h("p", { class: "wb-error", text: `${row.fusion} was not compared: ${row.why}` })),
        numbers("The numbers", ["fusion", "class", "mean", "95 % interval", "difference from the baseline", "epochs kept"],
          rows.map((/** @type {any} */ row) => [row.title, row.kind, fixed(row.mean), `${fixed(row.low)} to ${fixed(row.high)}`, spread(row.difference), row.epoch.join(" ")])));
      drawCalibration(calibration, page.calibration, looked, board.look);
    },
  };
}

/** Unequal budgets stand on the figure. @param {string[]} names */
function stamp(names) {
  if (!names.length) return null;
  return h("p", { class: "fb-stamp", text: `Unmatched budgets: ${names.join(", ")} cost more than 1.5 times more or less than the median of the others. A difference may be theirs and not the fusion's.` });
}

/** A bin of fewer items than this, half a percent of all, says nothing and is not drawn. @param {any} row */
function few(row) {
  return 0.005 * row.points.reduce((/** @type {number} */ sum, /** @type {any} */ point) => sum + point[2], 0);
}

/** @param {Element} place @param {any[]} rows @param {string} looked @param {(name: string) => void} look */
function drawCalibration(place, rows, looked, look) {
  const series = rows.map((row) => ({ name: row.fusion, title: row.title, where: row.where, strong: row.fusion === looked, points: row.points.filter((/** @type {any} */ point) => point[2] >= few(row)).map((/** @type {any} */ point) => [point[0], point[1]]) }));
  const ideal = { name: "", title: "as sure as right", where: "none", dashed: true, points: [[0, 0], [1, 1]] };
  const one = rows.find((row) => row.fusion === looked);
  const said = (one?.points ?? []).map((/** @type {any} */ point) => `${fixed(point[0], 2)} sure, ${fixed(point[1], 2)} right, ${point[2]} items`).join("; ");
  fill(place, lineChart({ label: `calibration of ${looked}: ${said}`, x: { label: "mean confidence of a bin", low: 0, high: 1 }, y: { low: 0, high: 1 }, series: [ideal, ...series], width: 420, height: 260, onpick: (name) => name && look(name) }));
}

/** A whole number of at least `low`, or null while there is none yet. @param {string} text @param {number} low */
export function whole(text, low) {
  const value = Math.round(Number(text));
  return text.trim() !== "" && Number.isFinite(value) && value >= low ? value : null;
}

/** @param {any} board */
export function trainingPage(board) {
  const { model, send } = board;
  const curve = h("select", { "aria-label": "curve", onchange: () => send("curve", curve.value) });
  const chart = h("div", { class: "fb-holder" });
  const what = h("p", { class: "wb-help" });
  const list = h("ul", { class: "fb-checks fb-checks-wide" });
  const field = (/** @type {string} */ name, /** @type {string} */ label, /** @type {number} */ low) => h("input", { type: "number", min: low, step: 1, "aria-label": label,
    oninput: (/** @type {any} */ event) => { const value = whole(event.target.value, low); if (value !== null) send(name, value); },
    onchange: (/** @type {any} */ event) => send(name, whole(event.target.value, low) ?? low) });
  const [seeds, epochs, most] = [field("seeds", "seeds", 1), field("epochs", "epochs", 1), field("most_train", "training rows at most, 0 for all", 0)];
  const way = h("select", { "aria-label": "training", onchange: () => send("training", way.value) });
  const run = h("button", { type: "button", class: "wb-button fb-run", text: "Compare", onclick: () => model.send({ kind: "compare" }) });
  const flip = (/** @type {string} */ name, /** @type {boolean} */ on) => send("chosen", on ? [...model.get("chosen"), name] : model.get("chosen").filter((/** @type {string} */ other) => other !== name));
  let drawn = "";
  return {
    element: h("div", { class: "fb-page" },
      fieldset("A new comparison", what, list,
        h("div", { class: "fb-row fb-wrap" }, h("label", { class: "fb-row" }, "Seeds", seeds), h("label", { class: "fb-row" }, "Epochs", epochs), h("label", { class: "fb-row" }, "Training rows at most (0: all)", most), h("label", { class: "fb-row" }, "Training", way), run)),
      h("div", { class: "fb-row" }, h("label", { class: "fb-row" }, "Curve", curve)), chart),
    draw() {
      const page = board.view().training;
      const names = [...board.view().all, ...board.view().fusions.filter((/** @type {any} */ row) => !board.view().all.some((/** @type {any} */ other) => other.name === row.name))];
      const key = names.map((row) => row.name).join();
      if (key !== drawn) {
        drawn = key;
        fill(list, ...names.map((row) => h("li", {}, h("label", { "data-where": row.where }, h("input", { type: "checkbox", value: row.name, onchange: (/** @type {any} */ event) => flip(row.name, event.target.checked) }), h("span", { class: "fb-dot", "aria-hidden": "true" }), h("span", { text: row.title })))));
      }
      const chosen = model.get("chosen");
      list.querySelectorAll("input").forEach((/** @type {any} */ box) => { box.checked = chosen.includes(box.value); });
      what.textContent = page.live ? `Trains on ${page.examples}. Cancelling keeps what was finished.` : "Needs examples: FusionBoard(examples=examples(pairs)), or a report of compare(...).";
      run.disabled = !page.live || chosen.length === 0;
      [[seeds, "seeds"], [epochs, "epochs"], [most, "most_train"]].forEach(([control, name]) => keep(control, model.get(/** @type {string} */ (name))));
      options(way, [["joint", "joint, from end to end"], ["separate", "experts apart, then combined"]], model.get("training"));
      options(curve, [["validation_accuracy", "accuracy on validation"], ["validation_loss", "loss on validation"], ["train_loss", "loss in training"]], model.get("curve"));
      drawCurves(board, chart, page);
    },
  };
}

/** @param {any} board @param {Element} place @param {any} page */
function drawCurves(board, place, page) {
  const live = board.model.get("_live");
  const running = live?.what === "compare" && live.curves?.length;
  const looked = board.model.get("fusion");
  if (!running && !page.curves) { fill(place, h("p", { class: "wb-help", text: "Curves appear here while a comparison runs." })); return; }
  const series = running
    ? live.curves.map((/** @type {any} */ row) => ({ ...row, strong: true }))
    : page.curves.rows.map((/** @type {any} */ row) => ({ ...row, name: row.fusion, strong: row.fusion === looked }));
  const label = running ? `${live.curve.replace("_", " ")}, as it runs` : `${page.curves.label}; mean of the seeds, the band holds all of them`;
  fill(place, h("h4", { text: label }), lineChart({ label: `${label}: ${series.map((/** @type {any} */ row) => `${row.title} ends at ${fixed(row.points.at(-1)?.[1])}`).join(", ")}`, x: { label: "epoch" }, y: {}, series, lines: running ? [] : page.curves.lines, width: 680, height: 300, onpick: board.look }));
}

/** One axis for all panels, or they could not be compared; a span of a tenth at least, or noise would look like a fall. @param {any} page @param {number} [least] */
export function sharedAxis(page, least = 0.1) {
  const values = page.panels.flatMap((/** @type {any} */ panel) => [...(panel.theory ?? []), ...panel.rows.flatMap((/** @type {any} */ row) => row.points)].map((/** @type {any} */ point) => point[1]));
  const { low, high } = span([...values, ...page.lines.map((/** @type {any} */ line) => line.value)]);
  const room = Math.max(0, least - (high - low)) / 2;
  return { low: low - room, high: high + room };
}

/** @param {any} board */
export function robustnessPage(board) {
  const place = h("div", { class: "fb-panels" });
  const below = h("div", {});
  return {
    element: h("div", { class: "fb-page" }, place, h("p", { class: "wb-help", text: "Nothing was trained again: the same models meet worse inputs. Dashed: what theory gives for these data, where it does." }), below),
    draw() {
      const page = board.view().robustness;
      const looked = board.model.get("fusion");
      const y = sharedAxis(page);
      const within = (/** @type {any} */ point) => point.map((/** @type {any} */ value, /** @type {number} */ at) => (at > 1 && value !== null ? Math.min(y.high, Math.max(y.low, value)) : value));
      fill(place, ...page.panels.map((/** @type {any} */ panel) => {
        const theory = panel.theory ? [{ name: "", title: "theory", where: "none", dashed: true, strong: true, points: panel.theory }] : [];
        const series = panel.rows.map((/** @type {any} */ row) => ({ name: row.fusion, title: row.title, where: row.where, strong: row.fusion === looked, points: row.points.map(within) }));
        const own = panel.rows.find((/** @type {any} */ row) => row.fusion === looked);
        const said = (own?.points ?? []).map((/** @type {any} */ point) => `${fixed(point[0], 2)}: ${fixed(point[1])}`).join(", ");
        return h("section", {}, h("h4", { text: `${panel.title}` }), lineChart({ label: `${page.measure} of ${looked}, ${panel.title}: ${said}`, x: { label: panel.x }, y, series: [...series, ...theory], lines: page.lines, width: 400, height: 230, onpick: (name) => name && board.look(name) }),
          h("p", { class: "wb-help", text: `Items changed: ${panel.realised.join(", ")} of ${panel.items}. Missing in training: ${(100 * panel.p_missing_train).toFixed(0)} %.` }));
      }));
      refill(below, numbers("The numbers", ["fusion", "damage", ...(page.panels[0]?.levels ?? []).map((/** @type {any} */ _, /** @type {number} */ at) => `level ${at + 1}`), "area kept"],
        page.panels.flatMap((/** @type {any} */ panel) => panel.rows.map((/** @type {any} */ row) => [row.title, panel.title, ...row.points.map((/** @type {any} */ point) => `${fixed(point[1])} at ${fixed(point[0], 2)}`), fixed(row.relative)]))));
    },
  };
}

/** What two Shapley values and their interaction say together. @param {number[]} shapley @param {number | null} interaction */
export function contributionWords(shapley, interaction) {
  if (interaction === null) return "";
  if (interaction > 0.02) return "together they say more than the sum of both";
  if (interaction < -0.02) return "both say the same: one could be left out";
  return "each says its own part";
}

/** @param {any} board */
export function contributionsPage(board) {
  const main = h("div", {});
  return {
    element: h("div", { class: "fb-page" }, main),
    draw() {
      const page = board.view().contributions.parts;
      if (!page) { fill(main, h("p", { class: "wb-help", text: "This comparison was run without contributions: Plan(contributions=True)." })); return; }
      const looked = board.model.get("fusion");
      const hue = (/** @type {number} */ at) => page.modalities[at];
      const shapley = page.rows.map((/** @type {any} */ row) => ({
        ...row, strong: row.fusion === looked,
        parts: [...page.modalities.map((/** @type {string} */ name, /** @type {number} */ at) => part(name, row.shapley[at], hue(at))), part("interaction", row.interaction, "joint")],
      }));
      const gap = page.rows.map((/** @type {any} */ row) => ({ ...row, strong: row.fusion === looked, parts: [part("EMAP gap", row.gap, "joint")] }));
      const pid = page.pid.filter((/** @type {any} */ row) => row.name === "data" || row.name === looked);
      const own = page.rows.find((/** @type {any} */ row) => row.fusion === looked);
      const said = own ? contributionWords(own.shapley.map((/** @type {any} */ value) => value[0]), own.interaction[0]) : "";
      refill(main,
        h("h4", { text: "Who earns the accuracy: Shapley values and their interaction" }), keyOf(page.modalities),
        barChart({ label: `Shapley values by fusion. ${own?.title ?? ""}: ${said}`, rows: shapley, unit: "accuracy", onpick: board.look }),
        h("p", { class: "wb-help", text: `Removed means: ${page.removal}; ${page.items} items. Shapley values alone cannot tell XOR from redundancy: read them with the interaction.${said ? ` ${own.title}: ${said}.` : ""}` }),
        h("h4", { text: "What no sum can say: accuracy lost to the best sum of one function a modality (EMAP gap)" }),
        barChart({ label: "EMAP gap by fusion", rows: gap, unit: "accuracy", onpick: board.look }),
        page.emap_items ? h("p", { class: "wb-help", text: `On ${page.emap_items} test items, each paired with each; line: 95 % interval over seeds.` }) : null,
        h("h4", { text: "Information about the label" }),
        barChart({ label: `partial information decomposition: ${pid.map((/** @type {any} */ row) => `${row.name}: ${row.bars.map((/** @type {any} */ bar) => `${bar[0]} ${fixed(bar[1])}`).join(", ")}`).join("; ")}`, rows: pid.flatMap(pidRows), unit: pid[0]?.unit ?? "bit" }),
        h("p", { class: "wb-help", text: `Estimator: ${[...new Set(pid.map((/** @type {any} */ row) => row.estimator))].join("; ")}. Short upright mark: the same with labels shuffled; less than that is nothing. Information that is only in both together does not mean that a sum of scores is too weak: AND has half a bit of it.` }),
        numbers("The numbers", ["fusion", "class", ...page.modalities, "interaction", "EMAP accuracy", "EMAP gap", "share of variance a sum explains", "gradient cosine", "gradient ratio"],
          page.rows.map((/** @type {any} */ row) => [row.title, row.kind, ...row.shapley.map(spread), spread(row.interaction), fixed(row.emap[0]), spread(row.gap), fixed(row.additive[0]), row.cosine[0] === null ? "no shared weights" : fixed(row.cosine[0]), fixed(row.ratio[0])])));
    },
  };
}

/** @param {string} name @param {any} triple @param {string} hue */
function part(name, triple, hue) {
  return { name, value: triple[0], low: triple[1], high: triple[2], hue };
}

/** @param {any} row */
function pidRows(row) {
  const hues = ["joint", ...row.bars.slice(1, -1).map((/** @type {any} */ bar) => bar[0].replace("only ", "")), "strong"];
  return row.bars.map((/** @type {any} */ bar, /** @type {number} */ at) => ({ title: `${row.title}: ${bar[0]}`, fusion: row.name, parts: [{ name: bar[0], value: bar[1], hue: hues[at], mark: row.null[at] }] }));
}

/** @param {string[]} modalities */
function keyOf(modalities) {
  return h("p", { class: "wb-help fb-key" }, ...[...modalities, "joint"].flatMap((name) => [h("span", { class: "fb-swatch", "data-hue": name }), ` ${name === "joint" ? "interaction" : name}  `]));
}

/** @param {any} board */
export function costPage(board) {
  const cost = h("select", { "aria-label": "cost", onchange: () => board.send("cost", cost.value) });
  const measure = h("select", { "aria-label": "measure", onchange: () => board.send("measure", measure.value) });
  const chart = h("div", { class: "fb-holder" });
  const below = h("div", {});
  return {
    element: h("div", { class: "fb-page" }, h("div", { class: "fb-row" }, h("label", { class: "fb-row" }, "Quality", measure), h("label", { class: "fb-row" }, "against", cost)), chart, below),
    draw() {
      const page = board.view().cost;
      options(cost, Object.entries(board.view().costs), page.cost);
      options(measure, Object.entries(board.view().measures), page.measure);
      const looked = board.model.get("fusion");
      const front = page.rows.filter((/** @type {any} */ row) => row.front).map((/** @type {any} */ row) => row.title);
      const points = page.rows.map((/** @type {any} */ row) => ({ ...row, name: row.fusion, x: row.cost, y: row.mean, strong: row.fusion === looked }));
      const known = points.filter((/** @type {any} */ point) => point.x > 0).map((/** @type {any} */ point) => point.x);
      const log = known.length > 1 && Math.max(...known) / Math.min(...known) > 3;
      fill(chart, pointChart({ label: `${page.short} against ${page.label}; nothing beats in both: ${front.join(", ")}`, x: { label: `${page.label}, ${page.meaning}${log ? " (logarithmic)" : ""}`, log }, y: {}, points, lines: page.lines, onpick: board.look }));
      refill(below, stamp(page.unmatched), h("p", { class: "wb-help", text: `Joined: nothing is better and cheaper than ${front.join(", ")}.` }),
        numbers("The numbers", ["fusion", page.short, "parameters", "FLOPs counted", "by formula", "training s", "p50 ms", "p95 ms", "memory MB"],
          page.rows.map((/** @type {any} */ row) => [row.title, fixed(row.mean), short(row.parameters), short(row.flops), short(row.formula), fixed(row.seconds, 1), fixed(row.p50, 2), fixed(row.p95, 2), fixed(row.memory, 1)])));
    },
  };
}

const MARKS = { within: "✓", broken: "✗", "no claim": "–", none: "" };

/** @param {any} board */
export function proofPage(board) {
  const run = h("button", { type: "button", class: "wb-button fb-run", text: "Prove every fusion (about two minutes)", onclick: () => board.model.send({ kind: "prove" }) });
  const said = h("p", { class: "fb-caption", role: "status" });
  const table = h("div", { class: "fb-scroll" });
  const detail = h("div", { class: "fb-detail", "aria-live": "polite" });
  let open = "";
  /** @type {any} */ let drawn = null;
  const pick = (/** @type {string} */ key) => { open = open === key ? "" : key; drawn = null; draw(); };
  const draw = () => {
    const proof = board.view().proof.proof;
    run.textContent = proof ? "Prove again" : "Prove every fusion (about two minutes)";
    if (proof === drawn && proof) return;
    drawn = proof;
    if (!proof) {
      said.textContent = "Each fusion is trained on tasks whose answer is known, and must reach what its class can, and no more. Comparisons rest on it.";
      fill(table); fill(detail);
      return;
    }
    said.textContent = proof.said;
    fill(table, h("table", { class: "fb-proof" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col", text: "fusion" }), h("th", { scope: "col", text: "class" }), ...proof.tasks.map((/** @type {string} */ task) => h("th", { scope: "col", text: task })))),
      h("tbody", {}, ...proof.rows.map((/** @type {any} */ row) => h("tr", {}, h("th", { scope: "row", text: row.fusion }), h("td", { text: row.kind }),
        ...row.cells.map((/** @type {any} */ cell) => h("td", {}, cell.state === "none" ? null : h("button", { type: "button", class: "fb-cell", "data-state": cell.state, "aria-expanded": String(open === `${row.fusion}/${cell.task}`), "aria-label": `${row.fusion} on ${cell.task}: ${cell.state}, ${cell.measure} ${fixed(cell.measured)}`, onclick: () => pick(`${row.fusion}/${cell.task}`) },
          `${MARKS[/** @type {keyof typeof MARKS} */ (cell.state)]} ${fixed(cell.measured, 2)}`))))))));
    const [fusion, task] = open.split("/");
    const cell = proof.rows.find((/** @type {any} */ row) => row.fusion === fusion)?.cells.find((/** @type {any} */ one) => one.task === task);
    fill(detail, ...(cell ? [h("h4", { text: `${fusion} on ${task}` }), h("ul", {}, ...cell.rows.map((/** @type {any} */ row) => h("li", { "data-state": row[3] === false ? "broken" : "within" }, h("strong", { text: `${row[0]} ${fixed(row[1], 4)}` }), ` theory: ${row[2]}${row[3] === false ? " — broken" : ""}`)))] : [h("p", { class: "wb-help", text: "Open a cell for what was measured and why theory says so." })]));
  };
  return { element: h("div", { class: "fb-page" }, h("div", { class: "fb-row" }, run), said, table, detail), draw };
}

/** @param {any} board */
export function modelsPage(board) {
  const run = h("button", { type: "button", class: "wb-button fb-run", text: "Measure tiny ones here", onclick: () => board.model.send({ kind: "specimens" }) });
  const own = h("div", { class: "fb-models" });
  const list = h("div", { class: "fb-models" });
  let drawn = "";
  return {
    element: h("div", { class: "fb-page" }, h("p", { class: "fb-caption", text: "The same questions asked of models in use: where do the modalities meet, through what, and what can be read there?" }),
      h("div", { class: "fb-row" }, run, h("span", { class: "wb-help", text: "Each family with two layers a part and random weights, captured: its structure is real, its shares are near those of even attention. Yours: show(meeting(capture(model, inputs)))." })), own, list),
    draw() {
      const page = board.view().models;
      const key = JSON.stringify([page.own, page.rows.map((/** @type {any} */ row) => row.measured)]);
      if (key === drawn) return;
      drawn = key;
      fill(own, ...page.own.map((/** @type {any} */ found) => h("article", { class: "fb-model" }, h("h4", { text: found.model }), measuredPart(found))));
      fill(list, ...page.rows.map((/** @type {any} */ row) => {
        const drawing = graphDrawing({ down: true });
        drawing.draw(row.graph);
        return h("article", { class: "fb-model" }, h("h4", {}, h("span", { class: "fb-dot", "data-where": row.where, "aria-hidden": "true" }), ` ${row.model}`), h("p", { class: "wb-help", text: `${row.where} · ${row.channel} · nearest here: ${row.closest} (${row.kind})` }), drawing.element,
          h("p", { text: row.words }), h("p", { class: "fb-trap", text: row.trap }), h("p", { class: "wb-help", text: `To read: ${row.read}. ${row.source}` }), row.measured ? measuredPart(row.measured) : null);
      }));
    },
  };
}

/** What was measured in one model: a sentence, and a bar for each direction of each layer. @param {any} found */
function measuredPart(found) {
  const weights = found.trained ? "Measured" : "Measured on a tiny one (random weights)";
  const bars = found.layers.map((/** @type {any} */ one) => {
    const told = one.kind === "cross" ? `cross-attention: all of it crosses${one.gate === null ? "" : `, times a gate of ${one.gate.toFixed(2)}`}` : `${(100 * one.share).toFixed(0)} % crosses (heads ${(100 * one.low).toFixed(0)} to ${(100 * one.high).toFixed(0)} %; even attention: ${(100 * one.even).toFixed(0)} %)`;
    return h("li", { title: told }, h("span", { text: `${one.site.replace(/^(joint|text|image)\.(\d+)(\.cross)?$/, "layer $2")}: ${one.asks} → ${one.seen}` }),
      h("span", { class: "fb-share", role: "img", "aria-label": told }, h("i", { style: { width: `${100 * one.share * (one.gate ?? 1)}%` } }), h("b", { style: { left: `${100 * one.even}%` } })),
      h("small", { text: one.kind === "cross" ? (one.gate === null ? "all" : `gate ${one.gate.toFixed(2)}`) : `${(100 * one.share).toFixed(0)} %` }));
  });
  return h("div", { class: "fb-measured" }, h("p", { text: `${weights}: ${found.said}.` }), bars.length ? h("ul", {}, ...bars) : null);
}
