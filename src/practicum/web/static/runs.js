// @ts-check
/**
 * Runs: what the store holds. Two parts, the single runs and the sweeps; what is open stands in the URL.
 *
 * The list is here; a run in detail, a comparison and the sweeps are modules of their own, fetched when first asked for.
 */
import { element } from "./app.js";
import { RunList } from "./runs_list.js";

/** What a link says: the list as it is filtered, the run or comparison that is open, and how its curves are drawn. */
const VIEW = {
  part: "runs", where: "", sort: "-time", page: "1", run: "", chosen: "", comparing: "0", sweep: "", variable: "",
  shown: "status", cell: "", log_x: "0", log_y: "1",
};
const PARTS = { runs: "Single runs", sweeps: "Sweeps" };

/** @param {HTMLElement} container @param {any} state @param {any} api */
export async function open(container, state, api) {
  const about = await api.get("/api/about");
  await new Runs(container, state, api, about.store).show();
}

/**
 * The address of this view with some values changed, for links.
 *
 * @param {any} state
 * @param {Record<string, unknown>} changes
 */
export function address(state, changes) {
  const values = { ...state.defaults, ...state.values, ...changes };
  const shown = Object.keys(state.defaults).filter((name) => String(values[name]) !== state.defaults[name]);
  return `#runs?${shown.map((name) => `${name}=${encodeURIComponent(values[name])}`).join("&")}`;
}

class Runs {
  constructor(/** @type {HTMLElement} */ container, state, api, /** @type {string} */ store) {
    this.state = state;
    this.api = api;
    this.store = store;
    state.declare(VIEW);
    this.buttons = Object.entries(PARTS).map(([name, title]) => element("button", {
      type: "button", onclick: () => this.go({ part: name, run: "", comparing: "0", sweep: "", cell: "" }),
    }, title));
    this.where = element("p", { class: "caption" }, "Stored in ", element("code", {}, store));
    this.alert = element("p", { class: "alert", role: "alert" });
    this.listPart = element("section", { class: "part list", "aria-label": "List of runs" });
    this.panel = element("section", { class: "part panel", tabindex: -1 });
    this.sweepPart = element("div", { class: "sweeps" });
    this.single = element("div", { class: "runs" }, this.listPart, this.panel);
    container.append(
      element("div", { class: "parts" }, element("div", { role: "group", "aria-label": "What to look at" }, ...this.buttons), this.where),
      this.alert, this.single, this.sweepPart);
    this.list = new RunList(this.listPart, state, api, store, (changes) => this.go(changes), (refusal) => this.complain(refusal));
    this.opened = ""; // what the panel shows
    this.sweeps = null;
    state.onRestored(() => this.show());
  }

  /** Change what is shown, and its address at once: a click is a step of "back". */
  go(/** @type {Record<string, unknown>} */ changes) {
    this.state.set(changes);
    this.state.write();
    this.show();
  }

  async show() {
    const sweeping = this.state.get("part") === "sweeps";
    Object.keys(PARTS).forEach((name, i) => {
      this.buttons[i].setAttribute("aria-pressed", String((name === "sweeps") === sweeping));
    });
    this.single.hidden = sweeping;
    this.sweepPart.hidden = !sweeping;
    this.alert.textContent = "";
    try {
      if (sweeping) await this.showSweeps();
      else await Promise.all([this.list.show(), this.showPanel()]);
    } catch (refusal) {
      this.complain(refusal);
    }
    if (!sweeping) this.sweeps?.leave();
  }

  async showSweeps() {
    const { Sweeps } = await import("./sweeps.js");
    this.sweeps ??= new Sweeps(this.sweepPart, this.state, this.api, this.store);
    await this.sweeps.show();
  }

  /** Open the run or the comparison that the URL names beside the list, or close what is open. */
  async showPanel() {
    const comparing = this.state.get("comparing") === "1";
    const ids = this.state.get("chosen");
    const wanted = comparing ? `compare ${ids}` : this.state.get("run");
    const before = this.opened;
    const asked = this.list.found !== undefined; // by a person, not by the address that the page came with
    this.single.classList.toggle("opened", wanted !== "");
    this.panel.hidden = !wanted;
    if (!wanted) {
      this.opened = "";
      this.panel.replaceChildren();
      if (before) this.list.focus(before);
      return;
    }
    if (wanted === before) {
      this.shown?.redraw();
      return;
    }
    this.opened = wanted;
    const close = element("button", { type: "button", class: "close", onclick: () => this.go({ run: "", comparing: "0" }) }, "Close");
    this.panel.replaceChildren(element("p", { class: "progress", role: "status" }, "Reading …"));
    const module = await (comparing ? import("./runs_compare.js") : import("./run_detail.js"));
    try {
      const shown = await module.load(comparing ? ids : wanted, this.state, this.api);
      if (this.opened !== wanted) return; // something else has been opened meanwhile
      this.shown = shown;
      this.panel.setAttribute("aria-label", comparing ? "Comparison" : "Run");
      this.panel.replaceChildren(close, shown.box);
      shown.redraw();
      if (asked) this.panel.focus();
    } catch (refusal) {
      if (this.opened !== wanted) return;
      this.shown = null;
      this.panel.replaceChildren(close, element("p", { class: "alert", role: "alert" }, refusal.message));
    }
  }

  complain(/** @type {any} */ refusal) {
    this.alert.textContent = refusal.message;
  }
}
