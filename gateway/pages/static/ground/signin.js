/** The way in: one field for the key, tried before it is kept. */

import { api, ApiError, inWords } from "./api.js";
import { make } from "./dom.js";
import { key, onChange, signIn, whyOut } from "./session.js";

/**
 * Show the page to who is signed in, and the way in to everybody else, whenever that changes.
 * @param {HTMLElement} inside what is shown only to who is signed in
 * @param {() => void} enter called when somebody has signed in, and at once where somebody is
 */
export function guard(inside, enter) {
  let form = null;
  let last = null;
  const show = () => {
    const now = key();
    inside.hidden = now === null;
    form?.remove();
    form = null;
    if (now === null) {
      form = wayIn();
      inside.before(form);
      form.querySelector("#key").focus(); // the first field is for password managers
    } else if (now !== last) {
      enter();
    }
    last = now;
  };
  onChange(show);
  show();
}

/** @returns {HTMLElement} */
function wayIn() {
  const field = make("input", {
    id: "key", name: "key", type: "password", autocomplete: "current-password", spellcheck: "false", required: true,
    placeholder: "sk-headrace-…", "aria-describedby": "key-said",
  });
  const remember = make("input", { id: "remember", name: "remember", type: "checkbox" });
  const said = make("p.said", { id: "key-said", role: "alert" }, whyOut());
  const button = make("button.strong", { type: "submit" }, "Sign in");
  const form = make(
    "form.card", { novalidate: true },
    make("img", { src: "/static/ground/mark.svg", alt: "", width: 44, height: 44 }),
    make("h1", {}, "Sign in to Headrace"),
    make("p.hint", {}, "Use an API key. ", make("code", {}, "headrace up"), " prints one when it starts; ",
      make("code", {}, "headrace keys"), " makes more."),
    make("input", { type: "text", name: "username", autocomplete: "username", value: "headrace", hidden: true }),
    make("label", { for: "key" }, "API key"),
    field,
    make("label.tick", { for: "remember" }, remember, "Remember on this device"),
    said,
    button,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await tryKey(field.value.trim(), remember.checked, said, button);
    if (form.isConnected) field.focus();
  });
  return make("main.way-in", {}, form);
}

/**
 * @param {string} given
 * @param {boolean} remember
 * @param {HTMLElement} said
 * @param {HTMLElement} button
 */
async function tryKey(given, remember, said, button) {
  said.textContent = "";
  if (!/^[\x21-\x7e]+$/.test(given)) {
    said.textContent = given ? "A key is made of letters, digits and dashes only." : "Give a key.";
    return;
  }
  button.setAttribute("disabled", "");
  try {
    await api("/v1/models", { key: given });
    signIn(given, remember);
  } catch (error) {
    const unknown = error instanceof ApiError && error.status === 401;
    said.textContent = unknown ? "This key is unknown or was revoked." : inWords(error);
  } finally {
    button.removeAttribute("disabled");
  }
}
