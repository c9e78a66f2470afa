// Stands before each of the other scripts: draw again when there is more or less room; returns what ends the watch.
function atEveryWidth(root, again) {
  let width = root.clientWidth;
  const watch = new ResizeObserver(() => {
    if (root.clientWidth === width) return;
    width = root.clientWidth;
    again();
  });
  watch.observe(root);
  return () => watch.disconnect();
}

