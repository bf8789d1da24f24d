// @ts-check
/**
 * What Attack and Prune share: which student, and the job that trains it and looks at it.
 *
 * A result holds every radius or every size at once, so that dragging asks the server for nothing.
 */
import { element } from "./app.js";
import { Controls } from "./controls.js";
import { percent } from "./steps.js";

/** What is left to choose of a student that is no network trained on pictures. */
const LEFT = { run: ["source", "student_seed"], committee: ["source", "teacher_nodes", "multiple", "student_seed"] };
const SMALL = { teacher_nodes: 2, multiple: 3 }; // a committee machine of which all subsets can be gone through
const STUDENT_GROUP = {
  title: "Student",
  names: ["source", "teacher_nodes", "multiple", "images", "epochs", "regime", "strength", "student_seed"],
};
const SOURCES = {
  digits: "digits", mnist: "MNIST", "fashion-mnist": "Fashion-MNIST", run: "stored training",
  committee: "committee machine",
};

/**
 * @typedef {object} Kind
 * @property {string} name of the view
 * @property {string} path of its API
 * @property {string} action the words of its button
 * @property {string} doing the same while it is done
 * @property {any[]} parameters
 * @property {{title: string, names: string[]}[]} groups
 * @property {Record<string, string>} view what its URL holds besides the settings
 * @property {boolean} committees whether it takes committee machines, which need no PyTorch
 * @property {Record<string, string[]>} [selectors] of nodes and of edges, for Prune
 * @property {string} empty what stands there before there is a result
 * @property {HTMLElement} introduction
 */

/** A view that looks at a trained student. */
export class StudentView {
  /**
   * @param {HTMLElement} container
   * @param {any} state
   * @param {any} api
   * @param {any} known the answer of /api/students
   * @param {Kind} kind
   */
  constructor(container, state, api, known, kind) {
    Object.assign(this, { state, api, known, kind });
    /** @type {any} */
    this.result = null;
    this.asked = ""; // the question whose result is shown
    /** @type {{close: () => void} | null} */
    this.following = null;
    /** @type {string | null} */
    this.job = null;
    this.turn = 0; // of the question that was asked last
    this.parameters = [...known.parameters, ...kind.parameters];
    this.defaults = Object.fromEntries(this.parameters.map((each) => [each.name, each.default]));
    state.declare({ ...this.defaults, run: "", shown: "0", help: "0", ...kind.view });
    this.build(container);
    state.onRestored(() => this.restore());
    this.restore();
  }

  build(/** @type {HTMLElement} */ container) {
    const { kind, known } = this;
    const button = (/** @type {Record<string, any>} */ how, /** @type {string} */ text) =>
      element("button", { type: "button", ...how }, text);
    this.main = button({ class: "main", onclick: () => this.ask() }, kind.action);
    this.stop = button({ hidden: true, onclick: () => this.cancel() }, "Cancel");
    this.bar = element("progress", { max: 1, value: 0, hidden: true, "aria-label": kind.doing });
    this.progress = element("p", { class: "progress", role: "status" });
    this.alert = element("p", { class: "alert", role: "alert" });
    this.facts = element("p", { class: "facts" });
    this.words = element("p", { class: "seen", "aria-live": "polite" });
    this.empty = element("p", { class: "empty" }, kind.empty);
    this.settings = element("section", { class: "part settings", "aria-label": "Settings" });
    this.shown = element("div", { class: "shown", hidden: true });
    this.shared = element("p", { class: "shared", role: "status" });
    this.body = element("div", { class: "body" });
    this.saying = element("div", { class: "part words" }, element("h2", {}, "What you see"), this.words);
    this.keep = button({ onclick: () => this.save() }, "Save the student to the store");
    const share = element("div", { class: "part keep" }, element("h2", {}, "Take it with you"),
      element("div", { class: "share" }, button({ onclick: () => this.code() }, "Copy as Python, command or TOML"),
        this.keep), this.shared);
    const start = element("div", { class: "part start" },
      element("div", { class: "tools" }, this.main, this.stop, this.bar),
      this.alert, this.progress, this.facts, this.empty);
    this.shown.append(this.body);
    const results = element("div", { class: "results" }, start, this.shown, share);
    this.page = element("div", { class: "bench" }, this.settings, results);
    container.append(element("div", { class: "introduction" }, kind.introduction), this.page);
    this.settings.append(this.helpBox());
    this.controls = new Controls(this.settings, kind.name, this.parameters, [STUDENT_GROUP, ...kind.groups],
      (name) => this.changed(name));
    this.buildSources();
  }

