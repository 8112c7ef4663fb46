/** What is looked at: a range of time and filters. It stands in the address, so that it can be shared; keys never do. */

const LONGEST_S = 400 * 86_400;
const LAST_S = Date.UTC(2100) / 1000;

export const RANGES = { "15m": "15 min", "1h": "1 h", "24h": "24 h", "7d": "7 d", "30d": "30 d" };

/**
 * @typedef {object} View
 * @property {string} range a preset; empty where `since` and `until` say it
 * @property {number} since unix seconds
 * @property {number} until
 * @property {string} model
 * @property {string} lane
 * @property {string} status
 * @property {string} [job] the job that is shown
 * @property {View | null} [jobs] the bucket whose jobs are listed
 * @property {string} [wrong] what could not be read of the address
 */

/** @returns {View} */
export function fromAddress() {
  const given = new URLSearchParams(location.search);
  const text = (name) => given.get(name) ?? "";
  const [since, until] = [Number(text("since")), Number(text("until"))];
  const wrong = given.has("since") || given.has("until") ? wrongRange(since, until) : "";
  const isCustom = given.has("since") && !wrong;
  const range = Object.hasOwn(RANGES, text("range")) ? text("range") : "24h";
  return {
    range: isCustom ? "" : range, since, until,
    model: text("model"), lane: text("lane"), status: text("status"), job: text("job"), jobs: null,
    wrong: wrong && `${wrong} Shown instead: ${RANGES[range]} up to now.`,
  };
}

/**
 * Why this is no range of time that can be shown; empty where it is one.
 * @param {number} since
 * @param {number} until
 */
export function wrongRange(since, until) {
  if (!(since >= 0 && until >= 0 && since <= LAST_S && until <= LAST_S)) return "That is no time that can be shown.";
  if (since >= until) return "The range must begin before it ends.";
  return until - since > LONGEST_S ? "That is more than 400 days." : "";
}

/**
 * @param {View} view
 * @returns {string}
 */
export function toAddress(view) {
  const told = new URLSearchParams(view.range ? { range: view.range } : { since: String(view.since), until: String(view.until) });
  for (const name of /** @type {const} */ (["model", "lane", "status", "job"])) if (view[name]) told.set(name, view[name] ?? "");
  return `/dashboard?${told}`;
}

/**
 * As the API takes it. Days begin at the reader's midnight.
 * @param {View} view
 */
export function parameters(view) {
  const told = new URLSearchParams({ zone_s: String(-60 * new Date().getTimezoneOffset()) });
  if (view.range) told.set("range", view.range);
  else {
    told.set("since_s", String(view.since));
    told.set("until_s", String(view.until));
  }
  for (const name of /** @type {const} */ (["model", "lane", "status"])) if (view[name]) told.set(name, view[name]);
  return told.toString();
}

/**
 * For the name of a file.
 * @param {View} view
 */
export function describe(view) {
  if (view.range) return `last ${RANGES[view.range]}`;
  const day = (at) => new Date(at * 1000).toISOString().slice(0, 16).replace(/:/g, "");
  return `${day(view.since)} to ${day(view.until)}`;
}
