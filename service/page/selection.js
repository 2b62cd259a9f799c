/**
 * Which sentences are highlighted, and what they amount to. Pure functions of what the service answered.
 *
 * @typedef {{index: number, text: string, start: number, end: number, score: number, rank: number}} Sentence
 */

/** How fast people read English prose to themselves: Brysbaert (2019), a mean over 190 studies. */
const WORDS_PER_MINUTE = 238;

/** Tints on the scale from the lowest to the highest score of an article. */
export const BANDS = 6;

/** Up to here a slider has a stop for every number of sentences; then each is a twentieth more. */
const FINE_STOPS = 40;

/** What ends a sentence, as summarizer/lines.py has it; a test compares the two. */
const END_MARKS = ".…。｡．۔।॥։።។៕៖။?!？！؟፧‽⁉⁈⋯།᠃᠉⁇‼⸮❓❗:：;；\u037e";
const FINISHED = new RegExp(
  `[${END_MARKS}][^\\p{L}\\p{N}]*$` +
    `|(?<=[\\p{L}\\p{Nl}\\p{No}])[.…。?!]["'”’)»]*[\\p{Nd}¹²³⁰⁴-⁹,–\\-*†‡§()\\[\\]]{1,12}[^\\p{L}\\p{N}]*$`,
  "u",
);
const TAIL = 40;
const MOST_WORDS = 20;

/** Share of sentences, not lines (titles, captions, headings), from which on lines are taken last. */
const MOSTLY_FINISHED = 0.7;

/**
 * Positions of the sentences in the order in which they are highlighted: by rank, but lines last.
 *
 * @param {Sentence[]} sentences
 * @returns {Int32Array}
 */
export function inOrder(sentences) {
  const ranked = new Array(sentences.length);
  for (const sentence of sentences) ranked[sentence.rank - 1] = sentence.index;
  const areLines = sentences.map((sentence) => isLine(sentence.text));
  const first = ranked.filter((index) => !areLines[index]);
  if (first.length < MOSTLY_FINISHED * sentences.length) return Int32Array.from(ranked);
  return Int32Array.from([...first, ...ranked.filter((index) => areLines[index])]);
}

/** Whether a piece has no end mark, and no more words than a title has. */
export function isLine(text) {
  const tail = [...text.slice(-2 * TAIL)].slice(-TAIL).join("");
  return !FINISHED.test(tail) && countWords(text) <= MOST_WORDS;
}

/**
 * The numbers of sentences that a slider offers, from one to everything. For 5,000 sentences that is a
 * hundred-odd stops: as quick by keyboard as by hand, and fine where it matters.
 *
 * @param {number} count of sentences in the article
 * @returns {number[]} ascending
 */
export function stops(count) {
  const found = [];
  for (let n = 1; n < count; n += Math.max(1, Math.floor(n / (FINE_STOPS / 2)))) found.push(n);
  found.push(count);
  return found;
}

/** The last stop that is not beyond a number of sentences, which may be Infinity, as its position among the stops. */
export function stopFor(offered, wanted) {
  return Math.max(0, offered.findLastIndex((n) => n <= wanted));
}

/** How much to highlight of an article while nobody has said: a fifth of it, within reason. */
export function initialAmount(count) {
  return Math.min(count, Math.max(3, Math.min(10, Math.round(count / 5))));
}

/** Words as the service counts them in its budget: what white space separates. */
export function countWords(text) {
  return text.match(/\S+/gu)?.length ?? 0;
}

/**
 * Words of the first n sentences in the order of highlights, for every n at once.
 *
 * @returns {Int32Array} of length count + 1, beginning with 0
 */
export function wordsByAmount(sentences, order) {
  const sums = new Int32Array(order.length + 1);
  order.forEach((position, n) => {
    sums[n + 1] = sums[n] + countWords(sentences[position].text);
  });
  return sums;
}

/** Reading time in words, rounded to what a reader can use. */
export function readingTime(words) {
  const seconds = (words / WORDS_PER_MINUTE) * 60;
  if (seconds < 57) return `${Math.max(5, Math.round(seconds / 5) * 5)} s`;
  return `${Math.round(seconds / 60)} min`;
}

/**
 * The tint of each sentence: 0 for the lowest score of this article, up to BANDS - 1 for the highest.
 * Scores of one article often lie close together, so the scale is the article's own.
 */
export function bands(sentences) {
  const scores = sentences.map((sentence) => sentence.score);
  const lowest = scores.reduce((a, b) => Math.min(a, b), Infinity);
  const range = scores.reduce((a, b) => Math.max(a, b), -Infinity) - lowest;
  return scores.map((score) => {
    const share = range > 0 ? (score - lowest) / range : 1;
    return Math.min(BANDS - 1, Math.floor(share * BANDS));
  });
}
