/** What is written and not sent, or sent and not answered, in each conversation: this tab keeps it over a reload. */

import { key } from "../ground/session.js";

const PREFIX = "headrace.draft.";

/** @param {string | null} conversation none where one is to begin */
export function draft(conversation) {
  return sessionStorage.getItem(PREFIX + (conversation ?? "")) ?? "";
}

/** @param {string | null} conversation @param {string} text none where nothing is to be kept */
export function keepDraft(conversation, text) {
  if (key() === null) return; // whoever wrote it has gone
  try {
    if (text) sessionStorage.setItem(PREFIX + (conversation ?? ""), text);
    else sessionStorage.removeItem(PREFIX + (conversation ?? ""));
  } catch {
    // No room: then a reload finds an empty field.
  }
}
