/** One turn on the page: what was asked, the answer as it comes, and what can be done with it. */

import { ApiError, inWords, jobInWords } from "../ground/api.js";
import { icon, make } from "../ground/dom.js";
import { Asking } from "./asking.js";
import { copyButton } from "./copy.js";
import { passes } from "./events.js";
import { facts } from "./facts.js";
import { feedback } from "./feedback.js";
import { Rendered } from "./markdown.js";
import { inLine } from "./place.js";

const STATES = {
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
 * @property {(prompt: string) => void} unanswered nothing came of it: the conversation does not hold it
 * @property {(turn: Turn, pending: import("./pending.js").Pending) => void} retry what could not be sent is wanted after all
 * @property {(conversation: any) => void} begun the conversation that a prompt begins is there
 * @property {(prompt: string, error: ApiError) => void} gone the conversation is not there any more
 * @property {(words: string) => void} tell for those who listen rather than see
 */

/**
 * @typedef {object} Told what is known of an answer beside its text, as its item tells it
 * @property {string | null} [finish_reason]
 * @property {string | null} [cache]
 * @property {{turns_dropped: number} | null} [truncated]
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
    this.items = []; // names of what the conversation was seen to hold of it
    this.isWhole = true; // another answer may take its place
    this.text = "";
    this.told = /** @type {Told} */ ({});
    this.spoken = ""; // of its state, last
    this.asking = null;
    this.overtaken = false; // another client's answer, or turn, came first
    this.folded = make("div.folded");
    this.heading = make("h2.unseen", {}, "The answer");
    this.state = make("p.state", { hidden: true });
    this.body = make("div.answer", { dir: "auto" });
    this.note = make("div.note", { hidden: true });
    this.actions = make("div.actions", { hidden: true });
    this.why = make("div");
    this.shown = new Rendered(this.body);
    this.shown.afterwards = around.grown;
    this.element = make(
      "article.turn", {},
      prompt && make("h2.unseen", {}, "You asked"),
      prompt && make("div.prompt", { dir: "auto" }, prompt),
      this.folded, this.heading, this.body, this.state, this.note, this.actions, this.why,
    );
  }

  /** Whether an answer is shown that the conversation holds. */
  get leftTrace() {
    return this.job !== null && this.text !== "";
  }

  /** What the conversation holds of it: its job, or its items where no job gave them. */
  get names() {
    return this.job === null ? this.items : [this.job];
  }

  /** Show what was said before. @param {import("./said.js").Said} said */
  restore({ job, names, answer, told, folded, isWhole }) {
    this.items = names;
    this.isWhole = isWhole;
    this.folded.append(...folded.map(({ name, text }) => (
      make("details", {}, make("summary", {}, name), make("pre", { dir: "auto", tabindex: 0 }, text))
    )));
    this.heading.hidden = told === null;
    if (told === null) return;
    this._keep(job, answer, told);
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
    this.asking = new Asking(pending, {
      text: (text) => this.shown.show(text), state: (state, place) => this._show(state, place), begun: this.around.begun,
    });
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

  _show(state, place = null) {
    const words = place ? inLine(place) : STATES[state] ?? "";
    // Who listens is told of another place, not of each second.
    const spoken = place ? inLine({ ...place, waitS: null }) : words;
    if (this.spoken !== spoken) this.around.tell(spoken || "Answering");
    this.spoken = spoken;
    this.state.textContent = words;
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
      this.around.unanswered(this.prompt);
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
    // What may still be sent is kept as it was asked.
    if (!passes(error)) this.around.unanswered(this.prompt);
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
    const copy = copyButton("Copy answer", () => this.text);
    if (this.job === null) return this._act([copy]);
    const again = make("button.quiet.again", { type: "button", "aria-label": "Answer again", title: "Answer again" }, icon("again"));
    again.addEventListener("click", () => this.around.again(this));
    const stopped = this.told.finish_reason === "cancelled";
    const { buttons, form } = stopped ? { buttons: [], form: "" } : feedback(this.job, this.told);
    this.why.replaceChildren(form);
    return this._act([copy, ...(this.isWhole ? [again] : []), ...buttons, ...facts(this.told)]);
  }

  _act(actions) {
    this.actions.replaceChildren(...actions);
    this.actions.hidden = false;
    this.around.grown();
  }
}
