// @ts-check
/** A training on the server, followed from here: its frames come one by one and are kept. */
import { known } from "./resemblance.js";

/** @typedef {import("./resemblance.js").Still} Still @typedef {import("./resemblance.js").Frame} Frame */

/** One training, from the question to its end. */
export class LiveTraining {
  /**
   * @param {any} api
   * @param {Record<string, any>} values what is trained
   * @param {object} hear
   * @param {(sentence: string) => void} hear.told what it does now
   * @param {(still: Still) => void} hear.begun
   * @param {() => void} hear.looked another frame has come
   * @param {(refusal: {message: string, field?: string} | null) => void} hear.ended
   */
  constructor(api, values, hear) {
    this.api = api;
    this.values = values;
    this.hear = hear;
    this.running = true;
    /** @type {Still | null} */
    this.still = null;
    /** @type {Frame[]} */
    this.frames = [];
    /** @type {string | null} */
    this.job = null;
    /** @type {{close: () => void} | null} */
    this.source = null;
    this.start();
  }

  /** The frames that show a student. */
  get shown() {
    return this.frames.filter(known);
  }

  async start() {
    this.hear.told("Asking for the training.");
    try {
      this.job = (await this.api.post("/api/train", this.values)).job;
    } catch (refusal) {
      if (this.running) this.end("", refusal);
      return;
    }
    if (!this.running) { // cancelled while the server answered
      this.api.remove(`/api/jobs/${this.job}`);
      return;
    }
    this.hear.told("The server prepares the training.");
    this.source = this.api.events(this.job, {
      begin: (still) => {
        this.still = still;
        this.hear.begun(still);
      },
      frame: (frame) => {
        this.frames.push(frame);
        this.hear.told(`Epoch ${frame.epoch} of ${this.values.epochs}.`);
        this.hear.looked();
      },
      done: (result) => this.end(this.outcome(result)),
      failed: ({ problem, field }) => this.end("", { message: problem, field }),
    });
  }

  outcome({ status, diverged_at }) {
    if (status !== "diverged") return `Trained for ${this.values.epochs} epochs.`;
    return `The student diverged at update ${diverged_at}: its steps overshoot, and its weights grow without bound. `
      + `A smaller learning rate helps. The pictures end at epoch ${this.shown.at(-1)?.epoch ?? 0}, before that.`;
  }

  /** @param {string} sentence @param {any} [refusal] */
  end(sentence, refusal = null) {
    this.running = false;
    this.source?.close();
    this.hear.told(sentence);
    this.hear.ended(refusal);
  }

  /** End it before its time, and keep what has come. */
  cancel() {
    if (!this.running) return;
    if (this.job) this.api.remove(`/api/jobs/${this.job}`);
    const last = this.frames.at(-1);
    this.end(last ? `Cancelled after epoch ${last.epoch}.` : "Cancelled before the first look.");
  }
}
