/** The list at the side: always there on a wide screen, pulled over the page on a narrow one. */

import { icon, make } from "../ground/dom.js";

/**
 * @param {HTMLElement} side
 * @param {HTMLElement} veil what lies over the rest of the page meanwhile
 * @returns {{button: HTMLElement, close: () => void}}
 */
export function drawer(side, veil) {
  const button = make("button.quiet.menu", {
    type: "button", "aria-label": "Conversations", "aria-controls": side.id, "aria-expanded": "false",
  }, icon("menu"));
  const set = (open) => {
    document.body.classList.toggle("drawn", open);
    button.setAttribute("aria-expanded", String(open));
  };
  button.addEventListener("click", () => {
    const open = !document.body.classList.contains("drawn");
    set(open);
    if (open) side.querySelector("button")?.focus();
  });
  veil.addEventListener("click", () => set(false));
  side.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    set(false);
    button.focus();
  });
  return { button, close: () => set(false) };
}
