// @ts-check
/** Prune: drag how much of a student stays, and see what that costs, who survives, and whom the survivors serve. */
import { element } from "./app.js";
import { Chart, readable } from "./plots.js";
import { Steps, introduction, key, listed, nearest, percent } from "./steps.js";
import { StudentView } from "./student.js";
import { Survivors } from "./survivors.js";

const GROUPS = [{ title: "Pruning", names: ["unit", "reweight", "layer", "draws", "used", "prune_seed"] }];
const MEASURES = { wrong: "answers that are not the teacher's", squared: "squared difference from the teacher" };
const EMPTY = "Nothing is pruned yet. Press “Prune the student”: teacher and student are trained, which takes "
  + "seconds, and every selector removes more and more of the student. Dragging what stays shows who is left.";
const ABOUT = "A student with more nodes than its teacher has some to spare. A selector decides which stay: by chance, "
  + "by the size of their weights, or such that they differ from each other (dpp, a determinantal point process). Each "
  + "node is drawn above the teacher node that it resembles most; when the last of them is gone, nobody serves that "
  + "teacher node any more.";
const EXAMPLES = {
  "A student four times as wide": "#prune?multiple=4&shown=1",
  "Edges instead of nodes": "#prune?unit=edges&shown=1",
  "Nothing makes up for it": "#prune?reweight=no&shown=1",
  "A committee machine, with theory": "#prune?source=committee&teacher_nodes=2&multiple=3&draws=20&shown=1",
};
const CAPTIONS = {
  nodes: "A mark a student node, above the teacher node that it resembles most, as high as their correlation: filled "
    + "if it stays, hollow if it is gone. Of what is drawn by chance, the first draw.",
  edges: "A mark a student node, above the teacher node that it resembles most with the edges that are left, as high "
    + "as their correlation. All nodes stay. Of what is drawn by chance, the first draw.",
};

/** @param {HTMLElement} container @param {any} state @param {any} api */
export async function open(container, state, api) {
  const [known, { parameters, selectors }] = await Promise.all([api.get("/api/students"), api.get("/api/prune")]);
  const view = { kept: "", measure: "wrong", log_error: "0", selectors: "" };
  new Prune(container, state, api, known, {
    name: "prune", path: "/api/prune", action: "Prune the student", doing: "The pruning", parameters, groups: GROUPS,
    view, selectors, committees: true, empty: EMPTY, introduction: introduction(ABOUT, EXAMPLES),
  });
}

class Prune extends StudentView {
  build(/** @type {HTMLElement} */ container) {
    super.build(container);
    this.boxes = element("fieldset", { class: "selectors" });
    this.settings.append(this.boxes);
    const curves = element("div", { class: "part curves-part" });
    this.steps = new Steps("prune-kept", "What stays", "", (index) => this.moveTo(index));
    this.people = element("div", { class: "survivors-all" });
    this.caption = element("p", { class: "caption" });
    this.legend = element("ul", { class: "legend short" });
    this.body.append(curves, this.steps.box, this.saying,
      element("div", { class: "part" }, element("h2", {}, "Survivors"), this.caption, this.people));
    const options = Object.entries(MEASURES).map(([value, text]) => element("option", { value }, text));
    this.measure = element("select", { id: "prune-measure" }, ...options);
    this.measure.addEventListener("change", () => this.look({ measure: this.measure.value }));
    this.measuring = element("label", { for: "prune-measure" }, "Error: ", this.measure);
    this.log = element("input", { type: "checkbox", id: "prune-log" });
    this.log.addEventListener("change", () => this.look({ log_error: this.log.checked ? "1" : "0" }));
    const picture = element("div", { class: "picture" });
    curves.append(element("div", { class: "tools" }, this.measuring,
      element("span", { class: "check" }, this.log, element("label", { for: "prune-log" }, "log error"))),
    picture, this.legend);
    const across = "share of the layer that stays";
    this.chart = new Chart(picture, { title: "error of the pruned student", height: 300, room: 20, across });
    this.chart.onPoint((fraction) => {
      if (this.result) this.moveTo(nearest(this.result.fractions, fraction * this.result.fractions.at(-1)));
    });
  }

  more() {
    const chosen = this.chosen();
    return chosen.length ? { selectors: chosen } : {};
  }

  /** Selectors that are ticked; none if all are. */
  chosen() {
    const known = this.kind.selectors[this.controls.values().unit];
    const named = this.state.get("selectors").split(",").filter((/** @type {string} */ name) => known.includes(name));
    return named.length === known.length ? [] : named;
  }

  showSource() {
    super.showSource();
    const committee = this.controls.values().source === "committee";
    for (const name of ["layer", "used"]) this.controls.controls.get(name).box.hidden = committee;
    this.showSelectors();
  }

  /** A box for each selector that there is for nodes or edges. */
  showSelectors() {
    const known = this.kind.selectors[this.controls.values().unit], chosen = this.chosen();
    const boxes = known.map((/** @type {string} */ name) => {
      const box = element("input", { type: "checkbox", id: `prune-selector-${name}`, value: name });
      box.checked = !chosen.length || chosen.includes(name);
      box.addEventListener("change", () => this.choose());
      return element("span", { class: "check" }, box, element("label", { for: box.id }, name));
    });
    if (this.boxes.dataset.unit === this.controls.values().unit) {
      for (const box of this.boxes.querySelectorAll("input")) {
        box.checked = !chosen.length || chosen.includes(box.value);
      }
      return; // the boxes stay, and with them the focus
    }
    this.boxes.dataset.unit = this.controls.values().unit;
    this.boxes.replaceChildren(element("legend", {}, "Selectors"), ...boxes);
  }

