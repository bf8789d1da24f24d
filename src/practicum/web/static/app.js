// @ts-check
/**
 * The frame of the page: tabs, the state in the URL, the server, the theme.
 *
 * A view is a module with `open(container, state, api)`, imported when its tab is first opened. Its URL is
 * `#name?key=value&...`, in which values that are the default are left out.
 */

/**
 * The tabs, in their order. A view gets its line here together with its module: there are no dead tabs. What only one
 * view looks like stands in a `style` of its own, which comes with it.
 *
 * @type {{name: string, title: string, module: string, style?: string}[]}
 */
const VIEWS = [
  { name: "explore", title: "Explore", module: "./explore.js" },
  { name: "specialize", title: "Specialize", module: "./specialize.js", style: "specialize.css" },
  { name: "attack", title: "Attack", module: "./attack.js", style: "students.css" },
  { name: "prune", title: "Prune", module: "./prune.js", style: "students.css" },
  { name: "runs", title: "Runs", module: "./runs.js", style: "runs.css" },
];

/** Milliseconds without a change after which the URL follows: a drag is one step of "back", not a hundred. */
const SETTLED = 350;

/** @typedef {Record<string, string>} Values */

/** What a view shows, as short texts under names, kept in the URL. */
class State {
  /** @param {string} view @param {Values} values */
  constructor(view, values) {
    this.view = view;
    this.values = values;
    /** @type {Values} */
    this.defaults = {};
    /** @type {((values: Values) => void)[]} */
    this.listeners = [];
    /** @type {number | undefined} */
    this.timer = undefined;
  }

  /** Name the view's values and their defaults; a name that is not declared is no part of the URL. */
  declare(/** @type {Record<string, unknown>} */ defaults) {
    for (const [name, value] of Object.entries(defaults)) this.defaults[name] = String(value);
  }

  /** @param {string} name */
  get(name) {
    return this.values[name] ?? this.defaults[name];
  }

  /** Change some values. The URL follows when they have settled. @param {Record<string, unknown>} changes */
  set(changes) {
    for (const [name, value] of Object.entries(changes)) this.values[name] = String(value);
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.write(), SETTLED);
  }

  /** Call `listener` when back, forward or a link has changed the values. @param {(values: Values) => void} listener */
  onRestored(listener) {
    this.listeners.push(listener);
  }

  /** @param {Values} values */
  restore(values) {
    clearTimeout(this.timer);
    this.values = values;
    for (const listener of this.listeners) listener(values);
  }

  /** The part of the URL after `#`. */
  hash() {
    const shown = Object.keys(this.defaults).filter((name) => this.get(name) !== this.defaults[name]);
    const query = shown.map((name) => `${name}=${encodeURIComponent(this.get(name))}`).join("&");
    return query ? `#${this.view}?${query}` : `#${this.view}`;
  }

  write() {
    clearTimeout(this.timer);
    const hash = this.hash();
    if (opened === this.view && hash !== (location.hash || `#${VIEWS[0].name}`)) history.pushState(null, "", hash);
  }
}

/** An answer of the server that is not a result: `problem` is a sentence, `field` the parameter it names. */
export class Refusal extends Error {
  /** @param {number} status @param {{problem?: string, field?: string}} answer */
  constructor(status, answer) {
    super(answer.problem ?? `The server answered ${status}.`);
    this.status = status;
    this.field = answer.field;
  }
}

