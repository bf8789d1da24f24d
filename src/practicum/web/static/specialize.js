// @ts-check
/**
 * Specialize: train a small over-realized student and watch who becomes whom.
 *
 * The frames of a training come one by one and are kept, so that the slider can go back while the training goes on. A
 * link that shows a training trains it again: the same seed gives the same numbers.
 */
import { element } from "./app.js";
import { Controls } from "./controls.js";
import { Correlations } from "./correlations.js";
import { Film } from "./film.js";
import { Plane } from "./plane.js";
import { Chart } from "./plots.js";
import { known, whatIsSeen } from "./resemblance.js";
import { Strengths } from "./strengths.js";

const GROUPS = [
  { title: "Teacher", names: ["inputs", "layers", "hidden", "decay"] },
  { title: "Student", names: ["multiple", "learning_rate", "batch_size"] },
  { title: "Examples and time", names: ["examples", "samples", "epochs", "seed"] },
  { title: "Looking", names: ["threshold"] },
];

/** What a link can show besides the training: the layer, the epoch ("" is the end), a student node, axes, help. */
const VIEW = { trained: "0", layer: "1", at: "", node: "", log: "1", help: "0" };

/** Parameters that need no other training, only other pictures. */
const LOOKING = ["threshold"];

const EXAMPLES = {
  "Ten students for each teacher node": "multiple=10&trained=1",
  "Weak teacher nodes come late": "decay=1.5&epochs=150&trained=1",
  "No node to spare": "multiple=1&trained=1",
  "Two hidden layers": "inputs=10&layers=2&decay=0&trained=1",
  "Steps that are too large": "learning_rate=1.5&trained=1",
};

const EMPTY = "No student has been trained yet. Press “Train” and watch its lines move onto those of the teacher.";
const SHARES = {
  code: "Copy as Python, command or TOML", save: "Save the training to the store",
  svg: "Download SVG", png: "Download PNG", nc: "Download NetCDF",
};

/** @typedef {import("./resemblance.js").Still} Still @typedef {import("./resemblance.js").Frame} Frame */

/** @param {HTMLElement} container @param {any} state @param {any} api */
export async function open(container, state, api) {
  const { parameters, problem } = await api.get("/api/train/parameters");
  new Specialize(container, state, api, parameters, problem);
}

class Specialize {
  /** @param {any[]} parameters @param {string | null} lacking why nothing can be trained here */
  constructor(/** @type {HTMLElement} */ container, state, api, parameters, lacking) {
    this.state = state;
    this.api = api;
    this.lacking = lacking;
    this.defaults = Object.fromEntries(parameters.map((each) => [each.name, each.default]));
    state.declare({ ...this.defaults, ...VIEW });
    /** @type {Still | null} */
    this.still = null;
    /** @type {Frame[]} the frames of the training that is shown */
    this.frames = [];
    /** @type {Record<string, any> | null} what has been trained, or is */
    this.trained = null;
    /** @type {{id: string | null, source: {close: () => void} | null} | null} the job under way */
    this.job = null;
    this.drawing = 0;
    this.build(container, parameters);
    state.onRestored(() => this.restore());
    this.restore();
  }

