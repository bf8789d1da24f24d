// @ts-check
/**
 * The plane of two inputs: the lines at which teacher and student nodes begin to fire, as in the figure "hyperplanes".
 *
 * What a test may read: every line has `data-teacher` or `data-student`, and ends in pixels of the svg; the svg says
 * in `data-x-domain`, `data-x-range` and the same for y which value is where.
 */
import { shape } from "./plots.js";
import { colour, covered, fading, nodes } from "./resemblance.js";

const SIZE = 400, LEFT = 34, TOP = 28, EDGE = 42; // of the picture, and where the plane is in it
const NEAR = 9; // pixels from a line within which a click means it
const RADIUS = 9; // of the ring with a teacher node's number
const RINGS = [0.07, 0.15, 0.23, 0.83, 0.91]; // where on its line it may be; the first place that is free
const MANY = 60; // with more student nodes their arrows would cover everything

/** @typedef {import("./resemblance.js").Still} Still @typedef {import("./resemblance.js").Frame} Frame */

/** The picture. */
export class Plane {
  /** @param {HTMLElement} container @param {(node: number) => void} chosen called with the student node of a click */
  constructor(container, chosen) {
    this.svg = shape("svg", { class: "square plane", role: "img", viewBox: `0 0 ${SIZE} ${SIZE}` });
    const [left, right, top, bottom] = [LEFT, SIZE - 8, TOP, SIZE - EDGE];
    this.axes = [shape("g", { class: "axis", transform: `translate(0,${bottom})` }),
      shape("g", { class: "axis", transform: `translate(${left},0)` })];
    [this.dots, this.teachers, this.students, this.labels] = [shape("g"), shape("g"), shape("g"), shape("g")];
    this.svg.append(...this.axes, this.dots, this.teachers, this.students, this.labels,
      shape("text", { class: "title", x: 4, y: 15 }, "where the nodes begin to fire"),
      shape("text", { class: "axis-title", x: right, y: SIZE - 6, "text-anchor": "end" }, "first input"),
      shape("text", { class: "axis-title", x: right, y: 15, "text-anchor": "end" }, "↑ second input"));
    container.append(this.svg);
    this.x = d3.scaleLinear([-1, 1], [left, right]);
    this.y = d3.scaleLinear([-1, 1], [bottom, top]);
    /** @type {[number, number, number, number][]} ends of the students' lines */
    this.ends = [];
    this.svg.addEventListener("click", (event) => {
      const [px, py] = d3.pointer(event, this.svg);
      const far = this.ends.map((ends) => (ends ? distance(ends, px, py) : Infinity));
      const node = d3.minIndex(far);
      if (far[node] < NEAR) chosen(node);
    });
  }

  /** @param {Still} still */
  begin(still) {
    const { weights = [], biases = [], points = [] } = still;
    this.side = side(weights, biases, points);
    this.x.domain([-this.side, this.side]);
    this.y.domain([-this.side, this.side]);
    for (const [name, scale] of [["x", this.x], ["y", this.y]]) {
      this.svg.dataset[`${name}Domain`] = scale.domain().join(" ");
      this.svg.dataset[`${name}Range`] = scale.range().join(" ");
    }
    d3.select(this.axes[0]).call(d3.axisBottom(this.x).ticks(5).tickSizeOuter(0));
    d3.select(this.axes[1]).call(d3.axisLeft(this.y).ticks(5).tickSizeOuter(0));
    const inside = points.filter((point) => point.every((each) => Math.abs(each) <= this.side));
    this.dots.replaceChildren(...inside.map(([x, y]) =>
      shape("circle", { class: "dot", cx: this.x(x).toFixed(1), cy: this.y(y).toFixed(1), r: 1.3 })));
    const pieces = weights.map((w, j) => piece(w, biases[j], this.side));
    this.teachers.replaceChildren();
    this.labels.replaceChildren();
    /** @type {[number, number][]} */
    const taken = [];
    /** @type {any[]} */
    this.rings = pieces.map((found, j) => {
      if (!found) return null;
      this.teachers.append(this.line(found, { class: "teacher", "data-teacher": j }),
        this.arrow(found, 0.17, 11, { class: "teacher" }));
      const free = RINGS.map((share) => this.along(found, share)).find(([x, y]) =>
        taken.every(([u, v]) => Math.hypot(x - u, y - v) > 2.2 * RADIUS));
      const [cx, cy] = free ?? this.along(found, RINGS[0]);
      taken.push([cx, cy]);
      const ring = shape("circle", { cx, cy, r: RADIUS });
      const text = shape("text", { x: cx, y: cy + 4, "text-anchor": "middle" }, String(j + 1));
      const label = shape("g", { class: `ring ${colour(j)}` });
      label.append(ring, text);
      this.labels.append(label);
      return label;
    });
  }

