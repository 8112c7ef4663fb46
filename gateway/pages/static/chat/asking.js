/** From a prompt to its answer: submitted once however often it is sent, heard until its end, stopped on demand. */

import { api, ApiError, ask } from "../ground/api.js";
import { follow, passes, sleep } from "./events.js";
import { patiently } from "./patience.js";
import { forget, remember } from "./pending.js";

const PAUSE_MS = 700;
const LOOK_EVERY_MS = 3000;
const LONGEST_PAUSE_MS = 10_000;
const LONGEST_TITLE = 60;

/** @typedef {"sending" | "away" | "queued" | "running" | "answering" | "cancelling" | "unstopped" | "broken"} State */

/**
 * @typedef {object} Place where a queued prompt stands
 * @property {number} position 1 is next
 * @property {number | null} waitS about how long it may take until it starts
 */

/**
 * @typedef {object} Hearing what the asker hears
 * @property {(text: string) => void} text all of the answer so far
 * @property {(conversation: any) => void} begun the conversation that it begins is there
 * @property {(state: State, place?: Place) => void} state
 */

/** One prompt on its way. */
export class Asking {
  /**
   * @param {import("./pending.js").Pending} pending
   * @param {Hearing} hearing
   */
  constructor(pending, hearing) {
    this.pending = pending;
    this.hearing = hearing;
    this.text = "";
    this.status = "queued"; // of the job, as it was told last
    this.looking = false; // now and then, where it stands in the queue
    this.stopping = null; // "cancelling", or "unstopped" while the server does not take it
    this.leaving = new AbortController();
    this.over = new AbortController(); // nothing is left to be stopped
  }

  /**
   * Submit it, unless it is known to be a job already, and hear its answer.
   * @returns {Promise<any>} the job object at its end; the signal's reason is thrown after `leave`
   */
  async run() {
    remember(this.pending);
    try {
      if (this.pending.job === null) {
        this.hearing.state("sending");
        if (this.pending.body.conversation === null) await this._begin();
        const job = await this._post("/v1/jobs", this.pending.body, this.pending.key);
        this.pending.job = job.id;
        remember(this.pending);
      }
      this.hearing.state(this.stopping ?? "queued");
      if (this.stopping) this._cancel();
      this._look();
      const job = await follow(this.pending.job, this.leaving.signal, (kind, data) => this._hear(kind, data));
      forget(this.pending);
      return job;
    } catch (error) {
      if (!this.leaving.signal.aborted && !passes(error)) forget(this.pending);
      throw error;
    } finally {
      this.over.abort();
    }
  }

  /** The answer is no longer wanted: cancel the job, and go on hearing what becomes of it. */
  stop() {
    if (this.stopping) return;
    this.stopping = "cancelling";
    this.hearing.state(this.stopping);
    if (this.pending.job !== null) this._cancel();
  }

  /** Hear no more; the job goes on, and may be heard again later. */
  leave() {
    this.leaving.abort(new DOMException("the conversation was left", "AbortError"));
    this.over.abort();
  }

  /** A conversation for it, named by its first line. */
  async _begin() {
    const body = { title: titled(this.pending.body.messages[0].content) };
    const made = await this._post("/v1/conversations", body, `${this.pending.key}-begin`);
    this.pending.body.conversation = made.id;
    remember(this.pending);
    this.hearing.begun(made);
  }

  /** Under one key it is made once, however often a lost answer makes us ask. */
  _post(path, body, key) {
    const { signal } = this.leaving;
    const headers = { "Idempotency-Key": `"${key}"` };
    const away = () => { if (!this.stopping) this.hearing.state("away"); };
    return patiently(() => api(path, { body, headers, signal }), signal, away);
  }

  /** Ask until the server has taken it, or the answer has ended. */
  async _cancel() {
    const { signal } = this.over;
    for (let pauseMs = PAUSE_MS; !signal.aborted; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        await api(`/v1/jobs/${encodeURIComponent(this.pending.job)}/cancel`, { method: "POST" });
        this._stops("cancelling");
        return;
      } catch (error) {
        this._stops(passes(error) ? "unstopped" : null);
        if (!(error instanceof ApiError)) throw error;
        // It may be asked for again; a job that is gone, or a key, is told of by who hears the answer.
        if (!passes(error)) return;
        await sleep(Math.max(error.afterS * 1000, pauseMs), signal).catch(() => {});
      }
    }
  }

  /** See now and then where it stands, for as long as it waits; what goes wrong meanwhile is told of by who hears it. */
  async _look() {
    if (this.looking) return;
    this.looking = true;
    const { signal } = this.over;
    for (let pauseMs = PAUSE_MS; ; pauseMs = LOOK_EVERY_MS) {
      await sleep(pauseMs, signal).catch(() => {});
      if (signal.aborted || this.status !== "queued") break;
      try {
        const response = await ask(`/v1/jobs/${encodeURIComponent(this.pending.job)}`, { signal });
        const place = standing(await response.json(), response.headers.get("Date"));
        if (place && !signal.aborted && !this.stopping && this.status === "queued") this.hearing.state("queued", place);
      } catch (error) {
        if (!signal.aborted && !passes(error)) break;
      }
    }
    this.looking = false;
  }

  _stops(how) {
    if (this.over.signal.aborted) return;
    this.stopping = how;
    this.hearing.state(how ?? (this.text ? "answering" : this.status));
  }

  _hear(kind, data) {
    if (kind === "broken") return this.hearing.state("broken");
    if (kind === "status") {
      this.status = data.status ?? this.status;
      if (data.status) this.hearing.state(this.stopping ?? data.status);
      this._look();
      return undefined;
    }
    this.text = kind === "snapshot" ? data.text : this.text + data.text;
    if (!this.stopping && this.text) this.hearing.state("answering");
    return this.hearing.text(this.text);
  }
}

/**
 * Where a job stands, by the clock of the server that says so.
 * @param {any} job
 * @param {string | null} date
 * @returns {Place | null}
 */
function standing({ queue }, date) {
  if (!queue) return null;
  const atS = Date.parse(date ?? "") / 1000;
  const known = queue.estimated_start_at !== null && Number.isFinite(atS);
  return { position: queue.position, waitS: known ? Math.max(0, queue.estimated_start_at - atS) : null };
}

/**
 * By letters, not by halves of them: half an emoji is no text; without what is no letter, which a title may not hold.
 * @param {string} prompt
 */
function titled(prompt) {
  const line = prompt.split("\n")[0].replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, " ").trim() || null;
  if (line === null) return null;
  const letters = [...line];
  return letters.length > LONGEST_TITLE ? `${letters.slice(0, LONGEST_TITLE - 1).join("").trimEnd()}…` : line;
}
