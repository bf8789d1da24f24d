// @ts-check
/** The list of runs: a condition, a table that sorts, pages, and which runs are chosen to be compared. */
import { element } from "./app.js";
import { readable } from "./plots.js";
import { address } from "./runs.js";

const ROWS = 25;
const MOST_COMPARED = 8;
const PAUSE = 300; // milliseconds without a key after which a condition is asked for

/** The columns: what the header says, what it is, and whether there is room for it beside an open run. */
const COLUMNS = [
  { name: "id", title: "id", about: "first digits of the configuration's SHA-256", minor: false },
  { name: "kind", title: "kind", about: "what was computed", minor: false },
  { name: "K", title: "K", about: "student nodes", minor: false },
  { name: "M", title: "M", about: "teacher nodes", minor: false },
  { name: "eta", title: "η", about: "learning rate", minor: false },
  { name: "beta", title: "β", about: "inverse temperature", minor: true },
  { name: "N", title: "N", about: "inputs", minor: true },
  { name: "seeds", title: "seeds", about: "simulated or trained networks", minor: true },
  { name: "until", title: "until", about: "how far: α, a condition or epochs", minor: true },
  { name: "status", title: "status", about: "how it ended", minor: false },
  { name: "size", title: "size", about: "of the file", minor: true },
  { name: "time", title: "stored", about: "when", minor: true },
];

export class RunList {
  /**
   * @param {HTMLElement} box
   * @param {any} state
   * @param {any} api
   * @param {string} store the folder
   * @param {(changes: Record<string, unknown>) => void} go
   * @param {(refusal: any) => void} complain
   */
  constructor(box, state, api, store, go, complain) {
    Object.assign(this, { box, state, api, store, go, complain });
    this.asked = ""; // the request whose answer is shown or under way
    this.controller = new AbortController();
    this.build();
  }

  build() {
    const described = { "aria-describedby": "runs-where-help runs-where-problem" };
    this.field = element("input", { id: "runs-where", type: "text", spellcheck: "false", autocomplete: "off", ...described });
    this.field.addEventListener("input", () => {
      clearTimeout(this.pause);
      this.pause = setTimeout(() => this.filter(), PAUSE);
    });
    this.problem = element("p", { class: "problem", id: "runs-where-problem", role: "alert" });
    this.count = element("p", { class: "progress", role: "status" });
    this.head = element("tr");
    this.body = element("tbody");
    this.table = element("table", { class: "table" }, element("caption", { class: "unseen" }, "Stored runs"),
      element("thead", {}, this.head), this.body);
    this.frame = element("div", { class: "frame", tabindex: 0, role: "group", "aria-label": "Table of runs" }, this.table);
    this.previous = element("button", { type: "button", onclick: () => this.turn(-1) }, "Previous");
    this.next = element("button", { type: "button", onclick: () => this.turn(1) }, "Next");
    this.pages = element("span", { class: "pages" });
    this.compare = element("button", { type: "button", class: "main", onclick: () => this.go({ comparing: "1", run: "" }) });
    this.clear = element("button", { type: "button", onclick: () => this.go({ chosen: "", comparing: "0" }) }, "Choose none");
    this.empty = element("div", { class: "empty" });
    const form = element("form", { class: "filter", onsubmit: (/** @type {Event} */ event) => this.filter(event) },
      element("label", { for: "runs-where" }, "Only runs of which this is true"), this.field,
      element("button", { type: "submit" }, "Filter"),
      element("button", { type: "button", onclick: () => this.show(true) }, "Look again"));
    this.tools = element("nav", { class: "tools", "aria-label": "Pages of the list", hidden: true },
      this.previous, this.pages, this.next, this.compare, this.clear);
    this.frame.hidden = true;
    this.count.textContent = "Reading the list …";
    this.box.append(form,
      element("p", { class: "caption", id: "runs-where-help" },
        "Such as students > 2 and learning_rate <= 0.5, status == 'ok', kind == 'train'; names are those of the settings."),
      this.problem, this.count, this.empty, this.frame, this.tools);
    this.buildHead();
  }

  buildHead() {
    this.headers = COLUMNS.map(({ name, title, about, minor }) => {
      const button = element("button", { type: "button", title: about, onclick: () => this.sort(name) }, title);
      return element("th", { scope: "col", id: `runs-by-${name}`, class: minor ? "minor" : null }, button);
    });
    this.head.append(element("th", { scope: "col", id: "runs-compare" }, "compare"), ...this.headers);
  }

  get chosen() {
    return this.state.get("chosen").split(",").filter(Boolean);
  }

  filter(/** @type {Event | undefined} */ event) {
    event?.preventDefault();
    clearTimeout(this.pause);
    if (this.field.value !== this.state.get("where")) this.go({ where: this.field.value, page: "1" });
  }

  /** Sort by a column; the same once more turns the order around. */
  sort(/** @type {string} */ name) {
    const now = this.state.get("sort");
    const falling = name === "time" || name === "size"; // the newest and the largest are asked for first
    const first = falling ? `-${name}` : name;
    this.go({ sort: now === first ? (falling ? name : `-${name}`) : first, page: "1" });
  }

  turn(/** @type {number} */ by) {
    this.go({ page: String(this.page + by) });
  }

  get page() {
    return Math.max(1, Math.floor(Number(this.state.get("page"))) || 1);
  }

