// @ts-check
/** Sweeps: a list of them, and one as a picture of its cells, which follows while it runs. */
import { element } from "./app.js";
import { worded } from "./band_chart.js";
import { address } from "./runs.js";
import { plural } from "./runs_list.js";
import { GridPicture, wordsOf } from "./sweep_grid.js";

const STATES = { done: "done", failed: "failed", running: "being computed", unfinished: "begun, not being computed", waiting: "waiting" };
const LETTERS = { d: "done", f: "failed", r: "running", u: "unfinished", w: "waiting" };
const STATUS = "status";
const MOST_CHOICES = 500; // values of one parameter that a list may have
const TENTHS = 10;

export class Sweeps {
  /**
   * @param {HTMLElement} box
   * @param {any} state
   * @param {any} api
   * @param {string} store the folder
   */
  constructor(box, state, api, store) {
    Object.assign(this, { box, state, api, store });
    this.shown = ""; // the sweep whose picture is there
    this.sweep = null;
  }

  async show() {
    const wanted = this.state.get("sweep");
    if (!wanted) {
      this.leave();
      this.list(await this.api.get("/api/sweeps"));
    } else if (wanted === this.shown && this.sweep) {
      this.sweep.redraw();
    } else {
      this.leave();
      this.shown = wanted;
      const found = await this.api.get(`/api/sweeps/${encodeURIComponent(wanted)}`);
      if (this.shown !== wanted) return;
      this.sweep = new Sweep(found, this.state, this.api);
      const back = element("a", { href: address(this.state, { sweep: "", cell: "", shown: STATUS }) }, "All sweeps");
      this.box.replaceChildren(element("section", { class: "part", "aria-label": "Sweep" }, element("p", {}, back), this.sweep.box));
      this.sweep.begin();
    }
  }

  /** Stop following: nobody looks. */
  leave() {
    this.sweep?.end();
    this.sweep = null;
    this.shown = "";
  }

  list(/** @type {any} */ { sweeps, total }) {
    const part = element("section", { class: "part", "aria-label": "List of sweeps" });
    this.box.replaceChildren(part);
    if (!sweeps.length) {
      part.append(element("h2", {}, "No sweep is stored here yet"),
        element("p", {}, "A sweep computes a run for every combination of some values. To make one, type in a terminal"),
        element("pre", { tabindex: 0, "aria-label": "Command for a first sweep" },
          "practicum sweep --set students=2 --set teachers=2 --set start.kind=random --set until=200 --set learning_rate=0.5,1,2"
          + ` --set inverse_temperature=1,3,9 --store '${this.store}'`),
        element("p", {}, "and open this list again; the cells can be watched while they are computed."));
      return;
    }
    const rows = sweeps.map((/** @type {any} */ sweep) => element("tr", {},
      element("th", { scope: "row" }, element("a", { href: address(this.state, { sweep: sweep.id, cell: "", shown: STATUS }) }, sweep.id)),
      ...(sweep.problem ? [element("td", { colspan: 5, class: "bad" }, sweep.problem)] : [
        sweep.kind, sweep.axes.map((/** @type {any} */ axis) => `${axis.name} × ${axis.count}`).join(", "), String(sweep.cells),
        String(sweep.done), sweep.failed ? String(sweep.failed) : ""].map((each) => element("td", {}, each))),
      element("td", {}, sweep.created)));
    const head = ["id", "kind", "swept", "cells", "done", "failed", "begun"].map((each) => element("th", { scope: "col" }, each));
    part.append(element("p", { class: "progress" }, total > sweeps.length ? `The newest ${sweeps.length} of ${total} sweeps.` : plural(total, "sweep")),
      element("div", { class: "frame", tabindex: 0, role: "group", "aria-label": "Table of sweeps" },
        element("table", { class: "table" }, element("caption", { class: "unseen" }, "Stored sweeps"),
          element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows))));
  }
}

/** One sweep: counts, the picture, and the cell that is chosen. */
class Sweep {
  constructor(/** @type {any} */ found, /** @type {any} */ state, /** @type {any} */ api) {
    this.found = found;
    this.state = state;
    this.api = api;
    this.states = found.states.split("");
    this.values = null; // of every cell, by variable, once they have been asked for
    this.tenth = -1;
    this.build();
  }

