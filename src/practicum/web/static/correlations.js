// @ts-check
/**
 * All correlations of teacher and student nodes as a map: teacher nodes downwards, student nodes to the right, those
 * of one teacher node side by side.
 *
 * What a test may read: every cell has `data-teacher`, `data-student` and `data-rho`; its opacity is |ρ|.
 */
import { shape } from "./plots.js";
import { colour, covered, mark, nodes, ordered } from "./resemblance.js";

const LEFT = 44, TOP = 24, BELOW = 22; // pixels around the cells
const TALLEST = 24, LOWEST = 13; // pixels of a row

/** @typedef {import("./resemblance.js").Frame} Frame @typedef {import("./resemblance.js").Still} Still */

/** The picture. */
export class Correlations {
  /** @param {HTMLElement} container @param {(node: number) => void} chosen called with the student node of a click */
  constructor(container, chosen) {
    this.svg = shape("svg", { class: "map", role: "img" });
    this.cells = shape("g", { class: "cells" });
    this.rows = shape("g");
    this.frameOf = shape("rect", { class: "chosen", visibility: "hidden", y: TOP });
    this.remark = shape("text", { class: "remark", y: 15, "text-anchor": "end" });
    this.across = shape("text", { class: "axis-title", "text-anchor": "end" },
      "student nodes, by the teacher node they resemble most");
    this.container = container;
    this.width = 0;
    this.svg.append(shape("text", { class: "title", x: 4, y: 15 }, "correlations ρ"), this.remark, this.cells, this.rows,
      this.frameOf, this.across);
    container.append(this.svg);
    /** @type {number[]} */
    this.order = [];
    /** @type {any[][]} */
    this.rects = [];
    this.svg.addEventListener("click", (event) => {
      const place = this.under(event);
      if (place) chosen(place.student);
    });
    this.svg.addEventListener("pointermove", (event) => this.say(this.under(event)));
    this.svg.addEventListener("pointerleave", () => this.say(null));
    /** @type {Still | null} */
    this.still = null;
    new ResizeObserver(() => this.resize()).observe(container);
  }

  resize() {
    const style = getComputedStyle(this.container);
    const width = Math.floor(this.container.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight));
    if (width <= 0 || width === this.width || !this.still) return;
    this.build(this.still, width);
    if (this.drawn) this.draw(...this.drawn);
  }

  /** @param {Still} still */
  begin(still) {
    this.still = still;
    this.drawn = null;
    this.width = 0; // built when it is seen, since only then it has a width
    this.resize();
  }

  build(/** @type {Still} */ { teachers, students }, /** @type {number} */ width) {
    this.width = width;
    this.row = Math.min(Math.max(220 / teachers, LOWEST), TALLEST);
    this.column = (width - LEFT) / students;
    const bottom = TOP + teachers * this.row;
    this.svg.setAttribute("width", String(width));
    this.svg.setAttribute("height", String(bottom + BELOW));
    this.svg.setAttribute("viewBox", `0 0 ${width} ${bottom + BELOW}`);
    this.remark.setAttribute("x", String(width));
    this.across.setAttribute("x", String(width));
    this.across.setAttribute("y", bottom + 15);
    const gap = this.column > 6 ? 0.6 : 0;
    const size = { width: (this.column - gap).toFixed(2), height: (this.row - 0.6).toFixed(2) };
    this.rects = d3.range(teachers).map((j) => d3.range(students).map((k) =>
      shape("rect", { ...size, y: (TOP + j * this.row).toFixed(2), "data-teacher": j, "data-student": k })));
    this.cells.replaceChildren(...this.rects.flat());
    this.rows.replaceChildren(...d3.range(teachers).flatMap((j) => {
      const y = TOP + (j + 0.5) * this.row;
      const symbol = shape("path", { class: `mark ${colour(j)}`, d: mark(j, 55), transform: `translate(32,${y})` });
      return [shape("text", { x: 18, y: y + 4, "text-anchor": "end" }, String(j + 1)), symbol];
    }));
    this.frameOf.setAttribute("width", String(Math.max(this.column, 3)));
    this.frameOf.setAttribute("height", String(teachers * this.row));
  }

  /** @param {Frame} frame @param {{layer: number, threshold: number, node: number | null}} view */
  draw(frame, view) {
    this.drawn = /** @type {const} */ ([frame, view]);
    if (!this.width) return;
    const { layer, threshold, node } = view;
    const all = nodes(frame, layer, threshold);
    this.rho = frame.rho[layer];
    this.order = ordered(all);
    this.order.forEach((k, place) => {
      const x = (LEFT + place * this.column).toFixed(2);
      this.rho.forEach((row, j) => {
        const cell = this.rects[j][k];
        const rho = row[k] ?? 0;
        cell.setAttribute("x", x);
        cell.setAttribute("data-rho", String(rho));
        cell.setAttribute("class", rho < 0 ? "negative" : "positive");
        cell.setAttribute("fill-opacity", Math.abs(rho).toFixed(4));
      });
    });
    const found = covered(frame, layer, threshold);
    this.rows.querySelectorAll(".mark").forEach((symbol, j) => symbol.classList.toggle("alike", found[j]));
    this.frameOf.setAttribute("visibility", node === null ? "hidden" : "visible");
    if (node !== null) this.frameOf.setAttribute("x", String(LEFT + this.order.indexOf(node) * this.column));
    this.svg.setAttribute("aria-label", `Map of the correlations at epoch ${frame.epoch}. `
      + found.map((_, j) => `Teacher node ${j + 1}: at most ${(d3.max(this.rho[j]) ?? 0).toFixed(2)}`).join("; ") + ".");
  }

  /** The cell below a pointer. @param {PointerEvent | MouseEvent} event */
  under(event) {
    const [x, y] = d3.pointer(event, this.svg);
    const place = Math.floor((x - LEFT) / this.column), teacher = Math.floor((y - TOP) / this.row);
    const student = place >= 0 ? this.order[place] : undefined;
    return student === undefined || !this.rects[teacher] ? null : { teacher, student };
  }

  say(/** @type {{teacher: number, student: number} | null} */ place) {
    const rho = place && this.rho?.[place.teacher][place.student];
    this.remark.textContent = place && rho !== null && rho !== undefined
      ? `teacher node ${place.teacher + 1}, student node ${place.student + 1}: ρ = ${rho.toFixed(3)}` : "";
  }
}