  helpBox() {
    const box = element("input", { type: "checkbox", id: `${this.kind.name}-help` });
    box.addEventListener("change", () => {
      this.state.set({ help: box.checked ? "1" : "0" });
      this.settings.classList.toggle("explained", box.checked);
    });
    this.help = box;
    return element("span", { class: "check" }, box, element("label", { for: box.id }, "Explain the settings"));
  }

  /** The list of sources says what is not here, and a second list has the stored trainings. */
  buildSources() {
    const source = this.controls.controls.get("source");
    for (const option of source.list.options) {
      const why = this.known.sets[option.value];
      option.textContent = SOURCES[option.value] + (why ? " (not here)" : "");
      option.disabled = Boolean(why);
      if (option.value === "committee" && !this.kind.committees) option.remove();
    }
    const id = `${this.kind.name}-run`;
    this.runs = element("select", { id }, ...this.known.runs.map((/** @type {any} */ run) =>
      element("option", { value: run.id, disabled: Boolean(run.problem) }, run.label)));
    this.runs.addEventListener("change", () => {
      this.showSeed();
      this.changed();
    });
    const refused = this.known.runs.filter((/** @type {any} */ run) => run.problem);
    const reasons = refused.map((/** @type {any} */ run) => element("li", {}, `${run.label}: ${run.problem}`));
    for (const [name, why] of Object.entries(this.known.sets)) {
      if (why) reasons.push(element("li", {}, `${name}: ${why}.`));
    }
    const list = this.known.runs.length ? [element("label", { for: id }, "Stored training"), this.runs] : [
      element("p", { class: "note" }, "The store has no training. Save a student to the store, or give the command "
        + "practicum train, and open this page again.")];
    this.stored = element("div", { class: "control stored" }, ...list);
    source.box.after(this.stored);
    if (reasons.length) {
      const many = reasons.length === 1 ? "One source" : `${reasons.length} sources`;
      const summary = element("summary", {}, `${many} cannot be used here`);
      this.stored.after(element("details", { class: "reasons" }, summary, element("ul", {}, ...reasons)));
    }
  }

  /** A stored training has seeds of its own: take its first. */
  showSeed() {
    const run = this.known.runs.find((/** @type {any} */ each) => each.id === this.runs.value);
    this.controls.show({ student_seed: run?.first_seed ?? 0 });
  }

  /** What is asked of the server: the student, and the rest of the settings. @returns {Record<string, any>} */
  question() {
    const values = this.controls.values();
    const names = new Set(this.known.parameters.map((/** @type {any} */ each) => each.name));
    const student = Object.fromEntries(Object.entries(values).filter(([name]) => names.has(name)));
    if (values.source === "run") student.run = this.runs.value;
    const rest = Object.fromEntries(Object.entries(values).filter(([name]) => !names.has(name)));
    const left = LEFT[values.source];
    const own = left ? [...left, "run"].filter((name) => name in student) : Object.keys(student);
    return { student: Object.fromEntries(own.map((name) => [name, student[name]])), ...rest, ...this.more() };
  }

  /** What a view asks besides its settings. @returns {Record<string, any>} */
  more() {
    return {};
  }

  /** Take everything from the URL. */
  restore() {
    const values = {};
    for (const [name, value] of Object.entries(this.defaults)) {
      const text = this.state.get(name);
      values[name] = typeof value === "number" && Number.isFinite(Number(text)) ? Number(text) : text;
    }
    this.controls.show(values);
    this.controls.forgive();
    if (this.state.get("run")) this.runs.value = this.state.get("run");
    this.help.checked = this.state.get("help") === "1";
    this.settings.classList.toggle("explained", this.help.checked);
    this.showSource();
    this.restoreView();
    if (this.result && this.asked === JSON.stringify(this.question())) this.show();
    else if (this.state.get("shown") === "1" && !this.main.disabled) this.ask();
    else if (this.result) this.outdate();
  }

  /** Take what is only looked at from the URL. */
  restoreView() {}

  /** Show the settings that this kind of student has, and whether it can be had here. */
  showSource() {
    const { source, regime } = this.controls.values();
    const idle = regime === "standard" ? "strength" : "";
    for (const { name } of this.known.parameters) {
      this.controls.controls.get(name).box.hidden = name === idle || !(LEFT[source]?.includes(name) ?? true);
    }
    this.stored.hidden = source !== "run";
    this.keep.hidden = source === "committee";
    const why = source === "committee" ? null : this.known.problem; // PyTorch is missing
    this.main.disabled = Boolean(why);
    this.empty.textContent = why ?? this.kind.empty;
  }