  /** @param {Frame} frame @param {{threshold: number, node: number | null}} view */
  draw(frame, { threshold, node }) {
    const { weights = [], biases = [] } = frame;
    const found = covered(frame, 0, threshold);
    this.rings?.forEach((ring, j) => ring?.classList.toggle("found", found[j]));
    const all = nodes(frame, 0, threshold);
    const shapes = [];
    this.ends = [];
    all.forEach((each, k) => {
      const seen = piece(weights[k], biases[k], this.side);
      if (!seen) return;
      const chosen = k === node;
      const look = { class: `student ${colour(each.teacher)}${chosen ? " chosen" : ""}` };
      const opacity = chosen ? 1 : fading(each.rho).toFixed(3);
      const line = this.line(seen, { ...look, "stroke-opacity": opacity, "data-student": k });
      this.ends[k] = ["x1", "y1", "x2", "y2"].map((name) => Number(line.getAttribute(name)));
      shapes.push(line);
      if (all.length <= MANY || chosen) shapes.push(this.arrow(seen, 0.27, chosen ? 11 : 7, { ...look, "fill-opacity": opacity }));
    });
    this.students.replaceChildren(...shapes);
    const drawn = this.ends.filter(Boolean).length;
    const away = all.length > drawn ? ` ${all.length - drawn} lie outside the picture.` : "";
    this.svg.setAttribute("aria-label", `The plane of the two inputs at epoch ${frame.epoch}: lines of `
      + `${found.length} teacher nodes, ${d3.sum(found, Number)} of which a student node lies on, and of ${drawn} student `
      + `nodes.${away}`);
  }

  line(/** @type {Piece} */ { ends }, look) {
    const [[x1, y1], [x2, y2]] = ends.map(([x, y]) => [this.x(x).toFixed(2), this.y(y).toFixed(2)]);
    return shape("line", { x1, y1, x2, y2, ...look });
  }

  /** @returns {[number, number]} pixels of the point at a share of the way from the first end */
  along(/** @type {Piece} */ { ends: [[a, b], [c, d]] }, /** @type {number} */ share) {
    return [this.x(a + share * (c - a)), this.y(b + share * (d - b))];
  }

  /** A triangle on a line that points to the side on which its node fires. */
  arrow(/** @type {Piece} */ found, /** @type {number} */ share, /** @type {number} */ length, look) {
    const [x, y] = this.along(found, share);
    const [u, v] = [found.normal[0], -found.normal[1]]; // pixels grow downwards
    const half = 0.45 * length;
    const corners = [[x - half * v, y + half * u], [x + length * u, y + length * v], [x + half * v, y - half * u]];
    return shape("polygon", { ...look, points: corners.map((each) => each.map((n) => n.toFixed(1)).join()).join(" ") });
  }
}

/** @typedef {{ends: [number, number][], normal: [number, number]}} Piece */

/**
 * The piece of the line w·x + b = 0 in the square of half side `side`; null where there is none. The first end is the
 * upper one, of a level line the right one.
 *
 * @param {(number | null)[] | undefined} w @param {number | null | undefined} b @param {number} side
 * @returns {Piece | null}
 */
function piece(w, b, side) {
  const length = Math.hypot(w?.[0] ?? NaN, w?.[1] ?? NaN);
  if (!w || !(length > 0) || b === null || b === undefined) return null;
  const normal = /** @type {[number, number]} */ (w.map((each) => (each ?? 0) / length));
  const foot = normal.map((each) => (-b / length) * each);
  const way = [-normal[1], normal[0]];
  let low = -Infinity, high = Infinity;
  for (const axis of [0, 1]) {
    if (Math.abs(way[axis]) > 1e-12) {
      const [from, to] = d3.sort([-side, side].map((edge) => (edge - foot[axis]) / way[axis]));
      low = Math.max(low, from);
      high = Math.min(high, to);
    } else if (Math.abs(foot[axis]) > side) return null;
  }
  if (low >= high) return null;
  const ends = /** @type {[number, number][]} */ ([low, high].map((t) => foot.map((f, axis) => f + t * way[axis])));
  return { ends: d3.sort(ends, ([x, y]) => -(y + 1e-6 * x)), normal };
}

/** Half the side of a square in which most of the points and all lines of the teacher are. */
function side(/** @type {number[][]} */ weights, /** @type {number[]} */ biases, /** @type {number[][]} */ points) {
  const feet = weights.map((w, j) => (1.5 * Math.abs(biases[j])) / Math.hypot(...w)).filter(Number.isFinite);
  return d3.max([...feet, d3.quantile(points.flat().map(Math.abs), 0.95) ?? 0, 1e-3]);
}

/** Pixels from a point to a piece of a line. */
function distance([x1, y1, x2, y2], /** @type {number} */ x, /** @type {number} */ y) {
  const [u, v] = [x2 - x1, y2 - y1];
  const share = Math.min(Math.max(((x - x1) * u + (y - y1) * v) / (u * u + v * v || 1), 0), 1);
  return Math.hypot(x - x1 - share * u, y - y1 - share * v);
}