  build(/** @type {HTMLElement} */ container, /** @type {any[]} */ parameters) {
    const part = (/** @type {string} */ name, ...children) => element("div", { class: `part ${name}` }, ...children);
    const caption = (/** @type {string} */ text) => element("p", { class: "caption" }, text);
    this.settings = element("section", { class: "part settings", "aria-label": "Settings" });
    this.train = element("button", { type: "button", class: "main", onclick: () => this.start() }, "Train");
    this.train.disabled = this.lacking !== null;
    this.cancel = element("button", { type: "button", hidden: true, onclick: () => this.stop() }, "Cancel");
    this.progress = element("p", { class: "progress", role: "status" });
    this.alert = element("p", { class: "alert", role: "alert" });
    this.empty = element("p", { class: "empty" }, this.lacking ?? EMPTY);
    this.seen = element("p", { class: "seen", "aria-live": "polite" });
    this.layer = this.chooser("layer", "Hidden layer");
    this.node = this.chooser("node", "Highlight student node");
    const tools = element("div", { class: "tools" }, this.train, this.cancel, this.layer.box, this.node.box,
      this.checkbox("log", "log epochs"));
    this.controlsPart = part("course", tools, this.alert, this.empty, this.progress);
    this.film = new Film(this.controlsPart, { id: "specialize-moment", label: "Moment" }, (index) => this.moveTo(index));
    const plane = part("plane-part"), strengths = part("strengths-part"), map = part("map-part");
    const loss = part("loss-part"), coverage = part("coverage-part");
    const choose = (/** @type {number} */ node) => this.choose(node);
    this.plane = new Plane(plane, choose);
    this.noPlane = caption("Lines can be drawn for two inputs only: set the inputs to 2 to see them.");
    this.planeCaption = caption("");
    plane.append(this.noPlane, this.planeCaption);
    this.strengths = new Strengths(strengths, choose);
    strengths.append(caption("Colour and shape: the teacher node that a student node resembles most, as in the map below; "
      + "filled above the threshold. A cross fires on no example."));
    this.map = new Correlations(map, choose);
    map.append(caption("The stronger the colour, the larger |ρ|; blue is positive, orange negative. A click chooses a "
      + "student node in all pictures."));
    const axis = { height: 220, across: "epoch" };
    this.charts = {
      loss: new Chart(loss, { ...axis, title: "loss", room: 76 }),
      coverage: new Chart(coverage, { ...axis, title: "share of teacher nodes covered", room: 76 }),
    };
    loss.append(caption("Solid: held-out examples. Dashed: the examples it learns from."));
    this.share = element("div", { class: "share" });
    this.shared = element("p", { class: "shared", role: "status" });
    this.pictures = [part("words", element("h2", {}, "What you see"), this.seen), plane, strengths, map, loss, coverage];
    const keep = part("keep", element("h2", {}, "Take it with you"), this.share, this.shared);
    container.append(introduction(),
      element("div", { class: "specialize" }, this.settings, this.controlsPart, ...this.pictures, keep));
    this.settings.append(this.checkbox("help", "Explain the settings"));
    this.controls = new Controls(this.settings, "specialize", parameters, GROUPS, (name) => this.changed(name));
    for (const [name, title] of Object.entries(SHARES)) {
      this.share.append(element("button", { type: "button", onclick: () => this.give(name) }, title));
    }
    const picture = (/** @type {string} */ name) => [...this.share.children].find((each) => each.textContent === name);
    this.drawnOnly = [picture(SHARES.svg), picture(SHARES.png)];
  }

  checkbox(/** @type {string} */ name, /** @type {string} */ label) {
    const box = element("input", { type: "checkbox", id: `specialize-show-${name}` });
    box.addEventListener("change", () => {
      this.state.set({ [name]: box.checked ? "1" : "0" });
      this.showView();
      this.draw();
    });
    return element("span", { class: "check" }, box, element("label", { for: box.id }, label));
  }

  /** A list whose choice is kept in the URL. */
  chooser(/** @type {string} */ name, /** @type {string} */ label) {
    const list = element("select", { id: `specialize-show-${name}` });
    list.addEventListener("change", () => {
      this.state.set({ [name]: list.value });
      this.draw();
    });
    return { list, box: element("span", { class: "check" }, element("label", { for: list.id }, label), list) };
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
    const wanted = this.state.get("trained") === "1";
    if (wanted && !this.lacking && !this.same(values)) this.start(true);
    else {
      if (!wanted) this.clear();
      this.draw();
    }
  }

