/**
 * Light or dark, before anything is painted: a plain script in the head of every page. It is always said in `data-theme`;
 * without a choice of the reader's it is the system's (`prefers-color-scheme`), and changes with that. A page without
 * scripts is light.
 */
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    let chosen = null;
    try {
      chosen = localStorage.getItem("headrace.theme");
    } catch {
      // A browser that keeps nothing follows the system.
    }
    document.documentElement.dataset.theme = chosen === "light" || chosen === "dark" ? chosen : dark.matches ? "dark" : "light";
    dispatchEvent(new CustomEvent("theme"));
  };
  show();
  dark.addEventListener("change", show);
  addEventListener("storage", (event) => { if (event.key === "headrace.theme") show(); }); // chosen in another tab
})();
