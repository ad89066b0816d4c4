// Draws the charts in the reader's colours, sorts tables, opens the cells before printing.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const specs = JSON.parse(document.getElementById("specs").textContent);

function look() {
  const style = getComputedStyle(document.documentElement);
  const [ink, faint, line] = ["--ink", "--faint", "--line"].map((name) => style.getPropertyValue(name).trim());
  return {
    background: "transparent",
    font: "ui-sans-serif, system-ui, sans-serif",
    axis: { labelColor: faint, titleColor: faint, titleFontWeight: 400, titleFontSize: 11.5, labelFontSize: 11.5,
      gridColor: line, domainColor: line, tickColor: line, labelLimit: 150, titlePadding: 8 },
    legend: { labelColor: ink, labelFontSize: 12, symbolType: "circle", symbolBaseFillColor: faint, symbolBaseStrokeColor: faint, offset: 6 },
    view: { stroke: null },
    text: { color: faint },
    rule: { color: faint },
    circle: { color: faint },
    tick: { color: ink },
    style: { "guide-label": { font: "ui-sans-serif, system-ui, sans-serif" } },
  };
}

async function drawAll() {
  const options = { mode: "vega-lite", renderer: "svg", actions: false, config: look(), tooltip: { theme: dark.matches ? "dark" : "light" } };
  for (const place of document.querySelectorAll(".chart")) {
    try {
      await vegaEmbed(place, specs[place.id], options);
    } catch (error) {
      place.textContent = `This chart could not be drawn: ${error.message}`;
      place.classList.add("broken");
    }
  }
  document.body.dataset.drawn = "yes";
}

function sortBy(heading) {
  const table = heading.closest("table");
  const column = [...heading.parentNode.children].indexOf(heading);
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

for (const button of document.querySelectorAll(".sortable thead button")) {
  button.addEventListener("click", () => sortBy(button.parentNode));
}
addEventListener("beforeprint", () => document.querySelectorAll(".gallery details").forEach((fold) => (fold.open = true)));
dark.addEventListener("change", drawAll);
drawAll();
