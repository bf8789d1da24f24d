// @ts-check
/** Who resembles whom in one frame of a training, how that looks everywhere, and what it says in words. */
import { readable } from "./plots.js";

/**
 * @typedef {object} Still what does not move, see web/frames.py
 * @property {number[]} epochs
 * @property {number} teachers
 * @property {number} students
 * @property {number} layers
 * @property {number[][]} strength
 * @property {number[][]} [weights]
 * @property {number[]} [biases]
 * @property {number[][]} [points]
 *
 * @typedef {object} Frame
 * @property {number} epoch
 * @property {number} step
 * @property {number | null} loss
 * @property {number | null} training_loss
 * @property {(number | null)[]} coverage
 * @property {(number | null)[][][]} rho
 * @property {(number | null)[][]} fan_out
 * @property {(number | null)[][]} activity
 * @property {(number | null)[][]} [weights]
 * @property {(number | null)[]} [biases]
 *
 * @typedef {object} Node a student node
 * @property {number} teacher the teacher node that it resembles most
 * @property {number} rho their correlation
 * @property {number} fanOut
 * @property {boolean} dead whether it fires on no example
 * @property {boolean} alike whether rho is above the threshold
 */

const COLOURS = 6;
const SHAPES = [
  d3.symbolCircle, d3.symbolSquare, d3.symbolTriangle, d3.symbolDiamond, d3.symbolStar, d3.symbolCross, d3.symbolWye,
];

/** The class of a teacher node's colour. */
export function colour(/** @type {number} */ teacher) {
  return `colour-${(teacher % COLOURS) + 1}`;
}

/** The mark of a teacher node: six colours and seven shapes tell 42 of them apart. @returns {string} */
export function mark(/** @type {number} */ teacher, /** @type {number} */ size) {
  return d3.symbol(SHAPES[teacher % SHAPES.length], size)();
}

/** Opacity of a student node: faint below 0.3, full when it is like a teacher node. As in the figures. */
export function fading(/** @type {number} */ rho) {
  return 0.18 + 0.82 * Math.min(Math.max((rho - 0.3) / 0.7, 0), 1) ** 2;
}

/** Whether a frame shows a student at all: one that has diverged has no numbers. */
export function known(/** @type {Frame} */ frame) {
  return frame.loss !== null;
}

/** The student nodes of a layer. @returns {Node[]} */
export function nodes(/** @type {Frame} */ frame, /** @type {number} */ layer, /** @type {number} */ threshold) {
  const rho = frame.rho[layer];
  return rho[0].map((_, k) => {
    const teacher = d3.maxIndex(rho, (row) => row[k]);
    const best = rho[teacher][k] ?? 0;
    const dead = !(frame.activity[layer][k] ?? 0);
    return { teacher, rho: best, fanOut: frame.fan_out[layer][k] ?? 0, dead, alike: !dead && best > threshold };
  });
}

/** Which teacher nodes of a layer some student node resembles. @returns {boolean[]} */
export function covered(/** @type {Frame} */ frame, /** @type {number} */ layer, /** @type {number} */ threshold) {
  return frame.rho[layer].map((row) => row.some((rho) => (rho ?? -1) > threshold));
}

/** Student nodes, those of a teacher node side by side, and in front the one that resembles it most. @returns {number[]} */
export function ordered(/** @type {Node[]} */ all) {
  const place = (/** @type {Node} */ node) => (node.rho > 0 ? node.teacher : Infinity);
  return d3.sort(d3.range(all.length), (a, b) => d3.ascending(place(all[a]), place(all[b]))
    || d3.descending(all[a].rho, all[b].rho));
}

/**
 * A frame in words.
 *
 * @param {Still} still @param {Frame} frame @param {Frame} first
 * @param {{layer: number, threshold: number, node: number | null}} view
 */
export function whatIsSeen(still, frame, first, { layer, threshold, node }) {
  const all = nodes(frame, layer, threshold);
  const found = covered(frame, layer, threshold);
  const where = still.layers > 1 ? ` of hidden layer ${layer + 1}` : "";
  const alike = d3.sum(all, (each) => Number(each.alike)), hit = d3.sum(found, Number);
  const said = [`At epoch ${frame.epoch}, ${alike} of ${all.length} student nodes${where} ${alike === 1 ? "resembles" : "resemble"} a teacher node with `
    + `ρ\u00a0>\u00a0${threshold}; ${hit} of ${found.length} teacher nodes ${hit === 1 ? "is" : "are"} covered.`];
  const missing = d3.range(found.length).filter((j) => !found[j]);
  if (missing.length && missing.length < found.length) said.push(`Not covered yet: ${weak(missing, still.strength[layer])}.`);
  const idle = d3.sum(all, (each) => Number(each.dead));
  if (idle) said.push(`${idle} student ${idle === 1 ? "node fires" : "nodes fire"} on no example at all.`);
  said.push(`The held-out loss is ${readable(frame.loss ?? 0)}; at the start it was ${readable(first.loss ?? 0)}.`);
  if (node !== null) said.push(aboutNode(all[node], node));
  return said.join(" ");
}

function aboutNode(/** @type {Node} */ { teacher, rho, fanOut, dead }, /** @type {number} */ node) {
  if (dead) return `Student node ${node + 1} fires on no example; its fan-out is ${readable(fanOut)}.`;
  return `Student node ${node + 1} resembles teacher node ${teacher + 1} most, ρ\u00a0=\u00a0${rho.toFixed(3)}; its fan-out is `
    + `${readable(fanOut)}.`;
}

/** Some teacher nodes, and how strong they are: it is the weak ones that come late. */
function weak(/** @type {number[]} */ teachers, /** @type {number[]} */ strength) {
  const shares = teachers.map((j) => `${Math.round((100 * strength[j]) / d3.max(strength))} %`);
  const nodes = `teacher ${teachers.length > 1 ? "nodes" : "node"} ${listed(teachers.map((j) => String(j + 1)))}`;
  return `${nodes}, whose fan-out is ${listed(shares)} of the largest one`;
}

function listed(/** @type {string[]} */ words) {
  return words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words.at(-1)}` : words[0];
}
