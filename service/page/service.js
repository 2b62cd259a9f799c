/** The service behind the page: one request, its answer, or what is wrong in words. */

/** A failure that a reader can act on. */
export class Failure extends Error {
  /**
   * @param {string} title what happened, in a few words
   * @param {string} detail what is known about it
   * @param {{advice?: string, needsKey?: boolean, retryable?: boolean}} how advice: what to do; retryable: the
   *   same request may succeed later
   */
  constructor(title, detail, { advice = "", needsKey = false, retryable = false } = {}) {
    super(detail);
    Object.assign(this, { title, detail, advice, needsKey, retryable });
  }
}

/**
 * What the service's codes mean to a reader; its own words are for programs. Each is a title and a text,
 * which may quote from the service's words.
 *
 * @type {Record<string, [string, (said: string) => string]>}
 */
const MEANINGS = {
  empty_text: ["Paste an article first", () => "There is no text to read yet."],
  no_sentences: ["There is nothing to highlight", () => "The text has no letters or digits, so it has no sentences."],
  too_many_sentences: ["The article is too long", (said) => `${sentenceCase(grouped(withoutAdvice(said)))} Paste a part of it.`],
  body_too_large: ["The article is too long", (said) => `${limit(said)} Paste a part of it.`],
  no_article: ["No article was found", (said) => `${firstPart(said)} Copy the text and paste it.`],
  rate_limited: ["Too many requests", firstPart],
  internal_error: ["The service failed", () => "The fault is the service's, not the article's."],
  queue_full: ["The service is busy", () => "Other articles are waiting to be scored."],
  deadline_exceeded: ["The service is busy", () => "Scoring took longer than the service allows."],
};

/** Without the advice for programs, which follows the first full stop. */
const withoutAdvice = (said) => said.split(". ")[0];

/** As sent in a header: a key with other characters is refused by the browser before anything is sent. */
export const canBeKey = (key) => /^[\x21-\x7e]+$/u.test(key);

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
  if (!response.ok) throw await failure(response, Boolean(key));
  const content = await json(response);
  if (!Array.isArray(content?.sentences)) {
    const detail = "Something other than this service answered.";
    throw new Failure("The answer cannot be read", detail, { retryable: true });
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
      { advice: "Your article is still here. Try again in a moment.", retryable: true },
    );
  }
}

async function failure(response, hadKey) {
  const { status } = response;
  const problem = (await json(response)) ?? {};
  if (status === 401) return unauthorized(hadKey);
  const said = problem.detail ?? `The service answered ${status} and gave no reason.`;
  const otherwise = status >= 500 ? "The service failed" : "The service cannot score this";
  const [title, text] = MEANINGS[problem.code] ?? [otherwise, sentenceCase];
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  const advice = [];
  if (seconds > 0) advice.push(`Try again in ${seconds.toLocaleString("en")} ${seconds === 1 ? "second" : "seconds"}.`);
  // Only what is the service's own fault is worth looking up in its log.
  if (status >= 500 && problem.request_id) advice.push(`Request ID: ${problem.request_id}`);
  return new Failure(title, text(said), { advice: advice.join(" "), retryable: status === 429 || status >= 500 });
}

function unauthorized(hadKey) {
  return hadKey
    ? new Failure("This key was not accepted", "Check it for missing characters, or try another one.", { needsKey: true })
    : new Failure("This service asks for an API key", "Paste the key that you were given.", { needsKey: true });
}

/** The service's words begin in lower case and end without a full stop, for logs and programs. */
export function sentenceCase(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/u.test(text) ? "" : "."}`;
}

/** Without the advice after the semicolon, which is for programs. */
function firstPart(said) {
  return sentenceCase(said.split(";")[0]);
}

function grouped(text) {
  return text.replace(/\d{4,}/gu, (digits) => Number(digits).toLocaleString("en"));
}

function limit(said) {
  const bytes = /\d+(?= bytes)/u.exec(said)?.[0];
  return bytes ? `This service accepts up to ${grouped(bytes)} bytes.` : "It exceeds the limit of this service.";
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
