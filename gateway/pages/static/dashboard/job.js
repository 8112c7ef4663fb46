/** One job in full: its eight steps as a waterfall, what was said and answered, its webhook and its feedback. */

import { api, inWords } from "../ground/api.js";
import { icon, make } from "../ground/dom.js";
import { duration, instant, written } from "./numbers.js";
import { status } from "./tables.js";

/** What happens on the way to each step. */
const MEANING = {
  received: "the prompt came in",
  accepted: "limits checked, id given",
  acknowledged: "Kafka holds the prompt",
  claimed: "waited for a worker",
  first_token: "model read the prompt",
  finished: "model wrote the answer",
  published: "Kafka holds the answer",
  visible: "shown to the client",
};
const IN_THE_MODEL = new Set(["first_token", "finished"]);

/**
 * Show a job beside the dashboard.
 * @param {string} id
 * @param {() => void} closed
 * @returns {HTMLDialogElement}
 */
export function showJob(id, closed) {
  const close = make("button.quiet", { type: "button", "aria-label": "Close" });
  close.append(icon("close"));
  const body = make("div.inside", {}, make("p.hint", {}, "Looking for it …"));
  const dialog = /** @type {HTMLDialogElement} */ (make(
    "dialog.job-panel", { "aria-label": "Job" },
    make("header", {}, make("div", {}, make("h2", {}, "Job"), make("code", {}, id)), make("span.grow"), close),
    body,
  ));
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => { dialog.remove(); closed(); });
  document.body.append(dialog);
  dialog.showModal();
  fill(body, id);
  return dialog;
}

/**
 * @param {HTMLElement} body
 * @param {string} id
 */
async function fill(body, id) {
  const of = `job=${encodeURIComponent(id)}`;
  const [timeline, row, events, feedback] = await Promise.allSettled([
    api(`/v1/jobs/${encodeURIComponent(id)}/timeline`),
    ...["job", "job_events", "job_feedback"].map((name) => api(`/v1/reports/${name}?${of}`)),
  ]);
  const job = row.status === "fulfilled" ? row.value.data[0] : undefined;
  const live = timeline.status === "fulfilled" ? timeline.value : null;
  if (!job && !live) {
    const words = row.status === "rejected" ? inWords(row.reason) : "There is no such job, or it is no longer kept.";
    body.replaceChildren(make("p.said", { role: "alert" }, words));
    return;
  }
  body.replaceChildren(
    facts(job, live),
    job?.error_message ? make("p.trouble", {}, make("b", {}, job.error_code || job.error_type), ` ${job.error_message}`) : "",
    make("h3", {}, "Timeline"),
    waterfall(live?.steps ?? steps(job)),
    ...texts(job),
    ...list("What happened besides", events, event),
    ...list("Feedback", feedback, judgement),
  );
}

/**
 * @param {any} job
 * @param {any} live
 */
function facts(job, live) {
  const told = [["Status", status(job?.status ?? live.status)]];
  if (job) {
    told.push(
      ["Model", job.model], ["Lane", job.lane], ["Ended", instant(job.finished_at, { seconds: true })],
      ["In all", written(job.total_ms, "ms")],
      ["Tokens", `${written(job.prompt_tokens, "tokens")} read, ${written(job.completion_tokens, "tokens")} written`],
      ["Cache", job.cache], ["Attempt", job.attempt > 1 ? `${job.attempt}` : ""], ["Worker", job.worker],
      ["Conversation", job.conversation], ["Asked by", job.route],
    );
  }
  return make("dl.facts", {}, told.filter(([, value]) => value).map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

/**
 * The steps that the analytics store knows, for a job that is no longer kept elsewhere.
 * @param {any} job
 */
function steps(job) {
  const known = [["received", 0], ["claimed", job.queue_wait_ms], ["first_token", job.first_token_ms], ["finished", job.total_ms]];
  let before = 0;
  return known.filter(([, at]) => at !== null).map(([step, at]) => {
    const made = { step, since_received_ms: at, since_previous_ms: at - before };
    before = at;
    return made;
  });
}

/** @param {{ step: string, since_received_ms: number, since_previous_ms: number }[]} taken */
function waterfall(taken) {
  const whole = Math.max(...taken.map((each) => each.since_received_ms), 0.001);
  return make("ol.waterfall", {}, taken.map((each) => {
    const bar = make(`i.bar${IN_THE_MODEL.has(each.step) ? ".model" : each.step === "claimed" ? ".waits" : ""}`);
    bar.style.left = `${((each.since_received_ms - each.since_previous_ms) / whole) * 100}%`;
    bar.style.width = `${(each.since_previous_ms / whole) * 100}%`;
    return make(
      "li", { "data-step": each.step },
      make("span.step", {}, make("b", {}, each.step.replace("_", " ")), make("small", {}, MEANING[each.step] ?? "")),
      make("span.track", {}, bar),
      make("span.took", { title: `${each.since_received_ms.toFixed(3)} ms after it came in` }, `+${duration(each.since_previous_ms)}`),
    );
  }));
}

/** @param {any} job */
function texts(job) {
  if (!job) return [];
  if (!job.prompt && !job.answer) return [make("p.hint", {}, "The words of this job are not kept.")];
  let messages = [];
  try {
    messages = JSON.parse(job.prompt);
  } catch {
    messages = [{ role: "prompt", content: job.prompt }];
  }
  const said = messages.map((each) => words(each.role, each.content));
  return [make("h3", {}, "Words"), ...said, words("answer", job.answer || "(none)")];
}

/**
 * @param {string} who
 * @param {unknown} content
 */
function words(who, content) {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  return make("div.words", {}, make("h4", {}, who), make("pre", {}, text));
}

/**
 * @param {string} title
 * @param {PromiseSettledResult<any>} found
 * @param {(row: any) => Node} line
 */
function list(title, found, line) {
  if (found.status === "rejected") return [make("h3", {}, title), make("p.said", {}, inWords(found.reason))];
  const rows = found.value.data;
  return rows.length ? [make("h3", {}, title), make("ul.happened", {}, rows.map(line))] : [];
}

/** @param {any} row */
function event(row) {
  const told = {
    JobClaimed: () => `attempt ${row.attempt} began on ${row.worker}`,
    FirstTokenProduced: () => `attempt ${row.attempt}: first token`,
    RetryScheduled: () => `try ${row.tries} at the model server failed (${row.reason}), again after ${duration(row.after_s * 1000)}`,
    DeliveryAttempted: () => `webhook to ${row.url}: ${row.outcome}${row.status ? `, HTTP ${row.status}` : ""}${row.error ? `, ${row.error}` : ""}, ${duration(row.duration_ms)}`,
  };
  return make("li", {}, make("time", {}, instant(row.at, { seconds: true })), (told[row.type] ?? (() => row.type))());
}

/** @param {any} row */
function judgement(row) {
  const words = [row.value, row.comment].filter(Boolean).join(" · ");
  return make("li", {}, make("time", {}, instant(row.said_at, { seconds: true })), `${row.kind}: ${words}${row.author ? ` (${row.author})` : ""}`);
}