/** @param {string} method @param {string} path @param {unknown} [body] @param {AbortSignal} [signal] */
async function request(method, path, body, signal) {
  let response;
  try {
    response = await fetch(path, {
      method, signal,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refusal(0, { problem: "The server does not answer; is `practicum serve` still running?" });
  }
  if (!response.ok) throw new Refusal(response.status, await response.json().catch(() => ({})));
  return response;
}

/** The server. Paths are those of its API, such as "/api/flow"; what goes wrong is a Refusal. */
const api = {
  /** @param {string} path @param {AbortSignal} [signal] */
  get: async (path, signal) => (await request("GET", path, undefined, signal)).json(),
  /** @param {string} path @param {unknown} body @param {AbortSignal} [signal] */
  post: async (path, body, signal) => (await request("POST", path, body, signal)).json(),
  /** A file the server makes, as a Blob. @param {string} path @param {unknown} body */
  file: async (path, body) => (await request("POST", path, body)).blob(),
  /** Take something away; it may be gone already. @param {string} path */
  remove: (path) => request("DELETE", path).catch(() => null),

  /**
   * Follow a job: `handlers` has a function for each kind of event. "done", "failed" and a lost connection end it.
   *
   * @param {string} job
   * @param {Record<string, (data: any) => void>} handlers
   * @returns {{close: () => void}}
   */
  events: (job, handlers) => api.follow(`/api/jobs/${job}/events`, handlers),

  /**
   * The same for any address that sends events.
   *
   * @param {string} path
   * @param {Record<string, (data: any) => void>} handlers
   */
  follow(path, handlers) {
    const source = new EventSource(path);
    for (const name of new Set([...Object.keys(handlers), "done", "failed"])) {
      source.addEventListener(name, (event) => {
        if (name === "done" || name === "failed") source.close();
        handlers[name]?.(JSON.parse(/** @type {MessageEvent} */ (event).data || "{}"));
      });
    }
    // EventSource would connect again by itself and be told everything a second time.
    source.onerror = () => {
      source.close();
      handlers.failed?.({ problem: "The connection to the server was lost." });
    };
    return { close: () => source.close() };
  },
};

/** The address of the page: which view, and what it shows. */
function address() {
  const [name, query = ""] = location.hash.slice(1).split("?");
  const view = VIEWS.find((each) => each.name === name) ?? VIEWS[0];
  return { view, values: Object.fromEntries(new URLSearchParams(view.name === name ? query : "")) };
}

/** @type {Map<string, State>} */
const states = new Map();
let opened = "";

/** Show the view that the URL names, as the URL says. */
async function show() {
  const { view, values } = address();
  opened = view.name;
  for (const each of VIEWS) {
    const chosen = each === view;
    const tab = /** @type {HTMLElement} */ (document.getElementById(`tab-${each.name}`));
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    /** @type {HTMLElement} */ (document.getElementById(`view-${each.name}`)).hidden = !chosen;
  }
  document.title = `${view.title} · practicum`;
  const known = states.get(view.name);
  if (known) {
    known.restore(values);
    return;
  }
  const state = new State(view.name, values);
  states.set(view.name, state);
  const panel = /** @type {HTMLElement} */ (document.getElementById(`view-${view.name}`));
  if (view.style) await styled(view.style);
  try {
    await (await import(view.module)).open(panel, state, api);
  } catch (error) {
    panel.textContent = `This view could not be opened: ${error instanceof Error ? error.message : error}`;
    throw error;
  }
}

/** Fetch a style sheet; a view does not appear before it is there. @param {string} name */
function styled(name) {
  return new Promise((resolve) => {
    document.head.append(element("link", { rel: "stylesheet", href: name, onload: resolve, onerror: resolve }));
  });
}

/** Open a view as it was left. @param {{name: string}} view */
function go(view) {
  states.get(opened)?.write();
  history.pushState(null, "", states.get(view.name)?.hash() ?? `#${view.name}`);
  show();
}

function buildTabs() {
  const list = /** @type {HTMLElement} */ (document.getElementById("tabs"));
  for (const view of VIEWS) {
    const names = { id: `tab-${view.name}`, role: "tab", "aria-controls": `view-${view.name}` };
    list.append(element("button", { ...names, type: "button", onclick: () => go(view) }, view.title));
    const panel = { id: `view-${view.name}`, role: "tabpanel", "aria-labelledby": `tab-${view.name}` };
    document.getElementById("views")?.append(element("div", { ...panel, hidden: true }));
  }
  list.addEventListener("keydown", (event) => {
    const now = VIEWS.findIndex((view) => view.name === opened);
    const count = VIEWS.length;
    const ways = { ArrowRight: (now + 1) % count, ArrowLeft: (now + count - 1) % count, Home: 0, End: count - 1 };
    const next = ways[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const view = VIEWS[next];
    go(view);
    document.getElementById(`tab-${view.name}`)?.focus();
  });
}

function followTheme() {
  const choice = /** @type {HTMLSelectElement} */ (document.getElementById("theme"));
  const apply = () => {
    if (choice.value) document.documentElement.dataset.theme = choice.value;
    else delete document.documentElement.dataset.theme;
  };
  choice.value = localStorage.getItem("practicum-theme") ?? "";
  apply();
  choice.addEventListener("change", () => {
    localStorage.setItem("practicum-theme", choice.value);
    apply();
  });
}

/**
 * An HTML element. Names that begin with "on" are listeners; false and null leave an attribute out.
 *
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null)} children
 * @returns {any}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

// The token of the address has become a cookie; an address that is copied or kept in the history must not tell it.
if (location.search) history.replaceState(null, "", location.pathname + location.hash);
followTheme();
buildTabs();
addEventListener("popstate", show);
show();
