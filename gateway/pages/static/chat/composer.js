/** Where a prompt is written: Enter sends, Shift and Enter make a line; while an answer comes the button stops it. */

import { icon } from "../ground/dom.js";

const HIGHEST_PX = 220;

export class Composer {
  /**
   * @param {HTMLFormElement} form
   * @param {(text: string) => void} send
   * @param {() => void} stop
   * @param {(text: string) => void} changed what is written is another now
   */
  constructor(form, send, stop, changed) {
    this.field = /** @type {HTMLTextAreaElement} */ (form.querySelector("textarea"));
    this.button = /** @type {HTMLButtonElement} */ (form.querySelector("button[type=submit]"));
    this.busy = false;
    this.send = send;
    this.changed = changed;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.busy) stop();
      else this._send();
    });
    this.field.addEventListener("input", () => this._changed());
    this.field.addEventListener("keydown", (event) => {
      // While a word is being composed (Japanese, Chinese, …) Enter belongs to that.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.submit();
    });
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.busy && !document.querySelector("dialog[open]")) stop();
    });
    this._show();
  }

  /** @param {boolean} busy an answer is coming */
  setBusy(busy) {
    this.busy = busy;
    this._show();
  }

  /** @param {string} text */
  write(text) {
    this.fill(text);
    this.field.focus();
  }

  /** The same, and the reader stays where they are. @param {string} text */
  fill(text) {
    this.field.value = text;
    this._changed();
  }

  clear() {
    this.fill("");
  }

  get text() {
    return this.field.value;
  }

  /** Send what is written, as Enter does. */
  submit() {
    if (!this.busy) this._send();
  }

  focus() {
    this.field.focus({ preventScroll: true });
  }

  _send() {
    const text = this.field.value.trim();
    if (!text) return;
    this.clear();
    this.send(text);
  }

  _changed() {
    this.changed(this.field.value);
    this._show();
  }

  _show() {
    const name = this.busy ? "Stop" : "Send";
    if (this.button.getAttribute("aria-label") !== name) {
      this.button.replaceChildren(icon(this.busy ? "stop" : "send"));
      this.button.setAttribute("aria-label", name);
      this.button.title = this.busy ? "Stop (Esc)" : "Send (Enter)";
    }
    this.button.disabled = !this.busy && !this.field.value.trim();
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight + 2, HIGHEST_PX)}px`;
  }
}
