// @ts-check
/** Pictures under attack: each as it was, the two parts of its perturbation, and their sum, drawn from numbers. */
import { element } from "./app.js";
import { readable } from "./plots.js";

const COLUMNS = { input: "picture", inside: "inside", outside: "outside", perturbed: "perturbed" };
const SIGNED = ["#0072b2", "#f7f7f7", "#e69f00"]; // below, at and above zero, as in practicum's figures

/** One picture of an attack. */
export class Card {
  /** @param {any} picture @param {[number, number]} shape height and width */
  constructor(picture, [height, width]) {
    this.picture = picture;
    this.canvases = {};
    const row = element("div", { class: "row" });
    for (const [name, title] of Object.entries(COLUMNS)) {
      this.canvases[name] = element("canvas", { role: "img", width, height });
      const below = element("span", { "aria-hidden": "true" }, title);
      row.append(element("div", { class: "cell" }, this.canvases[name], below));
    }
    this.words = element("p", { class: "answers" });
    const named = { class: "card", "aria-label": `Test picture ${picture.number}` };
    this.box = element("section", named, row, this.words);
    this.drawn = -1;
  }

  /**
   * Show it at one radius.
   *
   * @param {number} index of the radius
   * @param {[number, number]} range what is black and what is white
   * @param {number} largest what is the strongest blue or orange
   */
  show(index, [black, white], largest) {
    if (this.drawn === index) return;
    this.drawn = index;
    const { input, inside, outside } = this.picture;
    const [a, b] = [inside[index], outside[index]];
    const perturbed = input.map((/** @type {number} */ value, /** @type {number} */ i) => value + a[i] + b[i]);
    const grey = (/** @type {number} */ value) => GREYS[level((value - black) / (white - black || 1))];
    const signed = (/** @type {number} */ value) => TONES[level(0.5 + 0.5 * value / largest)];
    paint(this.canvases.input, input, grey);
    paint(this.canvases.inside, a, signed);
    paint(this.canvases.outside, b, signed);
    paint(this.canvases.perturbed, perturbed, grey);
    this.tell(index, d3.max(a, Math.abs) ?? 0, d3.max(b, Math.abs) ?? 0);
  }

  /** Say what both networks answer. @param {number} index @param {number} most inside @param {number} beyond outside */
  tell(index, most, beyond) {
    const { number, label, teacher, student } = this.picture;
    const answer = (/** @type {number[]} */ answers) => {
      const bad = answers[index] !== teacher[0];
      const words = `${answers[0]} → ${answers[index]}${bad ? " ✗" : ""}`;
      return element("span", bad ? { class: "wrong" } : {}, words);
    };
    this.words.replaceChildren(`label ${label}; teacher `, answer(teacher), "; student ", answer(student));
    this.box.classList.toggle("fooled", student[index] !== teacher[0]);
    const says = (/** @type {number} */ k) => `the teacher says ${teacher[k]}, the student ${student[k]}`;
    const names = {
      input: `Test picture ${number}, class ${label}: ${says(0)}`,
      inside: `What is added inside the subspace of the data, at most ${readable(most)} a pixel`,
      outside: `What is added outside, at most ${readable(beyond)} a pixel`,
      perturbed: `The perturbed picture: ${says(index)}`,
    };
    for (const [name, text] of Object.entries(names)) this.canvases[name].setAttribute("aria-label", text);
  }
}

/** One of 256 tones, from a share. @param {number} share */
function level(share) {
  return Math.round(255 * Math.min(Math.max(share, 0), 1));
}

const GREYS = d3.range(256).map((/** @type {number} */ k) => [k, k, k]);
const TONES = d3.range(256).map((/** @type {number} */ k) => {
  const below = k <= 127.5, [first, second] = below ? SIGNED : SIGNED.slice(1);
  const { r, g, b } = d3.rgb(d3.interpolateRgb(first, second)(below ? k / 127.5 : k / 127.5 - 1));
  return [r, g, b];
});

/** Numbers as the pixels of a canvas. */
function paint(/** @type {HTMLCanvasElement} */ canvas, /** @type {number[]} */ values, colour) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(canvas.width, canvas.height);
  values.forEach((value, i) => image.data.set([...colour(value), 255], 4 * i));
  context.putImageData(image, 0, 0);
}
