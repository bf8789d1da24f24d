// @ts-check
/**
 * Explore: choose a problem, see its learning curves while you drag, and real networks over them.
 *
 * One request for the flow is under way at a time. What changes meanwhile is asked for when it has come back, so that a
 * drag always shows the newest settings that the server can keep up with; an answer that takes long is given up.
 */
import { element } from "./app.js";
import { Controls } from "./controls.js";
import { NetworkPicture } from "./network.js";
import { Chart, readable } from "./plots.js";

const GROUPS = [
  { title: "Networks", names: ["students", "teachers", "activation", "noise"] },
  { title: "Learning rule", names: ["learning_rate", "inverse_temperature", "weight_decay", "batch_size"] },
  { title: "Start", names: ["start", "overlap", "norm", "start_seed"] },
  { title: "Time and simulation", names: ["until", "dimension", "seeds"] },
];

/** What a link can show besides the problem: axes, the time of the cursor ("" is the end), simulated networks, help. */
const VIEW = { log_alpha: "0", log_error: "1", at: "", simulated: "0", help: "0" };

const EXAMPLES = [
  { title: "Show me a plateau", hash: "#explore?students=2&teachers=2&learning_rate=1&overlap=0.001&until=200" },
  { title: "Leave it sooner", hash: "#explore?students=2&teachers=2&learning_rate=1&inverse_temperature=3&overlap=0.001&until=200" },
  { title: "More student nodes than needed", hash: "#explore?students=4&teachers=2&learning_rate=0.5&overlap=0.01&until=1000" },
  { title: "Steps that are too large", hash: "#explore?students=2&teachers=2&learning_rate=3&overlap=0.001&until=200" },
];

/** Marks that have not come yet. */
const NOTHING_YET = {
  plateau: { from: null, to: null, generalization_error: null, escape_rate: null, problem: null },
  critical_learning_rate: null, best_rule: null,
};

const PATIENCE = 250; // milliseconds after which an answer is given up when newer settings wait
const SETTLED = 300; // milliseconds without a change after which the marks are asked for

/** @param {HTMLElement} container @param {any} state @param {any} api */
export async function open(container, state, api) {
  const about = await api.get("/api/about");
  new Explore(container, state, api, about.parameters);
}

class Explore {
  constructor(container, state, api, /** @type {any[]} */ parameters) {
    this.state = state;
    this.api = api;
    this.defaults = Object.fromEntries(parameters.map((each) => [each.name, each.default]));
    state.declare({ ...this.defaults, ...VIEW });
    this.flow = null; // what is drawn, and the problem that it answers
    this.drawn = null;
    this.marks = null;
    this.asked = null; // the request under way: {since, controller}
    this.waiting = false;
    this.build(container, parameters);
    state.onRestored(() => this.restore());
    this.restore();
  }

  build(/** @type {HTMLElement} */ container, /** @type {any[]} */ parameters) {
    const part = (/** @type {string} */ name, ...children) => element("div", { class: `part ${name}` }, ...children);
    this.error = part("error");
    this.alert = element("p", { class: "alert", role: "alert" });
    this.seen = element("p", { class: "seen", "aria-live": "polite" });
    this.settings = element("section", { class: "part settings", "aria-label": "Settings" });
    this.simulate = element("button", { type: "button", class: "main", onclick: () => this.startSimulation() });
    this.cancel = element("button", { type: "button", hidden: true, onclick: () => this.simulation.cancel() }, "Cancel");
    this.progress = element("p", { class: "progress", role: "status" });
    this.share = element("div", { class: "share" });
    const tools = element("div", { class: "tools" }, this.simulate, this.cancel,
      this.checkbox("log_alpha", "log α"), this.checkbox("log_error", "log error"));
    const picture = element("div", { class: "picture" });
    this.error.append(tools, this.alert, picture, this.progress);
    const network = part("network-part"), q = part("overlaps-q"), r = part("overlaps-r");
    this.page = element("div", { class: "explore" },
      element("div", { class: "workbench" }, this.error, this.settings), network,
      part("words", element("h2", {}, "What you see"), this.seen), q, r,
      part("keep", element("h2", {}, "Take it with you"), this.share));
    container.append(introduction(), this.page);
    this.settings.append(this.checkbox("help", "Explain the settings"));
    this.controls = new Controls(this.settings, parameters, GROUPS, () => this.changed());
    this.network = new NetworkPicture(network, (fraction) => this.moveTo(fraction));
    this.charts = {
      error: new Chart(picture, { title: "generalization error", height: 290, room: 60 }),
      Q: new Chart(q, { title: "student–student overlaps Q", height: 260, room: 104 }),
      R: new Chart(r, { title: "student–teacher overlaps R", height: 260, room: 104 }),
    };
    q.append(element("p", { class: "caption" }, "Colours: the student nodes. Solid: their squared length. Dashed grey: two of them."));
    r.append(element("p", { class: "caption" }, "Colours: the student nodes. Thick: the teacher node it resembles most. Dotted: the others."));
    for (const chart of Object.values(this.charts)) chart.onPoint((fraction) => this.moveTo(fraction));
    for (const [name, title] of Object.entries(SHARES)) {
      this.share.append(element("button", { type: "button", onclick: () => this.give(name) }, title));
    }
    this.shared = element("p", { class: "shared", role: "status" });
    this.share.after(this.shared);
  }

