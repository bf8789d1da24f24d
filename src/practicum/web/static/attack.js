// @ts-check
/** Attack: drag the radius of a perturbation and see how many pictures make a student err, and which ones. */
import { element } from "./app.js";
import { Chart, readable } from "./plots.js";
import { StudentView, Steps, introduction, key, listed, percent } from "./student.js";

const GROUPS = [
  { title: "Attack", names: ["attack", "norm", "most", "radii", "steps", "side", "rank", "samples", "attack_seed"] },
];

/** Of each error: its word, the look of its curve, and what it means. */
const ERRORS = {
  fixed_label_error: ["student", "colour-2 best", "the student can be made to give another class than the teacher gives the clean picture"],
  teacher: ["teacher", "theory dash-2", "the teacher, shown the same perturbed pictures, changes its own answer"],
  margin_gated_oracle_error: ["sure", "colour-1 dash-4", "student and teacher can be made to differ where the teacher is sure"],
  oracle_error: ["oracle", "colour-4 dash-3", "student and teacher can be made to differ on the perturbed picture at all, which happens near every boundary"],
  fixed_squared_error: ["student", "colour-2 best", "half the squared difference from the teacher's outputs on the clean input"],
  oracle_squared_error: ["oracle", "colour-4 dash-3", "half the squared difference from the teacher's outputs on the perturbed input"],
};
const COLUMNS = { input: "picture", inside: "inside", outside: "outside", perturbed: "perturbed" };
const SIGNED = ["#0072b2", "#f7f7f7", "#e69f00"]; // below, at and above zero, as in practicum's figures

/** @param {HTMLElement} container @param {any} state @param {any} api */
export async function open(container, state, api) {
  const [known, parameters] = await Promise.all([api.get("/api/students"), api.get("/api/attack")]);
  new Attack(container, state, api, known, {
    name: "attack", path: "/api/attack", action: "Attack the student", doing: "The attack", parameters, groups: GROUPS,
    view: { epsilon: "" },
    empty: "Nothing is attacked yet. Press “Attack the student”: teacher and student are trained on the pictures, which takes seconds, and "
      + "then every test picture is changed a little, so that the student errs. Dragging the radius shows more or less of it.",
    introduction: introduction("An adversarial example is an input that was changed so little that nobody would mind, and yet the student "
      + "answers it wrongly. Real pictures fill few of all directions: what an attack changes is split here into the part inside "
      + "the subspace of the data and the part outside, about which the data have taught the student nothing. Here the teacher can be "
      + "asked about the perturbed picture, too, so that a mistake of the student is told from a picture that has become another.", {
      "Only outside the data": "#attack?side=outside&most=3&shown=1",
      "A student that has seen attacks": "#attack?regime=adversarial&strength=0.8&shown=1",
      "Random noise instead": "#attack?attack=noise&shown=1",
    }),
  });
}

class Attack extends StudentView {
  build(/** @type {HTMLElement} */ container) {
    super.build(container);
    const curves = element("div", { class: "part curves-part" });
    this.legend = element("ul", { class: "legend" });
    this.gallery = element("div", { class: "gallery" });
    this.scale = element("p", { class: "caption" });
    this.steps = new Steps("attack-epsilon", "Radius", "ε", (index) => this.moveTo(index));
    this.pictures = element("div", { class: "part" }, element("h2", {}, "Pictures under attack"), this.scale, this.gallery);
    this.body.append(curves, this.steps.box, this.saying, this.pictures);
    const picture = element("div", { class: "picture" });
    curves.append(picture, this.legend);
    this.chart = new Chart(picture, { title: "robust errors", height: 300, room: 20, across: "ε, radius of the perturbation" });
    this.chart.onPoint((fraction) => {
      if (this.result) this.moveTo(d3.leastIndex(this.result.epsilon, (/** @type {number} */ each) => Math.abs(each - fraction * this.result.epsilon.at(-1))) ?? 0);
    });
  }

  /** The place among the radii of the one that the URL names; without one, that at which half of the pictures have fallen. */
  index() {
    const { epsilon } = this.result;
    const wanted = Number.parseFloat(this.state.get("epsilon"));
    if (Number.isFinite(wanted)) return d3.leastIndex(epsilon, (/** @type {number} */ each) => Math.abs(each - wanted)) ?? 0;
    const [first] = Object.values(this.result.errors);
    const half = first.values.findIndex((/** @type {number} */ value) => value >= 0.5);
    return half < 0 ? epsilon.length - 1 : half;
  }

  moveTo(/** @type {number} */ index) {
    this.state.set({ epsilon: this.result.epsilon[index] });
    this.showRadius();
  }

  draw() {
    const { epsilon, errors, teacher_changes, classes, pictures, shape } = this.result;
    const values = Object.fromEntries(Object.entries(errors).map(([name, error]) => [name, error.values]));
    if (teacher_changes) values.teacher = teacher_changes;
    const names = Object.keys(ERRORS).filter((name) => values[name]);
    this.chart.draw({ alpha: epsilon, end: epsilon.at(-1) || 1, logAlpha: false, logValues: false,
      curves: names.map((name) => ({ name, label: "", look: ERRORS[name][1], values: values[name] })) });
    const what = classes ? "Share of pictures on which" : "Mean over inputs of";
    this.legend.replaceChildren(element("li", { class: "what" }, `${what}:`),
      ...names.map((name) => element("li", {}, key(ERRORS[name][1]), element("b", {}, ` ${ERRORS[name][0]}`), ` ${ERRORS[name][2]}`)));
    this.cards = pictures.map((/** @type {any} */ each) => new Card(each, shape));
    this.gallery.replaceChildren(...this.cards.map((/** @type {Card} */ card) => card.box));
    this.range = d3.extent(pictures.flatMap((/** @type {any} */ each) => each.input));
    this.showRadius();
  }

