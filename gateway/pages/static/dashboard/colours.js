/** One colour for one meaning, in every chart, light and dark: the values are in dashboard.css. */

const OTHERS = ["a", "b", "c", "d", "e", "f", "g", "h"];
const PERCENTILES = ["p50", "p90", "p99"];

/**
 * The name of each series' colour.
 * @param {{ kind: string }} chart
 * @param {{ name: string, label: string, meaning: string }[]} series
 * @returns {string[]}
 */
export function colours(chart, series) {
  // By name and not by size: a series keeps its colour when another one grows past it.
  const unnamed = series.filter((each) => !each.meaning).map((each) => each.name).sort();
  return series.map((each) => {
    if (each.meaning) return each.meaning;
    if (chart.kind === "percentiles" && PERCENTILES.includes(each.label)) return each.label;
    return OTHERS[unnamed.indexOf(each.name) % OTHERS.length];
  });
}

/**
 * What a colour is just now: light and dark differ.
 * @param {string} name
 */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--c-${name}`).trim();
}

/**
 * One of the colours that all pages share.
 * @param {string} name
 */
export function ground(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
