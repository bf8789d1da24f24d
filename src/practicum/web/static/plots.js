// @ts-check
/**
 * A picture of curves over alpha that is changed in place: while a slider moves, paths get new points and the rest stays.
 * (Observable Plot builds every picture anew, which took 2.4 times as long, and writes style elements, which the page's
 * Content-Security-Policy forbids.)
 *
 * What a test may read: every curve is a `path` with `data-curve`, its name ("generalization_error", "Q 1 1", "R 1 2"),
 * and has one vertex for each finite point, in pixels of the svg. The svg has the mapping from values to pixels in
 * `data-x-scale`, `data-x-domain`, `data-x-range` and the same for y: "linear" or "log", and two numbers each.
 */

/**
 * @typedef {object} Curve
 * @property {string} name
 * @property {string} label
 * @property {(number | null)[]} values
 * @property {number[]} [alpha] where it has values of its own; the picture's alpha if left out
 * @property {string} look a class of style.css
 *
 * @typedef {object} Picture
 * @property {number[]} alpha
 * @property {number} end the last alpha of the axis
 * @property {boolean} logAlpha
 * @property {boolean} logValues
 * @property {Curve[]} curves
 */

const SVG = "http://www.w3.org/2000/svg";
const LINE = 14; // height of a label
const LABEL = 26; // width of one

/**
 * An SVG element.
 *
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {string} [text]
 * @returns {any}
 */
export function shape(tag, attributes = {}, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

/** A number for people: three digits, with a power of ten where it is very large or small. @param {number} value */
export function readable(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e5) return String(Number(value.toPrecision(3)));
  const [digits, power] = value.toExponential(1).split("e");
  return `${Number(digits)}·10${raised(Number(power))}`;
}

/** @param {number} power */
function raised(power) {
  return String(power).replace(/./g, (sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]);
}

/** Curves over alpha. */
export class Chart {
  /**
   * @param {HTMLElement} container
   * @param {{title: string, height: number, room: number, across?: string}} options what the picture shows, its height and
   *   the room for labels at its right, in pixels; what the axis below it shows
   */
  constructor(container, { title, height, room, across = "α = updates / N" }) {
    this.container = container;
    this.tall = this.height = height;
    this.room = room;
    this.width = 0;
    this.svg = shape("svg", { class: "chart", role: "img", "aria-label": title });
    this.clip = shape("rect");
    const clip = shape("clipPath", { id: `clip-${Math.random().toString(36).slice(2)}` });
    clip.append(this.clip);
    const inside = { "clip-path": `url(#${clip.id})` };
    this.shade = shape("g", { class: "shade", ...inside });
    this.axes = { x: shape("g", { class: "axis" }), y: shape("g", { class: "axis" }) };
    this.paths = shape("g", { class: "paths", ...inside });
    this.lines = shape("g", { class: "curves", ...inside });
    this.cursor = shape("line", { class: "cursor" });
    this.labels = shape("g", { class: "labels" });
    this.xTitle = shape("text", { class: "axis-title", "text-anchor": "end" }, across);
    this.svg.append(clip, this.shade, this.axes.x, this.axes.y, this.paths, this.lines, this.cursor, this.labels,
      shape("text", { class: "title", x: 4, y: 15 }, title), this.xTitle);
    container.append(this.svg);
    /** @type {Picture | null} */
    this.picture = null;
    /** @type {Curve[]} */
    this.streamed = [];
    /** @type {{from: number | null, to: number | null, level: number | null, text: string} | null} */
    this.plateau = null;
    /** @type {number | null} */
    this.at = null;
    this.x = d3.scaleLinear();
    this.y = d3.scaleLinear();
    new ResizeObserver(() => this.resize()).observe(container);
    this.resize();
  }

  resize() {
    const width = Math.floor(this.container.clientWidth);
    if (!width || width === this.width) return;
    this.width = width;
    this.height = width < 420 ? this.tall - 70 : this.tall; // more than the curves must fit on a narrow screen
    this.svg.setAttribute("width", String(width));
    this.svg.setAttribute("height", String(this.height));
    this.svg.setAttribute("viewBox", `0 0 ${width} ${this.height}`);
    this.redraw();
  }

  /** @param {Picture} picture */
  draw(picture) {
    this.picture = picture;
    this.redraw();
  }

  /** Curves of simulated networks, behind the theory. @param {Curve[]} curves */
  stream(curves) {
    this.streamed = curves;
    this.redraw();
  }

  /**
   * Shade a plateau (without `to`: to the end of the axis) and draw its level; null takes it away.
   *
   * @param {Chart["plateau"]} plateau
   */
  mark(plateau) {
    this.plateau = plateau;
    this.drawPlateau();
  }

  /**
   * Call `listener` with a fraction of the axis when somebody points at the chart.
   *
   * @param {(fraction: number) => void} listener
   */
  onPoint(listener) {
    const point = (/** @type {PointerEvent} */ event) => {
      const [left, right] = this.x.range();
      const place = event.clientX - this.svg.getBoundingClientRect().left;
      if (event.buttons === 1) listener(Math.min(Math.max((place - left) / (right - left), 0), 1));
    };
    this.svg.addEventListener("pointerdown", point);
    this.svg.addEventListener("pointermove", point);
  }