  checkbox(/** @type {string} */ name, /** @type {string} */ label) {
    const box = element("input", { type: "checkbox", id: `view-${name}` });
    box.addEventListener("change", () => {
      this.state.set({ [name]: box.checked ? "1" : "0" });
      this.showView();
      this.draw();
    });
    return element("span", { class: "check" }, box, element("label", { for: box.id }, label));
  }

  /** Take everything from the URL. */
  restore() {
    const values = {};
    for (const [name, value] of Object.entries(this.defaults)) {
      const text = this.state.get(name);
      values[name] = typeof value === "number" && Number.isFinite(Number(text)) ? Number(text) : text;
    }
    this.controls.show(values);
    this.showView();
    this.dropSimulation();
    this.ask();
  }

  showView() {
    for (const name of ["log_alpha", "log_error", "help"]) {
      /** @type {HTMLInputElement} */ (document.getElementById(`view-${name}`)).checked = this.state.get(name) === "1";
    }
    this.settings.classList.toggle("explained", this.state.get("help") === "1");
  }

  /** The user has changed a parameter. */
  changed() {
    this.state.set({ ...this.controls.values(), simulated: "0" });
    this.dropSimulation();
    this.ask();
  }

  /** Ask for the flow of what the controls say. */
  async ask() {
    this.nameSimulation();
    if (!this.controls.complete) return;
    if (this.asked) {
      this.waiting = true;
      if (performance.now() - this.asked.since > PATIENCE) this.asked.controller.abort();
      return;
    }
    this.asked = { since: performance.now(), controller: new AbortController() };
    this.waiting = false;
    const problem = this.controls.values();
    try {
      this.flow = await this.api.post("/api/flow", problem, this.asked.controller.signal);
      this.drawn = problem;
      this.controls.forgive();
      this.alert.textContent = "";
      this.page.classList.add("stale");
      this.draw();
      this.askMarks(problem);
      if (this.state.get("simulated") === "1" && !this.waiting) this.startSimulation();
    } catch (refusal) {
      if (!this.asked.controller.signal.aborted) this.complain(refusal);
    }
    this.asked = null;
    if (this.waiting) this.ask();
  }

  /** Say what is wrong beside its control; the last good picture stays. */
  complain(/** @type {any} */ refusal) {
    const beside = this.controls.complain(refusal.field, refusal.message);
    const kept = this.flow ? "The picture is still that of the last settings that worked." : "";
    this.alert.textContent = `${beside ? "One setting cannot be used; the reason stands beside it." : refusal.message} ${kept}`;
  }

  /** Ask for plateau, critical learning rate and best rule once the settings rest. */
  askMarks(/** @type {Record<string, any>} */ problem) {
    clearTimeout(this.rest);
    this.asking?.abort();
    this.asking = new AbortController();
    const { signal } = this.asking;
    this.rest = setTimeout(async () => {
      this.seen.textContent = whatIsSeen(problem, this.flow, NOTHING_YET);
      try {
        this.marks = await this.api.post("/api/marks", problem, signal);
        this.drawMarks();
      } catch (refusal) {
        if (!signal.aborted) this.complain(refusal);
      }
    }, SETTLED);
  }

