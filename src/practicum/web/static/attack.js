// @ts-check
/** Attack: drag the radius of a perturbation and see how many pictures make a student err, and which ones. */
import { element } from "./app.js";
import { Card } from "./cards.js";
import { Chart, readable } from "./plots.js";
import { Steps, introduction, key, listed, nearest, percent } from "./steps.js";
import { StudentView } from "./student.js";

const GROUPS = [
  { title: "Attack", names: ["attack", "norm", "most", "radii", "steps", "side", "rank", "samples", "attack_seed"] },
];

/** Of each error: its word, the look of its curve, and what it means. */
const ERRORS = {
  fixed_label_error: ["student", "colour-2 best",
    "the student can be made to give another class than the teacher gives the clean picture"],
  teacher: ["teacher", "theory dash-2", "the teacher, shown the same perturbed pictures, changes its own answer"],
  margin_gated_oracle_error: ["sure", "colour-1 dash-4",
    "student and teacher can be made to differ where the teacher is sure"],
  oracle_error: ["oracle", "colour-4 dash-3",
    "student and teacher can be made to differ on the perturbed picture at all, which happens near every boundary"],
  fixed_squared_error: ["student", "colour-2 best",
    "half the squared difference from the teacher's outputs on the clean input"],
  oracle_squared_error: ["oracle", "colour-4 dash-3",
    "half the squared difference from the teacher's outputs on the perturbed input"],
};

const EMPTY = "Nothing is attacked yet. Press “Attack the student”: teacher and student are trained on the "
  + "pictures, which takes seconds, and then every test picture is changed a little, so that the student errs. Dragging "
  + "the radius shows more or less of it.";
const ABOUT = "An adversarial example is an input that was changed so little that nobody would mind, and yet the "
  + "student answers it wrongly. Real pictures fill few of all directions: what an attack changes is split here into "
  + "the part inside the subspace of the data and the part outside, about which the data have taught the student "
  + "nothing. Here the teacher can be asked about the perturbed picture, too, so that a mistake of the student is told "
  + "from a picture that has become another.";
const EXAMPLES = {
  "Only outside the data": "#attack?side=outside&most=3&shown=1",
  "A student that has seen attacks": "#attack?regime=adversarial&strength=0.8&shown=1",
  "Random noise instead": "#attack?attack=noise&shown=1",
};

/** @param {HTMLElement} container @param {any} state @param {any} api */
export async function open(container, state, api) {
  const [known, parameters] = await Promise.all([api.get("/api/students"), api.get("/api/attack")]);
  new Attack(container, state, api, known, {
    name: "attack", path: "/api/attack", action: "Attack the student", doing: "The attack", parameters, groups: GROUPS,
    view: { epsilon: "" }, committees: false, empty: EMPTY, introduction: introduction(ABOUT, EXAMPLES),
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
    const title = element("h2", {}, "Pictures under attack");
    this.pictures = element("div", { class: "part" }, title, this.scale, this.gallery);
    this.body.append(curves, this.steps.box, this.saying, this.pictures);
    const picture = element("div", { class: "picture" });
    curves.append(picture, this.legend);
    const across = "ε, radius of the perturbation";
    this.chart = new Chart(picture, { title: "robust errors", height: 300, room: 20, across });
    this.chart.onPoint((fraction) => {
      if (this.result) this.moveTo(nearest(this.result.epsilon, fraction * this.result.epsilon.at(-1)));
    });
  }

  /** Which radius the URL names; without one, that at which half of the pictures have fallen. */
  index() {
    const { epsilon } = this.result;
    const wanted = Number.parseFloat(this.state.get("epsilon"));
    if (Number.isFinite(wanted)) return nearest(epsilon, wanted);
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
    const what = classes ? `Share of ${shape ? "pictures" : "inputs"} on which` : "Mean over inputs of";
    this.legend.replaceChildren(element("li", { class: "what" }, `${what}:`),
      ...names.map((name) => {
        const [word, look, meaning] = ERRORS[name];
        return element("li", {}, key(look), element("b", {}, ` ${word}`), ` ${meaning}`);
      }));
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
      ? `Blue: darker than the picture; orange: brighter${scale}. A cross marks an answer that is not the teacher's to `
        + "the clean picture. Where nothing is added, no perturbation of this size was found that fools the student."
      : "The inputs of this student are no pictures, so that there are only curves to look at.";
    this.say(this.sentence(index));
  }

  sentence(/** @type {number} */ index) {
    const { epsilon, errors, teacher_changes, outside_share, classes, subspace, samples, attack, shape } = this.result;
    const at = `At ε = ${readable(epsilon[index])}`;
    if (!classes) {
      const parts = Object.entries(errors).map(([name, error]) =>
        `${readable(error.values[index])} (${ERRORS[name][0]})`);
      return `${at} the largest squared difference found is ${listed(parts)}, a mean over ${samples} inputs.`;
    }
    const fixed = errors.fixed_label_error.values[index], gated = errors.margin_gated_oracle_error.values[index];
    const all = `${samples} ${shape ? "pictures" : "inputs"}`;
    const said = [`${at} the student errs on ${percent(fixed)} of ${all}; shown the same ones, the teacher changes its `
      + `answer on ${percent(teacher_changes[index])}. Where the teacher is sure, the two can be made to differ on `
      + `${percent(gated)}.`];
    const share = outside_share?.[index];
    if (share !== null && share !== undefined) {
      said.push(`${percent(share)} of the squared perturbation lie outside the ${subspace}-dimensional subspace of the `
        + "data.");
    }
    said.push(`Attacked by ${attack}; a stronger attack could find more.`);
    return said.join(" ");
  }
}