  get ended() {
    return this.found.done + this.found.failed >= this.found.cells;
  }

  build() {
    const { id, kind, axes, cells } = this.found;
    const swept = axes.map((/** @type {any} */ axis) => `${axis.name} (${plural(axis.values.length, "value")})`).join(", ");
    this.bar = element("progress", { "aria-label": "Cells done", max: cells, value: 0 });
    this.words = element("span");
    this.spoken = element("p", { class: "unseen", role: "status" });
    this.alert = element("p", { class: "alert", role: "alert" });
    this.choice = element("select", { id: "sweep-shown" });
    this.choice.addEventListener("change", () => {
      this.state.set({ shown: this.choice.value });
      this.redraw();
    });
    this.read = element("button", { type: "button", onclick: () => this.ask() }, "Read the final values");
    this.box = element("div", { class: "detail" }, element("h2", {}, `Sweep of ${swept}`),
      element("p", { class: "caption" }, "sweep ", element("code", {}, id), ` · ${kind} · ${plural(cells, "cell")}`),
      element("p", { class: "counts" }, this.bar, " ", this.words), this.spoken, this.alert,
      element("div", { class: "tools" }, element("span", { class: "check" }, element("label", { for: "sweep-shown" }, "Show"), this.choice), this.read));
    const picture = element("div", { class: "picture frame", tabindex: 0, role: "group", "aria-label": "Cells of the sweep" });
    this.picture = new GridPicture(picture, axes, Math.min(cells, this.states.length), (cell) => this.choose(cell));
    this.key = element("div");
    if (cells > this.states.length) {
      this.box.append(element("p", { class: "caption" }, `The picture shows the first ${this.states.length} of ${cells} cells; the counts are of all.`));
    }
    this.box.append(picture, this.key, this.cellChoice());
  }

  /** Lists of the swept values, which choose a cell without a mouse, and what that cell is. */
  cellChoice() {
    this.lists = this.found.axes.map((/** @type {any} */ axis, /** @type {number} */ i) => {
      const options = axis.values.slice(0, MOST_CHOICES).map((/** @type {any} */ value, /** @type {number} */ k) => element("option", { value: k }, wordsOf(value)));
      const list = element("select", { id: `sweep-axis-${i}` }, ...options);
      list.addEventListener("change", () => this.choose(this.listed()));
      return list;
    });
    const labelled = this.lists.map((/** @type {any} */ list, /** @type {number} */ i) =>
      element("span", { class: "check" }, element("label", { for: list.id }, this.found.axes[i].name), list));
    this.about = element("p", { class: "cell", "aria-live": "polite" });
    return element("fieldset", {}, element("legend", {}, "One cell"), element("div", { class: "tools" }, ...labelled), this.about);
  }

  /** The cell that the lists say, in C order over the axes. */
  listed() {
    return this.lists.reduce((/** @type {number} */ sum, /** @type {any} */ list, /** @type {number} */ i) =>
      sum * this.found.axes[i].values.length + Number(list.value), 0);
  }

  choose(/** @type {number} */ cell) {
    this.state.set({ cell: String(cell) });
    this.redraw();
  }

  begin() {
    this.redraw();
    if (this.state.get("shown") !== STATUS) this.ask();
    if (!this.ended) this.follow();
  }

  end() {
    this.source?.close();
    this.reading?.close();
    if (this.job) this.api.remove(`/api/jobs/${this.job}`);
  }

  follow() {
    const counted = (/** @type {any} */ counts) => {
      for (const name of Object.keys(STATES)) this.found[name] = counts[name];
    };
    this.source = this.api.follow(`/api/sweeps/${this.found.id}/events`, {
      all: (/** @type {any} */ { states, ...counts }) => {
        this.states = states.split("");
        counted(counts);
        this.redraw();
      },
      changed: (/** @type {any} */ { cells, ...counts }) => {
        for (const [cell, letter] of cells) this.states[cell] = letter;
        counted(counts);
        this.redraw();
      },
      done: (/** @type {any} */ counts) => {
        counted(counts);
        this.redraw();
      },
      failed: (/** @type {any} */ { problem }) => {
        this.alert.textContent = `${problem} Open the sweep again to follow it.`;
      },
    });
  }

