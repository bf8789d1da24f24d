// @ts-check
/** One run: what it is, its curves, and ways to take it along. */
import { element } from "./app.js";
import { acrossNames, axesChoice, BandChart, legend, look, variableChoice, worded } from "./band_chart.js";
import { plural, size } from "./runs_list.js";

/** @param {string} id @param {any} state @param {any} api */
export async function load(id, state, api) {
  const run = await api.get(`/api/runs/${id}`);
  const readable = run.status !== "damaged" && run.status !== "failed";
  const curves = readable ? await api.get(`/api/runs/${id}/curve`) : { groups: [], left_out: [] };
  return new Detail(run, curves, state);
}

class Detail {
  constructor(/** @type {any} */ run, /** @type {any} */ curves, /** @type {any} */ state) {
    this.run = run;
    this.groups = curves.groups;
    this.state = state;
    this.box = element("div", { class: "detail" },
      element("h2", {}, run.title),
      element("p", { class: "caption" }, "run ", element("code", {}, run.id)),
      run.problem ? element("p", { class: "alert" }, run.problem) : null,
      this.buttons(), this.facts());
    this.buildCurves(curves.left_out);
    const tables = [
      table("Settings", ["setting", "value"], run.settings),
      table("Arrays", ["array", "dimensions", "type"], run.variables.map((/** @type {any} */ each) => [each.name, dims(each.dims), each.type])),
      table("Versions", ["package", "version"], Object.entries(run.versions)),
    ];
    this.box.append(...tables.filter((each) => each !== null));
  }

  buttons() {
    const { run } = this;
    if (run.problem) return null;
    const said = element("p", { class: "shared", role: "status" });
    const code = element("pre", { tabindex: 0, "aria-label": "Python", hidden: true }, run.python);
    const copy = async () => {
      code.hidden = false;
      (await import("./sharing.js")).copyText(code, said, "Python");
    };
    const link = (/** @type {string} */ href, /** @type {string} */ text, /** @type {object} */ more) =>
      element("a", { class: "button", href, ...more }, text);
    return element("div", {}, element("div", { class: "share" },
      link(`/api/runs/${run.id}/report`, "Open the report", { target: "_blank", rel: "noopener" }),
      run.explore && link(explored(run), "Open in Explore", {}),
      link(`/api/runs/${run.id}/file`, "Download NetCDF", { download: `${run.id}.nc` }),
      element("button", { type: "button", onclick: copy }, "Copy as Python")), said, code);
  }

  facts() {
    const { run } = this;
    const finals = this.groups.filter((/** @type {any} */ group) => group.curves.length === 1 && group.curves[0].final);
    const pairs = [["kind", run.kind], ["status", run.status], ["stored", run.created], ["size", size(run.size)],
      ["computed on", run.architecture], ["rests on", run.cite.join(", ")],
      ...finals.map((/** @type {any} */ group) => [`last ${worded(group.variable)}`, group.curves[0].final.text])];
    const shown = pairs.filter(([, value]) => value);
    return element("dl", { class: "facts" }, ...shown.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  }

  buildCurves(/** @type {string[]} */ leftOut) {
    if (!this.groups.length) {
      if (!this.run.problem) this.box.append(element("p", { class: "caption" }, "This run has nothing over time; its report shows what it holds."));
      return;
    }
    const [short, long] = acrossNames(this.groups[0].across);
    this.picture = element("div", { class: "picture" });
    this.words = element("p", { class: "caption", "aria-live": "polite" });
    this.legend = element("div");
    const names = this.groups.map((/** @type {any} */ group) => group.variable);
    const said = leftOut.length ? `Not shown, since they have too many curves: ${leftOut.map(worded).join(", ")}.` : "";
    this.box.append(element("div", { class: "tools" }, variableChoice(this.state, names, () => this.redraw()),
      ...axesChoice(this.state, short, () => this.redraw())), this.picture, this.words, this.legend,
    element("p", { class: "caption" }, said));
    this.chart = new BandChart(this.picture, { title: "curves of the run", height: 290, room: 60, across: long });
  }

  redraw() {
    if (!this.chart) return;
    const wanted = this.state.get("variable");
    const group = this.groups.find((/** @type {any} */ each) => each.variable === wanted) ?? this.groups[0];
    const alone = group.curves.length === 1;
    const curves = group.curves.map((/** @type {any} */ curve, /** @type {number} */ i) => ({
      name: curve.name, label: alone ? "" : String(i + 1), look: alone ? "theory" : look(i), alpha: curve.x,
      values: curve.mean, low: curve.low, high: curve.high,
    }));
    const ends = group.curves.flatMap((/** @type {any} */ curve) => curve.x);
    this.chart.name(worded(group.variable));
    this.chart.draw({ alpha: group.curves[0].x, end: d3.max(ends), logAlpha: this.state.get("log_x") === "1",
      logValues: this.state.get("log_y") === "1" && drawable(group.curves), curves });
    const seeds = d3.max(group.curves, (/** @type {any} */ curve) => curve.seeds);
    const band = group.curves.some((/** @type {any} */ curve) => curve.low);
    this.words.textContent = band ? `Mean over ${plural(seeds, "seed")}; the band is one standard error to either side.` : "";
    this.legend.replaceChildren(alone ? "" : legend(curves.map((/** @type {any} */ curve, /** @type {number} */ i) =>
      ({ look: curve.look, label: curve.label, text: group.curves[i].node || curve.name }))));
  }
}

/** Whether a logarithmic axis has a place for anything in these curves. */
export function drawable(/** @type {any[]} */ curves) {
  return curves.some((curve) => curve.mean.some((/** @type {number | null} */ value) => value !== null && value > 0));
}

/** The address of Explore with the settings of a run. */
function explored(/** @type {any} */ run) {
  const values = { ...run.explore, ...(run.kind === "simulate" ? { simulated: "1" } : {}) };
  return `#explore?${new URLSearchParams(values)}`;
}

function dims(/** @type {Record<string, number>} */ sizes) {
  return Object.entries(sizes).map(([name, length]) => `${name} ${length}`).join(" × ") || "a single value";
}

/** A table that is opened when somebody wants it; nothing where it would be empty. */
function table(/** @type {string} */ title, /** @type {string[]} */ heads, /** @type {any[][]} */ rows) {
  if (!rows.length) return null;
  const head = element("tr", {}, ...heads.map((each) => element("th", { scope: "col" }, each)));
  const lines = rows.map(([first, ...rest]) => element("tr", {}, element("th", { scope: "row" }, first),
    ...rest.map((each) => element("td", {}, String(each)))));
  return element("details", {}, element("summary", {}, `${title} (${rows.length})`),
    element("div", { class: "frame", tabindex: 0, role: "group", "aria-label": title },
      element("table", { class: "table plain" }, element("thead", {}, head), element("tbody", {}, ...lines))));
}
