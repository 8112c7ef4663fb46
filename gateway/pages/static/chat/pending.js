/**
 * What was asked and has no answer yet, kept with the key: after a reload the page sends it again under its
 * Idempotency-Key (the same job comes back), or hears on where the job is known.
 */

import { storage } from "../ground/session.js";

/**
 * @typedef {object} Pending
 * @property {string} key the Idempotency-Key
 * @property {any} body of the submit
 * @property {string | null} job its id, once it is known
 */

const name = (conversation) => `headrace.pending.${conversation}`;

/**
 * @param {string} conversation
 * @returns {Pending | null}
 */
export function recall(conversation) {
  const kept = storage().getItem(name(conversation));
  return kept === null ? null : JSON.parse(kept);
}

/**
 * @param {string} conversation
 * @param {Pending} pending
 */
export function remember(conversation, pending) {
  try {
    storage().setItem(name(conversation), JSON.stringify(pending));
  } catch {
    // No room: then a reload shows the answer once it is in the conversation.
  }
}

/** @param {string} conversation */
export function forget(conversation) {
  storage().removeItem(name(conversation));
}
