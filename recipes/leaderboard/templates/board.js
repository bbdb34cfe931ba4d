// Sorts and filters the tables of the leaderboard and draws its plot. The state is in the address, after the #.
"use strict";
const $ = (id) => document.getElementById(id);
const sections = [...document.querySelectorAll("section.board")];
const defaults = { board: sections[0]?.dataset.key ?? "", size: "all", kind: "", q: "", sort: "ynat", dir: "desc", score: "ynat", axis: "parameters" };
let state = { ...defaults };

// The state from the address; what is not known there is ignored.
function read() {
  const given = new URLSearchParams(location.hash.slice(1));
  state = { ...defaults };
  for (const key of Object.keys(defaults)) if (given.has(key)) state[key] = given.get(key);
  const known = {
    board: sections.map((section) => section.dataset.key),
    size: [...document.querySelectorAll("[data-size]")].map((button) => button.dataset.size),
    kind: [...$("kind").options].map((option) => option.value),
    sort: [...document.querySelectorAll("[data-sort]")].map((button) => button.dataset.sort),
    dir: ["asc", "desc"],
    score: [...$("score").options].map((option) => option.value),
    axis: [...$("axis").options].map((option) => option.value),
  };
  for (const [key, values] of Object.entries(known)) if (!values.includes(state[key])) state[key] = defaults[key];
}

function change(changes) {
  Object.assign(state, changes);
  const changed = Object.entries(state).filter(([key, value]) => value !== defaults[key]);
  history.replaceState(null, "", changed.length ? "#" + new URLSearchParams(changed) : location.pathname + location.search);
  show();
}

function value(row, name, columns) {
  if (name === "model") return row.dataset.model.toLowerCase();
  if (name === "parameters") return row.dataset.parameters ? Number(row.dataset.parameters) : null;
  const text = row.cells[columns.indexOf(name)].textContent;
  return text ? Number(text) : null;
}

function show() {
  $("board").value = state.board;
  $("kind").value = state.kind;
  $("score").value = state.score;
  $("axis").value = state.axis;
  if ($("filter").value !== state.q) $("filter").value = state.q;
  for (const button of document.querySelectorAll("button[data-size]")) button.setAttribute("aria-pressed", String(button.dataset.size === state.size));
  for (const section of sections) section.hidden = section.dataset.key !== state.board;
  const section = sections.find((one) => one.dataset.key === state.board);
  if (!section) return;
  const headings = [...section.querySelectorAll("thead th")];
  const columns = headings.map((heading) => heading.querySelector("button")?.dataset.sort ?? "");
  headings.forEach((heading, index) => {
    if (columns[index] === state.sort) heading.setAttribute("aria-sort", state.dir === "asc" ? "ascending" : "descending");
    else heading.removeAttribute("aria-sort");
  });
  const body = section.querySelector("tbody");
  const sign = state.dir === "asc" ? 1 : -1;
  const rows = [...body.rows].map((row) => ({ row, key: value(row, state.sort, columns) }));
  rows.sort((one, two) => {
    if (one.key === null || two.key === null) return (one.key === null) - (two.key === null); // nothing goes last
    return sign * (one.key < two.key ? -1 : one.key > two.key ? 1 : 0);
  });
  let number = 0;
  const place = columns.indexOf(state.sort);
  for (const { row, key } of rows) {
    const fits = (state.size === "all" || row.dataset.size === state.size) && (!state.kind || row.dataset.kind === state.kind) && row.dataset.model.toLowerCase().includes(state.q.toLowerCase());
    row.hidden = !fits;
    number += fits;
    [...row.cells].forEach((cell, index) => cell.classList.toggle("sorted", index === place));
    row.cells[0].textContent = key === null ? "" : row.cells[place].dataset.r ?? "";
    body.append(row);
  }
  $("count").textContent = `${number} of ${rows.length} models`;
  const scroll = section.querySelector(".scroll"), heading = headings[place], name = headings[1];
  if (place > 3 && heading.offsetLeft + heading.offsetWidth > scroll.scrollLeft + scroll.clientWidth) scroll.scrollLeft = heading.offsetLeft - name.offsetWidth;
  draw(rows.map(({ row }) => row).filter((row) => !row.hidden), columns);
}

const SVG = "http://www.w3.org/2000/svg";
function add(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, val] of Object.entries(attributes)) element.setAttribute(key, val);
  if (text !== undefined) element.textContent = text;
  $("plot").append(element);
  return element;
}

