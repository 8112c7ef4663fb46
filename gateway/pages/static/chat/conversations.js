/** The list of conversations: newest first, to be opened, renamed, exported, deleted; the page bears the name of the open one. */

import { api, inWords } from "../ground/api.js";
import { icon, make } from "../ground/dom.js";
import { key } from "../ground/session.js";
import { askText, confirm } from "./dialogs.js";

const PAGE = 50;
const LONGEST_TITLE = 200;

export class ConversationList {
  /**
   * @param {HTMLElement} place
   * @param {(id: string) => void} gone called when one was deleted here
   */
  constructor(place, gone) {
    this.place = place;
    this.gone = gone;
    this.found = [];
    this.edition = 0; // what was asked for before the last change tells of an older list
    this.hasMore = false;
    this.current = null;
    this.trouble = "";
  }

  /** Read it anew: as many as were shown. */
  async load() {
    const { edition } = this;
    try {
      const most = Math.min(100, Math.max(PAGE, this.found.length));
      const page = await api(`/v1/conversations?limit=${most}`);
      if (edition !== this.edition) {
        if (key() !== null) await this.load();
        return;
      }
      this._becomes(page.data);
      this.hasMore = page.has_more;
      this.trouble = "";
    } catch (error) {
      if (edition === this.edition) this.trouble = inWords(error);
    }
    this._show();
  }

  /** Show none. */
  clear() {
    this._becomes([]);
    this.current = null;
    this.hasMore = false;
    this._show();
  }

  /** One was just opened here. */
  add(conversation) {
    this._becomes([conversation, ...this.found.filter(({ id }) => id !== conversation.id)]);
    this._show();
  }

  /** @param {string | null} id */
  mark(id) {
    this.current = id;
    this._show();
  }

  _becomes(found) {
    this.found = found;
    this.edition += 1;
  }

  async _more() {
    const { edition } = this;
    const last = this.found[this.found.length - 1].id;
    try {
      const page = await api(`/v1/conversations?limit=${PAGE}&after=${encodeURIComponent(last)}`);
      if (edition !== this.edition) return;
      this._becomes([...this.found, ...page.data]);
      this.hasMore = page.has_more;
    } catch (error) {
      this.trouble = inWords(error);
    }
    this._show();
  }

  async _rename(conversation) {
    const given = await askText("Rename this conversation", conversation.title ?? "", LONGEST_TITLE);
    if (given === null || given === conversation.title) return;
    await this._change(async () => {
      const renamed = await api(path(conversation), { body: { title: given } });
      this._becomes(this.found.map((each) => (each.id === renamed.id ? renamed : each)));
    });
  }

  /** A download bears no header: a ticket stands in for the key. */
  async _export(conversation) {
    const all = `${path(conversation)}/export`;
    await this._change(async () => {
      const { ticket } = await api("/v1/tickets", { body: { path: all } });
      make("a", { href: `${all}?ticket=${encodeURIComponent(ticket)}`, download: "" }).click();
    });
  }

  async _delete(conversation) {
    const words = `“${title(conversation)}” and all that was said in it will be gone.`;
    if (!(await confirm("Delete this conversation?", words, "Delete"))) return;
    await this._change(async () => {
      await api(path(conversation), { method: "DELETE" });
      this._forget(conversation.id);
    }, () => this._forget(conversation.id));
  }

  async _change(change, missing = () => {}) {
    try {
      await change();
      this.trouble = "";
    } catch (error) {
      if (error.status === 404) missing();
      this.trouble = error.status === 404 ? "This conversation was deleted elsewhere." : inWords(error);
    }
    this._show();
  }

  _forget(id) {
    this._becomes(this.found.filter((each) => each.id !== id));
    this.gone(id);
  }

  _show() {
    const open = this.found.find(({ id }) => id === this.current);
    document.title = open ? `${title(open)} · Headrace` : "Headrace";
    const entries = this.found.map((conversation) => this._entry(conversation));
    const more = this.hasMore && make("button.quiet.more", { type: "button", onclick: () => this._more() }, "Show older ones");
    const trouble = this.trouble && make("p.said", { role: "alert" }, this.trouble);
    const none = !entries.length && !trouble && make("p.none", {}, "What you ask will be listed here.");
    const held = this.place.scrollTop;
    const row = this.place.contains(document.activeElement) ? document.activeElement.closest("li") : null;
    const at = row ? [...row.children].indexOf(document.activeElement) : 0;
    this.place.replaceChildren(...[trouble, none, make("ul", {}, entries), more].filter(Boolean));
    this.place.scrollTop = held;
    // Whoever goes by keyboard stays where they were.
    const href = row?.querySelector("a").getAttribute("href");
    const same = href && this.place.querySelector(`a[href="${href}"]`);
    if (same) same.parentElement.children[at].focus({ preventScroll: true });
  }

  _entry(conversation) {
    const name = title(conversation);
    const act = (what, picture, run) => make(
      "button.quiet", { type: "button", "aria-label": `${what} “${name}”`, title: what, onclick: run }, icon(picture),
    );
    return make(
      "li", {},
      make("a", { href: `#${conversation.id}`, title: name, "aria-current": conversation.id === this.current ? "true" : null }, name),
      act("Rename", "pen", () => this._rename(conversation)),
      act("Export", "save", () => this._export(conversation)),
      act("Delete", "bin", () => this._delete(conversation)),
    );
  }
}

function title(conversation) {
  return conversation.title ?? "Untitled";
}

function path(conversation) {
  return `/v1/conversations/${encodeURIComponent(conversation.id)}`;
}
