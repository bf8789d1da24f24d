// @ts-check
/**
 * The cells of a sweep as squares: the last axis across, the others down. Squares keep their places while they change.
 *
 * What a test may read: every square is a `rect` with `data-cell`, its place in C order over the axes, `data-state`, the
 * letter of what it is, and, where values are shown, `data-value` and the fill that the key explains.
 */
import { element } from "./app.js";
import { readable, shape } from "./plots.js";

const LEAST = 5, MOST = 40; // pixels of a square
const GLYPH = 11; // pixels from which a square has room for a sign
const LETTER = 6.4; // pixels of a letter
const ROOM = 150; // pixels for the values of the axes that go down, at most
const WRAP = 40; // squares in a line of a sweep of one long axis
const RATIO = 50; // of the largest and the smallest value from which colours are logarithmic
/** Signs in a square of some size, so that colours are not all. */
const GLYPHS = {
  d: "", w: "", f: "M-.25,-.25L.25,.25M-.25,.25L.25,-.25", r: "M-.2,-.26L.26,0L-.2,.26Z", u: "M-.12,-.25V.25M.12,-.25V.25",
};

/** A swept value in words. */
export function wordsOf(/** @type {any} */ value) {
  return typeof value === "number" && !Number.isInteger(value) ? readable(value) : typeof value === "object" ? JSON.stringify(value) : String(value);
}

export class GridPicture {
  /**
   * @param {HTMLElement} container
   * @param {{name: string, values: any[]}[]} axes
   * @param {number} count squares, of the first cells
   * @param {(cell: number) => void} chosen called when somebody points at a cell
   */
  constructor(container, axes, count, chosen) {
    this.container = container;
    this.axes = axes;
    this.count = count;
    const last = axes[axes.length - 1];
    this.wrapped = axes.length === 1 && last.values.length > WRAP;
    this.columns = this.wrapped ? WRAP : last.values.length;
    this.rows = Math.ceil(count / this.columns);
    this.svg = shape("svg", { class: "grid", role: "img" });
    this.squares = shape("g", { class: "squares" });
    this.signs = shape("g", { class: "signs" });
    this.labels = shape("g");
    this.mark = shape("rect", { class: "mark" });
    this.svg.append(this.labels, this.squares, this.signs, this.mark);
    container.append(this.svg);
    this.rects = Array.from({ length: count }, (_, cell) => shape("rect", { "data-cell": cell }));
    this.squares.append(...this.rects);
    this.squares.addEventListener("click", (/** @type {any} */ event) => {
      const cell = event.target.dataset.cell;
      if (cell !== undefined) chosen(Number(cell));
    });
    new ResizeObserver(() => this.place()).observe(container);
  }

  /** Where everything is, for the width there is. */
  place() {
    const width = Math.floor(this.container.clientWidth) - 20;
    if (width <= 0 || width === this.width) return;
    this.width = width;
    const downs = this.downs();
    const left = Math.min(ROOM, width * 0.4, 14 + LETTER * Math.max(2, ...downs.map((text) => text.length)));
    const size = this.size = Math.max(LEAST, Math.min(MOST, Math.floor((width - left) / this.columns)));
    this.left = left;
    const gap = size > 8 ? 2 : 1;
    this.rects.forEach((rect, cell) => {
      const [x, y] = this.corner(cell);
      for (const [name, value] of Object.entries({ x, y, width: size - gap, height: size - gap })) rect.setAttribute(name, value);
    });
    const wide = Math.ceil(Math.max(left + size * this.columns + 40, 200)), tall = 22 + size * this.rows + (this.wrapped ? 22 : 40);
    for (const [name, value] of Object.entries({ width: wide, height: tall, viewBox: `0 0 ${wide} ${tall}` })) this.svg.setAttribute(name, value);
    this.drawLabels(downs);
    if (this.drawn) this.draw(this.drawn);
  }

  corner(/** @type {number} */ cell) {
    return [this.left + (cell % this.columns) * this.size, 22 + Math.floor(cell / this.columns) * this.size];
  }

  /** What stands left of each line. */
  downs() {
    if (this.wrapped) return Array.from({ length: this.rows }, (_, row) => wordsOf(this.axes[0].values[row * WRAP]));
    const others = this.axes.slice(0, -1);
    return Array.from({ length: this.rows }, (_, row) => {
      const words = [];
      for (let i = others.length - 1, rest = row; i >= 0; i--) {
        words.unshift(wordsOf(others[i].values[rest % others[i].values.length]));
        rest = Math.floor(rest / others[i].values.length);
      }
      return words.join(", ");
    });
  }

