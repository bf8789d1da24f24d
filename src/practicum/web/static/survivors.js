// @ts-check
/** Who is left of a pruned student: its nodes above the teacher nodes that they serve. */
import { element } from "./app.js";
import { shape } from "./plots.js";
import { key } from "./steps.js";

const HEIGHT = 150, LEFT = 34, BOTTOM = 28, TOP = 10; // of a picture, in pixels
const ROW = 11; // between nodes that stand on each other

/** The student nodes of one selector above the teacher nodes that they serve. */
export class Survivors {
  /** @param {string} name of the selector @param {any} result @param {string} look of its curve */
  constructor(name, result, look) {
    this.name = name;
    this.found = result.selectors[name];
    this.before = result.before;
    this.teachers = result.teachers;
    this.unit = result.unit;
    const none = [...this.before.serves, ...(this.found.serves ?? []).flat()].includes(-1);
    this.places = this.teachers + Number(none);
    this.width = Math.max(300, LEFT + 14 * this.places + 10);
    const viewBox = `0 0 ${this.width} ${HEIGHT}`;
    const svg = this.svg = shape("svg", { class: "survivors", role: "img", viewBox, "data-selector": name });
    this.x = d3.scaleLinear([-0.6, this.places - 0.4], [LEFT, this.width - 6]);
    this.y = d3.scaleLinear([0, 1], [HEIGHT - BOTTOM, TOP]);
    for (const value of [0, 0.5, 1]) {
      svg.append(shape("line", { class: "grid", x1: LEFT, x2: this.width - 6, y1: this.y(value), y2: this.y(value) }),
        shape("text", { class: "remark", x: LEFT - 6, y: this.y(value) + 4, "text-anchor": "end" }, String(value)));
    }
    const every = Math.ceil(18 / (this.x(1) - this.x(0)));
    this.ticks = d3.range(this.places).map((/** @type {number} */ place) => {
      const text = place < this.teachers ? (place % every === 0 ? String(place + 1) : "") : "none";
      const where = { x: this.x(place), y: HEIGHT - BOTTOM + 14, "text-anchor": "middle" };
      const tick = shape("text", { class: "remark", ...where }, text);
      svg.append(tick);
      return tick;
    });
    const corner = { x: this.width - 6, y: HEIGHT - 2, "text-anchor": "end" };
    svg.append(shape("text", { class: "axis-title", ...corner }, "teacher node"));
    const radius = Math.max(2.2, Math.min(5, (this.x(1) - this.x(0)) / 5));
    this.marks = this.before.serves.map((/** @type {number} */ _, /** @type {number} */ student) => {
      const mark = shape("circle", { r: radius, "data-student": student });
      svg.append(mark);
      return mark;
    });
    this.words = element("p", { class: "caption" });
    const title = element("h3", {}, key(look), ` ${name}`);
    this.box = element("section", { class: "panel", "aria-label": `Survivors of ${name}` }, title, svg, this.words);
  }

  /** Whom each node serves, how much it resembles it, and which nodes are there. @param {number} index */
  state(index) {
    const { serves, alignment } = this.unit === "nodes" ? this.before
      : { serves: this.found.serves[index], alignment: this.found.alignment[index] };
    const kept = new Set(this.unit === "nodes" ? this.found.kept[index] : d3.range(serves.length));
    return { serves, alignment, kept };
  }

  /** Teacher nodes that somebody served and nobody does now. @param {number} index @returns {number[]} */
  lost(index) {
    const { serves, kept } = this.state(index);
    const served = new Set([...kept].map((student) => serves[student]));
    const once = new Set(this.before.serves.filter((/** @type {number} */ teacher) => teacher >= 0));
    return [...once].filter((teacher) => !served.has(teacher)).sort((a, b) => a - b);
  }

  show(/** @type {number} */ index) {
    const { serves, alignment, kept } = this.state(index);
    const groups = d3.group(d3.range(serves.length), (/** @type {number} */ student) => serves[student]);
    for (const [teacher, students] of groups) {
      const place = teacher < 0 ? this.teachers : teacher;
      const ranked = d3.sort(students, (/** @type {number} */ student) => alignment[student]);
      const gap = 0.64 / Math.max(ranked.length, 3);
      ranked.forEach((/** @type {number} */ student, /** @type {number} */ rank) => {
        const mark = this.marks[student];
        // Who serves nobody has no height: they stand three by three on each other.
        const [across, up] = teacher < 0
          ? [0.3 * (rank % 3 - 1), ROW * Math.floor(rank / 3)]
          : [gap * (rank - (ranked.length - 1) / 2), 0];
        mark.setAttribute("cx", this.x(place + across).toFixed(2));
        mark.setAttribute("cy", (this.y(Math.max(alignment[student], 0)) - up).toFixed(2));
        mark.setAttribute("class", kept.has(student) ? "kept" : "gone");
      });
    }
    const lost = this.lost(index);
    this.ticks.forEach((/** @type {any} */ tick, /** @type {number} */ place) => {
      tick.setAttribute("class", lost.includes(place) ? "remark lost" : "remark");
    });
    const once = new Set(this.before.serves.filter((/** @type {number} */ teacher) => teacher >= 0)).size;
    const said = `${once - lost.length} of ${once} teacher nodes are still served, by ${kept.size} of `
      + `${serves.length} student nodes`;
    this.words.textContent = `${said}.`;
    this.svg.setAttribute("aria-label", `${this.name}: ${said}`);
  }
}
