// @ts-check
// The page of contributions: Shapley values, EMAP, and partial information decomposition.
import { h, fill } from "../shared/dom.mjs";
import { chartPlace } from "./chart.mjs";
import { barChart } from "./rows.mjs";
import { fixed, numbers, refill, spread } from "./controls.mjs";

/** @import { Fusion } from "./types.d.ts" */
/** @import { Pid, Triple } from "./pages.d.ts" */

/**
 * What two Shapley values and their interaction say together.
 * @param {(number | null)[]} shapley
 * @param {number | null} interaction
 */
export function contributionWords(shapley, interaction) {
  if (interaction === null) return "";
  if (interaction > 0.02) return "together they say more than the sum of both";
  if (interaction < -0.02) return "both say the same: one could be left out";
  return "each says its own part";
}

/** @param {Fusion} board */
export function contributionsPage(board) {
  const nothing = h("p", {
    class: "wb-help",
    text: "This comparison was run without contributions: Plan(contributions=True).",
  });
  const key = h("p", { class: "wb-help fb-key" });
  const places = [chartPlace(), chartPlace(), chartPlace()];
  const help = [0, 1, 2].map(() => h("p", { class: "wb-help" }));
  const below = h("div", {});
  const main = h(
    "div",
    {},
    h("h4", { text: "Who earns the accuracy: Shapley values and their interaction" }),
    key,
    places[0].element,
    help[0],
    h("h4", { text: "EMAP gap: accuracy lost to the best additive model" }),
    places[1].element,
    help[1],
    h("h4", { text: "PID: redundant, unique and synergistic information about the label" }),
    places[2].element,
    help[2],
    below,
  );
  return {
    element: h("div", { class: "fb-page" }, nothing, main),
    draw() {
      const page = board.view().contributions.parts;
      nothing.hidden = Boolean(page);
      main.hidden = !page;
      if (!page) return;
      const looked = board.model.get("fusion");
      const shapley = page.rows.map((row) => ({
        ...row,
        strong: row.fusion === looked,
        parts: [
          ...page.modalities.map((/** @type {string} */ name, /** @type {number} */ at) =>
            part(name, row.shapley[at], name),
          ),
          part("interaction", row.interaction, "joint"),
        ],
      }));
      const gap = page.rows.map((row) => ({
        ...row,
        strong: row.fusion === looked,
        parts: [part("EMAP gap", row.gap, "joint")],
      }));
      const pid = page.pid.filter((row) => row.name === "data" || row.name === looked);
      const own = page.rows.find((row) => row.fusion === looked);
      const said = own
        ? contributionWords(
            own.shapley.map((value) => value[0]),
            own.interaction[0],
          )
        : "";
      fill(key, ...keyOf(page.modalities));
      places[0].draw((width) =>
        barChart({
          width,
          label: `Shapley values by fusion. ${own?.title ?? ""}: ${said}`,
          rows: shapley,
          unit: "accuracy",
          onpick: board.look,
        }),
      );
      help[0].textContent =
        `Removed means: ${page.removal}; ${page.items} items. Shapley values alone cannot tell XOR from ` +
        `redundancy: read them with the interaction.${own && said ? ` ${own.title}: ${said}.` : ""}`;
      places[1].draw((width) =>
        barChart({ width, label: "EMAP gap by fusion", rows: gap, unit: "accuracy", onpick: board.look }),
      );
      help[1].textContent = page.emap_items
        ? `What no sum of one function a modality can say. On ${page.emap_items} test items, each paired ` +
          "with each; line: 95 % interval over seeds."
        : "";
      places[2].draw((width) =>
        barChart({
          width,
          label:
            "partial information decomposition: " +
            pid.map((row) => `${row.name}: ${barsSaid(row.bars)}`).join("; "),
          rows: pid.flatMap(pidRows),
          unit: pid[0]?.unit ?? "bit",
        }),
      );
      help[2].textContent =
        `Estimator: ${[...new Set(pid.map((row) => row.estimator))].join("; ")}. ` +
        "Short upright mark: the same with labels shuffled; less than that is nothing. Synergy does not " +
        "mean that a sum of scores is too weak: AND has half a bit of it.";
      refill(
        below,
        numbers(
          "The numbers",
          [
            "fusion",
            "class",
            ...page.modalities,
            "interaction",
            "EMAP accuracy",
            "EMAP gap",
            "share of variance a sum explains",
            "gradient cosine",
            "gradient ratio",
          ],
          page.rows.map((row) => [
            row.title,
            row.kind,
            ...row.shapley.map(spread),
            spread(row.interaction),
            fixed(row.emap[0]),
            spread(row.gap),
            fixed(row.additive[0]),
            row.cosine[0] === null ? "no shared weights" : fixed(row.cosine[0]),
            fixed(row.ratio[0]),
          ]),
        ),
      );
    },
    release: () => places.forEach((place) => place.release()),
  };
}

/** @param {string} name @param {Triple} triple @param {string} hue */
function part(name, triple, hue) {
  return { name, value: triple[0], low: triple[1], high: triple[2], hue };
}

/** @param {Pid} row */
function pidRows(row) {
  const hues = ["joint", ...row.bars.slice(1, -1).map((bar) => bar[0].replace("unique: ", "")), "strong"];
  return row.bars.map((bar, /** @type {number} */ at) => ({
    title: `${row.title}: ${bar[0]}`,
    fusion: row.name,
    parts: [{ name: bar[0], value: bar[1], hue: hues[at], mark: row.null[at] }],
  }));
}

/** @param {string[]} modalities */
function keyOf(modalities) {
  return [...modalities, "joint"].flatMap((name) => [
    h("span", { class: "fb-swatch", "data-hue": name }),
    ` ${name === "joint" ? "interaction" : name}  `,
  ]);
}

/** "redundancy 0.10, unique 0.02": bars in words. @param {Pid["bars"]} bars name and value */
const barsSaid = (bars) => bars.map((bar) => `${bar[0]} ${fixed(bar[1])}`).join(", ");
