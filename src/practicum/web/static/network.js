// @ts-check
/**
 * The two networks as a picture: a student and a teacher that see the same inputs, and who resembles whom.
 *
 * The edge between student node i and teacher node n is as thick as their correlation R_in / sqrt(Q_ii T_nn); a negative
 * one is dashed and of another colour. A slider over alpha moves through the learning, and "play" moves the slider.
 */
import { element } from "./app.js";
import { readable, shape } from "./plots.js";

const WIDTH = 360, HEIGHT = 300;
const THICKEST = 9; // pixels of an edge between nodes that are one and the same
const LONGEST = 1.3; // a student node that is longer is drawn as if it were not
const FAINTEST = 0.02; // correlations below are left out
const DURATION = 9000; // milliseconds that playing all of it takes
const STILLS = 12; // pictures instead of a film, for people who have asked for less motion

/** @typedef {{alpha: number[], Q: (number | null)[][][], R: (number | null)[][][], T: number[][]}} Flow */

/** The picture, its time slider and its play button. */
export class NetworkPicture {
  /**
   * @param {HTMLElement} container
   * @param {(fraction: number) => void} moved called when the user or the film has moved the time, from 0 to 1
   */
  constructor(container, moved) {
    this.moved = moved;
    /** @type {Flow | null} */
    this.flow = null;
    this.index = 0;
    this.timer = 0;
    this.svg = shape("svg", { class: "network", role: "img", viewBox: `0 0 ${WIDTH} ${HEIGHT}` });
    this.edges = shape("g", { class: "edges" });
    this.nodes = shape("g", { class: "nodes" });
    this.svg.append(...surroundings(), this.edges, this.nodes);
    this.slider = element("input", { type: "range", min: 0, max: 1000, step: 1, value: 1000, id: "moment" });
    this.slider.addEventListener("input", () => {
      this.stop();
      this.moved(this.slider.valueAsNumber / 1000);
    });
    const turn = () => (this.timer ? this.stop() : this.play());
    this.button = element("button", { type: "button", class: "play", onclick: turn }, "Play");
    this.now = element("output", { for: "moment" });
    container.append(this.svg, element("div", { class: "time" },
      this.button, element("label", { for: "moment" }, "Moment ", element("var", {}, "α")), this.slider, this.now));
  }

  /** @param {Flow} flow */
  set(flow) {
    const before = this.flow;
    this.flow = flow;
    const resized = before?.R[0].length !== flow.R[0].length || before?.T.length !== flow.T.length;
    if (resized) this.build(flow.R[0].length, flow.T.length);
  }

  /** @param {number} K @param {number} M */
  build(K, M) {
    this.places = { student: column(106, K), teacher: column(254, M) };
    const radius = Math.min(16, 70 / Math.max(K, M));
    this.nodes.replaceChildren();
    this.circles = {};
    for (const [kind, places] of Object.entries(this.places)) {
      const own = kind === "student";
      this.circles[kind] = places.map(([x, y], i) => {
        const look = own ? `student colour-${(i % 6) + 1}` : "teacher";
        const circle = shape("circle", { class: look, cx: x, cy: y, r: radius });
        const beside = { x: x + (own ? -1 : 1) * (LONGEST * radius + 6), y: y + 4, "text-anchor": own ? "end" : "start" };
        this.nodes.append(circle, shape("text", beside, String(i + 1)));
        return circle;
      });
    }
    this.radius = radius;
    this.lines = this.places.student.map(([x, y]) => this.places.teacher.map(([u, v]) =>
      shape("line", { x1: x, y1: y, x2: u, y2: v })));
    this.edges.replaceChildren(...this.lines.flat());
  }

