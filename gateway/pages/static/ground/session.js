/**
 * Who asks: the API key, kept for this tab (sessionStorage), or for this device where the reader wished so (localStorage).
 * It goes into the Authorization header and nowhere else: never into a URL, a cookie or the page.
 */

const NAME = "headrace.key";
const listeners = new Set();
let why = "";

/**
 * Where this reader's things are kept: beside the key that `key` finds, and as long as it.
 * @returns {Storage}
 */
export function storage() {
  return sessionStorage.getItem(NAME) === null ? localStorage : sessionStorage;
}

/**
 * The key, if somebody is signed in.
 * @returns {string | null}
 */
export function key() {
  return sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME);
}

/**
 * Keep a key that was seen to work.
 * @param {string} given
 * @param {boolean} remember on this device, not in this tab only
 */
export function signIn(given, remember) {
  forget();
  why = "";
  (remember ? localStorage : sessionStorage).setItem(NAME, given);
  tell();
}

/**
 * Forget the key, and whatever else was kept with it.
 * @param {string} [words] why, where it was not the reader's wish
 */
export function signOut(words = "") {
  why = words;
  forget();
  tell();
}

/** Why nobody is signed in any more, if there is something to say. */
export function whyOut() {
  return why;
}

/**
 * Hear of every change: signed in, signed out, here or (where the device remembers) in another tab.
 * @param {() => void} listener
 */
export function onChange(listener) {
  listeners.add(listener);
}

function forget() {
  for (const kept of [sessionStorage, localStorage]) {
    const ours = Object.keys(kept).filter((name) => name.startsWith("headrace.") && name !== "headrace.theme");
    for (const name of ours) kept.removeItem(name);
  }
}

function tell() {
  for (const listener of listeners) listener();
}

addEventListener("storage", (event) => {
  if (event.key === NAME || event.key === null) tell();
});
