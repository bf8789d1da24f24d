// @ts-check
/** Small things that Attack and Prune show: a slider over the points of a result, keys of curves, words for numbers. */
import { element } from "./app.js";
import { shape } from "./plots.js";

/** A slider over the points of a result, with a label and the value beside it. */
export class Steps {
  /** @param {string} id @param {string} label @param {string} symbol @param {(index: number) => void} moved */
  constructor(id, label, symbol, moved) {
    this.slider = element("input", { type: "range", id, min: 0, max: 1, step: 1, value: 0 });
    this.slider.addEventListener("input", () => moved(this.slider.valueAsNumber));
    this.now = element("output", { for: id });
    const sign = symbol ? [" ", element("var", {}, symbol)] : [];
    const named = element("label", { for: id }, label, ...sign);
    this.box = element("div", { class: "part time steps" }, named, this.slider, this.now);
  }

  /** @param {number} index @param {number} count @param {string} text */
  show(index, count, text) {
    this.slider.max = String(count - 1);
    this.slider.value = String(index);
    this.slider.setAttribute("aria-valuetext", text);
    this.now.textContent = text;
  }
}

/** The place of the value nearest to another. @param {number[]} values @param {number} wanted */
export function nearest(values, wanted) {
  return d3.leastIndex(values, (each) => Math.abs(each - wanted)) ?? 0;
}

/** A short line that looks like a curve, to stand beside its name. @param {string} look */
export function key(look) {
  const svg = shape("svg", { class: "key", width: 34, height: 10, "aria-hidden": "true" });
  const lines = shape("g", { class: "curves" });
  lines.append(shape("path", { class: look, d: "M1,5H33" }));
  svg.append(lines);
  return svg;
}

/** A share in percent. @param {number} share */
export function percent(share) {
  const value = 100 * share;
  return `${value < 10 || value > 99 ? Number(value.toFixed(1)) : Math.round(value)} %`;
}

/** Words with commas, and "and" before the last. @param {(string | number)[]} words */
export function listed(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** An introduction that unfolds. @param {string} text @param {Record<string, string>} examples words and their links */
export function introduction(text, examples) {
  const links = Object.entries(examples).map(([title, href]) => element("li", {}, element("a", { href }, title)));
  return element("div", { class: "introduction" },
    element("details", {}, element("summary", {}, "About this view"), element("p", {}, text)),
    element("nav", { "aria-label": "Examples" }, element("ul", { class: "examples" }, ...links)));
}
