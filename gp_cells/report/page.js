// Draws charts, seen ones first; sorts tables; links rows and marks; shows candidates that are asked for.
"use strict";

const STYLE = "ui-sans-serif, system-ui, sans-serif";
const LOOK = { // the page's own colours, so that light, dark and print need no second drawing
  background: "transparent",
  font: STYLE,
  axis: { labelColor: "var(--faint)", titleColor: "var(--faint)", titleFontWeight: 400, titleFontSize: 11.5, labelFontSize: 11.5,
    gridColor: "var(--line)", domainColor: "var(--line)", tickColor: "var(--line)", labelLimit: 150, titlePadding: 8 },
  axisXQuantitative: { tickCount: { expr: "ceil(width / 70)" } },
  legend: { labelColor: "var(--ink)", labelFontSize: 12, symbolStrokeWidth: 2.4, symbolBaseFillColor: "var(--faint)",
    symbolBaseStrokeColor: "var(--faint)", offset: 6, columns: innerWidth < 640 ? 3 : 0 },
  view: { stroke: null },
  text: { color: "var(--ink)" },
  rule: { color: "var(--faint)" },
  circle: { color: "var(--faint)" },
  tick: { color: "var(--ink)" },
  style: { "guide-label": { font: STYLE } },
};
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// --- charts: those that are seen at once, the others when the browser has nothing else to do

const views = new Map(); // place → what Vega draws there
const waiting = new Set(all(".chart"));

async function draw(place) {
  if (!waiting.delete(place)) return;
  try {
    const spec = JSON.parse(document.getElementById(`${place.id}-spec`).textContent);
    const { view } = await vegaEmbed(place, spec, { mode: "vega-lite", renderer: "svg", actions: false, config: LOOK });
    views.set(place, view);
    view.addEventListener("click", (event, mark) => mark?.datum && choose(place.dataset.task, mark.datum));
    mark(place);
  } catch (error) {
    place.textContent = `This chart could not be drawn: ${error.message}`;
    place.classList.add("broken");
  }
  if (views.size === all(".chart").length) document.body.dataset.drawn = "yes";
}

function drawInTurn() {
  const [next] = waiting;
  if (next) requestIdleCallback(() => draw(next).then(drawInTurn));
}

const seen = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => draw(entry.target)));
waiting.forEach((place) => seen.observe(place));

// --- a chart as a file: drawn once more in the light colours, which print

const lights = document.styleSheets[0].cssRules[0].style;

function inLight(value) {
  const text = JSON.stringify(value).replace(/var\((--[a-z0-9-]+)\)/g, (_, name) => lights.getPropertyValue(name).trim());
  return JSON.parse(text);
}

async function save(id, kind) {
  const spec = JSON.parse(document.getElementById(`${id}-spec`).textContent);
  const wide = { ...inLight(spec), width: Math.max(480, document.getElementById(id).clientWidth) };
  const options = { mode: "vega-lite", renderer: "svg", actions: false, config: { ...inLight(LOOK), background: "white" } };
  const { view, finalize } = await vegaEmbed(document.createElement("div"), wide, options);
  const link = document.createElement("a");
  link.href = await view.toImageURL(kind, 3);
  link.download = `${id}.${kind}`;
  link.click();
  finalize();
}

for (const button of all(".save button")) button.addEventListener("click", () => save(button.dataset.chart, button.dataset.as));

// --- the choice: one finalist of one task, marked in its table and in all charts of the task

let picked = null; // its row
const bar = document.getElementById("picked");

function pick(row) {
  picked = row;
  for (const each of all(".finalists tbody tr")) {
    each.classList.toggle("picked", each === row);
    each.querySelector(".pick").setAttribute("aria-pressed", each === row);
  }
  for (const card of all(".gallery .card")) card.classList.toggle("picked", card.id === row?.dataset.card);
  bar.hidden = !row;
  if (row) {
    const numbers = [...row.cells].slice(2, 5).map((cell, i) => `${headings(row)[i + 2]} ${cell.firstChild.textContent}`);
    bar.querySelector("b").textContent = row.dataset.cell;
    bar.querySelector("span").textContent = numbers.join(" · ");
    bar.querySelector("a").href = `#${row.dataset.card}`;
    bar.style.setProperty("--of", row.style.getPropertyValue("--of"));
  }
  [...views.keys()].forEach(mark);
}

function headings(row) {
  return [...row.closest("table").tHead.rows[0].cells].map((cell) => cell.textContent);
}

function mark(place) {
  const own = picked?.closest("table").dataset.task === place.dataset.task;
  const { cell, run, strategy } = own ? picked.dataset : {};
  const view = views.get(place);
  if (view.getState({ signals: (name) => name === "picked" }).signals.picked !== undefined)
    view.signal("picked", own ? { cell, run, strategy } : null).runAsync();
}

function choose(task, datum) {
  const rows = all(`.finalists[data-task="${task}"] tbody tr`);
  const row = rows.find((each) => each.dataset.cell === datum.cell);
  if (row) pick(row === picked ? null : row);
  else if (datum.candidate) ask(task, `${datum.run}/${datum.candidate}`);
}

for (const row of all(".finalists tbody tr")) row.addEventListener("click", () => pick(row === picked ? null : row));
bar.querySelector("button").addEventListener("click", () => pick(null));
addEventListener("keydown", (event) => event.key === "Escape" && !asked.open && pick(null));
bar.querySelector("a").addEventListener("click", () => reveal(document.getElementById(picked.dataset.card)));

function reveal(card) {
  for (let fold = card; fold; fold = fold.parentElement.closest("details")) fold.open = true;
}

// --- candidates: packed away until one is asked for

const asked = document.getElementById("asked");

async function unpack(task) {
  const bytes = Uint8Array.from(atob(document.getElementById(`${task}-candidates`).textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
}

async function ask(task, name) {
  const card = (await unpack(task))[name];
  if (!card) return;
  asked.querySelector("div").innerHTML = card;
  if (!asked.open) asked.showModal();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest(".ask");
  if (button) ask(button.dataset.task, button.dataset.candidate);
});
asked.querySelector(".close").addEventListener("click", () => asked.close());

// --- tables

function sortBy(heading) {
  const table = heading.closest("table");
  const column = heading.cellIndex;
  const up = heading.getAttribute("aria-sort") !== "ascending";
  const key = (row) => row.children[column].dataset.value;
  const rows = [...table.tBodies[0].rows].sort((a, b) => {
    const [left, right] = [key(a), key(b)];
    if (left === "" || right === "") return (left === "") - (right === ""); // not measured comes last
    const order = isNaN(left) || isNaN(right) ? left.localeCompare(right) : left - right;
    return up ? order : -order;
  });
  for (const other of heading.parentNode.children) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", up ? "ascending" : "descending");
  table.tBodies[0].append(...rows);
}

for (const button of all(".sortable thead button")) button.addEventListener("click", () => sortBy(button.parentNode));
for (const button of all(".unfold")) {
  const folded = button.textContent;
  button.addEventListener("click", () => {
    const isFolded = button.previousElementSibling.querySelector("table").classList.toggle("folded");
    button.setAttribute("aria-expanded", !isFolded);
    button.textContent = isFolded ? folded : "Show fewer";
  });
}

document.documentElement.classList.add("scripted");
addEventListener("beforeprint", () => all(".gallery .card").forEach((card) => (card.open = true)));
addEventListener("load", drawInTurn);
