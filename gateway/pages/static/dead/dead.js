/** Dead letters: what nobody could process, listed, and redriven or discarded by who is an administrator. */

import { confirm } from "../chat/dialogs.js";
import { instant } from "../dashboard/numbers.js";
import { api, ApiError, inWords } from "../ground/api.js";
import { byId, make } from "../ground/dom.js";
import { fillHeader } from "../ground/header.js";
import { key, onChange, signOut } from "../ground/session.js";
import { guard } from "../ground/signin.js";
import { Letter } from "./letter.js";
import { Sweep } from "./sweep.js";

const ALL = "/v1/admin/dead_letters";
const STATES = { dead: "Dead", redriven: "Redriven", discarded: "Discarded", all: "All" };
const REASONS = ["exhausted", "poison", "undecodable", "refused"];
const FILTERS = /** @type {const} */ (["reason", "tenant", "model"]);

/**
 * What is looked at; it stands in the address.
 * @typedef {{ state: string, reason: string, tenant: string, model: string, letter: string }} View
 */

/** @returns {View} */
function fromAddress() {
  const given = new URLSearchParams(location.search);
  const state = given.get("state") ?? "dead";
  const text = (name) => given.get(name) ?? "";
  return {
    state: Object.hasOwn(STATES, state) ? state : "dead",
    reason: REASONS.includes(text("reason")) ? text("reason") : "",
    tenant: text("tenant"), model: text("model"), letter: text("letter"),
  };
}

class Page {
  /** @param {HTMLElement} inside */
  constructor(inside) {
    this.view = fromAddress();
    this.asking = null;
    this.panel = null;
    this.last = null;
    this.trouble = make("div.banner", { role: "alert", hidden: true });
    this.swept = make("div", { hidden: true });
    this.rows = make("tbody");
    this.list = make("div.card-of.letters", { hidden: true }, make("div.scrolls", { tabindex: 0 }, make("table", {}, heads(), this.rows)));
    this.empty = make("div.empty", { role: "status" }, make("p", {}, "Looking …"));
    this.more = make("button.more", { type: "button", hidden: true, onclick: () => this.read(this.last) }, "Show more");
    this.main = make("main", { "aria-busy": "true" }, this.trouble, this.swept, this.empty, this.list, this.more);
    inside.replaceChildren(this.toolbar(), this.main);
    this.ending = new AbortController();
    addEventListener("popstate", () => { this.view = fromAddress(); this.arrive(); }, { signal: this.ending.signal });
    this.arrive();
  }

  /** Nobody is signed in any more: nothing of what was seen stays. */
  end() {
    this.ending.abort();
    this.asking?.abort();
    this.sweep?.stop();
    this.panel?.close();
    inside.replaceChildren();
  }

  toolbar() {
    this.states = Object.entries(STATES).map(([name, words]) => make("button", { type: "button", "data-state": name, onclick: () => this.go({ state: name }) }, words));
    this.reason = /** @type {HTMLSelectElement} */ (make(
      "select", { "aria-label": "Filter by reason", onchange: () => this.go({ reason: this.reason.value }) },
      make("option", { value: "" }, "All reasons"), REASONS.map((each) => make("option", { value: each }, each)),
    ));
    const field = (name, words) => /** @type {HTMLInputElement} */ (make(
      "input", { "aria-label": `Filter by ${name}`, placeholder: words, spellcheck: "false", autocomplete: "off", onchange: (event) => this.go({ [name]: event.target.value.trim() }) },
    ));
    this.tenant = field("tenant", "All tenants");
    this.model = field("model", "All models");
    this.all = make("button", { type: "button", onclick: () => this.redriveAll() }, "Redrive all …");
    const states = make("div.ranges", { role: "group", "aria-label": "State" }, this.states);
    return make("div.toolbar", {}, make("div.row", {}, states, this.reason, this.tenant, this.model, make("span.now", {}, this.all)));
  }

  /**
   * Look at something else.
   * @param {Partial<View>} change
   */
  go(change) {
    this.view = { ...this.view, ...change };
    const told = new URLSearchParams();
    if (this.view.state !== "dead") told.set("state", this.view.state);
    for (const name of /** @type {const} */ ([...FILTERS, "letter"])) if (this.view[name]) told.set(name, this.view[name]);
    history.pushState(null, "", told.size ? `/dead?${told}` : "/dead");
    if (!Object.hasOwn(change, "letter")) this.arrive();
  }

  arrive() {
    for (const each of this.states) each.setAttribute("aria-pressed", String(each.dataset.state === this.view.state));
    for (const name of FILTERS) this[name].value = this.view[name];
    this.all.hidden = this.view.state !== "dead";
    this.read(null);
    if (this.view.letter) this.open(this.view.letter);
    else this.panel?.close();
  }

