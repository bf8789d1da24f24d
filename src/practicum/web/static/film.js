// @ts-check
/** A film of frames: a slider over them, and "play", which moves the slider. */
import { element } from "./app.js";

const DURATION = 8000; // milliseconds that playing all of it takes
const STILLS = 12; // pictures instead of a film, for people who have asked for less motion

/** The slider and its button. */
export class Film {
  /**
   * @param {HTMLElement} container
   * @param {{id: string, label: string}} names of the slider
   * @param {(index: number) => void} moved called with a frame when the user or the film has moved to it
   */
  constructor(container, { id, label }, moved) {
    this.moved = moved;
    this.count = 0; // frames that there are
    this.planned = 0; // and that there will be
    this.timer = 0;
    this.slider = element("input", { type: "range", id, min: 0, max: 0, step: 1, value: 0, disabled: true });
    this.slider.addEventListener("input", () => {
      this.stop();
      this.moved(Math.min(this.slider.valueAsNumber, this.count - 1));
    });
    const turn = () => (this.timer ? this.stop() : this.play());
    this.button = element("button", { type: "button", class: "play", onclick: turn, disabled: true }, "Play");
    this.now = element("output", { for: id });
    this.box = element("div", { class: "time" }, this.button, element("label", { for: id }, label), this.slider, this.now);
    container.append(this.box);
  }

  /** How many frames there will be, and how many there are. @param {number} planned @param {number} count */
  length(planned, count) {
    this.count = count;
    this.planned = planned;
    this.slider.max = String(Math.max(planned - 1, 0));
    this.slider.disabled = this.button.disabled = count < 2;
  }

  /** Show a frame's place. @param {number} index @param {string} text */
  at(index, text) {
    this.slider.value = String(index);
    this.slider.setAttribute("aria-valuetext", text);
    this.now.textContent = text;
  }

  get playing() {
    return this.timer !== 0;
  }

  /** Move through all frames, from the start if the last one is shown; waits for frames that are still to come. */
  play() {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    let before = performance.now();
    let place = this.slider.valueAsNumber >= this.planned - 1 ? 0 : this.slider.valueAsNumber;
    const step = (/** @type {number} */ now) => {
      const end = this.planned - 1;
      place = Math.min(place + (Math.max(now - before, 0) / DURATION) * end, Math.max(this.count - 1, 0));
      before = now;
      if (place >= end) this.stop();
      else this.timer = requestAnimationFrame(step);
      const still = Math.floor((place / end) * STILLS) / STILLS;
      this.moved(Math.floor(calm ? still * end : place));
    };
    this.button.textContent = "Pause";
    this.timer = requestAnimationFrame(step);
  }

  stop() {
    cancelAnimationFrame(this.timer);
    this.timer = 0;
    this.button.textContent = "Play";
  }
}
