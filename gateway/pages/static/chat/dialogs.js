/** Questions that must be answered first. */

import { make } from "../ground/dom.js";

/**
 * Ask for a text.
 * @param {string} question
 * @param {string} value what it is now
 * @param {number} longest
 * @param {string} [yes] what is said to hand it in
 * @returns {Promise<string | null>} null where the reader thought better of it
 */
export function askText(question, value, longest, yes = "Save") {
  const field = make("input", { id: "asked", value, maxlength: longest, required: true, autocomplete: "off" });
  return open(question, [make("label.unseen", { for: "asked" }, question), field], yes, "strong", () => field.value.trim(), field);
}

/**
 * Ask whether something that cannot be undone is meant.
 * @param {string} question
 * @param {string} words what will happen
 * @param {string} yes
 * @returns {Promise<boolean>}
 */
export async function confirm(question, words, yes) {
  return (await open(question, [make("p", {}, words)], yes, "danger", () => "yes", null)) !== null;
}

function open(question, content, yes, kind, value, first) {
  return new Promise((resolve) => {
    let given = null;
    const no = make("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
    const form = make(
      "form", { novalidate: true },
      make("h2", { id: "question" }, question), ...content,
      make("div.ends", {}, no, make(`button.${kind}`, { type: "submit" }, yes)),
    );
    const dialog = /** @type {HTMLDialogElement} */ (make("dialog", { "aria-labelledby": "question" }, form));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      given = value() || null;
      if (given !== null) dialog.close();
    });
    dialog.addEventListener("close", () => { dialog.remove(); resolve(given); });
    document.body.append(dialog);
    dialog.showModal();
    if (first) { first.focus(); first.select(); } else no.focus();
  });
}
