/** The turns of one conversation, and where the reader looks: at the end, unless they scrolled up. */

import { api, inWords } from "../ground/api.js";
import { make } from "../ground/dom.js";
import { turnsOf, unbegun } from "./said.js";
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
    this.held = 0; // where the end was last brought into view
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
    this.held = 0;
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
   * Whether the newest of what the conversation holds is the newest that is shown.
   * @param {any[]} items newest first
   */
  endsWith(items) {
    const there = [...new Set(items.map(({ job, id }) => job ?? id))].reverse();
    const shown = [...new Set(this.turns.flatMap(({ names }) => names))];
    const newest = there.length ? shown.slice(-there.length) : shown;
    return newest.length === there.length && newest.every((name, at) => name === there[at]);
  }

  toEnd() {
    this.follows = true;
    this._hold();
    this.end.hidden = true;
  }

  async _page(conversation, after, signal) {
    const from = after === null ? "" : `&after=${encodeURIComponent(after)}`;
    return api(`/v1/conversations/${encodeURIComponent(conversation)}/items?limit=${PAGE}&order=desc${from}`, { signal });
  }

  /**
   * Show a page of items before what is shown.
   * @param {string} conversation
   * @param {any} page newest first
   * @param {AbortSignal} signal
   * @param {any[]} later items of the page after it that may belong to a turn of this one
   */
  _before(conversation, page, signal, later = []) {
    const items = [...page.data.reverse(), ...later];
    const ahead = page.has_more ? unbegun(items) : 0;
    const found = turnsOf(items.slice(ahead)).map((said) => {
      const turn = new Turn(said.prompt, this.around);
      turn.restore(said);
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
        this._before(conversation, await this._page(conversation, page.data[0].id, signal), signal, items.slice(0, ahead));
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
    // A reader who scrolled up just now is not heard of before the next frame.
    const hasLeft = this.place.scrollTop < this.held - NEAR_PX && this._distance() >= NEAR_PX;
    this.follows = this.follows && !hasLeft;
    if (this.follows) this._hold();
    this._button();
  }

  /** Keep the end in view. */
  _hold() {
    this.place.scrollTop = this.place.scrollHeight;
    this.held = this.place.scrollTop;
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
