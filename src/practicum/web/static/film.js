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

  play() {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const last = this.count - 1;
    const first = this.slider.valueAsNumber >= last ? 0 : this.slider.valueAsNumber / last;
    const begin = performance.now() - first * DURATION;
    const step = () => {
      const passed = Math.min((performance.now() - begin) / DURATION, 1);
      const share = calm ? Math.floor(passed * STILLS) / STILLS : passed;
      if (passed >= 1) this.stop();
      else this.timer = requestAnimationFrame(step);
      this.moved(Math.round(share * last));
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
