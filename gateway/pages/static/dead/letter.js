/** One letter in full: why it was buried, its prompt, and what can be done about it. */

import { askText, confirm } from "../chat/dialogs.js";
import { instant } from "../dashboard/numbers.js";
import { api, inWords } from "../ground/api.js";
import { icon, make } from "../ground/dom.js";

const MOST_SHOWN = 20_000;
const LONGEST_NOTE = 2000;

export class Letter {
  /**
   * Show a letter beside the list.
   * @param {string} id
   * @param {{ changed: (letter: any) => void, closed: () => void }} told
   */
  constructor(id, told) {
    this.id = id;
    this.told = told;
    this.letter = null;
    this.url = `/v1/admin/dead_letters/${encodeURIComponent(id)}`;
    const close = make("button.quiet", { type: "button", "aria-label": "Close", onclick: () => this.leave() });
    close.append(icon("close"));
    this.body = make("div.inside", {}, make("p.hint", {}, "Looking for it …"));
    this.dialog = /** @type {HTMLDialogElement} */ (make(
      "dialog.job-panel.letter", { "aria-label": "Dead letter" },
      make("header", {}, make("div", {}, make("h2", {}, "Dead letter"), make("code", {}, id)), make("span.grow"), close),
      this.body,
    ));
    this.dialog.addEventListener("click", (event) => { if (event.target === this.dialog) this.leave(); });
    this.dialog.addEventListener("cancel", (event) => { event.preventDefault(); this.leave(); });
    this.dialog.addEventListener("close", () => { this.dialog.remove(); told.closed(); });
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.read();
  }

  close() {
    this.dialog.close();
  }

  /** Close it, unless that would lose what was written. */
  async leave() {
    const isWritten = this.field && this.field.value !== this.before;
    if (isWritten && !(await confirm("Leave the prompt?", "What you wrote is not handed in.", "Leave"))) return;
    this.close();
  }

  async read() {
    try {
      this.show(await api(this.url));
    } catch (error) {
      this.body.replaceChildren(make("p.said", { role: "alert" }, inWords(error)));
    }
  }

  /** @param {any} letter */
  show(letter) {
    this.letter = letter;
    this.field = null;
    this.said = make("p.said", { role: "alert" });
    this.body.replaceChildren(
      facts(letter),
      make("p.trouble", {}, letter.error || "Nobody knows why."),
      ...between(letter),
      ...history(letter),
      ...warning(letter),
      ...content(letter),
      this.acts(),
      this.said,
    );
  }

  acts() {
    const { state, redrivable, redrives } = this.letter;
    const number = redrives.length + 1;
    const again = redrives.length ? " again" : "";
    const buttons = [];
    if (redrivable === "as_it_was") {
      buttons.push(make("button.strong", { type: "button", onclick: () => this.redriveAsItWas(number) }, `Redrive${again}`));
    }
    if (redrivable !== "no") buttons.push(make("button", { type: "button", onclick: () => this.edit() }, `Edit and redrive${again}`));
    if (state === "dead") buttons.push(make("button", { type: "button", onclick: () => this.discard() }, "Discard …"));
    return make("div.acts", {}, buttons);
  }

  /** @param {number} number */
  async redriveAsItWas(number) {
    // Who clicks twice meets this in the place of the first button.
    const isMeant = number === 1 || await confirm("Redrive again?", "It was redriven before: this makes one job more.", "Redrive again");
    if (isMeant) await this.redrive({ number });
  }

