/**
 * An answer's text as the gateway renders it, also while it grows: what is new shows at once as plain text, and every now
 * and then the last block and what follows it are rendered again. This module alone turns markup into nodes.
 */

import { api, ApiError } from "../ground/api.js";
import { make } from "../ground/dom.js";
import { copyButton } from "./copy.js";

const LEAST_PAUSE_MS = 200;
const HELD_MS = 500; // what was never rendered is not shown before: most of it never shows as plain text
const LONGEST = 32 * 1024; // what the gateway takes as one text
const MOST_TOGETHER = 96 * 1024;
const MOST_TEXTS = 48;

const policy = window.trustedTypes?.createPolicy("headrace", { createHTML: (/** @type {string} */ html) => html });
/** @type {{text: string, resolve: (blocks: any[]) => void, reject: (error: unknown) => void}[]} */
let waiting = [];

/** Shows one answer in an element, as far as it has come. */
export class Rendered {
  /** @param {HTMLElement} host */
  constructor(host) {
    this.host = host;
    this.afterwards = () => {}; // called whenever the height may have changed
    this.clear();
  }

  clear() {
    this.text = "";
    this.blocks = []; // {html, element} of what is shown
    this.settled = 0; // how many of them will not change
    this.from = 0; // where in the text the first block begins that may change
    this.upTo = 0; // how much of the text the blocks show
    this.rest = make("span.rest");
    this.heldUntil = null;
    this.timer = null;
    this.busy = false;
    this.stopped = false;
    this.host.replaceChildren();
  }

  /** Show no more: the element is left. */
  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /**
   * The text so far.
   * @param {string} text
   */
  show(text) {
    const clean = text.replace(/\r\n?/g, "\n");
    if (!clean.startsWith(this.text)) {
      clearTimeout(this.timer);
      this.clear();
    }
    this.text = clean;
    if (this.heldUntil === null) {
      this.heldUntil = performance.now() + HELD_MS;
      setTimeout(() => this._showRest(), HELD_MS);
    }
    this._showRest();
    this._soon(this.upTo === 0 ? 0 : LEAST_PAUSE_MS);
  }

  _soon(pauseMs) {
    if (this.timer !== null || this.busy || this.stopped || this.upTo >= this.text.length) return;
    this.timer = setTimeout(() => { this.timer = null; this._render(); }, pauseMs);
  }

  async _render() {
    const text = this.text;
    const tail = text.slice(this.from);
    if (tail.length > LONGEST) return; // one block without end stays plain
    this.busy = true;
    const began = performance.now();
    let pauseMs = LEAST_PAUSE_MS;
    try {
      const blocks = await blocksOf(tail);
      if (this.stopped || !this.text.startsWith(text)) return;
      this._take(blocks, tail);
      this.upTo = text.length;
      this._showRest();
      pauseMs = Math.max(LEAST_PAUSE_MS, 3 * (performance.now() - began));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      pauseMs = Math.max(2000, error.afterS * 1000); // plain text will do until then
    } finally {
      this.busy = false;
      this._soon(pauseMs);
    }
  }

  _take(blocks, tail) {
    const before = this.settled;
    blocks.forEach(({ html }, at) => {
      const known = this.blocks[before + at];
      if (known?.html === html) return;
      const element = make("div.block", {}, ...nodesOf(html));
      if (known) known.element.replaceWith(element);
      else this.host.append(element);
      this.blocks[before + at] = { html, element };
    });
    for (const { element } of this.blocks.splice(before + blocks.length)) element.remove();
    if (blocks.length > 1) {
      this.settled = before + blocks.length - 1;
      this.from += offsetOf(tail, blocks[blocks.length - 1].line);
    }
  }

  /** What is not rendered yet stands where it will be: at the end of the last paragraph, item or line of code. */
  _showRest() {
    this.rest.remove();
    const held = this.upTo === 0 && performance.now() < this.heldUntil;
    this.rest.textContent = held ? "" : this.text.slice(this.upTo);
    let place = this.host;
    while (place.lastElementChild?.matches("div:not(.wide, .bar), p, ul, ol, li, blockquote, pre, pre > code")) place = place.lastElementChild;
    place.append(this.rest);
    this.afterwards();
  }
}

/** @param {string} text @param {number} line */
function offsetOf(text, line) {
  let at = 0;
  for (let count = 0; count < line; count += 1) at = text.indexOf("\n", at) + 1;
  return at;
}

/**
 * The blocks of a text; those asked for at the same time go together.
 * @param {string} text
 * @returns {Promise<{line: number, html: string}[]>}
 */
function blocksOf(text) {
  return new Promise((resolve, reject) => {
    if (waiting.length === 0) queueMicrotask(sendAll);
    waiting.push({ text, resolve, reject });
  });
}

function sendAll() {
  const all = waiting;
  waiting = [];
  for (let at = 0; at < all.length;) {
    let size = 0;
    const some = [];
    while (at < all.length && some.length < MOST_TEXTS && (size += all[at].text.length) <= MOST_TOGETHER) some.push(all[at++]);
    send(some);
  }
}

async function send(some) {
  try {
    const { data } = await api("/v1/markdown", { body: { texts: some.map(({ text }) => text) } });
    some.forEach(({ resolve }, at) => resolve(data[at].blocks));
  } catch (error) {
    for (const { reject } of some) reject(error);
  }
}

/** @param {string} html from the gateway's renderer, and from nowhere else */
function nodesOf(html) {
  const template = document.createElement("template");
  template.innerHTML = policy ? policy.createHTML(html) : html;
  for (const pre of template.content.querySelectorAll("pre")) dress(pre);
  for (const table of template.content.querySelectorAll("table")) {
    const frame = make("div.wide", { tabindex: "0", role: "region", "aria-label": "Table" });
    table.replaceWith(frame);
    frame.append(table);
  }
  return template.content.childNodes;
}

/** A block of code gets a bar above it: its language, and a button that copies it. */
function dress(pre) {
  const bar = make("div.bar", {}, make("span", {}, pre.dataset.language || "text"));
  bar.append(copyButton("Copy code", () => pre.textContent ?? ""));
  const frame = make("div.code");
  pre.replaceWith(frame);
  pre.tabIndex = 0;
  frame.append(bar, pre);
}
