// Airflow keeps its reader's choice of light or dark; without it the page follows the browser.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch { /* no storage: the browser's own scheme counts */ }