  draw() {
    if (!this.flow) return;
    const { alpha, generalization_error, Q, R } = this.flow;
    const logAlpha = this.state.get("log_alpha") === "1";
    const axes = { alpha, end: this.drawn.until, logAlpha, logValues: false };
    const label = { label: "theory", name: "generalization_error", look: "theory" };
    this.charts.error.draw({ ...axes, logValues: this.state.get("log_error") === "1",
      curves: [{ ...label, values: generalization_error }] });
    this.charts.Q.draw({ ...axes, curves: ownOverlaps(Q) });
    this.charts.R.draw({ ...axes, curves: teacherOverlaps(R) });
    this.network.set(this.flow);
    this.showTime();
  }

  drawMarks() {
    this.page.classList.remove("stale");
    const { plateau, critical_learning_rate, best_rule } = this.marks;
    const known = plateau.escape_rate !== null;
    const text = known && plateau.from !== null ? `plateau, escape rate ${readable(plateau.escape_rate)}` : "";
    this.charts.error.mark({ from: plateau.from, to: plateau.to, level: plateau.generalization_error, text });
    for (const chart of [this.charts.Q, this.charts.R]) chart.mark({ ...plateau, level: null, text: "" });
    this.controls.mark("learning_rate", { critical: critical_learning_rate, best: best_rule?.learning_rate ?? null });
    this.controls.mark("inverse_temperature", { best: best_rule?.inverse_temperature ?? null });
    this.seen.textContent = whatIsSeen(this.drawn, this.flow, this.marks);
  }

  moveTo(/** @type {number} */ fraction) {
    const { x } = this.charts.error;
    const [left, right] = x.range();
    const alpha = fraction >= 1 ? "" : String(Number(x.invert(left + fraction * (right - left)).toPrecision(4)));
    this.state.set({ at: alpha });
    this.showTime();
  }

  showTime() {
    const { x } = this.charts.error;
    const [left, right] = x.range();
    const [first, last] = x.domain();
    const text = this.state.get("at");
    const alpha = Math.min(Math.max(text === "" ? last : Number(text) || 0, first), last);
    for (const chart of Object.values(this.charts)) chart.point(text === "" ? null : alpha);
    this.network.at(alpha, (x(alpha) - left) / (right - left));
  }

  nameSimulation() {
    const { dimension, seeds } = this.controls.values();
    this.simulate.textContent = `Simulate N = ${Number(dimension).toLocaleString("en")}`;
  }

  async startSimulation() {
    this.state.set({ simulated: "1" });
    const problem = this.controls.values();
    const { Simulation } = await import("./simulation.js");
    this.dropSimulation();
    const tell = (/** @type {string} */ text, /** @type {boolean} */ running) => {
      this.progress.textContent = text;
      this.cancel.hidden = !running;
    };
    this.simulation = new Simulation(this.api, this.charts.error, tell, (refusal) => this.complain(refusal));
    this.simulation.start(problem);
  }

  /** Simulated networks belong to the settings they were made with. */
  dropSimulation() {
    this.simulation?.drop();
    this.simulation = null;
  }

  /** @param {string} kind */
  async give(kind) {
    this.shared.textContent = "";
    const problem = this.controls.values();
    const title = `practicum: ${Object.entries(problem).map(([name, value]) => `${name} = ${value}`).join(", ")}`;
    const { error, Q, R } = this.charts;
    const rows = [[error, this.network], [Q, R]].map((row) => row.map((part) => part.svg));
    try {
      const { share } = await import("./sharing.js");
      this.shared.textContent = await share(kind, problem, this.api, { title, rows });
    } catch (refusal) {
      this.complain(refusal);
    }
  }
}

/** Ways to take a view along, and the words of their buttons. */
const SHARES = {
  code: "Copy as Python, command or TOML", solve: "Save the theory to the store", simulate: "Save the simulation to the store",
  svg: "Download SVG", png: "Download PNG", nc: "Download NetCDF", csv: "Download CSV",
};

