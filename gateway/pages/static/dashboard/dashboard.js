/** The dashboard: one view of the charts, asked again as time goes on. */

import { api, ApiError, ask, inWords } from "../ground/api.js";
import { byId, make } from "../ground/dom.js";
import { fillHeader } from "../ground/header.js";
import { key, onChange } from "../ground/session.js";
import { guard } from "../ground/signin.js";
import { Card, tile } from "./cards.js";
import { showJob } from "./job.js";
import { Live } from "./live.js";
import { span } from "./numbers.js";
import { Toolbar } from "./toolbar.js";
import { describe, fromAddress, parameters, toAddress } from "./view.js";

class Page {
  /** @param {HTMLElement} inside */
  constructor(inside) {
    this.view = fromAddress();
    this.cards = new Map();
    this.answer = null;
    this.asking = null;
    this.job = null;
    this.trouble = make("p.banner", { role: "alert", hidden: true });
    this.empty = make("div.empty", {}, make("p", { role: "status" }, "Counting …")); // until the first answer
    this.tiles = make("div.tiles");
    this.sections = make("div.sections");
    // Not while the last question is under way: a server that is slow gets no more to do.
    this.live = new Live(() => { if (this.asking === null) this.refresh(); });
    this.toolbar = new Toolbar((change) => this.go(change), this.live);
    this.main = make("main", { "aria-busy": "true" }, this.trouble, this.empty, this.tiles, this.sections);
    inside.replaceChildren(this.toolbar.element, this.main);
    this.ending = new AbortController();
    const { signal } = this.ending;
    addEventListener("popstate", () => { this.view = fromAddress(); this.arrive(); }, { signal });
    addEventListener("theme", () => this.paint(), { signal });
    this.sizes = new ResizeObserver((seen) => { for (const each of seen) this.cardOf(each.target)?.fit(); });
  }

  /** Somebody signed in. */
  enter() {
    this.toolbar.fillModels();
    this.arrive();
  }

  /** Nobody is signed in any more: nothing of what was seen stays. */
  end() {
    this.ending.abort();
    this.asking?.abort();
    this.live.end();
    this.sizes.disconnect();
    this.job?.close();
    for (const each of this.cards.values()) each.end();
    inside.replaceChildren();
  }

  arrive() {
    this.main.classList.add("stale"); // what is shown is still of what was looked at before
    this.toolbar.show(this.view);
    this.live.pace(this.view);
    this.refresh();
    if (this.view.job) this.openJob(this.view.job);
    else this.job?.close();
  }

  /**
   * Look at something else.
   * @param {Partial<import("./view.js").View>} change
   */
  go(change) {
    this.view = { ...this.view, jobs: null, wrong: "", ...change };
    history.pushState(null, "", toAddress(this.view));
    this.arrive();
  }

  async refresh() {
    this.asking?.abort();
    this.live.hold();
    const asking = new AbortController();
    this.asking = asking;
    this.main.setAttribute("aria-busy", "true");
    try {
      const { signal } = asking;
      const [answer, jobs] = await Promise.all([
        api(`/v1/dashboard?${parameters(this.view)}`, { signal }),
        this.view.jobs ? api(`/v1/dashboard?charts=recent_jobs&${parameters(this.view.jobs)}`, { signal }) : null,
      ]);
      this.show(answer, jobs);
      this.say(this.view.wrong);
      this.live.came();
    } catch (error) {
      if (asking.signal.aborted) return;
      this.tell(error);
      if (this.answer === null) this.empty.hidden = true;
      this.live.failed(error instanceof ApiError ? error.afterS : 0);
      if (!(error instanceof ApiError)) throw error;
    } finally {
      if (this.asking === asking) {
        this.asking = null;
        this.main.setAttribute("aria-busy", "false");
      }
    }
  }

  /** @param {any} answer @param {any} jobs the answer for the bucket that was opened */
  show(answer, jobs) {
    this.answer = answer;
    this.main.classList.remove("stale");
    const isFiltered = Boolean(this.view.model || this.view.lane || this.view.status);
    const before = `${span(answer.until_s - answer.since_s)} before`;
    this.tiles.replaceChildren(...answer.charts.filter((each) => each.kind === "tile").map((each) => tile(each, before, isFiltered)));
    for (const chart of answer.charts.filter((each) => each.kind !== "tile")) {
      const isOpened = jobs !== null && chart.id === "recent_jobs";
      this.card(chart).show(isOpened ? { ...chart, ...jobs.charts[0] } : chart, answer, isFiltered);
    }
    this.toolbar.showOpened(this.view.jobs);
    this.showEmpty(answer);
    this.toolbar.showRange(answer);
  }

