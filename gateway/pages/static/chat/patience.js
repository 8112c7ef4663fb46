/** What may go well at another time is tried again: a server that is away for long, one that refuses a few times. */

import { passes, sleep } from "./events.js";

const TRIES = 4;
const PAUSE_MS = 700;
const AWAY_MS = 20_000; // a gateway that was started anew is back by then
const LONGEST_AFTER_S = 3; // whoever must wait longer is told so, and tries again when they like

/**
 * Ask until it goes well; what does not pass, or takes too long to, is thrown.
 * @template T
 * @param {() => Promise<T>} ask
 * @param {AbortSignal} signal
 * @param {() => void} away told each time that no server was reached
 * @returns {Promise<T>}
 */
export async function patiently(ask, signal, away) {
  const giveUpMs = performance.now() + AWAY_MS;
  let refusals = 0;
  for (let pauseMs = PAUSE_MS; ; pauseMs += PAUSE_MS) {
    try {
      return await ask();
    } catch (error) {
      const afterS = error.afterS ?? 0;
      const isAway = error.status === 0 && navigator.onLine;
      refusals += isAway ? 0 : 1;
      const isEnough = refusals === TRIES || (isAway && performance.now() > giveUpMs);
      if (isEnough || !passes(error) || afterS > LONGEST_AFTER_S || signal.aborted) throw error;
      if (isAway) away();
      await sleep(Math.max(afterS * 1000, pauseMs), signal);
    }
  }
}