/** @returns {import("./plots.js").Curve[]} */
function ownOverlaps(/** @type {(number | null)[][][]} */ Q) {
  const curves = [];
  for (let i = 0; i < Q[0].length; i++) {
    for (let k = i; k < Q[0].length; k++) {
      const name = `Q ${i + 1} ${k + 1}`;
      curves.push({ name, label: subscripted(name), look: i === k ? colour(i) : "pair", values: Q.map((point) => point[i][k]) });
    }
  }
  return curves;
}

/** @returns {import("./plots.js").Curve[]} */
function teacherOverlaps(/** @type {(number | null)[][][]} */ R) {
  const end = R.findLast((point) => point[0][0] !== null) ?? R[0];
  const best = end.map((row) => d3.maxIndex(row, (value) => Math.abs(value ?? 0)));
  return R[0].flatMap((row, i) => row.map((_, n) => {
    const name = `R ${i + 1} ${n + 1}`;
    const look = `${colour(i)} ${best[i] === n ? "best" : "other"}`;
    return { name, label: subscripted(name), look, values: R.map((point) => point[i][n]) };
  }));
}

/** The class of a student node's colour; there are six. */
function colour(/** @type {number} */ i) {
  return `colour-${(i % 6) + 1}`;
}

/** "R 1 2" as R₁₂. */
function subscripted(/** @type {string} */ name) {
  const [letter, ...numbers] = name.split(" ");
  return letter + numbers.join(numbers.some((each) => each.length > 1) ? "," : "").replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[Number(digit)]);
}

/** The picture in words. */
function whatIsSeen(/** @type {any} */ problem, /** @type {any} */ flow, /** @type {any} */ { plateau, critical_learning_rate, best_rule }) {
  const known = flow.generalization_error.findLastIndex((/** @type {number | null} */ value) => value !== null);
  const first = flow.generalization_error[0], last = flow.generalization_error[known];
  const said = [`A student of ${nodes(problem.students)} learns from a teacher of ${nodes(problem.teachers)}. Its error is `
    + `${readable(first)} at first and ${readable(last)} at α = ${readable(flow.alpha[known])}.`];
  if (flow.status === "diverged") said.push("It diverges: its corrections overshoot, and it never arrives at the teacher.");
  if (plateau.from !== null) {
    const until = plateau.to === null ? "to the end of the picture" : `to α ≈ ${readable(plateau.to)}`;
    said.push(`From α ≈ ${readable(plateau.from)} ${until} it rests on a plateau, where the student nodes are all alike.`);
  }
  if (plateau.escape_rate !== null && plateau.escape_rate > 0) {
    said.push(`There the theory has an error of ${readable(plateau.generalization_error)} and an escape rate of `
      + `${readable(plateau.escape_rate)}: differences between the nodes grow by a factor e every `
      + `${readable(1 / plateau.escape_rate)} units of α, until each finds a teacher node of its own.`);
  } else if (plateau.problem) said.push(plateau.problem);
  if (critical_learning_rate !== null) {
    said.push(`Learning rates above ${readable(critical_learning_rate)}, the critical one, never arrive at the teacher.`);
  }
  if (best_rule?.rate > 0) {
    said.push(`The rule that leaves the plateau soonest has learning rate ${readable(best_rule.learning_rate)} and inverse `
      + `temperature ${readable(best_rule.inverse_temperature)}; its escape rate is ${readable(best_rule.rate)}.`);
  }
  return said.join(" ");
}

function nodes(/** @type {number} */ count) {
  return count === 1 ? "one node" : `${count} nodes`;
}

function introduction() {
  const links = EXAMPLES.map(({ title, hash }) => element("li", {}, element("a", { href: hash }, title)));
  return element("div", { class: "introduction" },
    element("details", {}, element("summary", {}, "About this view"),
      element("p", {}, "A teacher is a small network that never changes; a student is another one, which sees the "
        + "teacher's answers to random inputs, one after the other, and corrects its weights a little after each. "
        + "The curves are exact theory for very many inputs: how wrong the student still is, and how much its nodes "
        + "resemble the teacher's, over the time α, the number of examples per input. Often the student gets stuck on "
        + "a plateau, where its nodes are all alike, until they part and each finds a teacher node of its own: drag a "
        + "slider and see what makes that sooner or later.")),
    element("nav", { "aria-label": "Examples" }, element("ul", { class: "examples" }, ...links)));
}
