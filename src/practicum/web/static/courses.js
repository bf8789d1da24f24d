// @ts-check
/** How a training goes: the loss, and the share of the teacher nodes that are covered, over the epochs. */
import { element } from "./app.js";
import { Chart } from "./plots.js";
import { covered } from "./resemblance.js";

/** @typedef {import("./resemblance.js").Still} Still @typedef {import("./resemblance.js").Frame} Frame */

/** Two charts. */
export class Courses {
  /** @param {HTMLElement} loss @param {HTMLElement} coverage where they stand */
  constructor(loss, coverage) {
    const axis = { height: 220, across: "epoch", room: 76 };
    const inside = [loss, coverage].map((part) => part.appendChild(element("div"))); // as wide as the part without its edge
    this.loss = new Chart(inside[0], { ...axis, title: "loss" });
    this.coverage = new Chart(inside[1], { ...axis, title: "share of teacher nodes covered" });
    const caption = (/** @type {string} */ text) => element("p", { class: "caption" }, text);
    loss.append(caption("Solid: held-out examples. Dashed: the examples it learns from."));
    coverage.append(caption("Covered: a student node correlates with it above the threshold. Numbers: hidden layers."));
    /** @type {any[]} what is drawn */
    this.drawn = [];
  }

  /** @param {Still} still @param {Frame[]} frames @param {{threshold: number, logarithmic: boolean}} view */
  draw(still, frames, { threshold, logarithmic }) {
    const wanted = [still, frames.length, threshold, logarithmic];
    if (wanted.every((each, i) => each === this.drawn[i])) return; // a film moves its cursor only
    this.drawn = wanted;
    const axes = { alpha: still.epochs, end: still.epochs.at(-1) ?? 1, logAlpha: logarithmic };
    /** What is known of each epoch; nothing of those to come. */
    const values = (/** @type {(frame: Frame) => number | null} */ read) =>
      still.epochs.map((_, i) => (i < frames.length ? read(frames[i]) : null));
    // The start alone has no place on a logarithmic axis, so that nothing is named there yet.
    const named = (/** @type {string} */ label) => (frames.length > 1 ? label : "");
    const curve = (/** @type {"loss" | "training_loss"} */ name, label, look) =>
      ({ name, label: named(label), look, values: values((frame) => frame[name]) });
    this.loss.draw({ ...axes, logValues: true,
      curves: [curve("loss", "held-out", "theory"), curve("training_loss", "", "pair")] });
    const share = (/** @type {number} */ layer) => ({
      name: `coverage ${layer + 1}`, label: named(still.layers > 1 ? String(layer + 1) : ""), look: `colour-${layer + 1}`,
      values: values((frame) => d3.mean(covered(frame, layer, threshold), Number)),
    });
    this.coverage.draw({ ...axes, logValues: false, curves: d3.range(still.layers).map(share) });
  }

  /** Mark an epoch; null is the end, which is not marked. @param {number | null} epoch */
  point(epoch) {
    this.loss.point(epoch);
    this.coverage.point(epoch);
  }

  get svgs() {
    return [this.loss.svg, this.coverage.svg];
  }
}
