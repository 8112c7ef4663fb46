/** What is looked at, to choose from: the range, the filters, and whether it goes on by itself. */

import { api } from "../ground/api.js";
import { icon, make } from "../ground/dom.js";
import { period, span } from "./numbers.js";
import { RANGES, wrongRange } from "./view.js";

const LANES = ["interactive", "standard", "batch"];
const STATUSES = ["completed", "failed", "cancelled", "aborted", "expired"];

export class Toolbar {
  /**
   * @param {(change: any) => void} go
   * @param {import("./live.js").Live} live
   */
  constructor(go, live) {
    this.go = go;
    this.ranges = Object.entries(RANGES).map(([name, words]) => make("button", { type: "button", "data-range": name, onclick: () => go({ range: name }) }, words));
    this.custom = make("button", { type: "button", "data-range": "", onclick: () => this.choose() }, "Custom");
    this.model = this.filter("model", "All models", []);
    this.lane = this.filter("lane", "All lanes", LANES);
    this.status = this.filter("status", "All statuses", STATUSES);
    this.told = make("span.told", { "aria-live": "off" });
    this.opened = make("p.opened", { hidden: true });
    this.form = this.customForm();
    this.element = make(
      "div.toolbar", {},
      make("div.row", {}, make("div.ranges", { role: "group", "aria-label": "Time range" }, this.ranges, this.custom), this.model, this.lane, this.status, make("span.now", {}, this.told, live.element)),
      this.form,
    );
  }

  /** @param {import("./view.js").View} view */
  show(view) {
    for (const each of [...this.ranges, this.custom]) each.setAttribute("aria-pressed", String(each.dataset.range === view.range));
    for (const name of ["model", "lane", "status"]) choose(this[name], view[name]);
    this.form.hidden = true;
    this.view = view;
  }

  /** @param {any} answer */
  showRange(answer) {
    this.told.textContent = `${period(answer.since_s, answer.until_s)}, by ${span2(answer.bucket_s)}`;
    this.told.title = `Compared with the ${span(answer.until_s - answer.since_s)} before`;
    this.answer = answer;
  }

  /** @param {import("./view.js").View | null | undefined} jobs the bucket whose jobs are listed */
  showOpened(jobs) {
    const card = document.getElementById("chart-recent_jobs");
    if (!card) return;
    this.opened.hidden = !jobs;
    if (!jobs) return;
    const which = [jobs.status, jobs.model, jobs.lane].filter(Boolean).join(", ");
    const seconds = jobs.until - jobs.since < 60;
    const back = make("button.quiet", { type: "button", "aria-label": "Show all jobs again", title: "Show all jobs again", onclick: () => this.go({ jobs: null }) });
    back.append(icon("close"));
    this.opened.replaceChildren(`${period(jobs.since, jobs.until, { seconds })}${which ? ` · ${which}` : ""}`, back);
    if (!this.opened.isConnected) card.querySelector(".help")?.after(this.opened);
  }

  /** The models that this key may use, and one that is looked at though it may not be used any more. */
  async fillModels() {
    try {
      const { data } = await api("/v1/models");
      this.model.append(...data.map((each) => make("option", { value: each.id }, each.id)));
      if (this.view) choose(this.model, this.view.model);
    } catch {
      // The filter stays empty; the charts will tell what is wrong.
    }
  }

  /**
   * @param {string} name
   * @param {string} all
   * @param {string[]} values
   */
  filter(name, all, values) {
    const options = [make("option", { value: "" }, all), ...values.map((each) => make("option", { value: each }, each))];
    const made = make(`select.${name}s`, { "aria-label": all.replace("All ", "Filter by "), onchange: (event) => this.go({ [name]: event.target.value }) }, options);
    return /** @type {HTMLSelectElement} */ (made);
  }

  customForm() {
    const field = (name, words) => make("label", {}, words, make("input", { name, type: "datetime-local", required: true }));
    const form = /** @type {HTMLFormElement} */ (make(
      "form.custom", { hidden: true }, field("since", "From"), field("until", "To"), make("button.strong", { type: "submit" }, "Show"), make("p.said", { role: "alert" }),
    ));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const at = (name) => new Date(form.elements[name].value).getTime() / 1000;
      const [since, until] = [at("since"), at("until")];
      const wrong = wrongRange(since, until);
      form.querySelector(".said").textContent = wrong;
      if (!wrong) this.go({ range: "", since, until });
    });
    return form;
  }

  choose() {
    this.form.hidden = !this.form.hidden;
    if (this.form.hidden || !this.answer) return;
    this.form.elements.since.value = local(this.answer.since_s);
    this.form.elements.until.value = local(this.answer.until_s);
    this.form.elements.since.focus();
  }
}

/**
 * @param {HTMLSelectElement} select
 * @param {string} value
 */
function choose(select, value) {
  if (![...select.options].some((each) => each.value === value)) select.append(make("option", { value }, value));
  select.value = value;
  select.title = value;
}

/** @param {number} s */
function span2(s) {
  return s < 60 ? `${s} s` : span(s);
}

/** @param {number} atS */
function local(atS) {
  const at = new Date(atS * 1000);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
