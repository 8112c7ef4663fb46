/** From a prompt to its answer: submitted once however often it is sent, heard until its end, stopped on demand. */

import { api, ApiError } from "../ground/api.js";
import { follow, passes, sleep } from "./events.js";
import { patiently } from "./patience.js";
import { forget, remember } from "./pending.js";

const PAUSE_MS = 700;
const LONGEST_PAUSE_MS = 10_000;

/**
 * @typedef {object} Hearing what the asker hears
 * @property {(text: string) => void} text all of the answer so far
 * @property {(state: "sending" | "away" | "queued" | "running" | "answering" | "cancelling" | "unstopped" | "broken") => void} state
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
        const job = await this._submit();
        this.pending.job = job.id;
        remember(this.pending);
      }
      this.hearing.state(this.stopping ?? "queued");
      if (this.stopping) this._cancel();
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

  _submit() {
    const { signal } = this.leaving;
    const headers = { "Idempotency-Key": `"${this.pending.key}"` };
    const away = () => { if (!this.stopping) this.hearing.state("away"); };
    return patiently(() => api("/v1/jobs", { body: this.pending.body, headers, signal }), signal, away);
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
      return undefined;
    }
    this.text = kind === "snapshot" ? data.text : this.text + data.text;
    if (!this.stopping && this.text) this.hearing.state("answering");
    return this.hearing.text(this.text);
  }
}
