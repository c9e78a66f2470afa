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
    values.forEach((value, at) => cell(row, data.columns[at], value, texts[at]));
  }
  table.append(made);
}

function draw(root, data, open) {
  root.replaceChildren();
  const frame = node("div", "sl-scroll", root);
  frame.style.maxHeight = `${data.height}px`;
  frame.tabIndex = 0;
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", data.name);
  const table = node("table", data.click ? "sl-table click" : "sl-table", frame);
  table.style.minWidth = `${data.columns.reduce((sum, column) => sum + column.width, 0)}px`;
  const head = node("tr", "", node("thead", "", table));
  const state = { column: null, down: true };
  data.columns.forEach((column, at) => {
    const title = node("th", column.right ? "right" : "", head);
    title.style.width = `${column.width}px`;
    const button = node("button", "", title, column.label);
    if (column.help) button.title = column.help;
    button.onclick = () => {
      state.down = state.column === at ? !state.down : Boolean(column.right);
      state.column = at;
      for (const other of head.children) other.removeAttribute("aria-sort");
      title.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      body(table, data, state, open);
    };
  });
  body(table, data, state, open);
  const csv = node("button", "sl-csv", root, "CSV");
  csv.title = "Save these rows as CSV";
  csv.onclick = () => save(data);
}

export default function ({ parentElement, data, setTriggerValue }) {
  draw(parentElement.querySelector(".sl-list"), data, (row) => setTriggerValue("row", row));
}
