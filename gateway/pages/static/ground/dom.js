/** Elements made from plain data: text is always text, never markup. */

/**
 * @typedef {string | number | Node | null | undefined | false} Child
 */

/**
 * Make an element.
 * @param {string} name its tag, with classes after dots: `"button.quiet.small"`
 * @param {Record<string, any>} [given] attributes; `on…` are listeners, `null` and `false` are left out, `true` is empty
 * @param {...(Child | Child[])} children texts and nodes; `null` and `false` are left out
 * @returns {HTMLElement}
 */
export function make(name, given = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/**
 * The element with that id.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`this page has no #${id}`);
  return found;
}

/** Drawn on a square of 24: each is the `d` of its paths. */
const ICONS = {
  plus: "M12 5v14M5 12h14",
  menu: "M4 6h16M4 12h16M4 18h16",
  close: "M6 6l12 12M18 6L6 18",
  pen: "M4 20h4L19 9l-4-4L4 16zM13.5 6.5l4 4",
  bin: "M4 7h16M9 7V4h6v3M6.5 7l1 13h9l1-13M10 11v5M14 11v5",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  check: "M5 13l4.5 4.5L19 7",
  again: "M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6",
  up: "M7 21V10l4-7c1.7 0 2.5 1.2 2.2 2.8L12.5 9H19a2 2 0 0 1 2 2.4l-1.5 8A2 2 0 0 1 17.5 21zM7 10H3v11h4",
  down: "M17 3v11l-4 7c-1.7 0-2.5-1.2-2.2-2.8L11.5 15H5a2 2 0 0 1-2-2.4l1.5-8A2 2 0 0 1 6.5 3zM17 14h4V3h-4",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M4.9 4.9l1.4 1.4M17.7 17.7l1.4 1.4M2 12h2M20 12h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  leave: "M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9",
  save: "M12 4v11M7 10l5 5 5-5M5 20h14",
  below: "M12 5v14M6 13l6 6 6-6",
  warn: "M12 4l9 16H3zM12 10v4M12 17v.5",
  bolt: "M13 3L5 14h6l-1 7 8-11h-6z",
};

/**
 * A small picture that says nothing to those who do not see it: name its button.
 * @param {keyof typeof ICONS} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}
