// @ts-check
/** Real networks over the theory: the chain runs on the server and sends one curve after the other. */

/** The simulated networks of one problem, while they come and once they are there. */
export class Simulation {
  /**
   * @param {any} api
   * @param {import("./plots.js").Chart} chart where the curves are drawn
   * @param {(text: string, running: boolean) => void} tell called with a sentence whenever something has happened
   * @param {(refusal: {message: string, field?: string}) => void} complain
   */
  constructor(api, chart, tell, complain) {
    this.api = api;
    this.chart = chart;
    this.tell = tell;
    this.complain = complain;
    this.running = false;
    this.dropped = false; // a later simulation has the picture now
    /** @type {import("./plots.js").Curve[]} */
    this.paths = [];
    /** @type {string | null} */
    this.job = null;
    /** @type {{close: () => void} | null} */
    this.source = null;
  }

  /** @param {Record<string, any>} problem */
  async start(problem) {
    this.running = true;
    this.tell("Asking for the simulation.", true);
    try {
      this.job = (await this.api.post("/api/chain", problem)).job;
    } catch (refusal) {
      if (this.dropped) return;
      this.end("");
      this.complain(refusal);
      return;
    }
    if (!this.running) { // cancelled while the server answered
      this.api.remove(`/api/jobs/${this.job}`);
      return;
    }
    let diverged = 0;
    this.source = this.api.events(this.job, {
      path: ({ seed, alpha, generalization_error, status }) => {
        this.paths.push({ name: `seed ${seed}`, label: "", look: "seed", alpha, values: generalization_error });
        diverged += Number(status === "diverged");
        this.draw();
        this.tell(`${this.paths.length} of ${problem.seeds} networks`, true);
      },
      done: () => {
        const lost = diverged ? `, ${diverged} of which diverged` : "";
        this.end(`${this.paths.length} networks of ${problem.dimension} inputs (thin)${lost}, and their mean (dashed)`);
      },
      failed: ({ problem: sentence }) => {
        this.end(`${this.paths.length} networks`);
        this.complain({ message: sentence });
      },
    });
  }

  draw() {
    const known = this.paths.map((path) => path.values);
    const mean = known[0].map((_, i) => {
      const values = known.map((path) => path[i]).filter((value) => value !== null);
      return values.length === known.length ? d3.mean(values) : null; // a mean over survivors would flatter
    });
    const { alpha } = this.paths[0];
    this.chart.stream([...this.paths, { name: "mean", label: "", look: "mean", alpha, values: mean }]);
  }

  /** @param {string} sentence */
  end(sentence) {
    this.running = false;
    this.source?.close();
    this.tell(sentence, false);
  }

  /** Stop, and keep the networks that have come. */
  cancel() {
    if (!this.running) return;
    if (this.job) this.api.remove(`/api/jobs/${this.job}`);
    this.end(`Cancelled after ${this.paths.length} networks.`);
  }

  /** Stop, and take the curves away. */
  drop() {
    this.cancel();
    this.dropped = true;
    this.chart.stream([]);
    this.tell("", false);
  }
}