  /** Show what the URL asks for. @param {boolean} [again] even if it is there */
  async show(again = false) {
    if (document.activeElement !== this.field) this.field.value = this.state.get("where");
    const query = new URLSearchParams({ where: this.state.get("where"), sort: this.state.get("sort"),
      limit: String(ROWS), offset: String((this.page - 1) * ROWS) });
    const asked = `/api/runs?${query}`;
    if (asked !== this.asked || again) {
      this.controller.abort();
      this.controller = new AbortController();
      this.asked = asked;
      const { signal } = this.controller;
      try {
        this.found = await this.api.get(asked, signal);
        this.explain("");
      } catch (refusal) {
        if (signal.aborted) return;
        this.asked = "";
        if (refusal.field !== "where") throw refusal;
        this.explain(`${refusal.message} The list is still that of the last condition.`);
        return;
      }
    }
    this.draw();
  }

  /** Put a sentence beside the condition. @param {string} sentence */
  explain(sentence) {
    this.problem.textContent = sentence;
    if (sentence) this.field.setAttribute("aria-invalid", "true");
    else this.field.removeAttribute("aria-invalid");
  }

  draw() {
    if (!this.found) return;
    const { runs, total, stored } = this.found;
    const sort = this.state.get("sort");
    COLUMNS.forEach(({ name }, i) => {
      const order = sort === name ? "ascending" : sort === `-${name}` ? "descending" : "none";
      this.headers[i].setAttribute("aria-sort", order);
    });
    this.count.textContent = !stored ? "" : total === stored ? plural(stored, "run") : `${total} of ${plural(stored, "run")} match.`;
    this.frame.hidden = !runs.length;
    const focused = this.body.contains(document.activeElement) ? document.activeElement?.id : "";
    this.body.replaceChildren(...runs.map((/** @type {any} */ run) => this.row(run)));
    if (focused) document.getElementById(focused)?.focus();
    this.empty.replaceChildren(...(stored ? (runs.length ? [] : this.nothingHere(total)) : this.emptyStore()));
    this.tools.hidden = !stored;
    const pages = Math.max(1, Math.ceil(total / ROWS));
    this.pages.textContent = total > ROWS ? `Page ${this.page} of ${pages}` : "";
    this.previous.hidden = this.next.hidden = total <= ROWS;
    this.previous.disabled = this.page <= 1;
    this.next.disabled = this.page >= pages;
    this.drawChosen();
  }

  row(/** @type {any} */ run) {
    const id = `runs-row-${run.id}`;
    const box = element("input", { type: "checkbox", id: `runs-choose-${run.id}`, checked: this.chosen.includes(run.id),
      "aria-labelledby": `runs-compare ${id}` });
    box.addEventListener("change", () => this.choose(run.id, box.checked));
    const open = this.state.get("run") === run.id && this.state.get("comparing") !== "1";
    const cells = COLUMNS.map(({ name, minor }) => {
      const look = minor ? "minor" : null;
      if (name !== "id") {
        const bad = name === "status" && /failed|damaged/.test(run.status) ? "bad" : "";
        return element("td", { class: [look, bad].filter(Boolean).join(" ") || null }, written(name, run[name]));
      }
      const link = element("a", { id, href: address(this.state, { run: run.id, comparing: "0", variable: "" }), title: run.title,
        "aria-current": open ? "true" : null }, run.id);
      return element("th", { scope: "row" }, link);
    });
    return element("tr", { class: open ? "open" : null }, element("td", {}, box), ...cells);
  }

  choose(/** @type {string} */ id, /** @type {boolean} */ chosen) {
    const others = this.chosen.filter((each) => each !== id);
    this.state.set({ chosen: (chosen ? [...others, id] : others).join(",") });
    if (this.state.get("comparing") === "1") this.go({ comparing: "0" });
    else this.drawChosen();
  }

  drawChosen() {
    const count = this.chosen.length;
    this.compare.textContent = count ? `Compare ${plural(count, "run")}` : "Compare runs";
    this.compare.disabled = count < 2 || count > MOST_COMPARED;
    this.compare.title = this.compare.disabled ? `Choose 2 to ${MOST_COMPARED} runs in the column "compare".` : "";
    this.clear.hidden = !count;
  }

  /** Give the focus back to the run that was open. */
  focus(/** @type {string} */ id) {
    document.getElementById(`runs-row-${id}`)?.focus();
  }

  nothingHere(/** @type {number} */ total) {
    if (total) return [element("p", {}, "There is no such page any more; ", element("a", { href: address(this.state, { page: 1 }) }, "go to the first"), ".")];
    return [element("p", {}, "No run is like this. Change the condition, or ",
      element("a", { href: address(this.state, { where: "", page: 1 }) }, "see all runs"), ".")];
  }

  emptyStore() {
    const command = "practicum solve --set students=2 --set teachers=2 --set learning_rate=0.5 --set start.kind=random"
      + ` --set until=200 --store '${this.store}'`;
    return [element("h2", {}, "No run is stored here yet"),
      element("p", {}, "To make a first one, open ", element("a", { href: "#explore" }, "Explore"),
        " and press “Save the theory to the store”; or type in a terminal"),
      element("pre", { tabindex: 0, "aria-label": "Command for a first run" }, command),
      element("p", {}, "and press “Look again”.")];
  }
}

export function plural(/** @type {number} */ count, /** @type {string} */ word) {
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}

/** A cell for people. */
function written(/** @type {string} */ name, /** @type {any} */ value) {
  if (value === null || value === undefined) return "";
  if (name === "size") return size(value);
  if (typeof value !== "number") return String(value);
  return Number.isInteger(value) ? String(value) : readable(value);
}

export function size(/** @type {number} */ bytes) {
  return bytes < 1024 ** 2 ? `${Math.ceil(bytes / 1024)} kB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}
