/** What stands where nothing was asked yet. */

import { make } from "../ground/dom.js";

const EXAMPLES = [
  ["Explain", "why the sky is blue, in two sentences"],
  ["Write", "a Python function that says whether a word is a palindrome"],
  ["List", "three uses of water power, with one advantage each"],
  ["Compare", "a queue and a log in a short table"],
];

/**
 * @param {(text: string) => void} choose
 * @returns {HTMLElement}
 */
export function welcome(choose) {
  return make(
    "section.welcome", {},
    make("img", { src: "/static/ground/mark.svg", alt: "", width: 56, height: 56 }),
    make("h1", {}, "What would you like to know?"),
    make("div.examples", {}, EXAMPLES.map(([verb, rest]) => make(
      "button", { type: "button", onclick: () => choose(`${verb} ${rest}.`) }, make("strong", {}, verb), ` ${rest}`,
    ))),
  );
}
