/** Buttons that copy a text. */

import { icon, make } from "../ground/dom.js";

const SHOWN_MS = 1500;

/**
 * A button that copies what `text` says when it is pressed, and shows for a moment that it did.
 * @param {string} name
 * @param {() => string} text
 * @returns {HTMLElement}
 */
export function copyButton(name, text) {
  const button = make("button.quiet", { type: "button", "aria-label": name, title: name }, icon("copy"));
  button.addEventListener("click", async () => {
    const copied = await copy(text());
    button.replaceChildren(icon(copied ? "check" : "warn"));
    button.title = copied ? "Copied" : "This browser does not allow to copy";
    setTimeout(() => { button.replaceChildren(icon("copy")); button.title = name; }, SHOWN_MS);
  });
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // not allowed, or a page over plain HTTP that is not on this machine
  }
}
