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
import { ownOverlaps, teacherOverlaps, whatIsSeen } from "./seen.js";

const GROUPS = [
  { title: "Networks", names: ["students", "teachers", "activation", "noise"] },
  { title: "Learning rule", names: ["learning_rate", "inverse_temperature", "weight_decay", "batch_size"] },
  { title: "Start", names: ["start", "overlap", "norm", "start_seed"] },
  { title: "Time and simulation", names: ["until", "dimension", "seeds"] },
];

/** What a link can show besides the problem: axes, the time of the cursor ("" is the end), simulated networks, help. */
const VIEW = { log_alpha: "0", log_error: "1", at: "", simulated: "0", help: "0" };

const PLATEAU = "students=2&teachers=2&learning_rate=1&until=200";
const EXAMPLES = {
  "Show me a plateau": PLATEAU,
  "Leave it sooner": `${PLATEAU}&inverse_temperature=3`,
  "More student nodes than needed": "students=4&teachers=2&overlap=0.01&until=1000",
  "Steps that are too large": "students=2&teachers=2&learning_rate=3&until=1000",
};

const PATIENCE = 250; // milliseconds after which an answer is given up when newer settings wait
const SETTLED = 300; // milliseconds without a change after which the marks are asked for
const AGAIN = 3000; // milliseconds after which the server is asked again for what it had no time for
const BUSY = 429; // the status of an answer that says so

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
    this.simulation = null;
    this.resuming = false;
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
    this.controls = new Controls(this.settings, "explore", parameters, GROUPS, () => this.changed());
    this.network = new NetworkPicture(network, (fraction) => this.moveTo(fraction));
    this.charts = {
      error: new Chart(picture, { title: "generalization error", height: 290, room: 60 }),
      Q: new Chart(q, { title: "student–student overlaps Q", height: 260, room: 104 }),
      R: new Chart(r, { title: "student–teacher overlaps R", height: 260, room: 104 }),
    };
    const caption = (/** @type {string} */ text) => element("p", { class: "caption" }, text);
    q.append(caption("Colours: the student nodes. Solid: their squared length. Dashed grey: two of them."));
    r.append(caption("Colours: the student nodes. Thick: the teacher node it resembles most. Dotted: the others."));
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
    const simulated = this.state.get("simulated") === "1";
    const drawn = Object.entries(values).every(([name, value]) => value === this.drawn?.[name]);
    this.controls.show(values);
    this.showView();
    if (drawn && simulated === (this.simulation !== null)) { // only axes or the moment have changed
      this.settle();
      this.draw();
      return;
    }
    this.dropSimulation();
    this.resuming = simulated; // a link with simulated networks simulates them again, over the curve
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
    this.resuming = false;
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
      this.settle();
      this.page.classList.add("stale");
      this.draw();
      this.askMarks(problem);
      if (this.resuming) this.startSimulation();
    } catch (refusal) {
      if (!this.asked.controller.signal.aborted) this.complain(refusal);
      if (refusal.status === BUSY) setTimeout(() => this.ask(), AGAIN);
    }
    this.asked = null;
    if (this.waiting) this.ask();
  }

  /** Take back what was said about settings. */
  settle() {
    this.controls.forgive();
    this.alert.textContent = "";
  }

  /** Say what is wrong beside its control; the last good picture stays. */
  complain(/** @type {any} */ refusal) {
    const label = this.controls.complain(refusal.field, refusal.message);
    const kept = this.flow ? "The picture is still that of the last settings that worked." : "";
    const said = label ? `${label}: this value cannot be used; the reason stands beside it.` : refusal.message;
    this.alert.textContent = `${said} ${kept}`;
  }

  /** Ask for plateau, critical learning rate and best rule once the settings rest. */
  askMarks(/** @type {Record<string, any>} */ problem) {
    clearTimeout(this.rest);
    this.asking?.abort();
    this.asking = new AbortController();
    const { signal } = this.asking;
    const ask = async () => {
      try {
        this.marks = await this.api.post("/api/marks", problem, signal);
        this.drawMarks();
        if (this.marks.best_rule.pending) this.rest = setTimeout(ask, AGAIN);
      } catch (refusal) {
        if (refusal.status === BUSY) this.rest = setTimeout(ask, AGAIN);
        else if (!signal.aborted) this.complain(refusal);
      }
    };
    this.rest = setTimeout(ask, SETTLED);
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
    this.controls.mark("learning_rate", { critical: critical_learning_rate, best: best_rule.learning_rate });
    this.controls.mark("inverse_temperature", { best: best_rule.inverse_temperature });
    const words = whatIsSeen(this.drawn, this.flow, this.marks);
    if (words !== this.seen.textContent) this.seen.textContent = words; // the same is not read aloud again
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
    const { dimension } = this.controls.values();
    this.simulate.textContent = `Simulate N = ${Number(dimension).toLocaleString("en")}`;
  }

  async startSimulation() {
    this.resuming = false;
    const { Simulation } = await import("./simulation.js");
    const problem = this.controls.values();
    this.state.set({ simulated: "1" });
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
  code: "Copy as Python, command or TOML",
  solve: "Save the theory to the store", simulate: "Save the simulation to the store",
  svg: "Download SVG", png: "Download PNG", nc: "Download NetCDF", csv: "Download CSV",
};

function introduction() {
  const links = Object.entries(EXAMPLES).map(([title, values]) =>
    element("li", {}, element("a", { href: `#explore?${values}` }, title)));
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
