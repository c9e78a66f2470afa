// Draws a chart as SVG from a small description, and says where it was clicked. All texts are set as text.
// Plotly does the same from 4.7 MB of code, which alone takes a browser longer than everything else on a page.
const NS = "http://www.w3.org/2000/svg";
const GRID = "rgba(128,140,160,.2)", FONT = "11.5px", LEGEND = 26, FLAT = 90;
const pen = document.createElement("canvas").getContext("2d");

// Pixels that a text of an axis takes.
function wide(text, root) {
  pen.font = `${FONT} ${getComputedStyle(root).fontFamily}`;
  return pen.measureText(text).width + 1;
}

function node(name, attributes, parent, text) {
  const made = name.startsWith("h:") ? document.createElement(name.slice(2)) : document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

function scales(spec, width, root) {
  const longest = Math.max(0, ...spec.y.ticks.map(([, label]) => wide(label, root)));
  const box = { left: longest + 10, right: width - 8, top: spec.top, bottom: spec.height - (spec.x.lines ? spec.x.lines * 14 + 6 : 6) };
  const place = (axis, from, to) => {
    const warp = axis.log ? Math.log : (value) => value;
    const low = warp(axis.min), high = warp(axis.max);
    const size = high - low || 1;
    const at = (value) => from + ((warp(value) - low) / size) * (to - from);
    at.from = from;
    at.back = (pixel) => low + ((pixel - from) / (to - from || 1)) * size;
    return at;
  };
  return { box, x: place(spec.x, box.left, box.right), y: place(spec.y, box.bottom, box.top) };
}

function axes(svg, spec, { box, x, y }) {
  for (const [value, label] of spec.y.ticks) {
    if (spec.y.grid) node("line", { x1: box.left, x2: box.right, y1: y(value), y2: y(value), stroke: GRID }, svg);
    node("text", { x: box.left - 6, y: y(value) + 4, "text-anchor": "end" }, svg, label);
  }
  let free = -Infinity;
  const written = spec.x.ticks.map(([value, label]) => {
    const at = x(value), lines = label.split("\n");
    const half = Math.max(...lines.map((line) => wide(line, svg))) / 2;
    if (spec.x.grid) node("line", { x1: at, x2: at, y1: box.top, y2: box.bottom, stroke: GRID }, svg);
    return { lines, half, centre: Math.min(Math.max(at, half), box.right + 8 - half) };
  });
  // Where all would not fit, every second or third is written: with gaps of several widths an axis can't be read.
  const room = spec.x.tight ? 2 : 8;
  const fits = (every) => written.filter((_, at) => at % every === 0)
    .every(({ half, centre }, at, kept) => !at || centre - half >= kept[at - 1].centre + kept[at - 1].half + room);
  let every = 1;
  while (spec.x.even && every < written.length && !fits(every)) every += 1;
  for (const { lines, half, centre } of written.filter((_, at) => at % every === 0)) {
    if (centre - half < free) continue;
    free = centre + half + room;
    lines.forEach((line, row) => node("text", { x: centre, y: box.bottom + 15 + row * 14, "text-anchor": "middle" }, svg, line));
  }
}

function bars(svg, series, stack, { x, y }) {
  let path = "";
  series.x.forEach((start, at) => {
    const value = series.y[at];
    if (!value) return;
    const low = stack.get(start) || 0;
    stack.set(start, low + value);
    // The first bucket may have begun before the period.
    const left = Math.max(x(start), x.from), right = Math.max(x(start + series.width), left + 1);
    path += `M${left.toFixed(1)} ${y(low).toFixed(1)}H${right.toFixed(1)}V${y(low + value).toFixed(1)}H${left.toFixed(1)}Z`;
  });
  node("path", { d: path, fill: series.color, class: "sl-bars" }, svg);
}

function line(svg, series, { x, y }) {
  let path = "", drawing = false;
  series.x.forEach((at, number) => {
    const value = series.y[number];
    if (value !== null) path += `${drawing ? "L" : "M"}${x(at + (series.shift || 0)).toFixed(1)} ${y(value).toFixed(1)}`;
    drawing = value !== null;
  });
  const style = { d: path, fill: "none", stroke: series.color, "stroke-width": 2, "stroke-linejoin": "round" };
  if (series.dash) style["stroke-dasharray"] = "5 4";
  node("path", style, svg);
  if (series.dots) points(svg, { ...series, x: series.x.map((at) => at + (series.shift || 0)), size: 2, opacity: 1 }, { x, y });
}

function points(svg, series, { x, y }) {
  series.x.forEach((at, number) => {
    if (series.y[number] === null) return;
    if (series.low && series.low[number] !== null)
      node("line", { x1: x(at), x2: x(at), y1: y(series.low[number]), y2: y(series.high[number]), stroke: series.color }, svg);
    if (series.left && series.left[number] !== null)
      node("line", { x1: x(series.left[number]), x2: x(series.right[number]), y1: y(series.y[number]), y2: y(series.y[number]),
        stroke: series.color, "stroke-width": 3, "stroke-linecap": "round", opacity: 0.45 }, svg);
    node("circle", { cx: x(at), cy: y(series.y[number]), r: series.size, fill: series.color, opacity: series.opacity }, svg);
  });
  (series.texts || []).forEach((text, number) => {
    // A text beside the edge would be cut.
    const half = wide(text, svg) / 2, edge = svg.clientWidth - half;
    const at = Math.max(half, Math.min(x(series.x[number]), edge));
    node("text", { x: at, y: y(series.y[number]) - 9, "text-anchor": "middle", class: "sl-value" }, svg, text);
  });
}

function boxes(svg, series, { x, y }) {
  const placed = [];
  series.x.forEach((at, number) => {
    const [low, high] = [y(series.from[number]), y(series.to[number])];
    const left = x(at - series.width / 2), right = x(at + series.width / 2);
    node("rect", { x: left, width: Math.max(right - left, 1), y: Math.min(low, high), height: Math.max(Math.abs(high - low), 1),
      fill: series.colors[number], rx: 2 }, svg);
    if (!series.texts) return;
    // On a narrow screen texts are wider than boxes: what would lie over its neighbour stands above it.
    const text = { at: x(at), half: wide(series.texts[number], svg) / 2, y: Math.min(low, high) - 5 };
    const covered = (other) => Math.abs(other.at - text.at) < other.half + text.half + 3 && Math.abs(other.y - text.y) < 13;
    while (placed.some(covered) && text.y > 24) text.y -= 13;
    placed.push(text);
    node("text", { x: text.at, y: text.y, "text-anchor": "middle", class: "sl-value" }, svg, series.texts[number]);
  });
}

function band(svg, series, { x, y }) {
  const edge = series.x.map((at, number) => `${x(at)},${y(series.y[number])}`);
  node("polygon", { points: edge.join(" "), fill: series.color, opacity: 0.2 }, svg);
}

// Fields of a grid, one column and one row each.
function cells(svg, series, { x, y }) {
  const wide = x(1) - x(0), high = Math.abs(y(1) - y(0));
  series.x.forEach((at, number) => node("rect", { x: x(at) - wide / 2 + 1, y: y(series.y[number]) - high / 2 + 1,
    width: wide - 2, height: high - 2, rx: 3, fill: series.colors[number] }, svg));
}

const DRAW = { line, points, boxes, band, cells };

function legend(root, spec) {
  const named = spec.series.filter((series) => series.name && !series.quiet);
  if (!named.length) return 0;
  const list = node("h:div", { class: "sl-legend" }, root);
  for (const series of named) {
    const entry = node("h:span", {}, list);
    node("h:i", { style: `background:${series.color}` }, entry);
    entry.append(series.name);
  }
  return list.offsetHeight;
}

const DAY = 86400000;
function moment(ms, step, zone) {
  const options = { weekday: "short", day: "numeric", month: "short", timeZone: zone };
  if (step < DAY) Object.assign(options, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  if (step < 60000) options.second = "2-digit";
  return new Intl.DateTimeFormat("en-GB", options).format(ms);
}

// A place across by its own name, else as a time.
function titleOf(spec, start) {
  if (spec.titles) return spec.titles[spec.stops.indexOf(start)];
  return spec.x.log ? "" : moment(start, spec.step, spec.zone);
}

// What stands under the pointer: for charts over time all series of the nearest bucket, else the nearest mark.
function found(spec, at, pixel) {
  if (spec.hover === "x") {
    const step = spec.step || 0;
    const value = at.x.back(pixel.x);
    let best = null;
    for (const start of spec.stops) {
      const far = Math.abs(start + step / 2 - value);
      if (best === null || far < best.far) best = { start, far };
    }
    if (best === null) return null;
    const rows = spec.series.map((series) => {
      const place = series.x.indexOf(best.start);
      return place < 0 || series.y[place] === null ? null : { series, value: series.y[place] };
    }).filter(Boolean);
    return { start: best.start, x: at.x(best.start + step / 2), title: titleOf(spec, best.start), rows };
  }
  let best = null;
  for (const mark of marks(spec, at)) {
    const far = spec.hover === "column" ? Math.abs(mark.x - pixel.x) : Math.hypot(mark.x - pixel.x, mark.y - pixel.y);
    if (best === null || far < best.far) best = { ...mark, far };
  }
  return best && best.far < 60 ? best : null;
}

// What has a label of its own, in order.
function marks(spec, at) {
  return spec.series.flatMap((series) => (series.labels || []).map((label, place) => {
    const middle = series.to ? (series.from[place] + series.to[place]) / 2 : series.y[place];
    return { x: at.x(series.x[place]), y: at.y(middle), title: label, rows: [], series: series.name, place };
  }));
}

function written(spec, value) {
  const digits = { maximumFractionDigits: spec.digits, minimumFractionDigits: Math.min(spec.digits, 2) };
  return spec.prefix + new Intl.NumberFormat("en-US", digits).format(value) + (spec.unit ? ` ${spec.unit}` : "");
}

function tell(tip, spec, hit, width) {
  tip.replaceChildren();
  if (!hit) { tip.hidden = true; return; }
  if (hit.title) node("h:b", {}, tip, hit.title);
  for (const { series, value } of hit.rows) {
    const row = node("h:div", {}, tip);
    node("h:i", { style: `background:${series.color}` }, row);
    row.append(`${series.name}: ${written(spec, value)}`);
  }
  tip.hidden = false;
  const left = hit.x + 14 + tip.offsetWidth > width ? hit.x - 14 - tip.offsetWidth : hit.x + 14;
  tip.style.left = `${Math.max(0, left)}px`;
}

// The series whose bar or line lies under the pointer; null beside them.
function seriesAt(spec, at, start, pixel) {
  let low = 0, near = { far: 14, name: null };
  for (const series of spec.series) {
    const value = series.y[series.x.indexOf(start)];
    if (value === undefined || value === null) continue;
    if (series.kind === "bars") {
      if (value && pixel.y <= at.y(low) && pixel.y >= at.y(low + value)) return series.name;
      low += value;
    } else if (Math.abs(at.y(value) - pixel.y) < near.far) near = { far: Math.abs(at.y(value) - pixel.y), name: series.name };
  }
  return near.name;
}

// What a click or Enter on something says: a bucket of time and perhaps a series, or a mark.
function choice(spec, at, hit, here) {
  if (hit.start === undefined) return { series: hit.series, place: hit.place };
  return { x: hit.start, series: here ? seriesAt(spec, at, hit.start, here) : null };
}

function listen(frame, svg, tip, spec, at, pick) {
  const mark = node("rect", { y: at.box.top, height: at.box.bottom - at.box.top, width: 0, class: "sl-mark" }, svg);
  let hit = null, began = null;
  const pixel = (event) => {
    const edge = svg.getBoundingClientRect();
    return { x: event.clientX - edge.left, y: event.clientY - edge.top };
  };
  const show = (next) => {
    hit = next;
    tell(tip, spec, hit, svg.clientWidth);
    if (began !== null || spec.hover !== "x") return;
    const wide = hit && spec.step ? Math.max(at.x(hit.start + spec.step) - at.x(hit.start), 2) : 1;
    mark.setAttribute("x", hit ? hit.x - wide / 2 : 0);
    mark.setAttribute("width", hit ? wide : 0);
  };
  svg.onpointermove = (event) => {
    const here = pixel(event);
    if (began !== null) {
      mark.setAttribute("x", Math.min(began, here.x));
      mark.setAttribute("width", Math.abs(here.x - began));
    }
    show(found(spec, at, here));
  };
  svg.onpointerleave = () => { if (began === null) show(null); };
  if (spec.pick === "box") svg.onpointerdown = (event) => { began = pixel(event).x; svg.setPointerCapture(event.pointerId); };
  svg.onpointerup = (event) => {
    const here = pixel(event), from = began;
    began = null;
    if (from !== null && Math.abs(here.x - from) > 6) pick({ box: [at.x.back(Math.min(from, here.x)), at.x.back(Math.max(from, here.x))] });
    else if (spec.pick && (hit = found(spec, at, here))) pick(choice(spec, at, hit, here));
  };
  // Left and right step through the buckets, Enter does what a click does.
  frame.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) {
      const stops = spec.hover === "x" ? spec.stops : marks(spec, at);
      const here = hit ? stops.findIndex((stop) => stop === hit.start || (stop.series === hit.series && stop.place === hit.place)) : step > 0 ? -1 : stops.length;
      const next = stops[Math.min(Math.max(here + step, 0), stops.length - 1)];
      if (next !== undefined) show(spec.hover === "x" ? found(spec, at, { x: at.x(next + (spec.step || 0) / 2), y: 0 }) : next);
      event.preventDefault();
    } else if (event.key === "Enter" && spec.pick && hit) pick(choice(spec, at, hit, null));
    else if (event.key === "Escape") show(null);
  };
}

function draw(root, spec, pick) {
  const width = root.clientWidth;
  if (!width) return;
  root.replaceChildren();
  const head = legend(root, spec);
  // Charts of one height stand side by side: a legend of two lines takes its room from the drawing, not from the page.
  spec = { ...spec, height: Math.max(spec.height + LEGEND - head, Math.min(spec.height, FLAT)) };
  const frame = node("h:div", { class: "sl-frame", role: "img", "aria-label": spec.alt, tabindex: 0 }, root);
  const svg = node("svg", { width, height: spec.height, viewBox: `0 0 ${width} ${spec.height}`, "aria-hidden": "true" }, frame);
  if (spec.pick) svg.classList.add("sl-pick");
  const at = scales(spec, width, root), stack = new Map();
  axes(svg, spec, at);
  for (const series of spec.series) {
    if (series.kind === "bars") bars(svg, series, stack, at);
    else DRAW[series.kind](svg, series, at);
  }
  const tip = node("h:div", { class: "sl-tip", hidden: "" }, frame);
  listen(frame, svg, tip, spec, at, pick);
}

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".sl-chart");
  const again = () => draw(root, data, (value) => setTriggerValue("pick", value));
  again();
  return atEveryWidth(root, again);
}