  /** Whether these values are those of the training that is shown, apart from what is only looking. */
  same(/** @type {Record<string, any>} */ values) {
    const { trained } = this;
    return trained !== null && Object.entries(values).every(([name, value]) =>
      LOOKING.includes(name) || trained[name] === value);
  }

  showView() {
    for (const name of ["log", "help"]) {
      /** @type {HTMLInputElement} */ (document.getElementById(`specialize-show-${name}`)).checked = this.state.get(name) === "1";
    }
    this.settings.classList.toggle("explained", this.state.get("help") === "1");
  }

  /** The user has changed a parameter. */
  changed(/** @type {string} */ name) {
    this.alert.textContent = "";
    this.controls.forgive();
    const values = this.controls.values();
    this.state.set({ ...values, trained: this.same(values) ? "1" : "0" });
    if (!LOOKING.includes(name)) this.tell();
    this.draw();
  }

  /** Say where the training is, and whether the pictures are still those of the settings. */
  tell(/** @type {string | undefined} */ text) {
    if (text !== undefined) this.told = text;
    const outdated = this.trained !== null && !this.same(this.controls.values());
    this.progress.textContent = outdated
      ? `${this.told} The settings have changed since; “Train” trains a student with them.` : this.told ?? "";
  }

  /** Train what the controls say. @param {boolean} [restoring] whether the moment of the URL is to be kept */
  async start(restoring = false) {
    if (!this.controls.complete) return;
    this.clear();
    const values = this.trained = this.controls.values();
    const job = this.job = { id: null, source: null };
    this.state.set({ trained: "1", ...(restoring ? {} : { at: "" }) });
    this.cancel.hidden = false;
    this.tell("Asking for the training.");
    try {
      job.id = (await this.api.post("/api/train", values)).job;
    } catch (refusal) {
      if (this.job !== job) return;
      this.clear();
      this.tell("");
      this.complain(refusal);
      return;
    }
    if (this.job !== job) { // cancelled, or trained anew, while the server answered
      this.api.remove(`/api/jobs/${job.id}`);
      return;
    }
    const mine = (/** @type {(data: any) => void} */ handle) => (/** @type {any} */ data) => {
      if (this.job === job) handle(data);
    };
    this.tell("The server prepares the training.");
    job.source = this.api.events(job.id, {
      begin: mine((still) => this.begin(still, !restoring)),
      frame: mine((frame) => this.add(frame, values.epochs)),
      done: mine((result) => this.end(this.outcome(result, values))),
      failed: mine(({ problem, field }) => {
        this.end(`Ended after ${this.frames.length} looks.`);
        this.complain({ message: problem, field });
      }),
    });
  }

  /** The training has begun. It may be over within a second, so that it is played at a pace at which one sees it. */
  begin(/** @type {Still} */ still, /** @type {boolean} */ playing) {
    this.still = still;
    this.empty.hidden = true;
    this.map.begin(still);
    if (still.weights) this.plane.begin(still);
    const choices = (/** @type {number} */ count, /** @type {string[]} */ ...first) =>
      [...first, ...d3.range(1, count + 1).map(String)].map((value) =>
        element("option", { value }, value || "none"));
    this.layer.list.replaceChildren(...choices(still.layers));
    this.node.list.replaceChildren(...choices(still.students, ""));
    this.tell("The student learns.");
    this.film.length(still.epochs.length, 0);
    this.film.at(0, "");
    if (playing && !matchMedia("(prefers-reduced-motion: reduce)").matches) this.film.play();
  }

  /** A frame has come. */
  add(/** @type {Frame} */ frame, /** @type {number} */ epochs) {
    this.frames.push(frame);
    this.tell(`Epoch ${frame.epoch} of ${epochs}.`);
    if (this.drawing) return; // many may come before the next picture
    this.drawing = requestAnimationFrame(() => {
      this.drawing = 0;
      this.draw();
    });
  }

