/** One turn on the page: what was asked, the answer as it comes, and what can be done with it. */

import { ApiError, inWords, jobInWords } from "../ground/api.js";
import { icon, make } from "../ground/dom.js";
import { Asking } from "./asking.js";
import { copyButton } from "./copy.js";
import { feedback } from "./feedback.js";
import { Rendered } from "./markdown.js";

export const STATES = {
  sending: "Sending …",
  away: "The server cannot be reached; trying again …",
  queued: "Waiting for its turn …",
  running: "Thinking …",
  answering: "",
  cancelling: "Stopping …",
  unstopped: "Not stopped yet: the server cannot take it just now. Trying again …",
  broken: "The connection broke; trying again …",
};

const OVERTAKEN = "not_last_turn";
const GOES_ON = "This conversation goes on in another window. This is the answer from before.";

/**
 * @typedef {object} Around what a turn needs from the thread around it
 * @property {() => void} grown the turn's height may have changed
 * @property {(turn: Turn) => void} again the reader wants another answer to this prompt
 * @property {(text: string) => void} edit the reader wants to ask this otherwise
 * @property {(turn: Turn, pending: import("./pending.js").Pending) => void} retry what could not be sent is wanted after all
 * @property {(prompt: string, error: ApiError) => void} gone the conversation is not there any more
 * @property {(words: string) => void} tell for those who listen rather than see
 */

/**
 * @typedef {object} Told what is known of an answer beside its text, as its item tells it
 * @property {string | null} [finish_reason]
 * @property {string | null} [cache]
 * @property {{completion_tokens: number} | null} [usage]
 * @property {any} [feedback]
 */

export class Turn {
  /**
   * @param {string} prompt
   * @param {Around} around
   */
  constructor(prompt, around) {
    this.prompt = prompt;
    this.around = around;
    this.job = null; // whose answer is shown
    this.text = "";
    this.told = /** @type {Told} */ ({});
    this.asking = null;
    this.overtaken = false; // another client's answer, or turn, came first
    this.state = make("p.state", { hidden: true });
    this.body = make("div.answer", { dir: "auto" });
    this.note = make("div.note", { hidden: true });
    this.actions = make("div.actions", { hidden: true });
    this.why = make("div");
    this.shown = new Rendered(this.body);
    this.shown.afterwards = around.grown;
    this.element = make(
      "article.turn", {},
      make("h2.unseen", {}, "You asked"),
      make("div.prompt", { dir: "auto" }, prompt),
      make("h2.unseen", {}, "The answer"),
      this.body, this.state, this.note, this.actions, this.why,
    );
  }

  /** Whether an answer is shown that the conversation holds. */
  get leftTrace() {
    return this.job !== null && this.text !== "";
  }

  /**
   * Show an answer that was given before.
   * @param {string} job
   * @param {string} text
   * @param {Told} told
   */
  restore(job, text, told) {
    this._keep(job, text, told);
    this._offer();
  }

  /** Something is to be known of the answer that is shown. @param {string} words */
  remark(words) {
    this._say(words, { extra: false });
    this.around.tell(words);
  }

  /**
   * Ask, and show what comes.
   * @param {import("./pending.js").Pending} pending
   * @returns {Promise<void>} settled at its end, whatever that is
   */
  async ask(pending) {
    const before = { job: this.job, text: this.text, told: this.told };
    this._clear();
    this.asking = new Asking(pending, { text: (text) => this.shown.show(text), state: (state) => this._show(state) });
    this.body.setAttribute("aria-busy", "true");
    try {
      this._ended(await this.asking.run(), before);
    } catch (error) {
      if (this.asking.leaving.signal.aborted) return;
      this._failed(error, pending, before);
    } finally {
      this.body.removeAttribute("aria-busy");
      this.element.classList.remove("live");
      this.state.hidden = true;
      this.asking = null;
      this.around.grown();
    }
  }

  /** Leave the page's view: nothing more is shown; the job goes on. */
  leave() {
    this.shown.stop();
    this.asking?.leave();
  }

  /** Only the last turn of a conversation can be asked again. */
  setLast(isLast) {
    this.element.classList.toggle("last", isLast);
  }

