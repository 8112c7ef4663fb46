/** All that match are redriven, page by page, with how many so far; who watches may stop it between two pages. */

import { api, inWords } from "../ground/api.js";
import { make } from "../ground/dom.js";

export class Sweep {
  /**
   * @param {HTMLElement} place where it tells
   * @param {string} path
   * @param {Record<string, string>} wanted
   * @param {() => void} done
   */
  constructor(place, path, wanted, done) {
    this.place = place;
    this.path = path;
    this.wanted = wanted;
    this.done = done;
    this.redriven = 0;
    this.refused = [];
    this.stopped = false;
    this.run();
  }

  stop() {
    this.stopped = true;
  }

  async run() {
    let after = null;
    let trouble = "";
    this.tell("Redriving …", true);
    try {
      do {
        const page = await api(this.path, { body: { ...this.wanted, ...(after ? { after } : {}) } });
        this.redriven += page.redriven.length;
        this.refused.push(...page.refused);
        after = page.has_more ? page.last_id : null;
        this.tell("Redriving …", true);
      } while (after !== null && !this.stopped);
    } catch (error) {
      trouble = inWords(error);
    }
    this.tell(trouble || (after === null ? "Done:" : "Stopped:"), false);
    this.done();
  }

  /**
   * @param {string} words
   * @param {boolean} isRunning
   */
  tell(words, isRunning) {
    const end = isRunning
      ? make("button", { type: "button", onclick: () => this.stop() }, "Stop")
      : make("button", { type: "button", onclick: () => { this.place.hidden = true; } }, "Close");
    const counts = `${words} ${this.redriven} redriven${this.refused.length ? `, ${this.refused.length} refused` : ""}.`;
    this.place.className = "swept";
    this.place.hidden = false;
    this.place.replaceChildren(
      make("div.row", {}, make("p", { role: "status" }, counts), make("span.grow"), end),
      this.refused.length ? make("ul", {}, this.refused.map((each) => make("li", {}, make("code", {}, each.id), ` ${each.message}`))) : "",
    );
  }
}
