// @ts-check
/**
 * The L-shape: how much each student node resembles its best teacher node, over its fan-out. Nodes that resemble none
 * should have no fan-out left.
 *
 * What a test may read: every mark has `data-student` and a transform; the svg says in `data-x-domain`, `data-x-range`
 * and the same for y which value is where.
 */
import { shape } from "./plots.js";
import { colour, mark, nodes } from "./resemblance.js";

const WIDTH = 400, HEIGHT = 400, LEFT = 42, RIGHT = 392, TOP = 28, BOTTOM = 356;
const NEAR = 16; // pixels from a mark within which a click means it
const AREA = 70; // of a mark, in square pixels
const CROSS = "M-4,-4L4,4M-4,4L4,-4";

/** @typedef {import("./resemblance.js").Frame} Frame */

/** The picture. */
export class Strengths {
  /** @param {HTMLElement} container @param {(node: number) => void} chosen called with the student node of a click */
  constructor(container, chosen) {
    this.svg = shape("svg", { class: "square strengths", role: "img", viewBox: `0 0 ${WIDTH} ${HEIGHT}` });
    this.axes = [shape("g", { class: "axis", transform: `translate(0,${BOTTOM})` }),
      shape("g", { class: "axis", transform: `translate(${LEFT},0)` })];
    this.level = shape("line", { class: "level", x1: LEFT, x2: RIGHT });
    this.marks = shape("g", { class: "marks" });
    this.svg.append(...this.axes, this.level, this.marks,
      shape("text", { class: "title", x: 4, y: 15 }, "best correlation ρ over strength"),
      shape("text", { class: "axis-title", x: RIGHT, y: HEIGHT - 6, "text-anchor": "end" }, "fan-out of the student node"));
    container.append(this.svg);
    this.x = d3.scaleLinear([0, 1], [LEFT, RIGHT]);
    this.y = d3.scaleLinear([-0.03, 1.03], [BOTTOM, TOP]);
    /** @type {[number, number][]} */
    this.places = [];
    /** @type {any[]} what the axes fit */
    this.fitted = [];
    this.svg.addEventListener("click", (event) => {
      const [px, py] = d3.pointer(event, this.svg);
      const far = this.places.map(([x, y]) => Math.hypot(x - px, y - py));
      const node = d3.minIndex(far);
      if (far[node] < NEAR) chosen(node);
    });
  }

  /**
   * Axes on which all of these frames fit, so that it is the nodes that move.
   *
   * @param {Frame[]} frames @param {number} layer
   */
  rescale(frames, layer) {
    const fitted = [frames.length, frames[0], layer];
    if (fitted.every((each, i) => each === this.fitted[i])) return;
    this.fitted = fitted;
    const largest = d3.max(frames, (frame) => d3.max(frame.fan_out[layer])) ?? 1;
    const best = (/** @type {Frame} */ frame) =>
      d3.min(frame.rho[layer][0], (_, k) => d3.max(frame.rho[layer], (row) => row[k]));
    const lowest = Math.min(0, d3.min(frames, best) ?? 0);
    this.x.domain([-0.02 * largest, 1.05 * largest || 1]);
    this.y.domain([lowest - 0.03, 1.03]);
    for (const [name, scale] of [["x", this.x], ["y", this.y]]) {
      this.svg.dataset[`${name}Domain`] = scale.domain().join(" ");
      this.svg.dataset[`${name}Range`] = scale.range().join(" ");
    }
    d3.select(this.axes[0]).call(d3.axisBottom(this.x).ticks(5).tickSizeOuter(0));
    d3.select(this.axes[1]).call(d3.axisLeft(this.y).ticks(6).tickSize(-(RIGHT - LEFT)));
  }

  /** @param {Frame} frame @param {{layer: number, threshold: number, node: number | null}} view */
  draw(frame, { layer, threshold, node }) {
    const all = nodes(frame, layer, threshold);
    this.level.setAttribute("y1", this.y(threshold));
    this.level.setAttribute("y2", this.y(threshold));
    this.places = all.map((each) => [this.x(each.fanOut), this.y(each.rho)]);
    const order = d3.sort(d3.range(all.length), (k) => Number(k === node)); // the chosen one lies on top
    this.marks.replaceChildren(...order.map((k) => {
      const { teacher, dead, alike } = all[k];
      const look = dead ? "dead" : `${colour(teacher)}${alike ? " alike" : ""}`;
      const [x, y] = this.places[k].map((each) => each.toFixed(2));
      return shape("path", { class: `${look}${k === node ? " chosen" : ""}`, "data-student": k,
        d: dead ? CROSS : mark(teacher, k === node ? 2.5 * AREA : AREA), transform: `translate(${x},${y})` });
    }));
    const alike = d3.sum(all, (each) => Number(each.alike));
    this.svg.setAttribute("aria-label", `Best correlation of each student node over its fan-out at epoch ${frame.epoch}: `
      + `${alike} of ${all.length} are above ${threshold}.`);
  }
}
