// The two best sentences of an article, in JavaScript (Node 18 or newer; fetch is the same in browsers).
//   node examples/evaluate.mjs URL FILE
//   API_KEY=… node examples/evaluate.mjs https://summarizer.example.org article.txt

import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const ATTEMPTS = 4;
const TIMEOUT_MS = 35_000;

/** Retries after 429 and 503, and waits at least as long as Retry-After says. */
async function evaluate(url, request) {
  const headers = { "Content-Type": "application/json" };
  if (process.env.API_KEY) headers.Authorization = `Bearer ${process.env.API_KEY}`;
  for (let attempt = 1; ; attempt++) {
    const answer = await fetch(`${url}/api/evaluate`, {
      method: "POST",
      headers,
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (answer.ok) return answer.json();
    if (![429, 503].includes(answer.status) || attempt === ATTEMPTS) {
      const problem = await answer.json().catch(() => ({})); // a proxy may answer with a page of its own
      const { code = "unknown", detail = answer.statusText, request_id = "unknown" } = problem;
      throw new Error(`${answer.status} ${code}: ${detail} (request ${request_id})`);
    }
    await answer.body?.cancel();
    const seconds = Math.max(0.1 * 2 ** (attempt - 1), Number(answer.headers.get("Retry-After")) || 0);
    await sleep(seconds * (1 + Math.random() / 2) * 1000);
  }
}

const [url, file] = process.argv.slice(2);
if (file === undefined) {
  console.error("usage: node examples/evaluate.mjs URL FILE");
  process.exit(2);
}
const text = await readFile(file, "utf8");
try {
  // Offsets in UTF-16 units, as JavaScript counts them: text.slice(start, end) is the sentence.
  const request = { text, summary: { sentences: 2 }, order: "score", index_unit: "utf16" };
  const { sentences, summary } = await evaluate(url, request);
  for (const { score, start, end } of summary.indices.map((index) => sentences[index])) {
    console.log(`${score.toFixed(3)} ${start}-${end} ${text.slice(start, end)}`);
  }
} catch (error) {
  console.error(error.cause?.message ?? error.message);
  process.exitCode = 1;
}
