// What a link or a button in our HTML wants goes to the server through components that draw nothing: one takes where
// to go, the other which queries to show.
const told = {};

document.addEventListener("click", (event) => {
  const wish = event.target.closest("[data-go], [data-sql]");
  // With a key or another button the browser opens the link in its own way.
  if (!wish || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const kind = wish.dataset.go === undefined ? "sql" : "go";
  if (!told[kind]) return;
  event.preventDefault();
  told[kind](kind === "go" ? { page: wish.dataset.go, query: new URL(wish.href).search.slice(1) } : wish.dataset.sql);
  // On a phone the sidebar lies over the page.
  if (wish.closest(".sl-nav") && innerWidth <= 768) document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
});

export default function ({ data, setTriggerValue }) {
  told[data] = (value) => setTriggerValue("wish", value);
}
