/** The turns of one conversation, and where the reader looks: at the end, unless they scrolled up. */

import { api, inWords } from "../ground/api.js";
import { make } from "../ground/dom.js";
import { Turn } from "./turn.js";

const PAGE = 100;
const NEAR_PX = 80;

export class Thread {
  /**
   * @param {HTMLElement} place what scrolls
   * @param {HTMLElement} end the button that leads to the end
   * @param {Omit<import("./turn.js").Around, "grown">} around
   */
  constructor(place, end, around) {
    this.place = place;
    this.end = end;
    this.around = { ...around, grown: () => this._grown() };
    this.turns = [];
    this.follows = true;
    this.earlier = null;
    place.addEventListener("scroll", () => this._scrolled(), { passive: true });
    end.addEventListener("click", () => this.toEnd());
    new ResizeObserver(() => this._grown()).observe(place);
  }

  /** Nothing is shown. */
  clear() {
    for (const turn of this.turns) turn.leave();
    this.turns = [];
    this.earlier = null;
    this.place.replaceChildren();
    this.follows = true;
    this.end.hidden = true;
  }

  /**
   * Show what a conversation holds, from its end.
   * @param {string} conversation
   * @param {AbortSignal} signal
   */
  async open(conversation, signal) {
    const page = await this._page(conversation, null, signal);
    this.clear();
    this._before(conversation, page, signal);
    this._mark();
    this.toEnd();
  }

  /**
   * A new turn at the end.
   * @param {string} prompt
   * @returns {Turn}
   */
  add(prompt) {
    const turn = new Turn(prompt, this.around);
    this.turns.push(turn);
    this.place.append(turn.element);
    this._mark();
    this.toEnd();
    return turn;
  }

  /** The last turn, if there is any. */
  get last() {
    return this.turns[this.turns.length - 1];
  }

  /** @param {string} job */
  of(job) {
    return this.turns.find((turn) => turn.job === job);
  }

  /** @param {Turn} turn */
  drop(turn) {
    this.turns = this.turns.filter((each) => each !== turn);
    turn.element.remove();
    this._mark();
  }

  /**
   * Whether the conversation's newest answers, oldest first, are the newest that are shown.
   * @param {string[]} jobs
   */
  endsWith(jobs) {
    const shown = this.turns.map((turn) => turn.job).filter((job) => job !== null);
    const newest = jobs.length ? shown.slice(-jobs.length) : shown;
    return newest.length === jobs.length && newest.every((job, at) => job === jobs[at]);
  }

  toEnd() {
    this.follows = true;
    this.place.scrollTop = this.place.scrollHeight;
    this.end.hidden = true;
  }

  async _page(conversation, after, signal) {
    const from = after === null ? "" : `&after=${encodeURIComponent(after)}`;
    return api(`/v1/conversations/${encodeURIComponent(conversation)}/items?limit=${PAGE}&order=desc${from}`, { signal });
  }

  _before(conversation, page, signal) {
    const found = turnsOf(page.data.reverse()).map(({ job, prompt, answer, told }) => {
      const turn = new Turn(prompt, this.around);
      turn.restore(job, answer, told);
      return turn;
    });
    this.earlier?.remove();
    this.earlier = null;
    this.place.prepend(...found.map(({ element }) => element));
    this.turns.unshift(...found);
    if (!page.has_more) return;
    this.earlier = make("button.earlier", { type: "button" }, "Show what was said before");
    this.earlier.addEventListener("click", async () => {
      const from = this.place.scrollHeight;
      try {
        this._before(conversation, await this._page(conversation, page.data[0].id, signal), signal);
        this.place.scrollTop += this.place.scrollHeight - from;
      } catch (error) {
        this.earlier.textContent = `${inWords(error)} Try again.`;
      }
    });
    this.place.prepend(this.earlier);
  }

  _mark() {
    this.turns.forEach((turn, at) => turn.setLast(at === this.turns.length - 1));
  }

  _grown() {
    if (this.follows) this.place.scrollTop = this.place.scrollHeight;
    this._button();
  }

  _scrolled() {
    this.follows = this._distance() < NEAR_PX;
    this._button();
  }

  _button() {
    this.end.hidden = this.follows || this._distance() < NEAR_PX;
  }

  _distance() {
    return this.place.scrollHeight - this.place.clientHeight - this.place.scrollTop;
  }
}

/** Items of a conversation, oldest first, as the turns they belong to. */
function turnsOf(items) {
  const found = new Map();
  for (const item of items) {
    const { job, role, content } = item;
    const turn = found.get(job) ?? { job, prompt: "", answer: "", told: {} };
    const text = content.map((part) => part.text).join("");
    if (role === "assistant") Object.assign(turn, { answer: text, told: item });
    else if (role === "user") turn.prompt = text;
    found.set(job, turn);
  }
  return [...found.values()];
}
