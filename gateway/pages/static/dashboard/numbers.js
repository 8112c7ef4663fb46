/** How numbers and times are written: few digits, always with their unit. */

const COUNT = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const STEPS = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];

/**
 * A value in its unit: `1.2 k`, `340 ms`, `97.5 %`; a dash for what is not known.
 * @param {number | null | undefined} value
 * @param {string} unit
 * @returns {string}
 */
export function written(value, unit) {
  if (value === null || value === undefined) return "–";
  if (unit === "ms") return duration(value);
  if (unit === "share") return `${trimmed(value * 100, value > 0 && value < 0.1 ? 2 : 1)} %`;
  if (unit === "per_second") return `${short(value)} /s`;
  return short(value);
}

/**
 * A value with all its digits, for who points at it.
 * @param {number | null} value
 * @param {string} unit
 */
export function exact(value, unit) {
  if (value === null) return "not known";
  if (unit === "share") return `${(value * 100).toFixed(3)} %`;
  if (unit === "ms") return `${value.toFixed(3)} ms`;
  return `${Number.isInteger(value) ? COUNT.format(value) : value}`;
}

/** @param {number} value to three digits */
function short(value) {
  const size = Math.abs(value);
  // What would be rounded up to 1000 of the smaller step is one of the larger.
  const [step, letter] = STEPS.find(([each]) => size >= each * 0.9995) ?? [1, ""];
  if (!letter && Number.isInteger(value)) return COUNT.format(value);
  const digits = size < step * 9.995 ? 2 : size < step * 99.95 ? 1 : 0;
  return `${trimmed(value / step, digits)}${letter && ` ${letter}`}`;
}

/**
 * @param {number} ms
 * @returns {string}
 */
export function duration(ms) {
  if (ms < 10) return `${trimmed(ms, 1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_995) return `${trimmed(ms / 1000, 2)} s`;
  if (ms < 59_950) return `${trimmed(ms / 1000, 1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 3600) return `${Math.floor(s / 60)} min ${pad(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${pad(Math.floor(s / 60) % 60)} min`;
}

/**
 * @param {number} value
 * @param {number} digits at most so many after the point
 */
function trimmed(value, digits) {
  return String(Number(value.toFixed(digits)));
}

/** @param {number} number */
function pad(number) {
  return String(number).padStart(2, "0");
}

/**
 * The words for a length of time, as in "the 24 h before".
 * @param {number} s
 */
export function span(s) {
  const minutes = Math.round(s / 60);
  if (minutes < 120) return `${minutes} min`;
  if (minutes < 48 * 60) return `${trimmed(minutes / 60, minutes < 600 ? 1 : 0)} h`;
  return `${trimmed(minutes / 1440, minutes < 14_400 ? 1 : 0)} d`;
}

/**
 * From one instant to another; the date is said once, or twice where it changes, or not at all where it is today.
 * @param {number} sinceS unix seconds
 * @param {number} untilS
 * @param {{ seconds?: boolean }} [how]
 */
export function period(sinceS, untilS, how = {}) {
  const [since, until] = [sinceS, untilS].map((s) => new Date(s * 1000));
  if (since.toDateString() !== until.toDateString()) return `${instant(sinceS, { ...how, date: true })} – ${instant(untilS, { ...how, date: true })}`;
  return `${instant(sinceS, how)} – ${clock(until, how)}`;
}

/**
 * An instant on the reader's clock; with its date unless it is today.
 * @param {number} atS unix seconds
 * @param {{ seconds?: boolean, date?: boolean }} [how]
 */
export function instant(atS, how = {}) {
  const at = new Date(atS * 1000);
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday && !how.date ? clock(at, how) : `${day(at)} ${clock(at, how)}`;
}

/** @param {Date} at @param {{ seconds?: boolean }} how */
function clock(at, how) {
  return `${pad(at.getHours())}:${pad(at.getMinutes())}${how.seconds ? `:${pad(at.getSeconds())}` : ""}`;
}

/** @param {Date} at */
export function day(at) {
  return at.toLocaleDateString("en", { day: "numeric", month: "short" });
}

/**
 * The words under an axis of time.
 * @param {number[]} splits unix seconds
 * @param {number} stepS
 * @returns {string[]}
 */
export function timeTicks(splits, stepS) {
  return splits.map((atS) => {
    const at = new Date(atS * 1000);
    const isMidnight = at.getHours() === 0 && at.getMinutes() === 0 && at.getSeconds() === 0;
    if (stepS >= 86_400 || isMidnight) return day(at);
    return `${pad(at.getHours())}:${pad(at.getMinutes())}${stepS < 60 ? `:${pad(at.getSeconds())}` : ""}`;
  });
}