  /** The user has changed a setting. @param {string} [name] */
  changed(name) {
    const { source } = this.controls.values();
    if (name === "source" && source === "committee") this.controls.show(SMALL);
    if (name === "source" && source === "run") this.showSeed();
    this.showSource();
    this.controls.forgive();
    const values = this.controls.values();
    this.state.set({ ...values, run: values.source === "run" ? this.runs.value : "", shown: "0" });
    this.outdate();
  }

  /** Say that what is shown belongs to other settings, if it does. */
  outdate() {
    const old = this.result !== null && this.asked !== JSON.stringify(this.question());
    this.page.classList.toggle("old", old);
    const said = `The result below is that of the settings before; press “${this.kind.action}”.`;
    if (!this.job) this.progress.textContent = old ? said : "";
  }

  /** Train the student if need be, and look at it. */
  async ask() {
    if (!this.controls.complete) return;
    this.cancel();
    const turn = ++this.turn;
    const question = this.question();
    this.alert.textContent = "";
    this.controls.forgive();
    this.state.set({ shown: "1", run: question.student.run ?? "" });
    this.busy(true, "Waiting for the server.");
    try {
      const { job } = await this.api.post(this.kind.path, question);
      if (turn !== this.turn) { // cancelled, or asked anew, while the server answered
        this.api.remove(`/api/jobs/${job}`);
        return;
      }
      this.job = job;
    } catch (refusal) {
      if (turn === this.turn) this.complain(refusal);
      return;
    }
    this.following = this.api.events(this.job, {
      progress: ({ stage, share }) => {
        this.bar.value = share;
        const said = `${stage}.`;
        if (this.progress.textContent !== said) this.progress.textContent = said; // not every step is read aloud
      },
      student: (facts) => this.tellFacts(facts),
      done: (result) => {
        this.busy(false, "");
        Object.assign(this, { result, asked: JSON.stringify(question) });
        this.tellFacts(result.student);
        this.show();
        this.outdate();
      },
      failed: ({ problem, field }) => this.complain({ message: problem, field }),
    });
  }

  /** @param {boolean} running @param {string} said */
  busy(running, said) {
    this.stop.hidden = this.bar.hidden = !running;
    this.page.classList.toggle("running", running);
    this.progress.textContent = said;
    if (running) this.bar.removeAttribute("value"); // nobody knows yet
    else this.job = this.following = null;
  }

  cancel() {
    if (this.stop.hidden) return;
    this.turn += 1;
    this.following?.close();
    if (this.job) this.api.remove(`/api/jobs/${this.job}`);
    this.state.set({ shown: this.result && this.asked === JSON.stringify(this.question()) ? "1" : "0" });
    this.busy(false, "Cancelled.");
  }

  /** @param {{message: string, field?: string}} refusal */
  complain(refusal) {
    this.busy(false, "");
    const label = this.controls.complain(refusal.field, refusal.message);
    const kept = this.result ? " What is shown is still the last result." : "";
    const beside = `${label}: this value cannot be used; the reason stands beside it.`;
    this.alert.textContent = (label ? beside : refusal.message) + kept;
    this.state.set({ shown: "0" });
  }

  tellFacts(/** @type {any} */ { teacher, student, agreement, accuracy, held_out, loss, error }) {
    const said = [`Teacher ${teacher.join("-")}, student ${student.join("-")}.`];
    if (accuracy) {
      said.push(`Of ${held_out} test pictures the teacher has ${percent(accuracy.teacher)} right, the student `
        + `${percent(accuracy.student)}.`);
    }
    if (agreement !== null) said.push(`They agree on ${percent(agreement)}.`);
    else if (error !== undefined) said.push(`Its generalization error is ${Number(error.toPrecision(3))}.`);
    else said.push(`The mean squared difference of their outputs is ${Number(loss.toPrecision(3))}.`);
    this.facts.textContent = said.join(" ");
    this.empty.hidden = true;
  }

  show() {
    this.shown.hidden = false;
    this.draw();
  }

  /** Draw the result. */
  draw() {}

  say(/** @type {string} */ words) {
    if (this.words.textContent !== words) this.words.textContent = words; // the same is not read aloud again
  }

  async code() {
    try {
      const { showCode } = await import("./sharing.js");
      showCode(await this.api.post(`${this.kind.path}/code`, this.question()));
    } catch (refusal) {
      this.complain(refusal);
    }
  }

  async save() {
    this.shared.textContent = "The student is being trained for the store.";
    try {
      const { run } = await this.api.post("/api/students/save", this.question().student);
      this.shared.textContent = `Stored as run ${run}; practicum report ${run} makes a page of it.`;
    } catch (refusal) {
      this.shared.textContent = "";
      this.complain(refusal);
    }
  }
}