  _clear() {
    this.shown.clear();
    this.note.hidden = this.actions.hidden = true;
    this.why.replaceChildren();
    this.job = null;
    this.text = "";
    this.told = {};
    this.overtaken = false;
  }

  _show(state) {
    const words = STATES[state] ?? "";
    if (this.state.textContent !== words) {
      this.state.textContent = words;
      this.around.tell(words || "Answering");
    }
    this.state.hidden = words === "";
    this.element.classList.add("live");
    this.around.grown();
  }

  _ended(job, before) {
    if (job.status === "completed") {
      const [choice] = job.result.choices;
      this._keep(job.id, choice.message.content, { ...job, finish_reason: choice.finish_reason });
      this._offer();
      this.around.tell("The answer is there");
      return;
    }
    const stopped = job.status === "cancelled" || job.status === "aborted";
    this.overtaken = job.error?.code === OVERTAKEN;
    if (stopped && this.shown.text) {
      this._keep(job.id, this.shown.text, { ...job, finish_reason: "cancelled" });
      this._offer();
    } else if (this.overtaken) {
      this._back(before, GOES_ON);
    } else if (before.text) {
      this._back(before, stopped ? "Stopped; this is the answer from before." : `${jobInWords(job)} This is the answer from before.`);
    } else {
      this._say(stopped ? "Stopped before an answer began." : jobInWords(job), { bad: !stopped });
    }
    this.around.tell(stopped ? "Stopped" : "No answer came");
  }

  _failed(error, pending, before) {
    if (!(error instanceof ApiError)) console.error(error);
    this.overtaken = error instanceof ApiError && error.code === OVERTAKEN;
    const words = this.overtaken ? GOES_ON : inWords(error);
    this.around.tell(words);
    if (this.overtaken) return this._back(before, words);
    if (before.text) return this._back(before, `${words} This is the answer from before.`);
    // With a job it is the job that is gone: its retention is over.
    if (pending.job === null && error instanceof ApiError && error.code === "not_found") return this.around.gone(this.prompt, error);
    return this._say(words, { bad: true, retry: () => this.around.retry(this, pending) });
  }

  _keep(job, text, told) {
    this.job = job;
    this.text = text;
    this.told = told;
    this.shown.show(text);
  }

  _back(before, words) {
    this._keep(before.job, before.text, before.told);
    this._offer();
    this._say(words, { bad: true, extra: false });
  }

  /** What went otherwise than it should, and what can be done about it. */
  _say(words, { bad = false, retry = null, extra = true }) {
    this.note.className = bad ? "note bad" : "note";
    this.note.replaceChildren(bad ? icon("warn") : "", make("span", { role: bad ? "alert" : null }, words));
    if (extra) {
      this.note.append(
        retry
          ? make("button", { type: "button", onclick: retry }, "Try again")
          : make("button.again", { type: "button", onclick: () => this.around.again(this) }, "Try again"),
        make("button", { type: "button", onclick: () => this.around.edit(this.prompt) }, "Edit the prompt"),
      );
    }
    this.note.hidden = false;
  }

  _offer() {
    const again = make("button.quiet.again", { type: "button", "aria-label": "Answer again", title: "Answer again" }, icon("again"));
    again.addEventListener("click", () => this.around.again(this));
    const stopped = this.told.finish_reason === "cancelled";
    const { buttons, form } = stopped ? { buttons: [], form: "" } : feedback(this.job, this.told);
    this.actions.replaceChildren(copyButton("Copy answer", () => this.text), again, ...buttons, ...facts(this.told));
    this.why.replaceChildren(form);
    this.actions.hidden = false;
    this.around.grown();
  }
}

/** @param {Told} told */
function facts({ finish_reason, cache, usage }) {
  const found = [];
  if (finish_reason === "cancelled") found.push(make("span.badge", {}, "stopped"));
  if (finish_reason === "length") found.push(make("span.badge.warn", { title: "The answer reached its longest length" }, "cut short"));
  if (cache === "hit" || cache === "semantic") {
    const title = "The same was asked before: this answer came from the cache, without the model";
    found.push(make("span.badge.good", { title }, icon("bolt"), "from the cache"));
  }
  if (usage?.completion_tokens) found.push(make("span.fact", {}, `${usage.completion_tokens} tokens`));
  return found;
}
