/** What is known of an answer beside its text, in badges. */

import { icon, make } from "../ground/dom.js";

/**
 * @param {import("./turn.js").Told} told
 * @returns {HTMLElement[]}
 */
export function facts({ finish_reason, cache, usage, truncated }) {
  const found = [];
  if (finish_reason === "cancelled") found.push(make("span.badge", {}, "stopped"));
  if (finish_reason === "length") found.push(make("span.badge.warn", { title: "The answer reached its longest length" }, "cut short"));
  if (truncated) {
    const title = "The conversation is longer than the model can read: the oldest turns were left out";
    found.push(make("span.badge.warn", { title }, `without the first ${truncated.turns_dropped}`));
  }
  if (cache === "hit" || cache === "semantic") {
    const title = "The same was asked before: this answer came from the cache, without the model";
    found.push(make("span.badge.good", { title }, icon("bolt"), "from the cache"));
  }
  if (usage?.completion_tokens) found.push(make("span.fact", {}, `${usage.completion_tokens} tokens`));
  return found;
}
