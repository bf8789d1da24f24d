// @ts-check
/**
 * Parameters as controls: a slider and a number field tied together, or a list of choices.
 *
 * They are built from what /api/about says of each parameter, so that names, bounds and defaults have one source.
 */
import { element } from "./app.js";

/**
 * @typedef {object} Parameter
 * @property {string} name
 * @property {string} label
 * @property {string | null} symbol
 * @property {string | null} unit
 * @property {number} least
 * @property {number} most
 * @property {number} step
 * @property {any} default
 * @property {string[] | null} choices
 * @property {string} help
 */

/** Parameters of which factors matter, not differences; the value is where the slider of one that may be 0 begins. */
const LOGARITHMIC = {
  learning_rate: 1e-3, inverse_temperature: 0.1, overlap: 1e-12, dimension: 10, until: 1, samples: 100,
};
const SLIDER_STEPS = 400;

/** @typedef {{title: string, names: string[]}} Group */

/** The controls of a view. */
export class Controls {
  /**
   * @param {HTMLElement} container
   * @param {string} view its name, which begins the ids of its controls
   * @param {Parameter[]} parameters
   * @param {Group[]} groups which parameter stands where; those in no group form a last one
   * @param {(name: string) => void} changed called after every valid change by the user
   */
  constructor(container, view, parameters, groups, changed) {
    this.view = view;
    this.changed = changed;
    /** @type {Map<string, Control>} */
    this.controls = new Map();
    const named = new Set(groups.flatMap((group) => group.names));
    const rest = parameters.map((each) => each.name).filter((name) => !named.has(name));
    for (const group of [...groups, { title: "More", names: rest }]) {
      const members = parameters.filter((each) => group.names.includes(each.name));
      if (!members.length) continue;
      const box = element("fieldset", {}, element("legend", {}, group.title));
      for (const parameter of members) {
        const control = parameter.choices ? new Choice(parameter, this) : new Quantity(parameter, this);
        this.controls.set(parameter.name, control);
        box.append(control.box);
      }
      container.append(box);
    }
  }

  /** The value of every parameter. @returns {Record<string, any>} */
  values() {
    return Object.fromEntries([...this.controls].map(([name, control]) => [name, control.value]));
  }

  /** Whether what stands in every field is a value at all. */
  get complete() {
    return [...this.controls.values()].every((control) => control.complete);
  }

  /** Show these values without telling anybody. @param {Record<string, any>} values */
  show(values) {
    for (const [name, value] of Object.entries(values)) this.controls.get(name)?.show(value);
  }

  /**
   * Put a sentence beside the control it is about, and give that control's label; null if there is none of that name.
   *
   * @param {string | undefined} name
   * @param {string} sentence
   * @returns {string | null}
   */
  complain(name, sentence) {
    const control = this.controls.get(name ?? "");
    control?.complain(sentence);
    return control?.parameter.label ?? null;
  }

  /** Mark values under a slider, each with a word; null is not marked. @param {string} name */
  mark(name, /** @type {Record<string, number | null>} */ marks) {
    const control = this.controls.get(name);
    if (control instanceof Quantity) control.mark(marks);
  }

  /** Take back every sentence that the server has written. */
  forgive() {
    for (const control of this.controls.values()) if (control.complete) control.complain("");
  }
}

/** What slider and choice share: a label, a help line and room for a sentence about a wrong value. */
class Control {
  /** @param {Parameter} parameter @param {Controls} all */
  constructor(parameter, all) {
    this.parameter = parameter;
    this.all = all;
    this.value = parameter.default;
    this.complete = true;
    const id = this.id = `${all.view}-${parameter.name}`;
    const symbol = parameter.symbol ? [" ", element("var", {}, parameter.symbol)] : [];
    const unit = parameter.unit ? [element("span", { class: "unit" }, `, ${parameter.unit}`)] : [];
    this.label = element("label", { id: `${id}-label`, for: id }, parameter.label, ...symbol, ...unit);
    this.help = element("p", { class: "help", id: `${id}-help` }, parameter.help ?? "");
    this.problem = element("p", { class: "problem", id: `${id}-problem` });
    this.box = element("div", { class: "control" }, this.label);
  }

  /** The elements that people work with. @returns {HTMLElement[]} */
  get inputs() {
    return [...this.box.querySelectorAll("input, select")];
  }

