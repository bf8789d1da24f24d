// @ts-check
/** Prune: drag how much of a student stays, and see what that costs, who survives, and whom the survivors serve. */
import { element } from "./app.js";
import { Chart, readable, shape } from "./plots.js";
import { StudentView, Steps, introduction, key, listed, percent } from "./student.js";

const GROUPS = [{ title: "Pruning", names: ["unit", "reweight", "layer", "draws", "used", "prune_seed"] }];
const MEASURES = { wrong: "answers that are not the teacher's", squared: "squared difference from the teacher" };
const HEIGHT = 150, LEFT = 34, BOTTOM = 28, TOP = 10; // of a picture of survivors, in pixels

/** @param {HTMLElement} container @param {any} state @param {any} api */
export async function open(container, state, api) {
  const [known, { parameters, selectors }] = await Promise.all([api.get("/api/students"), api.get("/api/prune")]);
  new Prune(container, state, api, known, {
    name: "prune", path: "/api/prune", action: "Prune the student", doing: "The pruning", parameters, groups: GROUPS,
    view: { kept: "", measure: "wrong", log_error: "0", selectors: "" }, selectors,
    empty: "Nothing is pruned yet. Press “Prune the student”: teacher and student are trained on the pictures, which takes seconds, and "
      + "every selector removes more and more of the student. Dragging what stays shows who is left.",
    introduction: introduction("A student with more nodes than its teacher has some to spare. A selector decides which stay: by chance, "
      + "by the size of their weights, or such that they differ from each other (dpp, a determinantal point process). Each node is drawn "
      + "above the teacher node that it resembles most; when the last of them is gone, nobody serves that teacher node any more.", {
      "A student four times as wide": "#prune?multiple=4&shown=1",
      "Edges instead of nodes": "#prune?unit=edges&shown=1",
      "Nothing makes up for it": "#prune?reweight=no&shown=1",
    }),
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
    this.measure = element("select", { id: "prune-measure" }, ...Object.entries(MEASURES).map(([value, text]) => element("option", { value }, text)));
    this.measure.addEventListener("change", () => this.look({ measure: this.measure.value }));
    this.log = element("input", { type: "checkbox", id: "prune-log" });
    this.log.addEventListener("change", () => this.look({ log_error: this.log.checked ? "1" : "0" }));
    const picture = element("div", { class: "picture" });
    curves.append(element("div", { class: "tools" }, element("label", { for: "prune-measure" }, "Error: ", this.measure),
      element("span", { class: "check" }, this.log, element("label", { for: "prune-log" }, "log error"))), picture, this.legend);
    this.chart = new Chart(picture, { title: "error of the pruned student", height: 300, room: 20, across: "share of the layer that stays" });
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
      this.boxes.querySelectorAll("input").forEach((box) => { box.checked = !chosen.length || chosen.includes(box.value); });
      return; // the boxes stay, and with them the focus
    }
    this.boxes.dataset.unit = this.controls.values().unit;
    this.boxes.replaceChildren(element("legend", {}, "Selectors"), ...boxes);
  }

  choose() {
    const ticked = [...this.boxes.querySelectorAll("input:checked")].map((box) => /** @type {HTMLInputElement} */ (box).value);
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
    if (!classes) this.measure.value = "squared";
    const measure = this.measure.value;
    this.errors = Object.fromEntries(Object.entries(selectors).map(([name, found]) =>
      [name, found[measure].map((/** @type {number[]} */ draws) => d3.median(draws))]));
    const looks = Object.fromEntries(Object.keys(selectors).map((name, i) => [name, `colour-${i + 1} dash-${i + 1}`]));
    const curves = Object.keys(selectors).map((name) => ({ name, label: "", look: looks[name], values: this.errors[name] }));
    this.legend.replaceChildren(...curves.map(({ name, look }) => element("li", {}, key(look), element("b", {}, ` ${name}`))),
      element("li", {}, key("level"), " the student before pruning; curves are medians over the draws"));
    this.chart.draw({ alpha: fractions, end: fractions.at(-1), logAlpha: false, logValues: this.log.checked, curves });
    const level = this.log.checked && before[measure] <= 0 ? null : before[measure];
    this.chart.mark({ from: null, to: null, level, text: "" });
    this.caption.textContent = unit === "nodes"
      ? "A mark a student node, above the teacher node that it resembles most, as high as their correlation: filled if it stays, hollow if it is gone. Of what is drawn by chance, the first draw."
      : "A mark a student node, above the teacher node that it resembles most with the edges that are left, as high as their correlation. All nodes stay. Of what is drawn by chance, the first draw.";
    this.panels = Object.keys(selectors).map((name) => new Survivors(name, this.result, looks[name]));
    this.people.replaceChildren(...this.panels.map((panel) => panel.box));
    this.showFraction();
  }

  showFraction() {
    const { fractions, nodes, edges, unit } = this.result;
    const index = this.index(), fraction = fractions[index];
    const stay = staying(this.result, index);
    this.steps.show(index, fractions.length, `${stay} of ${unit === "nodes" ? nodes : edges} ${unit}${unit === "edges" ? " a node" : ""}`);
    this.chart.point(fraction);
    for (const panel of this.panels) panel.show(index);
    this.say(this.sentence(index));
  }

  sentence(/** @type {number} */ index) {
    const { unit, nodes, edges, before, fractions, samples } = this.result;
    const measure = this.measure.value;
    const told = (/** @type {number} */ value) => measure === "wrong" ? percent(value) : readable(value);
    const best = d3.least(Object.keys(this.errors), (/** @type {string} */ name) => this.errors[name][index]) ?? "";
    const all = unit === "nodes" ? `${nodes} nodes` : `${edges} edges into each node`;
    const what = measure === "wrong" ? `the share of ${samples} test pictures that it answers otherwise than the teacher` : "its mean squared difference from the teacher";
    const parts = [`${staying(this.result, index)} of ${all} stay (${percent(fractions[index])}). Least is lost by ${best}: ${what} is `
      + `${told(this.errors[best][index])}, and was ${told(before[measure])} before.`];
    for (const panel of this.panels) {
      const lost = panel.lost(index).map((each) => each + 1);
      if (lost.length) parts.push(`${panel.name}: teacher ${lost.length === 1 ? "node" : "nodes"} ${listed(lost)} lost the last student.`);
    }
    if (parts.length === 1) parts.push("No teacher node has lost its last student.");
    return parts.join(" ");
  }
}

