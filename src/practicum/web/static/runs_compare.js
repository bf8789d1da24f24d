// @ts-check
/** Several runs side by side: the settings in which they differ, their curves in one picture, what each came to. */
import { element } from "./app.js";
import { acrossNames, axesChoice, BandChart, legend, look, variableChoice, worded } from "./band_chart.js";
import { drawable } from "./run_detail.js";

const LONGEST = 32; // letters of a setting: a table of overlaps is named, not spelt out

/** @param {string} ids @param {any} state @param {any} api */
export async function load(ids, state, api) {
  return new Comparison(ids, await api.get(`/api/compare?ids=${encodeURIComponent(ids)}`), state);
}

class Comparison {
  constructor(/** @type {string} */ ids, /** @type {any} */ found, /** @type {any} */ state) {
    this.runs = found.runs;
    this.groups = found.groups;
    this.state = state;
    this.letters = this.runs.map((/** @type {any} */ _, /** @type {number} */ i) => "ABCDEFGH"[i]);
    const report = element("a", { class: "button", href: `/api/compare/report?ids=${ids}`, target: "_blank", rel: "noopener" }, "Open the report");
    this.box = element("div", { class: "detail" }, element("h2", {}, `${this.runs.length} runs compared`),
      element("div", { class: "share" }, report),
      legend(this.runs.map((/** @type {any} */ run, /** @type {number} */ i) => ({ look: look(i), label: this.letters[i],
        text: element("span", {}, element("code", {}, run.id), ` ${run.title} (${run.status})`) }))),
      ...this.runs.filter((/** @type {any} */ run) => run.problem).map((/** @type {any} */ run) => element("p", { class: "alert" }, run.problem)));
    this.buildCurves();
    this.box.append(element("h2", {}, "In what they differ"),
      found.settings.length ? this.table("Settings that differ", "setting", found.settings) : element("p", {}, "All settings are the same."));
    const finals = this.groups.map((/** @type {any} */ group) => ({ name: worded(group.variable),
      values: group.curves.map((/** @type {any} */ curve) => curve?.final?.text ?? "none") }));
    if (finals.length) {
      this.box.append(element("h2", {}, "What each came to"), this.table("Final values", "variable", finals),
        element("p", { class: "caption" }, "Mean over the seeds that reached the last point ± one standard error."));
    }
  }

  table(/** @type {string} */ title, /** @type {string} */ what, /** @type {any[]} */ rows) {
    const head = [what, ...this.letters].map((each) => element("th", { scope: "col" }, each));
    const lines = rows.map(({ name, values }) => element("tr", {}, element("th", { scope: "row" }, name),
      ...values.map((/** @type {string} */ value) => (value.length > LONGEST
        ? element("td", { title: value }, `${value.slice(0, LONGEST - 6)} …`) : element("td", {}, value)))));
    return element("div", { class: "frame", tabindex: 0, role: "group", "aria-label": title },
      element("table", { class: "table plain" }, element("caption", { class: "unseen" }, title),
        element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...lines)));
  }

  buildCurves() {
    if (!this.groups.length) {
      this.box.append(element("p", { class: "caption" }, "None of these runs has a curve over time."));
      return;
    }
    const [short, long] = acrossNames(this.groups[0].across);
    const picture = element("div", { class: "picture" });
    const names = this.groups.map((/** @type {any} */ group) => group.variable);
    this.box.append(element("div", { class: "tools" }, variableChoice(this.state, names, () => this.redraw()),
      ...axesChoice(this.state, short, () => this.redraw())), picture);
    this.chart = new BandChart(picture, { title: "curves of the runs", height: 320, room: 60, across: long });
  }

  redraw() {
    if (!this.chart) return;
    const wanted = this.state.get("variable");
    const group = this.groups.find((/** @type {any} */ each) => each.variable === wanted) ?? this.groups[0];
    const there = group.curves.map((/** @type {any} */ curve, /** @type {number} */ i) => ({ curve, i })).filter((/** @type {any} */ each) => each.curve);
    const curves = there.map((/** @type {any} */ { curve, i }) => ({ name: this.runs[i].id, label: this.letters[i],
      look: look(i), alpha: curve.x, values: curve.mean, low: curve.low, high: curve.high }));
    this.chart.name(worded(group.variable), acrossNames(group.across)[1]);
    this.chart.draw({ alpha: curves[0].alpha, end: d3.max(curves, (/** @type {any} */ curve) => d3.max(curve.alpha)),
      logAlpha: this.state.get("log_x") === "1",
      logValues: this.state.get("log_y") === "1" && drawable(there.map((/** @type {any} */ each) => each.curve)), curves });
  }
}