  outcome({ status, diverged_at }, /** @type {Record<string, any>} */ { epochs }) {
    if (status !== "diverged") return `Trained for ${epochs} epochs.`;
    const last = this.frames.findLast(known);
    return `The student diverged at update ${diverged_at}: its steps overshoot, and its weights grow without bound. `
      + `A smaller learning rate helps. The pictures end at epoch ${last?.epoch ?? 0}, before that.`;
  }

  end(/** @type {string} */ sentence) {
    this.job?.source?.close();
    this.job = null;
    this.cancel.hidden = true;
    this.tell(sentence);
    this.draw();
  }

  /** Cancel the training and keep what has come. */
  stop() {
    if (!this.job) return;
    if (this.job.id) this.api.remove(`/api/jobs/${this.job.id}`);
    const last = this.frames.at(-1);
    this.end(last ? `Cancelled after epoch ${last.epoch}.` : "Cancelled before the first look.");
  }

  /** Forget what was trained, and end what is being trained. */
  clear() {
    this.stop();
    this.film.stop();
    this.still = this.trained = null;
    this.frames = [];
    this.told = "";
    this.progress.textContent = "";
    this.alert.textContent = "";
    this.controls.forgive();
  }

  /** The frames that show a student. */
  get shown() {
    return this.frames.filter(known);
  }

  /** The user or the film has moved to a frame. */
  moveTo(/** @type {number} */ index) {
    const { shown } = this;
    if (!shown.length) return; // a film may begin before its first frame
    const place = Math.min(index, shown.length - 1);
    this.state.set({ at: place < shown.length - 1 || this.job ? String(shown[place].epoch) : "" });
    this.draw();
  }

  /** A student node was clicked; once more, and none is chosen. */
  choose(/** @type {number} */ node) {
    const name = String(node + 1);
    this.state.set({ node: this.state.get("node") === name ? "" : name });
    this.draw();
  }

  /** What the URL says of the view, within what there is. */
  view() {
    const { layers, students } = /** @type {Still} */ (this.still);
    const number = (/** @type {string} */ name, /** @type {number} */ most) => {
      const value = Number(this.state.get(name));
      return Number.isInteger(value) && value >= 1 && value <= most ? value - 1 : null;
    };
    const threshold = this.controls.values().threshold;
    return { layer: number("layer", layers) ?? 0, node: number("node", students), threshold };
  }

  draw() {
    const { still, shown } = this;
    const drawn = still !== null && shown.length > 0;
    for (const each of [...this.pictures, this.film.box, this.node.box, this.layer.box]) each.hidden = !drawn;
    document.getElementById("specialize-show-log")?.parentElement?.toggleAttribute("hidden", !drawn);
    for (const button of this.drawnOnly) /** @type {HTMLButtonElement} */ (button).disabled = !drawn;
    this.empty.hidden = this.trained !== null;
    if (!drawn) return;
    const view = this.view();
    const at = this.state.get("at");
    const last = shown.length - 1;
    const index = at === "" ? last : Math.min(d3.bisectCenter(shown.map((each) => each.epoch), Number(at) || 0), last);
    const frame = shown[index];
    this.layer.box.hidden = still.layers < 2;
    this.layer.list.value = String(view.layer + 1);
    this.node.list.value = view.node === null ? "" : String(view.node + 1);
    this.film.length(this.job ? still.epochs.length : shown.length, shown.length);
    this.film.at(index, `epoch ${frame.epoch}`);
    this.plane.svg.toggleAttribute("hidden", !still.weights);
    this.noPlane.hidden = Boolean(still.weights);
    this.planeCaption.hidden = !still.weights;
    this.planeCaption.textContent = `Thick: the teacher${still.layers > 1 ? "'s lowest layer" : ""}, a full ring where a `
      + "student node has found it. Thin: the student, fainter where it resembles no teacher node. Arrows: where they fire.";
    if (still.weights) this.plane.draw(frame, { ...view, node: view.layer === 0 ? view.node : null });
    this.strengths.rescale(shown, view.layer);
    this.strengths.draw(frame, view);
    this.map.draw(frame, view);
    this.drawCurves(at === "" ? null : frame.epoch);
    const moving = this.job !== null || this.film.playing;
    this.seen.setAttribute("aria-live", moving ? "off" : "polite"); // a film is not read aloud picture by picture
    const words = whatIsSeen(still, frame, shown[0], view);
    if (words !== this.seen.textContent) this.seen.textContent = words;
  }