  showRadius() {
    const { epsilon, pictures } = this.result;
    const index = this.index();
    this.steps.show(index, epsilon.length, readable(epsilon[index]));
    this.chart.point(epsilon[index]);
    const changes = pictures.flatMap((/** @type {any} */ each) => [each.inside[index], each.outside[index]]).flat();
    const largest = Math.max(d3.max(changes, Math.abs) ?? 0, 1e-9);
    for (const card of this.cards) card.show(index, this.range, largest);
    const scale = changes.some(Boolean) ? `, from −${readable(largest)} to ${readable(largest)}` : "";
    this.scale.textContent = pictures.length
      ? `Blue: darker than the picture; orange: brighter${scale}. A cross marks an answer that is not the teacher's to the clean picture. `
        + "Where nothing is added, no perturbation of this size was found that fools the student."
      : "The inputs of this student are no pictures, so that there are only curves to look at.";
    this.say(this.sentence(index));
  }

  sentence(/** @type {number} */ index) {
    const { epsilon, errors, teacher_changes, outside_share, classes, subspace, samples, attack } = this.result;
    const at = `At ε = ${readable(epsilon[index])}`;
    if (!classes) {
      const parts = Object.entries(errors).map(([name, error]) => `${readable(error.values[index])} (${ERRORS[name][0]})`);
      return `${at} the largest squared difference found is ${listed(parts)}, a mean over ${samples} inputs.`;
    }
    const said = [`${at} the student errs on ${percent(errors.fixed_label_error.values[index])} of ${samples} pictures; shown `
      + `the same ones, the teacher changes its answer on ${percent(teacher_changes[index])}.`,
      `Where the teacher is sure, the two can be made to differ on ${percent(errors.margin_gated_oracle_error.values[index])}.`];
    const share = outside_share?.[index];
    if (share !== null && share !== undefined) {
      said.push(`${percent(share)} of the squared perturbation lie outside the ${subspace}-dimensional subspace of the data.`);
    }
    said.push(`Attacked by ${attack}; a stronger attack could find more.`);
    return said.join(" ");
  }
}

/** One picture: as it was, the two parts of its perturbation, and their sum. */
class Card {
  /** @param {any} picture @param {[number, number]} shape height and width */
  constructor(picture, [height, width]) {
    this.picture = picture;
    this.canvases = Object.fromEntries(Object.keys(COLUMNS).map((name) => [name, element("canvas", { role: "img", width, height })]));
    const figures = Object.entries(COLUMNS).map(([name, title]) =>
      element("div", { class: "cell" }, this.canvases[name], element("span", { "aria-hidden": "true" }, title)));
    this.words = element("p", { class: "answers" });
    this.box = element("section", { class: "card", "aria-label": `Test picture ${picture.number}` }, element("div", { class: "row" }, ...figures), this.words);
    this.drawn = -1;
  }

  /** @param {number} index of the radius @param {[number, number]} range of the pixels @param {number} largest change */
  show(index, range, largest) {
    if (this.drawn === index) return;
    this.drawn = index;
    const { input, inside, outside, label, teacher, student } = this.picture;
    const [a, b] = [inside[index], outside[index]];
    const perturbed = input.map((/** @type {number} */ value, /** @type {number} */ i) => value + a[i] + b[i]);
    const grey = (/** @type {number} */ value) => { const level = Math.round(255 * Math.min(Math.max((value - range[0]) / (range[1] - range[0]), 0), 1)); return [level, level, level]; };
    const signed = (/** @type {number} */ value) => TONES[Math.round(127.5 * (1 + Math.min(Math.max(value / largest, -1), 1)))];
    paint(this.canvases.input, input, grey);
    paint(this.canvases.inside, a, signed);
    paint(this.canvases.outside, b, signed);
    paint(this.canvases.perturbed, perturbed, grey);
    const wrong = student[index] !== teacher[0], changed = teacher[index] !== teacher[0];
    const answer = (/** @type {number[]} */ answers, /** @type {boolean} */ bad) => element("span", bad ? { class: "wrong" } : {}, `${answers[0]} → ${answers[index]}${bad ? " ✗" : ""}`);
    this.words.replaceChildren(`label ${label}; teacher `, answer(teacher, changed), "; student ", answer(student, wrong));
    this.box.classList.toggle("fooled", wrong);
    const [most, beyond] = [a, b].map((part) => readable(d3.max(part, Math.abs) ?? 0));
    const names = {
      input: `Test picture ${this.picture.number}, class ${label}: the teacher says ${teacher[0]}, the student ${student[0]}`,
      inside: `What is added inside the subspace of the data, at most ${most} a pixel`,
      outside: `What is added outside, at most ${beyond} a pixel`,
      perturbed: `The perturbed picture: the teacher says ${teacher[index]}, the student ${student[index]}`,
    };
    for (const [name, text] of Object.entries(names)) this.canvases[name].setAttribute("aria-label", text);
  }
}

const TONES = d3.range(256).map((/** @type {number} */ k) => {
  const { r, g, b } = d3.rgb(k < 128 ? d3.interpolateRgb(SIGNED[0], SIGNED[1])(k / 127.5) : d3.interpolateRgb(SIGNED[1], SIGNED[2])(k / 127.5 - 1));
  return [r, g, b];
});

/** Numbers as the pixels of a canvas. */
function paint(/** @type {HTMLCanvasElement} */ canvas, /** @type {number[]} */ values, /** @type {(value: number) => number[]} */ colour) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(canvas.width, canvas.height);
  values.forEach((value, i) => image.data.set([...colour(value), 255], 4 * i));
  context.putImageData(image, 0, 0);
}