// Models by score and cost, the cost on a logarithmic axis; a line joins those that no other beats in both.
function draw(rows, columns) {
  const width = 800, height = 360, left = 50, bottom = 40;
  const plot = $("plot");
  [...plot.children].slice(1).forEach((child) => child.remove());
  const points = rows.map((row) => ({ name: row.dataset.model, x: Number(row.dataset[state.axis]), y: value(row, state.score, columns) })).filter(({ x, y }) => x > 0 && y !== null);
  $("plot-title").textContent = `${$("score").selectedOptions[0].textContent} against ${$("axis").selectedOptions[0].textContent}`;
  const missing = rows.length - points.length;
  $("plot-note").textContent = (points.length ? "" : "There is nothing to draw. ") + (missing ? `${missing} of ${rows.length} models are omitted, since their score or ${$("axis").selectedOptions[0].textContent} is unknown.` : "");
  plot.setAttribute("viewBox", `0 0 ${width} ${points.length ? height : 1}`);
  if (!points.length) return;
  const xs = points.map(({ x }) => Math.log10(x)), ys = points.map(({ y }) => y);
  const [x0, x1] = [Math.min(...xs) - 0.1, Math.max(...xs) + 0.1];
  const margin = Math.max((Math.max(...ys) - Math.min(...ys)) * 0.1, 0.5);
  const [y0, y1] = [Math.min(...ys) - margin, Math.max(...ys) + margin];
  const toX = (x) => left + ((Math.log10(x) - x0) / (x1 - x0)) * (width - left - 20);
  const toY = (y) => height - bottom - ((y - y0) / (y1 - y0)) * (height - bottom - 15);
  for (let step = 0; step <= 4; step++) {
    const y = y0 + ((y1 - y0) * step) / 4, x = 10 ** (x0 + ((x1 - x0) * step) / 4);
    add("line", { x1: left, x2: width - 20, y1: toY(y), y2: toY(y) });
    add("text", { x: left - 8, y: toY(y) + 4, "text-anchor": "end" }, y.toFixed(1));
    add("text", { x: toX(x), y: height - bottom + 18, "text-anchor": "middle" }, x >= 1e6 ? `${(x / 1e6).toPrecision(3)} M` : x.toPrecision(3));
  }
  const best = points.filter((one) => !points.some((two) => two.x <= one.x && two.y >= one.y && (two.x < one.x || two.y > one.y))).sort((one, two) => one.x - two.x);
  add("path", { d: best.map(({ x, y }, index) => `${index ? "L" : "M"}${toX(x)} ${toY(y)}`).join("") });
  for (const point of points) {
    const circle = add("circle", { cx: toX(point.x), cy: toY(point.y), r: 5, class: best.includes(point) ? "best" : "" });
    const title = document.createElementNS(SVG, "title");
    title.textContent = `${point.name}: ${point.y.toFixed(2)}`;
    circle.append(title);
  }
  const boxes = [];
  for (const point of best) {
    const near = toX(point.x) > width * 0.8;
    const label = add("text", { x: toX(point.x) + (near ? -8 : 8), y: toY(point.y) - 6, "text-anchor": near ? "end" : "start" }, point.name.length > 28 ? point.name.slice(0, 27) + "…" : point.name);
    const box = label.getBBox();
    const hits = boxes.some((other) => box.x < other.x + other.width && other.x < box.x + box.width && box.y < other.y + other.height && other.y < box.y + box.height);
    if (hits) label.remove();
    else boxes.push(box);
  }
}

$("board").addEventListener("change", (event) => change({ board: event.target.value }));
$("kind").addEventListener("change", (event) => change({ kind: event.target.value }));
$("score").addEventListener("change", (event) => change({ score: event.target.value }));
$("axis").addEventListener("change", (event) => change({ axis: event.target.value }));
$("filter").addEventListener("input", (event) => change({ q: event.target.value }));
for (const button of document.querySelectorAll("button[data-size]")) button.addEventListener("click", () => change({ size: button.dataset.size }));
for (const button of document.querySelectorAll("[data-sort]")) {
  const first = button.dataset.sort === "model" || button.dataset.sort === "parameters" ? "asc" : "desc";
  button.addEventListener("click", () => {
    const dir = state.sort === button.dataset.sort ? (state.dir === "asc" ? "desc" : "asc") : first;
    const scores = [...$("score").options].map((option) => option.value);
    change({ sort: button.dataset.sort, dir, score: scores.includes(button.dataset.sort) ? button.dataset.sort : state.score });
  });
}
window.addEventListener("hashchange", () => { read(); show(); });
read();
show();
