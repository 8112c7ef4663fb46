/** What stands at the top of every page: where one is, where one can go, light or dark, out. */

import { icon, make } from "./dom.js";
import { key, onChange, signOut } from "./session.js";

const PAGES = [
  ["Chat", "/"],
  ["Dashboard", "/dashboard"],
  ["API", "/docs"],
];
/** What stands beside them on the pages of operators. */
const DEAD_LETTERS = ["Letters", "/dead"];

/**
 * Fill the header of a page.
 * @param {HTMLElement} header
 * @param {string} here the path of this page
 * @param {...Node} more what this page has beside, left of the buttons
 */
export function fillHeader(header, here, ...more) {
  const pages = here === "/dashboard" || here === "/dead" ? [...PAGES.slice(0, 2), DEAD_LETTERS, ...PAGES.slice(2)] : PAGES;
  const links = pages.map(([name, path]) => make("a", { href: path, "aria-current": path === here ? "page" : null }, name));
  const out = make("button.quiet", { type: "button", "aria-label": "Sign out", title: "Sign out", onclick: () => signOut() });
  out.append(icon("leave"));
  const show = () => { out.hidden = key() === null; };
  onChange(show);
  show();
  header.append(
    make("a.brand", { href: "/", "aria-label": "Headrace" }, brand(), make("span", {}, "Headrace")),
    make("nav", { "aria-label": "Pages" }, links),
    make("div.grow"),
    ...more,
    themeButton(),
    out,
  );
}

function themeButton() {
  const root = document.documentElement;
  const isDark = () => root.dataset.theme === "dark";
  const button = make("button.quiet", { type: "button" });
  const show = () => {
    const words = isDark() ? "Light colours" : "Dark colours";
    button.replaceChildren(icon(isDark() ? "sun" : "moon"));
    button.setAttribute("aria-label", words);
    button.title = words;
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    localStorage.setItem("headrace.theme", root.dataset.theme);
    dispatchEvent(new CustomEvent("theme"));
  });
  addEventListener("theme", show);
  show();
  return button;
}

function brand() {
  const image = make("img", { src: "/static/ground/mark.svg", alt: "", width: 24, height: 24 });
  return image;
}