  /** Move the cursor. @param {number | null} alpha */
  point(alpha) {
    this.at = alpha;
    if (!this.picture || !this.width) return;
    const [low, high] = this.x.domain();
    const shown = alpha !== null && alpha >= low && alpha <= high;
    this.cursor.setAttribute("visibility", shown ? "visible" : "hidden");
    if (!shown) return;
    const [bottom, top] = this.y.range();
    for (const name of ["x1", "x2"]) this.cursor.setAttribute(name, this.x(alpha).toFixed(2));
    this.cursor.setAttribute("y1", bottom);
    this.cursor.setAttribute("y2", top);
  }

  redraw() {
    if (!this.picture || !this.width) return;
    this.rescale(this.picture);
    this.drawAxes(this.picture);
    drawCurves(this.lines, this.picture.curves, this.picture, this.x, this.y);
    drawCurves(this.paths, this.streamed, this.picture, this.x, this.y);
    this.drawLabels(this.picture);
    this.drawPlateau();
    this.point(this.at);
  }

  /** @param {Picture} picture */
  rescale({ alpha, end, logAlpha, logValues, curves }) {
    const values = [...curves, ...this.streamed].flatMap((curve) => curve.values).filter((value) => value !== null);
    const first = alpha.find((each) => each > 0) ?? end / 1e3;
    this.x = (logAlpha ? d3.scaleLog([first, end], [0, 1]) : d3.scaleLinear([0, end], [0, 1]));
    this.y = logValues ? d3.scaleLog(decades(values), [0, 1]) : d3.scaleLinear(aroundZero(values), [0, 1]).nice(5);
    this.x.range([48, Math.max(this.width - this.room, 100)]);
    this.y.range([this.height - 38, 28]);
    const data = this.svg.dataset;
    for (const [name, scale, log] of [["x", this.x, logAlpha], ["y", this.y, logValues]]) {
      data[`${name}Scale`] = log ? "log" : "linear";
      data[`${name}Domain`] = scale.domain().join(" ");
      data[`${name}Range`] = scale.range().join(" ");
    }
  }

  /** @param {Picture} picture */
  drawAxes({ logAlpha, logValues }) {
    const [left, right] = this.x.range();
    const [bottom, top] = this.y.range();
    const across = Math.max(2, Math.floor((right - left) / 90));
    const up = Math.max(2, Math.floor((bottom - top) / 44));
    d3.select(this.axes.x).attr("transform", `translate(0,${bottom})`)
      .call(ticks(d3.axisBottom(this.x).tickSizeOuter(0), this.x, logAlpha, across));
    d3.select(this.axes.y).attr("transform", `translate(${left},0)`)
      .call(ticks(d3.axisLeft(this.y).tickSize(-(right - left)), this.y, logValues, up));
    for (const [name, value] of Object.entries({ x: left, y: top, width: right - left, height: bottom - top })) {
      this.clip.setAttribute(name, value);
    }
    this.xTitle.setAttribute("x", right);
    this.xTitle.setAttribute("y", this.height - 6);
  }

  drawPlateau() {
    this.shade.replaceChildren();
    if (!this.plateau || !this.picture || !this.width) return;
    const { from, to, level, text } = this.plateau;
    const [left, right] = this.x.range();
    const [bottom, top] = this.y.range();
    if (from !== null) {
      const begin = Math.max(this.x(Math.max(from, this.x.domain()[0])), left);
      const end = to === null ? right : Math.min(this.x(to), right);
      const width = Math.max(end - begin, 0);
      this.shade.append(shape("rect", { class: "plateau", x: begin, y: top, width, height: bottom - top }));
      if (text) {
        // Inside the shade where there is room, else beside it.
        const anchor = end - begin > 7 * text.length ? "middle" : begin < (left + right) / 2 ? "start" : "end";
        const x = { middle: (begin + end) / 2, start: begin + 4, end: end - 4 }[anchor];
        this.shade.append(shape("text", { class: "remark", x, y: top + 14, "text-anchor": anchor }, text));
      }
    }
    if (level !== null) {
      const y = this.y(level);
      this.shade.append(shape("line", { class: "level", x1: left, x2: right, y1: y, y2: y }));
    }
  }