  drawCurves(/** @type {number | null} */ epoch) {
    const { still, shown } = this;
    const alpha = shown.map((frame) => frame.epoch);
    const end = /** @type {Still} */ (still).epochs.at(-1);
    const axes = { alpha, end, logAlpha: this.state.get("log") === "1" };
    const curve = (/** @type {string} */ name, label, look) =>
      ({ name, label, look, values: shown.map((frame) => frame[name]) });
    this.charts.loss.draw({ ...axes, logValues: true,
      curves: [curve("loss", "held-out", "theory"), curve("training_loss", "training", "pair")] });
    const { threshold } = this.controls.values();
    const share = (/** @type {number} */ layer) => ({
      name: `coverage ${layer + 1}`, look: `colour-${layer + 1}`, values: shown.map((frame) => coverage(frame, layer, threshold)),
      label: /** @type {Still} */ (still).layers > 1 ? `layer ${layer + 1}` : "",
    });
    this.charts.coverage.draw({ ...axes, logValues: false, curves: d3.range(/** @type {Still} */ (still).layers).map(share) });
    for (const chart of Object.values(this.charts)) chart.point(epoch);
  }

  /** Say what is wrong beside its control. */
  complain(/** @type {any} */ { field, message }) {
    const label = this.controls.complain(field, message);
    this.alert.textContent = label ? `${label}: this value cannot be used; the reason stands beside it.` : message;
  }

  /** @param {string} kind */
  async give(kind) {
    this.shared.textContent = "";
    const values = this.controls.values();
    const title = `practicum: ${Object.entries(values).map(([name, value]) => `${name} = ${value}`).join(", ")}`;
    const { loss, coverage: covered } = this.charts;
    const rows = [[...(this.still?.weights ? [this.plane] : []), this.strengths], [this.map], [loss, covered]];
    const picture = { title, rows: rows.map((row) => row.map((each) => each.svg)) };
    try {
      const { share } = await import("./sharing.js");
      if (kind === "save" || kind === "nc") this.shared.textContent = "The server trains it once more, to the same numbers.";
      this.shared.textContent = await share(kind, values, this.api, picture, { path: "/api/train", file: "practicum-specialize" });
    } catch (refusal) {
      this.shared.textContent = "";
      this.complain(refusal);
    }
  }
}

/** The share of a layer's teacher nodes that some student node resembles. */
function coverage(/** @type {Frame} */ frame, /** @type {number} */ layer, /** @type {number} */ threshold) {
  return d3.mean(frame.rho[layer], (row) => Number(row.some((rho) => (rho ?? -1) > threshold)));
}

function introduction() {
  const links = Object.entries(EXAMPLES).map(([title, values]) =>
    element("li", {}, element("a", { href: `#specialize?${values}` }, title)));
  return element("div", { class: "introduction" },
    element("details", {}, element("summary", {}, "About this view"),
      element("p", {}, "A teacher is a small ReLU network that never changes; a student has several times its nodes and "
        + "learns to answer as it does. Each of its nodes comes to resemble a teacher node or remains without one: the "
        + "strong teacher nodes are found first, one student node for each is enough, and the others lose their fan-out, "
        + "so that they could be cut away. ρ is the correlation of a student node with a teacher node over examples that "
        + "neither was trained on; a teacher node is covered when a student node exceeds the threshold with it.")),
    element("nav", { "aria-label": "Examples" }, element("ul", { class: "examples" }, ...links)));
}
