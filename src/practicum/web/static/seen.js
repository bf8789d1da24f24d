// @ts-check
/** What is seen in a flow: its curves by name, and a paragraph that says what they show. */
import { readable } from "./plots.js";

/** @typedef {import("./plots.js").Curve} Curve */

/** The curves Q_ik of every two student nodes. @returns {Curve[]} */
export function ownOverlaps(/** @type {(number | null)[][][]} */ Q) {
  const curves = [];
  for (let i = 0; i < Q[0].length; i++) {
    for (let k = i; k < Q[0].length; k++) {
      const name = `Q ${i + 1} ${k + 1}`;
      const look = i === k ? colour(i) : "pair";
      curves.push({ name, label: subscripted(name), look, values: Q.map((point) => point[i][k]) });
    }
  }
  return curves;
}

/**
 * The curves R_in; each student node's with the teacher node it resembles most at the end is its "best".
 *
 * @returns {Curve[]}
 */
export function teacherOverlaps(/** @type {(number | null)[][][]} */ R) {
  const end = R.findLast((point) => point[0][0] !== null) ?? R[0];
  const best = end.map((row) => d3.maxIndex(row, (value) => Math.abs(value ?? 0)));
  return R[0].flatMap((row, i) => row.map((_, n) => {
    const name = `R ${i + 1} ${n + 1}`;
    const look = `${colour(i)} ${best[i] === n ? "best" : "other"}`;
    return { name, label: subscripted(name), look, values: R.map((point) => point[i][n]) };
  }));
}

/** The class of a student node's colour; there are six. */
function colour(/** @type {number} */ i) {
  return `colour-${(i % 6) + 1}`;
}

/** "R 1 2" as R₁₂. */
function subscripted(/** @type {string} */ name) {
  const [letter, ...numbers] = name.split(" ");
  const apart = numbers.some((each) => each.length > 1) ? "," : "";
  return letter + numbers.join(apart).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[Number(digit)]);
}

/**
 * The picture in words, for everybody and for screen readers.
 *
 * @param {any} problem
 * @param {any} flow the answer of /api/flow
 * @param {any} marks the answer of /api/marks
 */
export function whatIsSeen(problem, flow, { plateau, critical_learning_rate, best_rule }) {
  const known = flow.generalization_error.findLastIndex((/** @type {number | null} */ value) => value !== null);
  const first = flow.generalization_error[0], last = flow.generalization_error[known];
  const said = [`A student of ${nodes(problem.students)} learns from a teacher of ${nodes(problem.teachers)}. `
    + `Its error is ${readable(first)} at first and ${readable(Math.max(last, 0))} at α = ${readable(flow.alpha[known])}.`];
  if (flow.status === "diverged") said.push("It diverges: its corrections overshoot, and it never arrives.");
  if (flow.status === "unfinished") said.push("The rest of this curve takes longer to compute than this page waits.");
  if (plateau.from !== null) {
    const until = plateau.to === null ? "to the end of the picture" : `to α ≈ ${readable(plateau.to)}`;
    said.push(`From α ≈ ${readable(plateau.from)} ${until} it rests on a plateau, where its nodes are all alike.`);
  }
  if (plateau.escape_rate > 0) {
    const resting = plateau.from !== null;
    const where = resting ? "There the theory" : "The plateau of such networks, on which this curve does not rest,";
    said.push(`${where} has an error of ${readable(plateau.generalization_error)} and an escape rate of `
      + `${readable(plateau.escape_rate)}: differences between the nodes grow by a factor e every `
      + `${readable(1 / plateau.escape_rate)} units of α, until they part.`);
  } else if (plateau.escape_rate !== null) {
    said.push("The plateau is stable: differences between the nodes shrink, and they do not part.");
  } else if (problem.activation !== "erf") {
    said.push("Plateau, critical learning rate and best rule are known for the activation erf only.");
  } else if (Math.min(problem.students, problem.teachers) < 2) {
    said.push("A plateau needs two student nodes and two teacher nodes, which could be mistaken for each other.");
  } else said.push(plateau.problem);
  if (critical_learning_rate !== null) {
    said.push(`Learning rates above ${readable(critical_learning_rate)}, the critical one, never arrive at the teacher.`);
  }
  if (best_rule.rate !== null) {
    said.push(`Of all rules for single examples the one with learning rate ${readable(best_rule.learning_rate)} and `
      + `inverse temperature ${readable(best_rule.inverse_temperature)} leaves a plateau soonest, at a rate of `
      + `${readable(best_rule.rate)}.`);
  } else if (best_rule.pending && problem.activation === "erf") said.push("The best rule is being searched.");
  return said.join(" ");
}

function nodes(/** @type {number} */ count) {
  return count === 1 ? "one node" : `${count} nodes`;
}
