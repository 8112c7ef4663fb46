/** Which model is asked: a name where there is one, a choice where there are several. */

import { api } from "../ground/api.js";
import { make } from "../ground/dom.js";
import { storage } from "../ground/session.js";

const NAME = "headrace.model";

/**
 * @param {HTMLElement} place
 * @returns {{load: () => Promise<void>, chosen: () => Promise<string>}}
 */
export function models(place) {
  let known = [];
  let chosen = "";
  const show = () => {
    if (known.length < 2) {
      place.replaceChildren(short(chosen));
      place.title = chosen;
      return;
    }
    const select = make("select", { "aria-label": "Model" }, known.map((id) => make("option", { value: id, selected: id === chosen }, short(id))));
    select.addEventListener("change", () => {
      chosen = select.value;
      storage().setItem(NAME, chosen);
    });
    place.replaceChildren(select);
  };
  const load = async () => {
    try {
      known = (await api("/v1/models")).data.filter(({ task }) => task !== "embeddings").map(({ id }) => id);
    } catch {
      return; // the next submit will say what is wrong
    }
    const kept = storage().getItem(NAME);
    chosen = known.includes(kept) ? kept : known[0];
    show();
  };
  const sure = async () => {
    if (!chosen) await load();
    return chosen;
  };
  return { load, chosen: sure };
}

/** A model's name without its owner. */
function short(id) {
  return id.slice(id.lastIndexOf("/") + 1);
}