  /** Read what every cell came to; a job, for there may be thousands. */
  async ask() {
    this.read.disabled = true;
    this.alert.textContent = "";
    const over = (/** @type {string} */ sentence) => {
      this.job = null;
      this.read.disabled = false;
      this.read.textContent = this.values ? "Read the final values again" : "Read the final values";
      this.alert.textContent = sentence;
    };
    try {
      this.job = (await this.api.post(`/api/sweeps/${this.found.id}/values`, {})).job;
    } catch (refusal) {
      over(refusal.message);
      return;
    }
    this.reading = this.api.events(this.job, {
      progress: (/** @type {any} */ { read, cells }) => { this.read.textContent = `Reading ${read} of ${cells}`; },
      done: (/** @type {any} */ { values }) => {
        const first = Object.keys(values)[0];
        this.values = values;
        if (first && this.state.get("shown") === STATUS) this.state.set({ shown: first });
        over(first ? "" : "No cell has a final value yet.");
        this.redraw();
      },
      failed: (/** @type {any} */ { problem }) => over(problem),
    });
  }

  redraw() {
    this.say();
    const variables = Object.keys(this.values ?? {});
    const wanted = this.state.get("shown");
    const shown = variables.includes(wanted) ? wanted : STATUS;
    this.choice.replaceChildren(...[STATUS, ...variables].map((name) => element("option", { value: name, selected: name === shown },
      name === STATUS ? "status" : `final ${worded(name)}`)));
    this.read.hidden = variables.length > 0 && this.ended;
    const cell = this.cell;
    const values = shown === STATUS ? null : this.values[shown];
    this.picture.draw({ states: this.states, values, chosen: cell, title: shown === STATUS ? "status of the cells" : `final ${worded(shown)} of the cells` });
    this.key.replaceChildren(this.picture.key(values, Object.entries(LETTERS).map(([letter, name]) => ({ letter, text: `${STATES[name]}: ${this.found[name]}`, count: this.found[name] }))));
    this.tell(cell, shown);
  }

  get cell() {
    const cell = Number(this.state.get("cell"));
    return this.state.get("cell") !== "" && Number.isInteger(cell) && cell >= 0 && cell < this.states.length ? cell : 0;
  }

  /** How far it is: seen at once, spoken at every tenth. */
  say() {
    const { cells, done, failed, running, unfinished } = this.found;
    this.bar.value = done + failed;
    const parts = [`${done} of ${plural(cells, "cell")} done`, failed ? `${failed} failed` : "", running ? `${running} being computed` : "",
      unfinished ? `${unfinished} begun` : "", this.ended ? "finished" : running ? "" : "nobody is computing it now; the same command goes on with it"];
    this.words.textContent = `${parts.filter(Boolean).join(", ")}.`;
    const tenth = Math.floor((TENTHS * (done + failed)) / cells);
    if (tenth !== this.tenth) this.spoken.textContent = this.words.textContent;
    this.tenth = tenth;
  }

  tell(/** @type {number} */ cell, /** @type {string} */ shown) {
    let left = cell;
    for (let i = this.lists.length - 1; i >= 0; i--) {
      const count = this.found.axes[i].values.length;
      this.lists[i].value = String(left % count);
      left = Math.floor(left / count);
    }
    const name = LETTERS[this.states[cell]];
    const run = this.found.runs[cell];
    const value = shown !== STATUS ? this.values[shown][cell] : undefined;
    const said = value === undefined ? "" : `; final ${worded(shown)}: ${value === null ? "none" : value.toPrecision(6)}`;
    const key = `${cell} ${name} ${said}`;
    if (this.told === key) return; // the same is not read aloud again
    this.told = key;
    const there = name === "done" || name === "failed";
    this.about.replaceChildren(`This cell is ${STATES[name]}${said}. Run `,
      there ? element("a", { href: address(this.state, { part: "runs", run, comparing: "0" }) }, run) : element("code", {}, run));
  }
}
