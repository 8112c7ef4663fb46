/** What a chart stands in: its title, what it shows, its legend, its data as CSV, and words where there is nothing to draw. */

import { make } from "../ground/dom.js";
import { colours } from "./colours.js";
import { exact, period, written } from "./numbers.js";
import { Plot } from "./plots.js";
import { table } from "./tables.js";

/**
 * @typedef {object} Doings what a reader can do with a chart
 * @property {(chart: any) => void} save its data as CSV
 * @property {(jobId: string) => void} openJob
 * @property {(chart: any, bucket: number, series: any | null) => void} openBucket
 * @property {(from: number, to: number) => void} zoom to these buckets
 */

/** A card: drawn again with each answer, and it keeps what its reader has hidden. */
export class Card {
  /**
   * @param {any} chart
   * @param {Doings} doings
   */
  constructor(chart, doings) {
    this.doings = doings;
    this.hidden = new Set();
    this.plot = null;
    this.body = make("div.plot");
    this.legend = make("ul.legend");
    this.when = make("span.when", { "aria-hidden": "true" });
    const save = make("button.quiet.save", { type: "button", title: "Save as CSV", "aria-label": `Save ${chart.title} as CSV` }, "CSV");
    save.addEventListener("click", () => doings.save(chart));
    this.note = make("p.note", { hidden: true }, "Counts all models, lanes and statuses.");
    this.element = make(
      `article.card-of.${chart.kind}`, { id: `chart-${chart.id}`, "aria-label": chart.title },
      make("header", {}, make("h3", {}, chart.title), this.when, save),
      make("p.help", {}, chart.help),
      this.note,
      this.body,
      chart.kind === "table" ? null : this.legend,
    );
  }

  /**
   * @param {any} chart with its data
   * @param {any} view all of the answer
   * @param {boolean} isFiltered by model, lane or status
   */
  show(chart, view, isFiltered) {
    this.chart = chart;
    this.view = view;
    this.note.hidden = !isFiltered || chart.filtered;
    this.element.classList.toggle("in-trouble", Boolean(chart.error));
    if (chart.error) this.say(chart.error);
    else if (chart.kind === "table") this.showTable();
    else if (chart.data.series.every((each) => each.values.every((value) => !value))) this.say("Nothing in this range.");
    else this.draw();
  }

  draw() {
    const { chart, view } = this;
    const frame = { buckets: view.buckets, bucketS: view.bucket_s };
    const shown = chart.data.series.map((each) => !this.hidden.has(each.name));
    const like = JSON.stringify([chart.data.series.map((each) => each.name), shown]);
    if (this.plot && this.like === like) {
      this.plot.update(chart, frame);
    } else {
      this.end();
      this.like = like;
      this.plot = new Plot(this.body, chart, frame, shown, this.hearing());
      this.body.classList.toggle("opens", Boolean(chart.drill));
      this.showLegend(shown);
    }
    this.point(this.pointed ?? null);
  }

  hearing() {
    return {
      point: (index) => this.point(index),
      open: (index, series) => {
        const { chart } = this;
        if (chart.drill) this.doings.openBucket(chart, index, series === null ? null : chart.data.series[series]);
      },
      zoom: this.doings.zoom,
    };
  }

  fit() {
    this.plot?.fit(this.body);
  }

  paint() {
    this.plot?.paint();
  }

  end() {
    this.plot?.end();
    this.plot = null;
    this.body.replaceChildren();
  }

  /** @param {string} words in place of a drawing */
  say(words) {
    this.end();
    this.body.classList.remove("opens");
    this.body.replaceChildren(make("p.nothing", {}, words));
    this.legend.replaceChildren();
    this.when.textContent = "";
  }

  /** @param {boolean[]} shown */
  showLegend(shown) {
    const { chart } = this;
    const names = colours(chart, chart.data.series);
    this.values = chart.data.series.map(() => make("b"));
    this.legend.replaceChildren(...chart.data.series.map((each, index) => {
      const button = make(
        "button.quiet", { type: "button", "aria-pressed": String(shown[index]), title: shown[index] ? "Hide" : "Show" },
        make(`i.swatch.c-${names[index]}`), make("span", {}, each.label), this.values[index],
      );
      button.addEventListener("click", () => this.toggle(each.name));
      return make("li", {}, button);
    }));
  }

  /** @param {string} name */
  toggle(name) {
    if (!this.hidden.delete(name)) this.hidden.add(name);
    this.draw();
  }

  /**
   * Tell of one bucket, or of all.
   * @param {number | null} index
   */
  point(index) {
    const { chart, view } = this;
    if (!this.values) return;
    this.pointed = index;
    chart.data.series.forEach((each, place) => {
      const value = index === null ? each.total : each.values[index];
      this.values[place].textContent = written(value, chart.unit);
      this.values[place].title = exact(value, chart.unit);
    });
    const bucket = view.buckets[index ?? -1];
    const seconds = view.bucket_s < 60;
    this.when.textContent = bucket === undefined ? "" : period(bucket, bucket + view.bucket_s, { seconds });
  }

  showTable() {
    const { columns, rows } = this.chart.data;
    if (!rows.length) this.say("Nothing in this range.");
    else this.body.replaceChildren(table(columns, rows, this.doings.openJob));
  }
}

/**
 * A number with what it was before.
 * @param {any} chart
 * @param {string} before words for the range it is compared with
 * @param {boolean} isFiltered by model, lane or status
 */
export function tile(chart, before, isFiltered) {
  const body = chart.error
    ? [make("p.value", {}, "–"), make("p.change", {}, chart.error)]
    : [make("p.value", { title: exact(chart.data.value, chart.unit) }, written(chart.data.value, chart.unit)), change(chart, before)];
  const note = isFiltered && !chart.filtered ? make("p.note", {}, "of all models, lanes and statuses") : null;
  return make("article.tile", { id: `chart-${chart.id}`, title: chart.help }, make("h3", {}, chart.title), ...body, note);
}

/**
 * @param {any} chart
 * @param {string} words
 */
function change(chart, words) {
  const { value, before } = chart.data;
  const isShare = chart.unit === "share";
  const was = written(before, chart.unit);
  if (value === null || before === null || (before === 0 && !isShare)) return make("p.change", {}, `${was} in the ${words}`);
  const difference = isShare ? (value - before) * 100 : ((value - before) / before) * 100;
  const rounded = Math.abs(difference) < 10 ? Math.round(difference * 10) / 10 : Math.round(difference);
  const title = `${was} in the ${words}`;
  if (rounded === 0) return make("p.change", { title }, `as before: ${was}`);
  const isGood = chart.better && (rounded > 0) === (chart.better === "up");
  const mood = chart.better ? (isGood ? "good" : "bad") : "even";
  const amount = `${rounded > 0 ? "▲" : "▼"} ${written(Math.abs(rounded), "count")} ${isShare ? "pp" : "%"}`;
  return make("p.change", { title }, make(`b.${mood}`, {}, amount), ` from ${was}`);
}
