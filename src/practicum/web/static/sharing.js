// @ts-check
/** What people take with them: code, files, pictures, a stored run. Loaded when first asked for. */
import { element } from "./app.js";

/** Where the runs of a view come from, and what its files are called. */
const EXPLORE = { path: "/api", file: "practicum-explore" };
const GAP = 16, LETTER = 6.6; // pixels between the parts of a picture, and of a letter of the words below them
/** What a picture looks like; written into its elements, since a file has no style sheet. */
const LOOKS = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "stroke-linecap",
  "stroke-linejoin", "opacity", "font-family", "font-size", "font-weight", "visibility",
];

/**
 * @param {string} kind
 * @param {Record<string, any>} problem
 * @param {any} api
 * @param {{title: string, rows: SVGSVGElement[][]}} picture the words below, and what stands side by side
 * @param {{path: string, file: string}} [view] its part of the API, and the name of its files
 * @returns {Promise<string>} a sentence about what has happened
 */
export async function share(kind, problem, api, picture, { path, file } = EXPLORE) {
  if (kind === "code") return showCode(await api.post(`${path}/code`, problem));
  if (kind === "solve" || kind === "simulate" || kind === "save") {
    const { run } = await api.post(`${path}/save`, kind === "save" ? problem : { ...problem, kind });
    return `Stored as run ${run}; practicum report ${run} makes a page of it.`;
  }
  if (kind === "svg") return download(new Blob([standalone(picture)], { type: "image/svg+xml" }), `${file}.svg`);
  if (kind === "png") return download(await raster(standalone(picture)), `${file}.png`);
  return download(await api.file(`${path}/download?format=${kind}`, problem), `${file}.${kind}`);
}

/** @param {Blob} blob @param {string} name */
function download(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  return `Downloaded ${name}.`;
}

/** A dialog with the same problem in three languages. @param {{python: string, command: string, toml: string}} code */
export function showCode({ python, command, toml }) {
  const said = element("p", { class: "shared", role: "status" });
  const parts = [["Python", python], ["Command line", command], ["TOML", toml]].filter(([, text]) => text).map(([title, text]) => {
    const block = element("pre", { tabindex: 0, "aria-label": title }, text);
    const copy = element("button", { type: "button", onclick: () => copyText(block, said, title) }, `Copy ${title}`);
    return element("section", {}, element("div", { class: "head" }, element("h2", {}, title), copy), block);
  });
  const close = element("button", { type: "button", onclick: () => dialog.close() }, "Close");
  const head = element("div", { class: "head" }, element("h2", { id: "code-title" }, "The same, as code"), close);
  const dialog = element("dialog", { "aria-labelledby": "code-title", onclose: () => dialog.remove() }, head, ...parts, said);
  document.body.append(dialog);
  dialog.showModal();
  return "";
}

/**
 * Copy what stands in a block, and say so.
 *
 * @param {HTMLElement} block
 * @param {HTMLElement} said
 * @param {string} title
 */
export async function copyText(block, said, title) {
  try {
    await navigator.clipboard.writeText(block.textContent ?? "");
    said.textContent = `${title} is in the clipboard.`;
  } catch { // browsers lend the clipboard to safe addresses only
    getSelection()?.selectAllChildren(block);
    said.textContent = `${title} is selected; copy it with the keyboard.`;
  }
}

/** All pictures in one SVG file that needs nothing else. @param {{title: string, rows: SVGSVGElement[][]}} picture */
function standalone({ title, rows }) {
  const page = getComputedStyle(document.body);
  const paper = getComputedStyle(/** @type {HTMLElement} */ (rows[0][0].closest(".part"))).backgroundColor;
  let top = GAP, width = 0;
  const parts = [];
  for (const row of rows) {
    let left = GAP;
    for (const svg of row) {
      const box = svg.getBoundingClientRect();
      const copy = /** @type {SVGSVGElement} */ (svg.cloneNode(true));
      inline(svg, copy);
      for (const [name, value] of Object.entries({ x: left, y: top, width: box.width, height: box.height })) {
        copy.setAttribute(name, String(value));
      }
      parts.push(new XMLSerializer().serializeToString(copy));
      left += box.width + GAP;
    }
    width = Math.max(width, Math.ceil(left));
    top += d3.max(row, (/** @type {Element} */ svg) => svg.getBoundingClientRect().height) + GAP;
  }
  const letters = Math.floor((width - 2 * GAP) / LETTER);
  const lines = title.match(new RegExp(`.{1,${letters}}(?: |$)`, "g")) ?? [];
  const words = lines.map((line, i) => `<text x="${GAP}" y="${top + 10 + 16 * i}">${escaped(line.trim())}</text>`);
  const height = Math.ceil(top + 16 * lines.length + GAP / 2);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`
    + `<rect width="${width}" height="${height}" fill="${paper}"/>${parts.join("")}`
    + `<g font-family="sans-serif" font-size="11" fill="${page.color}">${words.join("")}</g></svg>\n`;
}

/** Write the computed look of every element of `source` into the same element of `copy`. */
function inline(/** @type {Element} */ source, /** @type {Element} */ copy) {
  const look = getComputedStyle(source);
  for (const name of LOOKS) copy.setAttribute(name, look.getPropertyValue(name));
  copy.removeAttribute("class");
  for (let i = 0; i < source.children.length; i++) inline(source.children[i], copy.children[i]);
}

function escaped(/** @type {string} */ text) {
  return text.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign] ?? sign);
}

/** The picture in pixels, two for each of the screen's. @param {string} svg @returns {Promise<Blob>} */
async function raster(svg) {
  const address = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = element("canvas", { width: image.width * 2, height: image.height * 2 });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(address);
  return new Promise((give) => canvas.toBlob(give, "image/png"));
}