  /** Each curve's name at its right end; those that end together share a line. @param {Picture} picture */
  drawLabels({ alpha, curves }) {
    const [, right] = this.x.range();
    const [bottom, top] = this.y.range();
    const ends = curves.filter((curve) => curve.label).map((curve) => {
      const last = curve.values.findLastIndex((value) => value !== null);
      const y = last < 0 ? bottom : this.y(Math.max(curve.values[last] ?? 0, this.y.domain()[0]));
      return { curve, x: last < 0 ? right : this.x((curve.alpha ?? alpha)[last]), y: Math.min(Math.max(y, top), bottom) };
    }).sort((a, b) => a.y - b.y);
    let groups = neighbours(ends, LINE / 2);
    for (let reach = LINE; groups.length > (bottom - top) / LINE; reach *= 1.5) groups = neighbours(ends, reach);
    const wanted = groups.map((group) => group.reduce((sum, end) => sum + end.y, 0) / group.length);
    const heights = apart(wanted, LINE, top, bottom);
    this.labels.replaceChildren(...groups.flatMap((group, i) => {
      const look = group.length === 1 ? group[0].curve.look : "";
      const leader = `M${group[0].x + 2},${wanted[i]}L${right + 6},${wanted[i]}L${right + 12},${heights[i]}`;
      const most = Math.max(1, Math.floor((this.room - 18) / LABEL) - 1);
      return [
        shape("path", { class: `leader ${look}`, d: leader }),
        shape("text", { x: right + 15, y: heights[i] + 4 }, together(group.map((end) => end.curve.label), most)),
      ];
    }));
  }
}

/** Ends (ascending) that are no more than `reach` pixels below the first of their group. */
function neighbours(/** @type {{curve: Curve, x: number, y: number}[]} */ ends, /** @type {number} */ reach) {
  /** @type {(typeof ends)[]} */
  const groups = [];
  for (const end of ends) {
    const group = groups.at(-1);
    if (group && end.y - group[0].y < reach) group.push(end);
    else groups.push([end]);
  }
  return groups;
}

/** Give every curve its path: old ones get new points, and only a new name makes a new element. */
function drawCurves(group, /** @type {Curve[]} */ curves, /** @type {Picture} */ { alpha, logAlpha, logValues }, x, y) {
  const old = new Map([...group.children].map((path) => [path.dataset.curve, path]));
  for (const curve of curves) {
    let path = old.get(curve.name);
    if (!path) {
      path = shape("path", { "data-curve": curve.name });
      group.append(path);
    }
    old.delete(curve.name);
    if (path.getAttribute("class") !== curve.look) path.setAttribute("class", curve.look);
    const across = curve.alpha ?? alpha;
    let points = "";
    let pen = "M";
    curve.values.forEach((value, i) => {
      // On a logarithmic axis zero, and rounding below it, have no place.
      if (value === null || (logAlpha && across[i] <= 0) || (logValues && value <= 0)) {
        pen = "M";
        return;
      }
      points += `${pen}${x(across[i]).toFixed(2)},${y(value).toFixed(2)}`;
      pen = "L";
    });
    path.setAttribute("d", points);
  }
  for (const path of old.values()) path.remove();
}

/** Set the ticks of an axis: about `count` of them, powers of ten on a logarithmic one. */
function ticks(axis, scale, /** @type {boolean} */ log, /** @type {number} */ count) {
  if (!log) return axis.ticks(count).tickFormat(null);
  const [low, high] = scale.domain().map(Math.log10);
  const powers = d3.range(Math.ceil(low - 1e-9), Math.floor(high + 1e-9) + 1);
  if (powers.length < 2) return axis.tickValues(scale.ticks(count).slice(0, 12)).tickFormat(readable);
  const every = Math.ceil(powers.length / (count + 1));
  const chosen = powers.filter((power) => power % every === 0);
  return axis.tickValues(chosen.map((power) => Number(`1e${power}`))).tickFormat((_, i) => `10${raised(chosen[i])}`);
}

/** Whole powers of ten around the positive values. @param {number[]} values @returns {[number, number]} */
function decades(values) {
  const positive = values.filter((value) => value > 0);
  if (!positive.length) return [0.1, 1];
  const high = Math.ceil(Math.log10(d3.max(positive)) - 1e-9);
  // The flow is integrated to ten digits; what is smaller by more is rounding.
  const low = Math.max(Math.floor(Math.log10(d3.min(positive)) + 1e-9), high - 10);
  return [Number(`1e${Math.min(low, high - 1)}`), Number(`1e${high}`)];
}

/** @param {number[]} values @returns {[number, number]} */
function aroundZero(values) {
  const [low = 0, high = 1] = d3.extent(values);
  return [Math.min(low, 0), Math.max(high, low + 1e-9, 1e-9)];
}

/**
 * Heights near the wanted ones (ascending) that are at least `step` apart and between the bounds.
 *
 * @param {number[]} wanted
 * @param {number} step
 * @param {number} low
 * @param {number} high
 */
export function apart(wanted, step, low, high) {
  const found = [...wanted];
  for (let i = 0; i < found.length; i++) found[i] = Math.max(found[i], i ? found[i - 1] + step : low);
  for (let i = found.length - 1; i >= 0; i--) {
    found[i] = Math.min(found[i], i === found.length - 1 ? high : found[i + 1] - step);
  }
  return found;
}

/** Some labels in one line. @param {string[]} labels @param {number} most */
function together(labels, most) {
  return labels.length <= most + 1 ? labels.join(" ") : `${labels.slice(0, most).join(" ")} +${labels.length - most}`;
}
