/** A thumb up or down, and the reason if somebody gives one; the last word of a reader counts. */

import { api, inWords } from "../ground/api.js";
import { icon, make } from "../ground/dom.js";

const REASONS = {
  up: ["Correct", "Clear", "Well written"],
  down: ["Not correct", "Not what I asked", "Too long", "Harmful"],
};

/**
 * The two thumbs of an answer, and the place where the reason is asked for.
 * @param {string} jobId
 * @param {import("./turn.js").Told} told `feedback` is what was given before; what is given now is kept there
 * @returns {{buttons: HTMLElement[], form: HTMLElement}}
 */
export function feedback(jobId, told) {
  const form = make("div.why", { hidden: true });
  const thumbs = ["up", "down"].map((value) => {
    const name = value === "up" ? "Good answer" : "Bad answer";
    const pressed = String(told.feedback?.value === value);
    return make("button.quiet", { type: "button", "aria-label": name, title: name, "aria-pressed": pressed }, icon(value));
  });
  thumbs.forEach((thumb, at) => thumb.addEventListener("click", async () => {
    const value = at === 0 ? "up" : "down";
    try {
      // The same again would take back the reason that was given.
      if (told.feedback?.value !== value) told.feedback = await give(jobId, { value });
      thumbs.forEach((each) => each.setAttribute("aria-pressed", String(each === thumb)));
      askWhy(form, jobId, told);
    } catch (error) {
      form.hidden = false;
      form.replaceChildren(make("p.said", { role: "alert" }, inWords(error)));
    }
  }));
  return { buttons: thumbs, form };
}

function give(jobId, judgement) {
  return api(`/v1/jobs/${encodeURIComponent(jobId)}/feedback`, { body: { kind: "thumb", ...judgement } });
}

function askWhy(place, jobId, told) {
  const { value, tags: before = [], comment: words } = told.feedback;
  const ticks = REASONS[value].map((reason) => make(
    "label.chip", {}, make("input", { type: "checkbox", value: reason, checked: before.includes(reason) }), reason,
  ));
  const comment = make("textarea", { rows: 2, maxlength: 5000, "aria-label": "Why?", placeholder: "Say more, if you like" }, words);
  const said = make("p.said", { role: "alert" });
  const form = make(
    "form", {},
    make("p", {}, value === "up" ? "Thank you. What was good?" : "Thank you. What was wrong?"),
    make("div.chips", {}, ticks),
    comment,
    said,
    make("div.ends", {},
      make("button", { type: "button", onclick: () => { place.hidden = true; } }, "Not now"),
      make("button.strong", { type: "submit" }, "Send")),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const tags = ticks.map((tick) => tick.firstChild).filter((box) => box.checked).map((box) => box.value);
    try {
      told.feedback = await give(jobId, { value, tags, ...(comment.value.trim() && { comment: comment.value.trim() }) });
      place.replaceChildren(make("p", { role: "status" }, "Thank you: it was noted."));
    } catch (error) {
      said.textContent = inWords(error);
    }
  });
  place.replaceChildren(form);
  place.hidden = false;
  place.scrollIntoView({ block: "nearest" });
}
