// @ts-check
/** Curves with bands: means over seeds, and a shade that reaches one standard error to either side. */
import { element } from "./app.js";
import { Chart, shape } from "./plots.js";

const COLOURS = 6;
const DASHES = 4;

/** @typedef {import("./plots.js").Curve & {low?: (number | null)[] | null, high?: (number | null)[] | null}} Banded */

/** The classes of the i-th curve of several: a colour, and a pattern for those who cannot tell colours apart. */
export function look(/** @type {number} */ i) {
  return `colour-${(i % COLOURS) + 1} dash-${i % DASHES} many`;
}

export class BandChart extends Chart {
  /** @param {HTMLElement} container @param {ConstructorParameters<typeof Chart>[1]} options */
  constructor(container, options) {
    super(container, options);
    this.bands = shape("g", { class: "bands", "clip-path": this.lines.getAttribute("clip-path") });
    this.svg.insertBefore(this.bands, this.paths);
    this.redraw();
  }

  /** Say what the picture shows, and what is below its axis. @param {string} title @param {string} [across] */
  name(title, across) {
    this.svg.setAttribute("aria-label", title);
    this.svg.querySelector(".title").textContent = title;
    if (across) this.xTitle.textContent = across;
  }

  redraw() {
    super.redraw();
    if (!this.picture || !this.width || !this.bands) return;
    const { logAlpha, logValues, alpha } = this.picture;
    const bottom = this.y.domain()[0];
    const areas = /** @type {Banded[]} */ (this.picture.curves).filter((curve) => curve.low && curve.high).map((curve) => {
      const across = curve.alpha ?? alpha;
      const known = d3.range(across.length).filter((i) => curve.low?.[i] !== null && curve.high?.[i] !== null
        && !(logAlpha && across[i] <= 0) && !(logValues && (curve.high?.[i] ?? 0) <= 0));
      // Below zero a logarithmic axis has no place: such a band ends at the bottom.
      const area = d3.area((/** @type {number} */ i) => this.x(across[i]),
        (/** @type {number} */ i) => this.y(logValues ? Math.max(curve.low?.[i] ?? 0, bottom) : curve.low?.[i]),
        (/** @type {number} */ i) => this.y(curve.high?.[i])).digits(2);
      return shape("path", { class: curve.look, "data-band": curve.name, d: area(known) ?? "" });
    });
    this.bands.replaceChildren(...areas);
  }

  /** @param {import("./plots.js").Picture} picture */
  rescale(picture) {
    const edges = /** @type {Banded[]} */ (picture.curves).flatMap((curve) => [curve.high, picture.logValues ? null : curve.low])
      .filter((values) => values).map((values) => ({ name: "", label: "", look: "", values }));
    super.rescale({ ...picture, curves: [...picture.curves, .../** @type {any[]} */ (edges)] });
  }
}

/** A list that says which line is what. @param {{look: string, label: string, text: Node | string}[]} entries */
export function legend(entries) {
  return element("ul", { class: "legend" }, ...entries.map(({ look: classes, label, text }) => {
    const line = shape("svg", { class: "swatch", width: 34, height: 12, "aria-hidden": "true" });
    const group = shape("g", { class: "curves" });
    group.append(shape("path", { class: classes, d: "M1,6L33,6" }));
    line.append(group);
    return element("li", {}, line, element("b", {}, label), " ", text);
  }));
}

/**
 * Two checkboxes for the axes of a picture, kept in the URL.
 *
 * @param {any} state
 * @param {string} across what the horizontal axis is called
 * @param {() => void} changed
 */
export function axesChoice(state, across, changed) {
  const box = (/** @type {string} */ name, /** @type {string} */ label) => {
    const input = element("input", { type: "checkbox", id: `runs-${name}`, checked: state.get(name) === "1" });
    input.addEventListener("change", () => {
      state.set({ [name]: input.checked ? "1" : "0" });
      changed();
    });
    return element("span", { class: "check" }, input, element("label", { for: input.id }, label));
  };
  return [box("log_x", `log ${across}`), box("log_y", "log values")];
}

/**
 * A list of variables to choose from, kept in the URL.
 *
 * @param {any} state
 * @param {string[]} names
 * @param {() => void} changed
 */
export function variableChoice(state, names, changed) {
  const options = names.map((name) => element("option", { value: name, selected: name === state.get("variable") }, worded(name)));
  const list = element("select", { id: "runs-variable" }, ...options);
  list.addEventListener("change", () => {
    state.set({ variable: list.value });
    changed();
  });
  return element("span", { class: "check" }, element("label", { for: list.id }, "Curve"), list);
}

/** The name of a variable in words. */
export function worded(/** @type {string} */ name) {
  return name.replaceAll("_", " ");
}

/** What a horizontal axis is called: short, and in full. */
export function acrossNames(/** @type {string} */ across) {
  return across === "alpha" ? ["α", "α = updates / N"] : [across, across];
}
