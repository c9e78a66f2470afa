// Keys that Streamlit's own shortcuts, which know letters only, don't reach. Elements are asked for at the time of the
// key, since Streamlit replaces them.
document.addEventListener("keydown", (event) => {
  const list = document.querySelector(".sl-keys:not([hidden])");
  if (event.key === "Escape" && list) list.hidden = true;
  const writing = event.target.closest("input, textarea, [contenteditable=true]");
  if (writing || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = document.querySelector(".st-key-_q input");
  const help = document.querySelector(".sl-help-keys");
  if (event.key === "/" && search) { event.preventDefault(); search.focus(); search.select(); }
  if (event.key === "?" && help) { event.preventDefault(); help.click(); }
});
document.addEventListener("click", (event) => {
  const list = document.querySelector(".sl-keys");
  if (!list) return;
  list.hidden = event.target.closest(".sl-help-keys") ? !list.hidden : !event.target.closest(".sl-keys") || list.hidden;
});