  choose() {
    const ticked = [...this.boxes.querySelectorAll("input")].filter((box) => box.checked).map((box) => box.value);
    this.state.set({ selectors: ticked.join(",") });
    this.changed(); // none ticked is all, which the boxes then show
  }

  restoreView() {
    this.measure.value = this.state.get("measure") in MEASURES ? this.state.get("measure") : "wrong";
    this.log.checked = this.state.get("log_error") === "1";
  }

  /** Look at the same result in another way. @param {Record<string, string>} changes */
  look(changes) {
    this.state.set(changes);
    if (this.result) this.draw();
  }

  index() {
    const wanted = Number.parseFloat(this.state.get("kept"));
    return nearest(this.result.fractions, Number.isFinite(wanted) ? wanted : 0.5);
  }

  moveTo(/** @type {number} */ index) {
    this.state.set({ kept: this.result.fractions[index] });
    this.showFraction();
  }

  draw() {
    const { classes, fractions, selectors, before, unit } = this.result;
    this.measuring.hidden = !classes; // without classes no answer is simply wrong
    const measure = classes ? this.measure.value : "squared";
    const theory = Object.entries(selectors).filter(([, found]) => found.theory);
    const middle = theory.length ? d3.mean : d3.median; // theory tells of means
    this.errors = Object.fromEntries(Object.entries(selectors).map(([name, found]) =>
      [name, found[measure].map((/** @type {number[]} */ draws) => middle(draws))]));
    const looks = Object.fromEntries(Object.keys(selectors).map((name, i) => [name, `colour-${i + 1} dash-${i + 1}`]));
    const curves = Object.keys(selectors).map((name) =>
      ({ name, label: "", look: looks[name], values: this.errors[name] }));
    const named = curves.map(({ name, look }) => element("li", {}, key(look), element("b", {}, ` ${name}`)));
    const how = theory.length ? "thin: means over the draws; wide and pale: their theory" : "medians over the draws";
    this.legend.replaceChildren(...named,
      element("li", {}, key("level"), " the student before pruning"),
      element("li", {}, how));
    this.chart.stream(theory.map(([name, found]) => {
      const look = `${looks[name].split(" ")[0]} theory-line`;
      return { name: `${name} theory`, label: "", look, values: found.theory, alpha: fractions };
    }));
    this.chart.draw({ alpha: fractions, end: fractions.at(-1), logAlpha: false, logValues: this.log.checked, curves });
    const level = this.log.checked && before[measure] <= 0 ? null : before[measure];
    this.chart.mark({ from: null, to: null, level, text: "" });
    this.caption.textContent = CAPTIONS[unit];
    this.panels = Object.keys(selectors).map((name) => new Survivors(name, this.result, looks[name]));
    this.people.replaceChildren(...this.panels.map((panel) => panel.box));
    this.showFraction();
  }

  showFraction() {
    const { fractions, nodes, edges, unit } = this.result;
    const index = this.index(), fraction = fractions[index];
    const stay = staying(this.result, index);
    const all = unit === "nodes" ? `${nodes} nodes` : `${edges} edges a node`;
    this.steps.show(index, fractions.length, `${stay} of ${all}`);
    this.chart.point(fraction);
    for (const panel of this.panels) panel.show(index);
    this.say(this.sentence(index));
  }

  sentence(/** @type {number} */ index) {
    const { unit, nodes, edges, before, fractions, samples, classes, pictures } = this.result;
    const measure = classes ? this.measure.value : "squared";
    const told = (/** @type {number} */ value) => measure === "wrong" ? percent(value) : readable(value);
    const best = d3.least(Object.keys(this.errors), (/** @type {string} */ name) => this.errors[name][index]) ?? "";
    const all = unit === "nodes" ? `${nodes} nodes` : `${edges} edges into each node`;
    const what = {
      wrong: `the share of ${samples} ${pictures ? "test pictures" : "inputs"} that it answers unlike the teacher`,
      squared: samples === null ? "its generalization error" : "its mean squared difference from the teacher",
    }[measure];
    const share = `${staying(this.result, index)} of ${all} stay (${percent(fractions[index])})`;
    const parts = [`${share}. Least is lost by ${best}: ${what} is `
      + `${told(this.errors[best][index])}, and was ${told(before[measure])} before.`];
    for (const panel of this.panels) {
      const lost = panel.lost(index).map((each) => each + 1);
      const nodes = lost.length === 1 ? "node" : "nodes";
      if (lost.length) parts.push(`${panel.name}: teacher ${nodes} ${listed(lost)} lost the last student.`);
    }
    if (parts.length === 1) parts.push("No teacher node has lost its last student.");
    return parts.join(" ");
  }
}

/** How many nodes, or edges of each node, stay. @param {any} result @param {number} index */
function staying({ selectors, unit }, index) {
  const [found] = Object.values(selectors);
  return unit === "nodes" ? found.kept[index].length : found.edges[index];
}