  /** @param {any} chart */
  card(chart) {
    const there = this.cards.get(chart.id);
    if (there) return there;
    const made = new Card(chart, {
      save: (each) => this.save(each),
      openJob: (id) => {
        this.view = { ...this.view, job: id };
        history.pushState(null, "", toAddress(this.view));
        this.openJob(id);
      },
      openBucket: (each, index, series) => this.openBucket(each, index, series),
      zoom: (from, to) => this.go({ range: "", since: this.answer.buckets[from], until: this.answer.buckets[to] + this.answer.bucket_s }),
    });
    this.cards.set(chart.id, made);
    this.section(chart.section).append(made.element);
    this.sizes.observe(made.body);
    return made;
  }

  /** @param {Element} body */
  cardOf(body) {
    return [...this.cards.values()].find((each) => each.body === body);
  }

  /** @param {string} name */
  section(name) {
    const id = `section-${name.toLowerCase()}`;
    const there = this.sections.querySelector(`#${CSS.escape(id)} > .charts`);
    if (there) return there;
    const charts = make("div.charts");
    this.sections.append(make("section", { id }, make("h2", {}, name), charts));
    return charts;
  }

  /** @param {any} answer */
  showEmpty(answer) {
    const something = answer.charts.some((each) => each.data?.rows?.length || each.data?.series?.some((one) => one.values.some(Boolean)));
    const failed = answer.charts.some((each) => each.error);
    this.empty.hidden = something || failed;
    this.tiles.hidden = this.sections.hidden = !this.empty.hidden;
    if (this.empty.hidden) return;
    const isFiltered = this.view.model || this.view.lane || this.view.status;
    const widen = make("button", { type: "button", onclick: () => this.go({ range: "30d", model: "", lane: "", status: "" }) }, "Look at 30 days");
    this.empty.replaceChildren(
      make("h2", {}, "No job ended in this time"),
      make("p", {}, isFiltered ? "Or none that matches the filters. " : "Once jobs are answered, they are counted here within seconds. "),
      make("p.ways", {}, widen, make("a", { href: "/" }, "Ask something in the chat")),
    );
  }

  /** @param {any} chart @param {number} index @param {any} series */
  openBucket(chart, index, series) {
    const { answer } = this;
    const narrowed = series && ["model", "lane", "status"].includes(chart.by) && series.name ? { [chart.by]: series.name } : {};
    const { model, lane, status } = this.view;
    const since = answer.buckets[index];
    const jobs = { range: "", since, until: since + answer.bucket_s, model, lane, status, ...chart.drill, ...narrowed };
    this.listJobs(jobs);
    byId("section-jobs").scrollIntoView({ block: "start", behavior: "smooth" });
  }

  /**
   * List the jobs of one bucket; the other charts stay as they are.
   * @param {import("./view.js").View} jobs
   */
  async listJobs(jobs) {
    this.view = { ...this.view, jobs };
    this.toolbar.showOpened(jobs);
    try {
      const answer = await api(`/v1/dashboard?charts=recent_jobs&${parameters(jobs)}`);
      if (this.view.jobs === jobs) this.cards.get("recent_jobs").show(answer.charts[0], this.answer, true);
    } catch (error) {
      this.tell(error);
    }
  }

  /** @param {unknown} error */
  tell(error) {
    const isWrong = error instanceof ApiError && error.status === 400;
    this.say(isWrong ? "This address asks for what cannot be shown. Choose a range and filters above." : inWords(error));
  }

  /** @param {string | undefined} words */
  say(words) {
    this.trouble.textContent = words ?? "";
    this.trouble.hidden = !words;
  }

  /** @param {string} id */
  openJob(id) {
    if (this.job?.dataset.job === id) return;
    this.job?.close();
    this.job = showJob(id, () => {
      this.job = null;
      if (this.view.job !== id) return;
      this.view = { ...this.view, job: "" };
      history.pushState(null, "", toAddress(this.view));
    });
    this.job.dataset.job = id;
  }

  /** @param {any} chart */
  async save(chart) {
    const view = chart.id === "recent_jobs" && this.view.jobs ? this.view.jobs : this.view;
    try {
      const response = await ask(`/v1/dashboard/${chart.id}.csv?${parameters(view)}`);
      const url = URL.createObjectURL(await response.blob());
      make("a", { href: url, download: `${chart.id} ${describe(view)}.csv` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
    } catch (error) {
      this.tell(error);
    }
  }

  paint() {
    for (const each of this.cards.values()) each.paint();
  }
}

fillHeader(byId("header"), "/dashboard");
const inside = byId("inside");
let page = null;
onChange(() => {
  if (key() !== null) return;
  page?.end();
  page = null;
});
guard(inside, () => {
  if (typeof window.uPlot !== "function") {
    inside.replaceChildren(make("p.banner", { role: "alert" }, "The charts cannot be drawn: their library is not installed beside the gateway."));
    return;
  }
  page?.end();
  page = new Page(inside);
  page.enter();
});
