/** The chat page: what is put together here, and which conversation is open. */

import { api, ApiError, inWords } from "../ground/api.js";
import { byId, icon, make } from "../ground/dom.js";
import { fillHeader } from "../ground/header.js";
import { key, onChange } from "../ground/session.js";
import { guard } from "../ground/signin.js";
import { Composer } from "./composer.js";
import { ConversationList } from "./conversations.js";
import { draft, keepDraft } from "./draft.js";
import { drawer } from "./drawer.js";
import { forget, forgetAll, recall } from "./pending.js";
import { models } from "./models.js";
import { Thread } from "./thread.js";
import { welcome } from "./welcome.js";

const LOOKED_AT = 6; // items: some turns may have come in between
const FRESH = { cache: "bypass", temperature: 0.8 }; // another answer is wanted, not the same again

const { button: menu, close: closeDrawer } = drawer(byId("drawer"), byId("veil"));
fillHeader(byId("header"), "/");
byId("header").prepend(menu);

let conversation = null; // the id of the one that is open
let opening = new AbortController();
let asked = null; // the turn whose answer is coming
let unwanted = false; // stopped before there was anything to stop

const list = new ConversationList(byId("list"), (id) => {
  forgetAll(id);
  if (id !== conversation) return;
  history.replaceState(null, "", location.pathname); // there is no way back to it
  open(null);
});
const thread = new Thread(byId("thread"), byId("end"), {
  again: (turn) => again(turn),
  retry: (turn, pending) => retry(turn, pending),
  begun: (made) => begun(made),
  gone: (prompt, error) => gone(prompt, error),
  edit: (text) => composer.write(text),
  unanswered: (prompt) => keepDraft(conversation, composer.text || prompt),
  tell: (words) => { byId("told").textContent = words; },
});
const composer = new Composer(/** @type {HTMLFormElement} */ (byId("composer")), send, stop, (text) => keepDraft(conversation, text));
const model = models(byId("model"));

byId("end").append(icon("below"));
byId("new").append(icon("plus"), "New chat");
byId("new").addEventListener("click", startNew);
addEventListener("hashchange", () => open(named()));
document.addEventListener("visibilitychange", () => { if (!document.hidden) lookAgain(); });

// Who comes next sees nothing of who went.
onChange(() => {
  if (key() !== null) return;
  leave();
  list.clear();
  composer.clear();
  conversation = null;
  if (location.hash) history.replaceState(null, "", location.pathname);
});

guard(byId("inside"), async () => {
  const unbegun = recall(null);
  leave();
  open(named());
  if (conversation === null) takeUp(unbegun);
  await Promise.all([list.load(), model.load()]);
});

/** The conversation that the address names. */
function named() {
  const id = location.hash.slice(1);
  return /^conv_\w+$/.test(id) ? id : null;
}

function startNew() {
  if (location.hash) history.pushState(null, "", location.pathname);
  open(null);
}

/** Hear no more of what is open; its job goes on. */
function leave() {
  opening.abort();
  opening = new AbortController();
  thread.clear();
  asked = null;
  composer.setBusy(false);
}

/** @param {string | null} id */
async function open(id) {
  closeDrawer();
  if (id !== null && id === conversation && thread.turns.length) return;
  leave();
  forgetAll(null); // whoever goes elsewhere takes back what has not begun
  conversation = id;
  composer.fill(draft(id));
  list.mark(id);
  if (id === null) {
    byId("thread").append(welcome((text) => composer.write(text)));
    composer.focus();
    return;
  }
  const { signal } = opening;
  try {
    await thread.open(id, signal);
    resume(id);
    composer.focus();
  } catch (error) {
    if (!signal.aborted) notOpened(id, error);
  }
}

/** @param {string} id @param {unknown} error */
function notOpened(id, error) {
  const missing = error instanceof ApiError && error.status === 404;
  if (missing) forgetAll(id);
  const words = missing ? "This conversation is not there any more: it was deleted, or its time is over." : inWords(error);
  const act = missing ? ["New chat", startNew] : ["Try again", () => open(id)];
  const button = make("button", { type: "button", onclick: act[1] }, act[0]);
  byId("thread").replaceChildren(make("div.note.bad", {}, icon("warn"), make("span", { role: "alert" }, words), button));
}

