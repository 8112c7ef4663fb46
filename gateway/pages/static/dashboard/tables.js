/** Rows as a table: whatever is in them stays text. */

import { make } from "../ground/dom.js";
import { exact, instant, written } from "./numbers.js";

const NUMBERS = new Set(["count", "tokens", "share", "ms", "per_second"]);

/**
 * @param {{ name: string, label: string, unit: string }[]} columns
 * @param {any[][]} rows
 * @param {(jobId: string) => void} openJob
 */
export function table(columns, rows, openJob) {
  const heads = columns.map((each) => make("th", { scope: "col", class: NUMBERS.has(each.unit) ? "number" : null }, each.label));
  const lines = rows.map((row) => make("tr", {}, row.map((value, place) => cell(value, columns[place].unit, openJob))));
  return make("div.scrolls", { tabindex: 0 }, make("table", {}, make("thead", {}, make("tr", {}, heads)), make("tbody", {}, lines)));
}

/**
 * @param {any} value
 * @param {string} unit
 * @param {(jobId: string) => void} openJob
 */
function cell(value, unit, openJob) {
  if (NUMBERS.has(unit)) return make("td.number", { title: value === null ? null : exact(value, unit) }, written(value, unit));
  if (unit === "time") {
    return make("td.time", { title: new Date(value * 1000).toISOString() }, instant(value, { seconds: true }));
  }
  if (unit === "job" && value) {
    return make("td.job", {}, make("button.link", { type: "button", title: value, onclick: () => openJob(value) }, shortId(value)));
  }
  if (unit === "status") return make("td", {}, status(value));
  return make("td.text", { title: value }, value === "" ? "–" : value);
}

/**
 * A job's id without its middle: its end tells jobs of one moment apart.
 * @param {string} id
 */
function shortId(id) {
  return id.length <= 16 ? id : `${id.slice(0, 4)}…${id.slice(-8)}`;
}

/** @param {string} name */
export function status(name) {
  const known = ["completed", "failed", "expired", "cancelled", "aborted", "running", "queued", "cancelling"];
  return make(`span.status${known.includes(name) ? `.${name}` : ""}`, {}, make("i.dot"), name);
}