/** The student nodes of one selector above the teacher nodes that they serve. */
class Survivors {
  /** @param {string} name of the selector @param {any} result @param {string} look of its curve */
  constructor(name, result, look) {
    this.name = name;
    this.found = result.selectors[name];
    this.before = result.before;
    this.teachers = result.teachers;
    this.unit = result.unit;
    const none = [...this.before.serves, ...(this.found.serves ?? []).flat()].includes(-1);
    this.places = this.teachers + Number(none);
    this.width = Math.max(300, LEFT + 14 * this.places + 10);
    const svg = this.svg = shape("svg", { class: "survivors", role: "img", viewBox: `0 0 ${this.width} ${HEIGHT}`, "data-selector": name });
    this.x = d3.scaleLinear([-0.6, this.places - 0.4], [LEFT, this.width - 6]);
    this.y = d3.scaleLinear([0, 1], [HEIGHT - BOTTOM, TOP]);
    for (const value of [0, 0.5, 1]) {
      svg.append(shape("line", { class: "grid", x1: LEFT, x2: this.width - 6, y1: this.y(value), y2: this.y(value) }),
        shape("text", { class: "remark", x: LEFT - 6, y: this.y(value) + 4, "text-anchor": "end" }, String(value)));
    }
    const every = Math.ceil(18 / (this.x(1) - this.x(0)));
    this.ticks = d3.range(this.places).map((/** @type {number} */ place) => {
      const text = place < this.teachers ? (place % every === 0 ? String(place + 1) : "") : "none";
      const tick = shape("text", { class: "remark", x: this.x(place), y: HEIGHT - BOTTOM + 14, "text-anchor": "middle" }, text);
      svg.append(tick);
      return tick;
    });
    svg.append(shape("text", { class: "axis-title", x: this.width - 6, y: HEIGHT - 2, "text-anchor": "end" }, "teacher node"));
    const radius = Math.max(2.2, Math.min(5, (this.x(1) - this.x(0)) / 5));
    this.marks = this.before.serves.map((/** @type {number} */ _, /** @type {number} */ student) => {
      const mark = shape("circle", { r: radius, "data-student": student });
      svg.append(mark);
      return mark;
    });
    this.words = element("p", { class: "caption" });
    this.box = element("section", { class: "panel", "aria-label": `Survivors of ${name}` }, element("h3", {}, key(look), ` ${name}`), svg, this.words);
  }

