// A list: rows that open on a click or Enter, columns that sort, CSV. All texts are set as text.
// Streamlit's own table draws on a canvas, which costs a browser a third of a second each and which no screen reader reads.
function node(name, className, parent, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

function cell(row, column, value, shown) {
  const made = node("td", column.right ? "right" : column.wrap ? "wrap" : "", row);
  if (column.bar && value !== null) {
    const bar = node("span", "sl-bar", made);
    node("i", "", bar).style.width = `${Math.min(Math.max(value, 0), 1) * 100}%`;
    node("span", "", made, shown);
  } else made.textContent = shown;
  if (value === null) made.classList.add("none");
  if (column.name === "status" && value !== null && !/^(ok|no drift|not enough data)/.test(value)) made.classList.add("failed");
  if (!column.right && !column.bar) made.title = shown;
}

const PAD = 26, SHARE = 130, TIGHT = 76, LEAST = 64, LONG = 200;
const pen = document.createElement("canvas").getContext("2d");

// Pixels that the widest of some texts takes; of thousands the longest few are measured.
function widest(texts, font) {
  pen.font = font;
  const longest = [...texts].sort((one, other) => other.length - one.length).slice(0, 12);
  return Math.max(0, ...longest.map((text) => pen.measureText(text).width));
}

// Numbers and times are never cut; texts share what is left by the widths that were asked for. Columns that can be
// spared go where a text would have too little room.
function layout(table, data, room) {
  const family = getComputedStyle(table).fontFamily;
  const needs = data.columns.map((column, at) => {
    const head = widest([column.label], `550 12px ${family}`) + PAD + 12;
    const body = widest(data.rows.map((row) => row.texts[at].slice(0, LONG)), `13px ${family}`) + PAD;
    const fixed = column.right || column.fixed || column.bar;
    const wanted = column.bar ? SHARE : Math.max(head, body);
    return { fixed, wanted, head, least: fixed ? wanted : Math.min(wanted, Math.max(LEAST, head, column.width * 0.6)) };
  });
  const shown = data.columns.map((_, at) => at);
  const total = (name) => shown.reduce((sum, at) => sum + needs[at][name], 0);
  for (let at = data.columns.length - 1; at >= 0 && total("least") > room; at--)
    if (data.columns[at].spare) shown.splice(shown.indexOf(at), 1);
  if (total("least") > room) {
    // The number of a share says all: where columns would stand outside of the frame, its bar goes first.
    table.classList.add("tight");
    needs.forEach((need, at) => { if (data.columns[at].bar) need.wanted = need.least = Math.max(need.head, TIGHT); });
  }
  const widths = new Map(shown.map((at) => [at, needs[at].least]));
  let open = shown.filter((at) => needs[at].wanted > needs[at].least), left = room - total("least");
  // What a short column does not need goes to the others.
  while (left > 1 && open.length) {
    const weight = open.reduce((sum, at) => sum + data.columns[at].width, 0), part = left;
    for (const at of open) {
      const more = Math.min((part * data.columns[at].width) / weight, needs[at].wanted - widths.get(at));
      widths.set(at, widths.get(at) + more);
      left -= more;
    }
    open = open.filter((at) => needs[at].wanted - widths.get(at) > 1);
  }
  return widths;
}

function quoted(value) {
  if (value === null) return "";
  const text = String(value);
  // A text that a spreadsheet would run as a formula gets a mark that makes it a text again.
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function save(data) {
  const lines = [data.columns.map((column) => quoted(column.label)), ...data.rows.map((row) => row.values.map(quoted))];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([lines.map((line) => line.join(",")).join("\r\n")], { type: "text/csv" }));
  link.download = `${data.name}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

function compare(one, other, down) {
  if (one === null || other === null) return (one === null) - (other === null);
  const order = typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other));
  return down ? -order : order;
}

function body(table, data, state, open) {
  table.tBodies[0]?.remove();
  const rows = data.rows.map((row, number) => ({ ...row, number }));
  if (state.column !== null) rows.sort((a, b) => compare(a.values[state.column], b.values[state.column], state.down));
  const made = document.createElement("tbody");
  for (const { values, texts, number } of rows) {
    const row = node("tr", "", made);
    if (data.click) {
      row.tabIndex = 0;
      row.onclick = () => { if (!String(getSelection())) open(number); };
      row.onkeydown = (event) => {
        if (event.key === "Enter") open(number);
        const next = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling, j: row.nextElementSibling, k: row.previousElementSibling }[event.key];
        if (next) { next.focus(); event.preventDefault(); }
      };
    }
    for (const at of state.shown) cell(row, data.columns[at], values[at], texts[at]);
  }
  table.append(made);
}

function draw(root, data, state, open) {
  root.replaceChildren();
  const frame = node("div", "sl-scroll", root);
  if (data.height) frame.style.maxHeight = `${data.height}px`;
  frame.tabIndex = 0;
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", data.name);
  const table = node("table", data.click ? "sl-table click" : "sl-table", frame);
  const widths = layout(table, data, frame.clientWidth || root.clientWidth);
  state.shown = [...widths.keys()];
  const least = state.shown.reduce((sum, at) => sum + widths.get(at), 0);
  table.style.minWidth = `${Math.floor(least)}px`;
  const head = node("tr", "", node("thead", "", table));
  const heads = new Map();
  const mark = () => heads.forEach((title, at) => {
    if (at === state.column) title.setAttribute("aria-sort", state.down ? "descending" : "ascending");
    else title.removeAttribute("aria-sort");
  });
  for (const at of state.shown) {
    const column = data.columns[at];
    const title = node("th", column.right ? "right" : "", head);
    heads.set(at, title);
    title.style.width = `${widths.get(at)}px`;
    const button = node("button", "", title, column.label);
    if (column.help) button.title = column.help;
    button.onclick = () => {
      state.down = state.column === at ? !state.down : Boolean(column.right);
      state.column = at;
      mark();
      body(table, data, state, open);
    };
  }
  mark();
  body(table, data, state, open);
  const csv = node("button", "sl-csv", root, "CSV");
  csv.title = "Save these rows as CSV";
  csv.onclick = () => save(data);
}

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".sl-list");
  const state = { column: null, down: true, shown: [] };
  const again = () => draw(root, data, state, (row) => setTriggerValue("row", row));
  again();
  return atEveryWidth(root, again);
}