  /**
   * A page of the list: the first, or the one behind what is shown.
   * @param {string | null} after
   */
  async read(after) {
    this.asking?.abort();
    const asking = new AbortController();
    this.asking = asking;
    this.main.setAttribute("aria-busy", "true");
    const asked = new URLSearchParams({ limit: "50", ...(after ? { after } : {}) });
    if (this.view.state !== "all") asked.set("state", this.view.state);
    for (const name of FILTERS) if (this.view[name]) asked.set(name, this.view[name]);
    try {
      const page = await api(`${ALL}?${asked}`, { signal: asking.signal });
      this.say(null);
      this.show(page, after !== null);
    } catch (error) {
      if (asking.signal.aborted) return;
      this.say(error);
      this.empty.hidden = true;
    } finally {
      if (this.asking === asking) this.main.setAttribute("aria-busy", "false");
    }
  }

  /**
   * @param {any} page
   * @param {boolean} behind what is shown already
   */
  show(page, behind) {
    const rows = page.data.map((each) => this.row(each));
    if (behind) this.rows.append(...rows);
    else this.rows.replaceChildren(...rows);
    this.last = page.last_id;
    this.more.hidden = !page.has_more;
    const none = this.rows.childElementCount === 0 && !page.has_more;
    this.list.hidden = none;
    this.empty.hidden = !none;
    const isFiltered = FILTERS.some((name) => this.view[name]);
    if (none) this.empty.replaceChildren(make("h2", {}, this.nothing(isFiltered)), make("p", {}, isFiltered ? "Or none that matches the filters." : "What nobody can process is found here for 30 days."));
    if (!behind && this.view.state === "dead") this.all.toggleAttribute("disabled", none);
  }

  /** @param {boolean} isFiltered */
  nothing(isFiltered) {
    if (this.view.state === "dead") return isFiltered ? "No such letter is dead" : "No dead letters";
    return this.view.state === "all" ? "No letters" : `No ${this.view.state} letters`;
  }

  /** @param {any} letter */
  row(letter) {
    const open = () => { this.go({ letter: letter.id }); this.open(letter.id); };
    const name = make("button.link", { type: "button", title: letter.id, onclick: (event) => { event.stopPropagation(); open(); } }, `…${letter.id.slice(-8)}`);
    return make(
      "tr", { "data-letter": letter.id, onclick: open },
      make("td", {}, name),
      make("td.time", { title: new Date(letter.buried_at * 1000).toISOString() }, instant(letter.buried_at, { seconds: true })),
      make("td", {}, state(letter.state)), make("td", {}, letter.reason),
      make("td", {}, letter.tenant ?? "–"), make("td", {}, letter.model ?? "–"),
      make("td.number", {}, letter.attempts), make("td.text", { title: letter.error }, letter.error),
    );
  }

  /** @param {string} id */
  open(id) {
    if (this.panel?.id === id) return;
    this.panel?.close();
    const panel = new Letter(id, {
      changed: (letter) => this.changed(letter),
      closed: () => {
        if (this.panel !== panel) return;
        this.panel = null;
        if (this.view.letter === id) this.go({ letter: "" });
      },
    });
    this.panel = panel;
  }

  /** @param {any} letter as it stands now */
  changed(letter) {
    const row = this.rows.querySelector(`[data-letter="${CSS.escape(letter.id)}"]`);
    row?.replaceWith(this.row(letter));
  }

  async redriveAll() {
    const filters = FILTERS.filter((name) => this.view[name]).map((name) => `${name} ${this.view[name]}`);
    const which = filters.length ? `Every dead letter with ${filters.join(", ")}` : "Every dead letter";
    const words = `${which} is handed in again as it was, also those that are not shown here. What cannot be is told, and stays dead.`;
    if (!(await confirm("Redrive all?", words, "Redrive all"))) return;
    const wanted = Object.fromEntries(FILTERS.filter((name) => this.view[name]).map((name) => [name, this.view[name]]));
    this.sweep?.stop();
    this.sweep = new Sweep(this.swept, `${ALL}/redrive`, wanted, () => this.read(null));
  }

  /** @param {unknown} error */
  say(error) {
    this.trouble.hidden = error === null;
    if (error === null) return;
    const forbidden = error instanceof ApiError && error.status === 403;
    if (!forbidden) return this.trouble.replaceChildren(inWords(error));
    this.list.hidden = this.more.hidden = true;
    this.all.setAttribute("disabled", "");
    this.trouble.replaceChildren(
      "Dead letters are for administrators: this key lacks the scope admin. ",
      make("button", { type: "button", onclick: () => signOut() }, "Sign in with another key"),
    );
  }
}

function heads() {
  const names = ["Letter", "Buried", "State", "Reason", "Tenant", "Model", "Attempts", "Error"];
  return make("thead", {}, make("tr", {}, names.map((each) => make("th", { scope: "col", class: each === "Attempts" ? "number" : null }, each))));
}

/** @param {string} name */
export function state(name) {
  return make(`span.state.${name}`, {}, make("i.dot"), name);
}

fillHeader(byId("header"), "/dead");
const inside = byId("inside");
let page = null;
onChange(() => {
  if (key() !== null) return;
  page?.end();
  page = null;
});
guard(inside, () => {
  page?.end();
  page = new Page(inside);
});
