/** A job's events over fetch, which can send the key in a header; a stream that breaks is taken up where it broke. */

import { api, ApiError, ask } from "../ground/api.js";

const SILENCE_MS = 45_000; // three pings of the server are missing
const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Hear a job until its end, over broken connections and restarts of the server.
 * @param {string} jobId
 * @param {AbortSignal} signal ends the hearing, not the job
 * @param {(kind: "token" | "snapshot" | "status" | "broken", data: any) => void} hear
 * @returns {Promise<any>} the job object at its end
 */
export async function follow(jobId, signal, hear) {
  const path = `/v1/jobs/${encodeURIComponent(jobId)}`;
  let last = null;
  let pause = FIRST_PAUSE_MS;
  for (;;) {
    let least = 0;
    try {
      const headers = last === null ? {} : { "Last-Event-ID": last };
      const response = await ask(`${path}/events`, { headers, signal });
      if (response.status === 204) return await api(path, { signal });
      for await (const event of parsed(response.body)) {
        pause = FIRST_PAUSE_MS;
        last = event.id ?? last;
        const data = JSON.parse(event.data);
        if (event.event === "done") return data;
        hear(event.event, data);
      }
    } catch (error) {
      if (signal.aborted || !passes(error)) throw error;
      least = error instanceof ApiError ? error.afterS * 1000 : 0;
    }
    hear("broken", null);
    await sleep(Math.max(least, pause * (0.5 + Math.random())), signal);
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
  }
}

/**
 * Whether what went wrong may go well at another time: the server away, busy or starting, the connection cut,
 * the same still being made for an earlier try.
 * @param {unknown} error
 */
export function passes(error) {
  if (error instanceof ApiError) {
    return error.mayPass && (error.status === 0 || error.status === 429 || error.status >= 500 || error.code === "still_running");
  }
  return error instanceof TypeError || (error instanceof DOMException && error.name === "NetworkError");
}

/**
 * Wait; ends early, with the signal's reason, when that is given.
 * @param {number} ms
 * @param {AbortSignal} signal
 */
export function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}

/**
 * The events of a stream (WHATWG HTML §9.2: fields, comments, a blank line sends).
 * @param {ReadableStream<Uint8Array>} body
 */
async function* parsed(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = blank();
  try {
    for (;;) {
      const { done, value } = await inTime(reader.read());
      if (done) return;
      const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "") {
          if (event.data !== "") yield { ...event, data: event.data.slice(0, -1) };
          event = blank();
        } else {
          take(event, line);
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function blank() {
  return { id: null, event: "message", data: "" };
}

function take(event, line) {
  const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? ["", "", ""];
  if (name === "data") event.data += `${value}\n`;
  else if (name === "id" || name === "event") event[name] = value;
}

/** @template T @param {Promise<T>} read @returns {Promise<T>} */
function inTime(read) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new DOMException("the stream is silent", "NetworkError")), SILENCE_MS);
  });
  return Promise.race([read, late]).finally(() => clearTimeout(timer));
}