/** The conversation was deleted elsewhere while something was asked in it: what was asked is not lost. */
function gone(prompt, error) {
  const id = conversation;
  history.replaceState(null, "", location.pathname);
  open(null);
  notOpened(id, error);
  composer.write(prompt);
  list.load();
}

/** What was asked before the page was left goes on. */
function resume(id) {
  for (const pending of recall(id)) {
    const [{ content }] = pending.body.messages;
    const { replaces } = pending.body;
    const old = thread.of(replaces);
    const ended = pending.job !== null && thread.of(pending.job);
    if (ended || (replaces && !old)) forget(pending); // it ended meanwhile, or another one came first
    else if (!old?.asking) follow(old ?? thread.add(content), pending);
  }
}

/** What began a conversation that was not there yet when the page was left. @param {import("./pending.js").Pending[]} unbegun */
function takeUp(unbegun) {
  const pending = unbegun[unbegun.length - 1];
  if (!pending) return;
  thread.clear();
  follow(thread.add(pending.body.messages[0].content), pending);
}

/** @param {string} text */
function send(text) {
  if (conversation === null) {
    thread.clear(); // the welcome, or what could not be sent
    forgetAll(null);
  }
  submit(thread.add(text), {});
}

function stop() {
  unwanted = true;
  asked?.asking?.stop();
}

/** The first prompt has its conversation. */
function begun(made) {
  keepDraft(null, "");
  conversation = made.id;
  keepDraft(conversation, composer.text);
  list.add(made);
  list.mark(made.id);
  history.pushState(null, "", `#${made.id}`);
}

/** The reader wants another answer: it takes the place of the last one once it is there. */
function again(turn) {
  if (turn !== thread.last || asked !== null) return;
  submit(turn, { ...FRESH, ...(turn.leftTrace && { replaces: turn.job }) });
}

/** What could not be sent is wanted after all: it is no draft any more. */
function retry(turn, pending) {
  if (asked !== null) return;
  keepDraft(conversation, composer.text);
  follow(turn, pending);
}

/** @param {import("./turn.js").Turn} turn @param {object} more */
async function submit(turn, more) {
  const { signal } = opening;
  unwanted = false;
  composer.setBusy(true);
  keepDraft(conversation, composer.text); // what is asked again is no draft any more
  const messages = [{ role: "user", content: turn.prompt }];
  const body = { model: await model.chosen(), messages, conversation, lane: "interactive", ...more };
  if (!signal.aborted) await follow(turn, { key: newKey(), atMs: Date.now(), body, job: null });
}

/** A random key: `crypto.randomUUID` is not there on plain HTTP. */
function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {import("./turn.js").Turn} turn @param {import("./pending.js").Pending} pending */
async function follow(turn, pending) {
  asked = turn;
  composer.setBusy(true);
  const ended = turn.ask(pending);
  if (unwanted) stop();
  await ended;
  // Left before its job was known, and ended meanwhile: it stood there already.
  if (thread.turns.some((each) => each !== turn && each.job !== null && each.job === turn.job)) thread.drop(turn);
  if (asked !== turn) return;
  asked = null;
  composer.setBusy(false);
  if (turn.overtaken && await lookAgain()) thread.last?.remark("This conversation went on in another window: this is what is there now.");
}

/**
 * Back from another tab: there may be new conversations, or new turns in this one.
 * @returns {Promise<boolean>} whether what is open was shown anew
 */
async function lookAgain() {
  if (byId("inside").hidden || asked !== null) return false;
  await list.load();
  if (conversation === null || asked !== null) return false;
  const id = conversation;
  try {
    const { data } = await api(`/v1/conversations/${encodeURIComponent(id)}/items?limit=${LOOKED_AT}`);
    const shown = thread.last;
    if (id !== conversation || asked !== null || thread.endsWith(data)) return false;
    if (shown && !shown.names.length) return false; // what is shown says why there is no answer
    await thread.open(id, opening.signal);
    resume(id);
    return true;
  } catch (error) {
    if (id === conversation && error instanceof ApiError && error.status === 404) notOpened(id, error);
  }
  return false;
}
