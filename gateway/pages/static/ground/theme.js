/**
 * Light or dark, before anything is painted: a plain script in the head of every page.
 * Without a choice of the reader's the system decides (`prefers-color-scheme`).
 */
(() => {
  try {
    const chosen = localStorage.getItem("headrace.theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // A browser that keeps nothing follows the system.
  }
})();