  drawLabels(/** @type {string[]} */ downs) {
    const { size, left } = this;
    const across = this.axes[this.axes.length - 1];
    const text = (/** @type {string} */ words, /** @type {number} */ x, /** @type {number} */ y, /** @type {string} */ anchor, look = "") =>
      shape("text", { x, y, "text-anchor": anchor, class: `remark ${look}` }, words);
    const fit = Math.floor((left - 10) / LETTER);
    const every = Math.max(1, Math.ceil(13 / size));
    const lines = downs.map((words, row) => ({ words, row })).filter(({ row }) => row % every === 0)
      .map(({ words, row }) => text(shortened(words, fit), left - 6, 22 + row * size + size / 2 + 3, "end"));
    const below = 22 + size * this.rows;
    const names = this.axes.slice(0, -1).map((axis) => axis.name).join(", ");
    this.labels.replaceChildren(...lines, text(names, 2, 13, "start", "axis-title"));
    if (this.wrapped) {
      this.labels.append(text(`${across.name}, line by line`, left, below + 16, "start", "axis-title"));
      return;
    }
    const words = across.values.map(wordsOf);
    const room = (Math.max(...words.map((each) => each.length)) + 1.5) * LETTER;
    const step = Math.max(1, Math.ceil(room / size));
    this.labels.append(...words.map((each, i) => ({ each, i })).filter(({ i }) => i % step === 0)
      .map(({ each, i }) => text(each, left + (i + 0.5) * size, below + 14, "middle")),
    text(across.name, left, below + 32, "start", "axis-title"));
  }

  /**
   * @param {{states: string[], values: (number | null)[] | null, chosen: number, title: string}} drawn
   */
  draw(drawn) {
    this.drawn = drawn;
    const { states, values, chosen, title } = drawn;
    this.svg.setAttribute("aria-label", title);
    if (!this.width) return;
    const colour = values ? this.colours(values) : null;
    const signs = [];
    this.rects.forEach((rect, cell) => {
      const state = states[cell];
      const value = values ? values[cell] : null;
      const bare = values !== null && value === null;
      rect.setAttribute("class", values ? (bare ? "none" : "value") : `state-${state}`);
      rect.dataset.state = state;
      if (colour && value !== null) {
        rect.style.fill = colour(value);
        rect.dataset.value = String(value);
      } else {
        rect.style.fill = "";
        delete rect.dataset.value;
      }
      const sign = values === null ? GLYPHS[state] : "";
      if (sign && this.size >= GLYPH) {
        const [x, y] = this.corner(cell);
        const half = (this.size - 2) / 2;
        signs.push(shape("path", { d: sign, transform: `translate(${x + half},${y + half}) scale(${this.size})` }));
      }
    });
    this.signs.replaceChildren(...signs);
    const [x, y] = this.corner(chosen);
    for (const [name, value] of Object.entries({ x: x - 1.5, y: y - 1.5, width: this.size + 1, height: this.size + 1 })) this.mark.setAttribute(name, value);
  }

  /** From a value to its colour: as dark as it is small; logarithmic where values are positive and far apart. */
  colours(/** @type {(number | null)[]} */ values) {
    const known = /** @type {number[]} */ (values.filter((value) => value !== null));
    const [low, high] = d3.extent(known);
    const log = low > 0 && high / low > RATIO;
    const place = (log ? d3.scaleLog([low, high], [0, 1]) : d3.scaleLinear([low, high], [0, 1])).clamp(true);
    this.scale = { low, high, log };
    return (/** @type {number} */ value) => d3.interpolateViridis(low === high ? 0.5 : place(value));
  }

  /** What the colours mean. @param {(number | null)[] | null} values @param {{letter: string, text: string, count: number}[]} states */
  key(values, states) {
    if (!values) {
      return element("ul", { class: "legend" }, ...states.filter(({ count }) => count).map(({ letter, text }) => {
        const icon = shape("svg", { class: "grid swatch", width: 16, height: 16, "aria-hidden": "true" });
        const signs = shape("g", { class: "signs" });
        signs.append(shape("path", { d: GLYPHS[letter], transform: "translate(8,8) scale(16)" }));
        const square = shape("g", { class: "squares" });
        square.append(shape("rect", { class: `state-${letter}`, x: 1, y: 1, width: 14, height: 14 }));
        icon.append(square, signs);
        return element("li", {}, icon, text);
      }));
    }
    if (!this.scale || this.scale.low === undefined) return element("p", { class: "caption" }, "No cell has a final value.");
    const { low, high, log } = this.scale;
    const bar = shape("svg", { class: "swatch", width: 160, height: 12, "aria-hidden": "true" });
    bar.append(...d3.range(32).map((i) => shape("rect", { x: 5 * i, y: 0, width: 5.5, height: 12, fill: d3.interpolateViridis(i / 31) })));
    return element("p", { class: "caption" }, `${readable(low)} `, bar, ` ${readable(high)}${log ? ", logarithmic" : ""}; empty squares have no value.`);
  }
}

function shortened(/** @type {string} */ text, /** @type {number} */ letters) {
  return text.length <= letters ? text : `${text.slice(0, Math.max(letters - 1, 1))}…`;
}
