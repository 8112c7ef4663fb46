/** The API of this gateway: one fetch, the key in its header, and what goes wrong in plain words. */

import { key, signOut } from "./session.js";

/** Something the API did not do. `status` is 0 where the server was not reached at all. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   * @param {string | null} code
   * @param {number} afterS seconds after which it may be tried again, where the server says so
   * @param {boolean} mayPass the server did not say that to try again is of no use
   */
  constructor(status, message, code = null, afterS = 0, mayPass = true) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.afterS = afterS;
    this.mayPass = mayPass;
  }
}

/**
 * @typedef {object} Options
 * @property {string} [method] GET unless given, or POST where there is a body
 * @property {any} [body] sent as JSON
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 * @property {string} [key] asked with this key in place of the reader's
 */

/**
 * Ask, and read the answer as JSON.
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export async function api(path, options = {}) {
  const response = await ask(path, options);
  return response.status === 204 ? null : response.json();
}

/**
 * Ask, and get the response itself, of which the status is good.
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<Response>}
 */
export async function ask(path, options = {}) {
  const { body, headers = {}, signal } = options;
  const request = {
    method: options.method ?? (body === undefined ? "GET" : "POST"),
    headers: { ...headers, Authorization: `Bearer ${options.key ?? key() ?? ""}` },
    credentials: /** @type {const} */ ("omit"),
    cache: /** @type {const} */ ("no-store"),
    signal,
  };
  if (body !== undefined) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, request);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "unreachable", null, 2);
  }
  if (response.ok) return response;
  const error = await problem(response);
  // Of no use any more: whoever looks at this page is asked for another one.
  if (error.status === 401 && options.key === undefined) signOut(inWords(error));
  throw error;
}

/**
 * What went wrong, as a sentence for people.
 * @param {unknown} error
 * @returns {string}
 */
export function inWords(error) {
  if (!(error instanceof ApiError)) return "Something went wrong in this page. Reload it and try again.";
  if (error.status === 0) return "The server cannot be reached. Is it running, and are you online?";
  if (error.status === 401) return "This key is unknown or was revoked. Sign in with another one.";
  if (!error.mayPass) return error.message;
  if (error.status === 429) return `That was too much at once for this key. ${later(error)}`;
  if (error.status === 503) return `The service cannot take this just now. ${later(error)}`;
  if (error.status >= 500) return "Something went wrong on the server. Try again; if it stays so, tell who runs it.";
  return error.message;
}

/**
 * What became of a job that has no answer, as a sentence for people.
 * @param {{status: string, error: {message: string, code: string | null} | null}} job
 * @returns {string}
 */
export function jobInWords(job) {
  if (job.status === "expired") return "The time for this answer ran out before it was ready.";
  if (job.error?.code === "context_length_exceeded") {
    return "This is more than the model can read at once. Shorten it, or begin a new chat.";
  }
  if (job.status === "failed") return `No answer came: ${job.error?.message ?? "nobody knows why"}`;
  return "";
}

/** @param {ApiError} error */
function later(error) {
  if (error.afterS <= 1) return "Try again in a moment.";
  return `Try again in ${error.afterS} seconds.`;
}

/** @param {Response} response */
async function problem(response) {
  const afterS = Number(response.headers.get("Retry-After")) || 0;
  const mayPass = response.headers.get("x-should-retry") !== "false";
  try {
    const { error } = await response.json();
    return new ApiError(response.status, error.message, error.code, afterS, mayPass);
  } catch {
    // Somebody between us and the gateway answered.
    return new ApiError(response.status, `The server answered with status ${response.status}.`, null, afterS, mayPass);
  }
}
