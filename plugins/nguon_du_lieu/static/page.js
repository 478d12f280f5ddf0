// Airflow keeps its reader's choice of light or dark; without it the page follows the browser.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch { /* no storage: the browser's own scheme counts */ }

// In Airflow's frame a link to one of Airflow's own pages turns the whole window, as Airflow's links do: its router
// follows the history of its window. Elsewhere, and without scripts, it is a link like any other.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a.airflow");
  const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!link || !isPlain || window.parent === window) return;
  event.preventDefault();
  window.parent.history.pushState(null, "", link.href);
  window.parent.dispatchEvent(new PopStateEvent("popstate"));
});