  /** The prompt in a field, in place of all else. */
  edit() {
    const { letter } = this;
    this.before = `${JSON.stringify(letter.prompt ?? { model: letter.model ?? "", messages: [{ role: "user", content: text(letter) }] }, null, 2)}\n`;
    const field = /** @type {HTMLTextAreaElement} */ (make("textarea", { id: "prompt", spellcheck: "false", "aria-describedby": "prompt-help" }));
    field.value = this.before;
    this.field = field;
    const owner = letter.tenant === null ? whose() : null;
    this.said = make("p.said", { role: "alert" });
    const form = make(
      "form", { novalidate: true },
      make("h3", {}, "Edited prompt"),
      make("p.help", { id: "prompt-help" }, "A body as of POST /v1/jobs. It runs as a new job, outside of any conversation; the old job stays as it ended."),
      owner, make("label.unseen", { for: "prompt" }, "Prompt"), field,
      make("div.acts", {}, make("button.strong", { type: "submit" }, "Redrive"), make("button", { type: "button", onclick: () => this.show(letter) }, "Back")),
      this.said,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const given = Object.fromEntries([...(owner?.querySelectorAll("input") ?? [])].filter((each) => each.value.trim()).map((each) => [each.name, each.value.trim()]));
      this.handIn(given);
    });
    this.body.replaceChildren(facts(letter), form);
    field.focus();
  }

  /** @param {Record<string, string>} given */
  handIn(given) {
    let prompt;
    try {
      prompt = JSON.parse(this.field.value);
    } catch (error) {
      this.said.textContent = `This is no JSON: ${/** @type {Error} */ (error).message}`;
      return;
    }
    if (typeof prompt !== "object" || prompt === null || Array.isArray(prompt)) {
      this.said.textContent = "The prompt must be a JSON object.";
      return;
    }
    this.redrive({ ...given, prompt, number: this.letter.redrives.length + 1 });
  }

  /** @param {any} body */
  redrive(body) {
    return this.act("redrive", body);
  }

  async discard() {
    const note = await askText("Why is nothing to become of it?", "", LONGEST_NOTE, "Discard");
    if (note !== null) await this.act("discard", { note });
  }

  /**
   * @param {string} what
   * @param {any} body
   */
  async act(what, body) {
    this.said.textContent = "";
    const buttons = [...this.body.querySelectorAll("button")];
    for (const each of buttons) each.setAttribute("disabled", "");
    try {
      const letter = await api(`${this.url}/${what}`, { body });
      this.show(letter);
      this.told.changed(letter);
    } catch (error) {
      this.said.textContent = inWords(error);
    } finally {
      for (const each of buttons) each.removeAttribute("disabled");
    }
  }
}

/** @param {any} letter */
function facts(letter) {
  const { topic, partition, offset } = letter.origin;
  const told = [
    ["State", make(`span.state.${letter.state}`, {}, make("i.dot"), letter.state)], ["Reason", letter.reason],
    ["Buried", instant(letter.buried_at, { seconds: true })], ["Attempts", letter.attempts || ""],
    ["Tenant", letter.tenant], ["Model", letter.model], ["Job", letter.job ? job(letter.job) : ""],
    ["Origin", `${topic}, partition ${partition}, offset ${offset}`], ["Conversation", letter.conversation],
  ];
  return make("dl.facts", {}, told.filter(([, value]) => value).map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

/** @param {any} letter the first and the last error, where they are known beside the one it was buried with */
function between(letter) {
  const told = [["First error", letter.first_error], ["Last error", letter.last_error]].filter(([, value]) => value && value !== letter.error);
  return told.length ? [make("dl.facts", {}, told.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))))] : [];
}

/** @param {any} letter */
function history(letter) {
  const lines = letter.redrives.map((each) => make(
    "li", {}, `${instant(each.at, { seconds: true })} redriven${each.edited ? ", edited," : ""} as `, job(each.job), ` by ${each.by}`,
  ));
  const { discarded } = letter;
  if (discarded) lines.push(make("li", {}, `${instant(discarded.at, { seconds: true })} discarded by ${discarded.by}: ${discarded.note}`));
  return lines.length ? [make("h3", {}, "What was done"), make("ul.history", {}, lines)] : [];
}

/** @param {any} letter */
function warning(letter) {
  if (letter.redrivable !== "edited") return [];
  const words = letter.conversation
    ? "This is a turn of a conversation, which has gone on without it: redrive it with a prompt that says all it needs, or have its client say it anew."
    : "The prompt cannot be read: redrive it with one that you write, or discard it.";
  return [make("p.note-of", {}, words)];
}

/** @param {any} letter */
function content(letter) {
  if (letter.prompt) return [make("h3", {}, "Prompt"), make("pre", { tabindex: 0 }, JSON.stringify(letter.prompt, null, 2))];
  if (!letter.payload_base64) return [];
  const found = text(letter);
  const cut = found.length > MOST_SHOWN ? "\n…" : "";
  return [make("h3", {}, "The record's bytes, as text"), make("pre", { tabindex: 0 }, found.slice(0, MOST_SHOWN) + cut)];
}

/** @param {any} letter */
function text(letter) {
  const bytes = Uint8Array.from(atob(letter.payload_base64), (each) => each.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

/** @param {string} id */
function job(id) {
  return make("a", { href: `/dashboard?job=${encodeURIComponent(id)}` }, id);
}

function whose() {
  const field = (name, words) => make("label", {}, words, make("input", { name, spellcheck: "false", autocomplete: "off" }));
  return make("div.whose", {}, field("tenant", "Tenant whose prompt it is"), field("key_id", "Key in whose name (may be empty)"));
}
