/**
 * What was asked and has no answer yet, kept with the key: after a reload the page sends it again under its
 * Idempotency-Key (the same job comes back), or hears on where the job is known.
 */

import { key, storage } from "../ground/session.js";

/**
 * @typedef {object} Pending
 * @property {string} key the Idempotency-Key
 * @property {number} atMs when it was asked, of this machine's clock
 * @property {any} body of the submit
 * @property {string | null} job its id, once it is known
 */

const PREFIX = "headrace.pending.";
const HOUR_MS = 3600 * 1000;
// After as long as the gateway knows an Idempotency-Key, a second job would come of it; an hour is for clocks that differ.
const LONGEST_MS = Number(document.documentElement.dataset.idempotencyMs) - HOUR_MS;

/**
 * What has no answer yet in this conversation, in the order it was asked; what is too old is dropped wherever it was asked.
 * @param {string | null} conversation none for what begins one
 * @returns {Pending[]}
 */
export function recall(conversation) {
  const kept = storage();
  const names = Object.keys(kept).filter((name) => name.startsWith(PREFIX));
  const found = [];
  for (const name of names) {
    const pending = JSON.parse(kept.getItem(name) ?? "null");
    if (Date.now() - pending?.atMs < LONGEST_MS) found.push(pending);
    else kept.removeItem(name);
  }
  return found.filter(({ body }) => body.conversation === conversation).sort((one, other) => one.atMs - other.atMs);
}

/** @param {Pending} pending */
export function remember(pending) {
  if (key() === null) return; // whoever asked has gone
  try {
    storage().setItem(PREFIX + pending.key, JSON.stringify(pending));
  } catch {
    // No room: then a reload shows the answer once it is in the conversation.
  }
}

/** @param {Pending} pending */
export function forget(pending) {
  storage().removeItem(PREFIX + pending.key);
}

/**
 * The conversation is gone, and all that was asked in it.
 * @param {string | null} conversation
 */
export function forgetAll(conversation) {
  for (const pending of recall(conversation)) forget(pending);
}
