// The waterfall of a trace: one row a span. All texts are set as text; a click, or Enter, says which span was chosen.
function node(name, className, parent, text) {
  const made = document.createElement(name);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

const GAP = 8, STEP = 13, DEEPEST = 8;
const pen = document.createElement("canvas").getContext("2d");

// Where a bar's figures stand: inside it where they fit, else right of it, else left of it.
function place(figures, bar, room, wide) {
  const right = bar.left + bar.width;
  if (wide + GAP < bar.width) return { left: bar.left + 6, inside: true };
  if (right + GAP + wide < room) return { left: right + 5, inside: false };
  if (bar.left - GAP - wide > 0) return { left: bar.left - wide - 5, inside: false };
  return { left: Math.max(0, room - wide - 2), inside: bar.left <= room - wide - 2 };
}

function row(list, span, data, room, font) {
  const made = node("div", "sl-span", list);
  const chosen = span.id === data.selected;
  made.setAttribute("role", "option");
  made.setAttribute("aria-selected", String(chosen));
  made.setAttribute("aria-label", span.hover.join(", "));
  made.title = span.hover.join("\n");
  made.tabIndex = chosen ? 0 : -1;
  const label = node("div", "sl-span-name", made);
  label.style.paddingLeft = `${Math.min(span.depth, DEEPEST) * STEP}px`;
  node("i", "", label, span.mark);
  node("span", "", label, span.name);
  if (span.folded) node("b", "", label, span.folded);
  const lane = node("div", "sl-span-lane", made);
  const scale = room / data.length;
  const bar = { left: span.begin * scale, width: Math.max(span.length * scale, 3) };
  bar.left = Math.min(bar.left, room - bar.width);
  const drawn = node("div", "sl-span-bar", lane);
  Object.assign(drawn.style, { left: `${bar.left}px`, width: `${bar.width}px`, background: span.color });
  for (const [from, to] of span.path) {
    const line = node("div", "sl-span-path", lane);
    Object.assign(line.style, { left: `${from * scale}px`, width: `${Math.max((to - from) * scale, 1)}px`, background: data.critical });
  }
  pen.font = font;
  const at = place(span.figures, bar, room, pen.measureText(span.figures).width);
  const figures = node("div", "sl-span-figures", lane, span.figures);
  figures.style.left = `${at.left}px`;
  if (at.inside) figures.style.color = span.ink;
  return made;
}

function axis(frame, data, left, room) {
  const head = node("div", "sl-span-axis", frame);
  let free = 0;
  for (const [value, label] of data.ticks) {
    const tick = node("span", "", head, label);
    const x = Math.min(left + (value / data.length) * room, left + room + 4 - tick.offsetWidth);
    if (x < free) tick.remove();
    else free = x + tick.offsetWidth + 6;
    tick.style.left = `${x}px`;
  }
}

function draw(root, data, pick, state) {
  root.replaceChildren();
  const frame = node("div", "sl-span-frame", root);
  frame.style.maxHeight = `${data.height}px`;
  const width = frame.clientWidth;
  if (!width) return;
  const left = Math.round(Math.min(width * 0.36, 250)), room = width - left - 10;
  frame.style.setProperty("--sl-names", `${left}px`);
  axis(frame, data, left, room);
  const list = node("div", "sl-spans", frame);
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Spans of the trace");
  const font = `11px ${getComputedStyle(root).fontFamily}`;
  for (const [value] of data.ticks) node("div", "sl-span-line", list).style.left = `${left + (value / data.length) * room}px`;
  const rows = data.spans.map((span) => row(list, span, data, room, font));
  rows.forEach((made, at) => {
    made.onclick = () => pick(data.spans[at].id);
    made.onkeydown = (event) => {
      if (event.key === "Enter" || event.key === " ") pick(data.spans[at].id);
      const next = rows[at + ({ ArrowDown: 1, ArrowUp: -1 }[event.key] || 0)];
      if (next && next !== made) next.focus();
      if (["Enter", " ", "ArrowDown", "ArrowUp"].includes(event.key)) event.preventDefault();
    };
  });
  const legend = node("div", "sl-legend", root);
  for (const [name, color, kind] of data.legend) {
    const entry = node("span", "", legend);
    const sign = node("i", kind, entry);
    sign.style.background = color;
    entry.append(name);
  }
  // A click must not move the rows; a span that a link or a key chose must be in sight.
  frame.scrollTop = state.top;
  frame.onscroll = () => { state.top = frame.scrollTop; };
  const chosen = rows[data.spans.findIndex((span) => span.id === data.selected)];
  if (!chosen) return;
  const top = chosen.offsetTop, bottom = top + chosen.offsetHeight;
  if (top < frame.scrollTop + 26 || bottom > frame.scrollTop + frame.clientHeight) frame.scrollTop = top - frame.clientHeight / 2;
}

const STATES = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".sl-waterfall");
  const state = STATES.get(root) || { top: 0 };
  STATES.set(root, state);
  const again = () => draw(root, data, (id) => setTriggerValue("span", id), state);
  const focused = root.contains(document.activeElement);
  again();
  if (focused) root.querySelector("[aria-selected=true]")?.focus({ preventScroll: true });
  return atEveryWidth(root, again);
}