  /** @param {string} sentence empty when all is well */
  complain(sentence) {
    if (this.problem.textContent === sentence) return;
    this.problem.textContent = sentence;
    const about = `${this.id}-help${sentence ? ` ${this.id}-problem` : ""}`;
    for (const input of this.inputs) {
      input.setAttribute("aria-describedby", about);
      if (sentence) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
  }

  /** @param {any} value */
  show(value) {
    this.value = value;
  }
}

/** One of a few words. */
class Choice extends Control {
  /** @param {Parameter} parameter @param {Controls} all */
  constructor(parameter, all) {
    super(parameter, all);
    const names = { id: this.id, "aria-describedby": `${this.id}-help` };
    const options = (parameter.choices ?? []).map((choice) => element("option", { value: choice }, choice));
    this.list = element("select", names, ...options);
    this.list.addEventListener("change", () => {
      this.value = this.list.value;
      this.all.changed(parameter.name);
    });
    this.box.append(this.list, this.help, this.problem);
    this.show(parameter.default);
  }

  /** @param {any} value */
  show(value) {
    super.show(value);
    this.list.value = value;
  }
}

/** A number: the slider covers what is common, the field takes every number, and the server judges both. */
class Quantity extends Control {
  /** @param {Parameter} parameter @param {Controls} all */
  constructor(parameter, all) {
    super(parameter, all);
    const { name, least, most } = parameter;
    this.whole = Number.isInteger(parameter.step) && Number.isInteger(parameter.default);
    const floor = LOGARITHMIC[name];
    this.scale = floor === undefined
      ? d3.scaleLinear([least, most], [0, 1])
      : d3.scaleLog([Math.max(least, floor), most], [0, 1]);
    this.fine = floor === undefined ? (most - least) / parameter.step : SLIDER_STEPS;
    const described = { "aria-describedby": `${this.id}-help` };
    const named = { id: this.id, type: "number", step: this.whole ? 1 : "any", inputmode: "decimal" };
    this.field = element("input", { ...named, ...described });
    this.slider = element("input", { id: `${this.id}-slider`, type: "range", min: 0, max: Math.round(this.fine), step: 1,
      "aria-labelledby": `${this.id}-label`, ...described });
    this.ticks = element("div", { class: "ticks", "aria-hidden": "true" });
    this.field.addEventListener("input", () => this.typed());
    this.slider.addEventListener("input", () => this.moved());
    this.box.append(this.field, element("div", { class: "track" }, this.slider, this.ticks), this.help, this.problem);
    this.show(parameter.default);
  }

  typed() {
    const value = this.field.valueAsNumber;
    this.complete = Number.isFinite(value);
    if (!this.complete) {
      this.complain(`${this.parameter.label} needs a number, such as ${this.parameter.default}.`);
      return;
    }
    this.value = value;
    this.place();
    this.all.changed(this.parameter.name);
  }

  moved() {
    const value = this.scale.invert(this.slider.valueAsNumber / this.slider.max);
    // Three digits, so that a value can be read and typed again.
    this.show(this.whole ? Math.round(Number(value.toPrecision(3))) : Number(value.toPrecision(3)));
    this.all.changed(this.parameter.name);
  }

  /** Where on the slider a value is, from 0 to 1. @param {number} value */
  fraction(value) {
    const [low, high] = this.scale.domain();
    return this.scale(Math.min(Math.max(value, low), high));
  }

  place() {
    this.slider.value = String(Math.round(this.fraction(this.value) * this.slider.max));
    this.slider.setAttribute("aria-valuetext", String(this.value));
  }

  /** @param {any} value */
  show(value) {
    super.show(value);
    this.complete = true;
    this.field.value = String(value);
    this.place();
  }

  /** @param {Record<string, number | null>} marks */
  mark(marks) {
    const [low, high] = this.scale.domain();
    const shown = Object.entries(marks).filter(([, value]) => value !== null && value >= low && value <= high);
    shown.sort(([, a], [, b]) => a - b);
    this.ticks.replaceChildren(...shown.map(([word, value], i) => {
      // Two words stand on either side of their marks, so that near marks do not write over each other.
      const side = shown.length > 1 && i === 0 ? "before" : "after";
      const tick = element("span", { class: side }, word);
      // The middle of a slider's thumb runs between the ends of the track less half a thumb.
      tick.style.left = `calc(var(--thumb) / 2 + ${this.fraction(value)} * (100% - var(--thumb)))`;
      return tick;
    }));
  }
}
