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
import { Courses } from "./courses.js";
import { Film } from "./film.js";
import { LiveTraining } from "./live.js";
import { Plane } from "./plane.js";
import { whatIsSeen } from "./resemblance.js";
import { Strengths } from "./strengths.js";

const GROUPS = [
  { title: "Teacher", names: ["inputs", "layers", "hidden", "decay"] },
  { title: "Student", names: ["multiple", "learning_rate", "batch_size"] },
  { title: "Examples and time", names: ["examples", "samples", "epochs", "training_seed"] },
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

/** Its part of the API, and the name of its files. */
const OWN = { path: "/api/train", file: "practicum-specialize" };

/** @typedef {import("./resemblance.js").Still} Still */

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
    /** @type {LiveTraining | null} the training that is shown */
    this.training = null;
    this.told = "";
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
    this.cancel = element("button", { type: "button", onclick: () => this.training?.cancel() }, "Cancel");
    this.progress = element("p", { class: "progress", role: "status" });
    this.alert = element("p", { class: "alert", role: "alert" });
    this.empty = element("p", { class: "empty" }, this.lacking ?? EMPTY);
    this.seen = element("p", { class: "seen", "aria-live": "polite" });
    this.layer = this.chooser("layer", "Hidden layer");
    this.node = this.chooser("node", "Highlight student node");
    this.log = this.checkbox("log", "log epochs");
    const tools = element("div", { class: "tools" }, this.train, this.cancel, this.layer.box, this.node.box, this.log);
    const course = part("course", tools, this.alert, this.empty, this.progress);
    this.film = new Film(course, { id: "specialize-moment", label: "Moment" }, (index) => this.moveTo(index));
    const plane = part("plane-part"), strengths = part("strengths-part"), map = part("map-part");
    const loss = part("loss-part"), coverage = part("coverage-part");
    const choose = (/** @type {number} */ node) => this.choose(node);
    this.plane = new Plane(plane, choose);
    this.planeCaption = caption("");
    plane.append(this.planeCaption);
    this.strengths = new Strengths(strengths, choose);
    strengths.append(caption("Colour and shape: the teacher node that a student node resembles most, as in the map below; "
      + "filled above the threshold. A cross fires on no example."));
    this.map = new Correlations(map, choose);
    map.append(caption("The stronger the colour, the larger |ρ|; blue is positive, orange negative. A click on a student "
      + "node highlights it in all pictures."));
    this.courses = new Courses(loss, coverage);
    this.share = element("div", { class: "share" });
    this.shared = element("p", { class: "shared", role: "status" });
    this.pictures = [part("words", element("h2", {}, "What you see"), this.seen), plane, strengths, map, loss, coverage];
    const keep = part("keep", element("h2", {}, "Take it with you"), this.share, this.shared);
    container.append(introduction(), element("div", { class: "specialize" }, course, ...this.pictures, this.settings, keep));
    this.settings.append(this.checkbox("help", "Explain the settings"));
    this.controls = new Controls(this.settings, "specialize", parameters, GROUPS, (name) => this.changed(name));
    /** @type {Record<string, HTMLButtonElement>} */
    this.shares = {};
    for (const [name, title] of Object.entries(SHARES)) {
      this.shares[name] = element("button", { type: "button", onclick: () => this.give(name) }, title);
      this.share.append(this.shares[name]);
    }
  }

  checkbox(/** @type {string} */ name, /** @type {string} */ label) {
    const box = element("input", { type: "checkbox", id: `specialize-show-${name}` });
    box.addEventListener("change", () => {
      this.state.set({ [name]: box.checked ? "1" : "0" });
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
    const wanted = this.state.get("trained") === "1" && !this.lacking;
    if (!wanted) this.forget();
    if (wanted && !this.shows(values)) this.start(true);
    else this.draw();
  }

  /** Whether the training that is shown is one of these values, apart from those of looking. */
  shows(/** @type {Record<string, any>} */ values) {
    const { training } = this;
    return training !== null && Object.entries(values).every(([name, value]) =>
      LOOKING.includes(name) || training.values[name] === value);
  }

  /** The user has changed a parameter. */
  changed(/** @type {string} */ name) {
    this.alert.textContent = "";
    this.controls.forgive();
    const values = this.controls.values();
    this.state.set({ ...values, trained: this.shows(values) ? "1" : "0" });
    if (!LOOKING.includes(name)) this.tell(this.told);
    this.draw();
  }

  /** Say where the training is, and whether the pictures are still those of the settings. @param {string} sentence */
  tell(sentence) {
    this.told = sentence;
    const outdated = this.training !== null && !this.shows(this.controls.values());
    this.progress.textContent = `${sentence}${outdated ? " The settings have changed since; “Train” uses them." : ""}`;
  }

  /** Train what the controls say. @param {boolean} [restoring] whether a link is being shown, at a moment of its own */
  start(restoring = false) {
    if (!this.controls.complete) return;
    this.forget();
    this.alert.textContent = "";
    this.controls.forgive();
    this.state.set({ trained: "1", ...(restoring ? {} : { at: "" }) });
    const training = this.training = new LiveTraining(this.api, this.controls.values(), {
      told: (sentence) => this.tell(sentence),
      begun: (still) => this.begin(still, !restoring),
      looked: () => this.drawSoon(),
      ended: (refusal) => {
        if (refusal) this.complain(refusal);
        if (this.training === training && !training.still) this.training = null;
        this.draw();
      },
    });
    this.draw();
  }

  /** End what is being trained, and show nothing. */
  forget() {
    this.film.stop();
    this.training?.cancel();
    this.training = null;
    this.tell("");
  }

  /** The training has begun. It may be over within a second, so that it is played at a pace at which one sees it. */
  begin(/** @type {Still} */ still, /** @type {boolean} */ playing) {
    this.map.begin(still);
    if (still.weights) this.plane.begin(still);
    const choices = (/** @type {(string | number)[]} */ values) =>
      values.map((value) => element("option", { value }, value === "" ? "none" : String(value)));
    this.layer.list.replaceChildren(...choices(d3.range(1, still.layers + 1)));
    this.node.list.replaceChildren(...choices(["", ...d3.range(1, still.students + 1)]));
    this.film.length(still.epochs.length, 0);
    this.film.at(0, "");
    if (playing && !matchMedia("(prefers-reduced-motion: reduce)").matches) this.film.play();
  }

  /** Draw before the next picture; until then many frames may come. */
  drawSoon() {
    this.drawing ||= requestAnimationFrame(() => {
      this.drawing = 0;
      this.draw();
    });
  }

  /** The user or the film has moved to a frame. */
  moveTo(/** @type {number} */ index) {
    const { training } = this;
    const shown = training?.shown ?? [];
    if (!training || !shown.length) return; // a film may begin before its first frame
    const place = Math.min(index, shown.length - 1);
    const newest = place === shown.length - 1 && !training.running;
    this.state.set({ at: newest ? "" : String(shown[place].epoch) });
    this.draw();
  }

  /** A student node was clicked; once more, and none is chosen. */
  choose(/** @type {number} */ node) {
    const name = String(node + 1);
    this.state.set({ node: this.state.get("node") === name ? "" : name });
    this.draw();
  }

  /** What the URL says of the view, within what there is. */
  view(/** @type {Still} */ { layers, students }) {
    const number = (/** @type {string} */ name, /** @type {number} */ most) => {
      const value = Number(this.state.get(name));
      return Number.isInteger(value) && value >= 1 && value <= most ? value - 1 : null;
    };
    const threshold = this.controls.values().threshold;
    return { layer: number("layer", layers) ?? 0, node: number("node", students), threshold };
  }

  draw() {
    for (const name of ["log", "help"]) {
      /** @type {HTMLInputElement} */ (document.getElementById(`specialize-show-${name}`)).checked = this.state.get(name) === "1";
    }
    this.settings.classList.toggle("explained", this.state.get("help") === "1");
    const { training } = this;
    const shown = training?.shown ?? [];
    const drawn = training?.still && shown.length > 0;
    this.cancel.hidden = !training?.running;
    this.empty.hidden = training !== null;
    for (const each of [...this.pictures, this.film.box, this.node.box, this.layer.box, this.log]) each.hidden = !drawn;
    for (const name of ["svg", "png"]) this.shares[name].disabled = !drawn;
    if (training?.still && shown.length) this.drawFrame(training, training.still, shown);
  }

  drawFrame(/** @type {LiveTraining} */ training, /** @type {Still} */ still, shown) {
    const view = this.view(still);
    const at = this.state.get("at");
    const last = shown.length - 1;
    const index = at === "" ? last : Math.min(d3.bisectCenter(shown.map((each) => each.epoch), Number(at) || 0), last);
    const frame = shown[index];
    this.layer.box.hidden = still.layers < 2;
    this.layer.list.value = String(view.layer + 1);
    this.node.list.value = view.node === null ? "" : String(view.node + 1);
    this.film.length(training.running ? still.epochs.length : shown.length, shown.length);
    this.film.at(index, `epoch ${frame.epoch}`);
    this.plane.svg.toggleAttribute("hidden", !still.weights);
    this.planeCaption.textContent = still.weights ? aboutPlane(still)
      : "The lines at which nodes begin to fire can be drawn for two inputs only: set the inputs to 2 to see them.";
    if (still.weights) this.plane.draw(frame, { ...view, node: view.layer === 0 ? view.node : null });
    this.strengths.rescale(shown, view.layer);
    this.strengths.draw(frame, view);
    this.map.draw(frame, view);
    this.courses.draw(still, shown, { ...view, logarithmic: this.state.get("log") === "1" });
    this.courses.point(at === "" ? null : frame.epoch);
    const moving = training.running || this.film.playing;
    this.seen.setAttribute("aria-live", moving ? "off" : "polite"); // a film is not read aloud picture by picture
    const words = whatIsSeen(still, frame, shown[0], view);
    if (words !== this.seen.textContent) this.seen.textContent = words;
  }

  /** Say what is wrong beside its control. */
  complain(/** @type {any} */ { field, message }) {
    const label = this.controls.complain(field, message);
    this.alert.textContent = label ? `${label}: this value cannot be used; the reason stands beside it.` : message;
  }

  /** @param {string} kind */
  async give(kind) {
    const values = this.controls.values();
    const title = `practicum: ${Object.entries(values).map(([name, value]) => `${name} = ${value}`).join(", ")}`;
    const lines = this.training?.still?.weights ? [this.plane.svg] : [];
    const rows = [[...lines, this.strengths.svg], [this.map.svg], this.courses.svgs];
    this.shared.textContent = ["save", "nc"].includes(kind) ? "The server trains it once more, to the same numbers." : "";
    try {
      const { share } = await import("./sharing.js");
      this.shared.textContent = await share(kind, values, this.api, { title, rows }, OWN);
    } catch (refusal) {
      this.shared.textContent = "";
      this.complain(refusal);
    }
  }
}

function aboutPlane(/** @type {Still} */ { layers }) {
  return `Thick: the ${layers > 1 ? "lowest layer of the teacher" : "teacher"}, with a full ring where a student node has `
    + "found it. Thin: the student, fainter where it resembles no teacher node. Arrows: the side on which they fire.";
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