  /** Whom each node serves, how much it resembles it, and which nodes are there. @param {number} index of the fraction */
  state(index) {
    const { serves, alignment } = this.unit === "nodes" ? this.before
      : { serves: this.found.serves[index], alignment: this.found.alignment[index] };
    const kept = new Set(this.unit === "nodes" ? this.found.kept[index] : d3.range(serves.length));
    return { serves, alignment, kept };
  }

  /** Teacher nodes that somebody served and nobody does now. @param {number} index @returns {number[]} */
  lost(index) {
    const { serves, kept } = this.state(index);
    const served = new Set(serves.filter((/** @type {number} */ _, /** @type {number} */ student) => kept.has(student)));
    const once = new Set(this.before.serves.filter((/** @type {number} */ teacher) => teacher >= 0));
    return [...once].filter((teacher) => !served.has(teacher)).sort((a, b) => a - b);
  }

  show(/** @type {number} */ index) {
    const { serves, alignment, kept } = this.state(index);
    const groups = d3.group(d3.range(serves.length), (/** @type {number} */ student) => serves[student]);
    for (const [teacher, students] of groups) {
      const place = teacher < 0 ? this.teachers : teacher;
      const ranked = d3.sort(students, (/** @type {number} */ student) => alignment[student]);
      const gap = 0.64 / Math.max(ranked.length, 3);
      ranked.forEach((/** @type {number} */ student, /** @type {number} */ rank) => {
        const mark = this.marks[student];
        // Who serves nobody has no height: they stand three by three on each other.
        const [across, up] = teacher < 0 ? [0.3 * (rank % 3 - 1), 11 * Math.floor(rank / 3)] : [gap * (rank - (ranked.length - 1) / 2), 0];
        mark.setAttribute("cx", this.x(place + across).toFixed(2));
        mark.setAttribute("cy", (this.y(Math.max(alignment[student], 0)) - up).toFixed(2));
        mark.setAttribute("class", kept.has(student) ? "kept" : "gone");
      });
    }
    const lost = this.lost(index);
    this.ticks.forEach((/** @type {any} */ tick, /** @type {number} */ place) => {
      tick.setAttribute("class", lost.includes(place) ? "remark lost" : "remark");
    });
    const once = new Set(this.before.serves.filter((/** @type {number} */ teacher) => teacher >= 0)).size;
    const said = `${once - lost.length} of ${once} teacher nodes are still served, by ${kept.size} of ${serves.length} student nodes`;
    this.words.textContent = `${said}.`;
    this.svg.setAttribute("aria-label", `${this.name}: ${said}`);
  }
}

/** How many nodes, or edges of each node, stay. @param {any} result @param {number} index */
function staying({ selectors, unit }, index) {
  const [found] = Object.values(selectors);
  return unit === "nodes" ? found.kept[index].length : found.edges[index];
}

/** The place of the value nearest to another. @param {number[]} values @param {number} wanted */
function nearest(values, wanted) {
  return d3.leastIndex(values, (each) => Math.abs(each - wanted)) ?? 0;
}
