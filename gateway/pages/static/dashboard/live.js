/** Asks again as time goes on: more often where less is looked at, and not at all where nobody looks. */

import { make } from "../ground/dom.js";

const EVERY_S = { "15m": 5, "1h": 5, "24h": 15, "7d": 60, "30d": 60 };
const AFTER_TROUBLE_S = 10;
const LONGEST_REST_S = 60;

export class Live {
  /** @param {() => void} refresh */
  constructor(refresh) {
    this.refresh = refresh;
    this.timer = 0;
    this.everyS = 0;
    this.askedMs = 0;
    this.isOn = true;
    this.said = make("span", {}, "");
    this.element = make("button.live", { type: "button", "aria-pressed": "true", onclick: () => this.turn() }, make("i.dot"), this.said);
    this.hear = () => this.seen();
    document.addEventListener("visibilitychange", this.hear);
  }

  /** @param {import("./view.js").View} view */
  pace(view) {
    // What is over does not change.
    this.everyS = EVERY_S[view.range] ?? 0;
    this.element.hidden = this.everyS === 0;
    this.tell();
  }

  /** An answer is under way: nobody asks again before it is there. */
  hold() {
    this.askedMs = Date.now();
    clearTimeout(this.timer);
  }

  /** An answer came. */
  came() {
    const now = new Date();
    this.at = now.toLocaleTimeString("en-GB");
    this.tell();
    // A store is given as long for others as it took for us.
    const tookS = (now.getTime() - this.askedMs) / 1000;
    this.wait(Math.max(this.everyS, Math.min(tookS, LONGEST_REST_S)));
  }

  /** @param {number} afterS when the server thinks that asking again may help */
  failed(afterS) {
    this.wait(Math.max(afterS, AFTER_TROUBLE_S));
  }

  /** Ask no more. */
  end() {
    clearTimeout(this.timer);
    this.isOn = false;
    document.removeEventListener("visibilitychange", this.hear);
  }

  turn() {
    this.isOn = !this.isOn;
    this.tell();
    if (this.isOn) this.refresh();
    else clearTimeout(this.timer);
  }

  /** @param {number} s */
  wait(s) {
    clearTimeout(this.timer);
    if (!this.isOn || !this.everyS || document.hidden) return;
    this.timer = window.setTimeout(this.refresh, s * 1000);
  }

  seen() {
    clearTimeout(this.timer);
    if (!document.hidden && this.isOn && this.everyS) this.refresh();
  }

  tell() {
    this.element.setAttribute("aria-pressed", String(this.isOn));
    this.element.title = this.isOn ? `Asks again every ${this.everyS} s` : "Stands still";
    this.said.textContent = `${this.isOn ? "Live" : "Paused"}${this.at ? ` · ${this.at}` : ""}`;
  }
}