  /**
   * Show the networks at the point of the flow nearest to alpha.
   *
   * @param {number} alpha
   * @param {number} fraction where alpha is on the axis of the curves, from 0 to 1
   */
  at(alpha, fraction) {
    if (!this.flow) return;
    this.index = nearestKnown(this.flow, alpha);
    const { Q, R, T } = this.flow;
    R[this.index].forEach((row, i) => row.forEach((overlap, n) => {
      const rho = correlation(overlap, Q[this.index][i][i], T[n][n]);
      const line = this.lines[i][n];
      line.setAttribute("class", rho < 0 ? "edge negative" : "edge");
      line.setAttribute("stroke-width", (Math.abs(rho) < FAINTEST ? 0 : THICKEST * Math.abs(rho)).toFixed(2));
      line.setAttribute("stroke-opacity", (0.35 + 0.65 * Math.abs(rho)).toFixed(2));
    }));
    this.circles.student.forEach((circle, i) => {
      const length = Math.sqrt(Math.max(Q[this.index][i][i] ?? 0, 0));
      circle.setAttribute("r", (this.radius * Math.min(Math.max(length, 0.2), LONGEST)).toFixed(2));
    });
    this.now.textContent = readable(this.flow.alpha[this.index]);
    this.slider.value = String(Math.round(fraction * 1000));
    this.slider.setAttribute("aria-valuetext", `alpha ${readable(this.flow.alpha[this.index])}`);
    if (!this.timer) this.svg.setAttribute("aria-label", this.sentence());
  }

  /** Which teacher node each student node resembles most, now. */
  sentence() {
    if (!this.flow) return "";
    const { alpha, Q, R, T } = this.flow;
    const parts = R[this.index].map((row, i) => {
      const rho = row.map((overlap, n) => correlation(overlap, Q[this.index][i][i], T[n][n]));
      const n = d3.maxIndex(rho, Math.abs);
      return `student node ${i + 1} resembles teacher node ${n + 1} most, correlation ${rho[n].toFixed(2)}`;
    });
    return `The student and the teacher at alpha ${readable(alpha[this.index])}: ${parts.join("; ")}.`;
  }

  play() {
    const steps = matchMedia("(prefers-reduced-motion: reduce)").matches ? STILLS : 0;
    const first = this.slider.valueAsNumber >= 1000 ? 0 : this.slider.valueAsNumber / 1000;
    const begin = performance.now() - first * DURATION;
    const step = () => {
      const passed = Math.min((performance.now() - begin) / DURATION, 1);
      this.moved(steps ? Math.floor(passed * steps) / steps : passed);
      if (passed >= 1) this.stop();
      else this.timer = requestAnimationFrame(step);
    };
    this.button.textContent = "Pause";
    this.timer = requestAnimationFrame(step);
  }

  stop() {
    cancelAnimationFrame(this.timer);
    this.timer = 0;
    this.button.textContent = "Play";
    this.svg.setAttribute("aria-label", this.sentence());
  }
}

/** @returns {number} */
function correlation(/** @type {number | null} */ overlap, /** @type {number | null} */ Q, /** @type {number} */ T) {
  const scale = Math.sqrt(Math.max(Q ?? 0, 0) * T);
  return overlap !== null && scale > 0 ? overlap / scale : 0;
}

/** The point nearest to alpha at which the overlaps are known: a student that diverged has none later on. */
function nearestKnown(/** @type {Flow} */ { alpha, R }, /** @type {number} */ at) {
  let index = Math.min(d3.bisectCenter(alpha, at), alpha.length - 1);
  while (index > 0 && R[index][0][0] === null) index -= 1;
  return index;
}

/** Places of nodes one below the other. @returns {[number, number][]} */
function column(/** @type {number} */ x, /** @type {number} */ count) {
  const gap = Math.min(52, 168 / Math.max(count - 1, 1));
  return d3.range(count).map((i) => [x, 122 + (i - (count - 1) / 2) * gap]);
}

/** What does not change: the two boxes, and the bar of inputs that feeds both. */
function surroundings() {
  const box = { y: 12, width: 84, height: 220, rx: 10, class: "box" };
  const middle = { "text-anchor": "middle" };
  return [
    shape("path", { class: "feed", d: "M106,232V262 M254,232V262" }),
    shape("rect", { ...box, x: 64 }), shape("rect", { ...box, x: 212 }),
    shape("text", { x: 58, y: 28, "text-anchor": "end", class: "name" }, "student"),
    shape("text", { x: 302, y: 28, class: "name" }, "teacher"),
    shape("rect", { class: "inputs", x: 64, y: 262, width: 232, height: 14, rx: 3 }),
    shape("text", { x: 180, y: 294, ...middle, class: "remark" }, "the same N inputs for both"),
  ];
}
