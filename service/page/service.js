/** The service behind the page: one request, its answer, or what is wrong in words. */

/** A failure that a reader can act on. */
export class Failure extends Error {
  /**
   * @param {string} title what happened, in a few words
   * @param {string} detail what the service says about it, or what is known
   * @param {string} advice what to do
   * @param {number} status of HTTP; 0 where there was no answer
   */
  constructor(title, detail, advice = "", status = 0) {
    super(detail);
    Object.assign(this, { title, detail, advice, status });
  }
}

const TITLES = {
  400: "The service could not read the request",
  401: "This service asks for an API key",
  403: "This service refuses the request",
  413: "The article is too large",
  415: "The service does not read this kind of file",
  422: "There is nothing to mark",
  429: "Too many requests",
  503: "The service is busy",
};

/**
 * @typedef {{text?: string, html?: string, origin: string}} Source text or html, and where it came from
 */

/**
 * Have an article scored.
 *
 * @param {Source} source
 * @param {{key: string, signal: AbortSignal}} how
 * @returns {Promise<{text: string, sentences: import("./selection.js").Sentence[], model: object, warnings: object[]}>}
 * @throws {Failure} anything but an answer, except when the signal was aborted
 */
export async function evaluate(source, { key, signal }) {
  const headers = { Accept: "application/json" };
  if (key) headers.Authorization = `Bearer ${key}`;
  const request = { method: "POST", headers, signal, cache: "no-store", credentials: "same-origin" };
  let address = "api/evaluate";
  const sent = wellFormed(source.html ?? source.text);
  if (source.html !== undefined) {
    address += "?index_unit=utf16";
    headers["Content-Type"] = "text/html; charset=utf-8";
    request.body = sent;
  } else {
    headers["Content-Type"] = "application/json";
    request.body = JSON.stringify({ text: sent, index_unit: "utf16" });
  }
  const response = await answer(address, request);
  if (!response.ok) throw await failure(response);
  const content = await json(response);
  if (!Array.isArray(content?.sentences)) {
    throw new Failure("The answer cannot be read", "Something that is not this service answered.", "", response.status);
  }
  return { ...content, text: content.text ?? sent };
}

async function answer(address, request) {
  try {
    return await fetch(address, request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(
      "The service does not answer",
      "It may have been stopped, or the connection is lost.",
      "Your article is still here. Try again in a moment.",
    );
  }
}

async function failure(response) {
  const problem = (await json(response)) ?? {};
  const said = problem.detail ?? `It answered ${response.status} ${response.statusText} and gave no reason.`;
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  const advice = [];
  if (seconds >= 0) advice.push(`Try again in ${seconds} ${seconds === 1 ? "second" : "seconds"}.`);
  if (problem.request_id) advice.push(`Request ${problem.request_id}.`);
  const title = TITLES[response.status] ?? "The service could not do it";
  return new Failure(title, said, advice.join(" "), response.status);
}

async function json(response) {
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return null;
  }
}

/** Half of a surrogate pair is no character and cannot be sent; it becomes U+FFFD, of the same length. */
function wellFormed(text) {
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}
