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

/** What ends a sentence, and what may follow it, as in the service's selection; a test compares the two. */
const END_MARKS = new Set(".…。｡．۔।॥։።។៕៖။?!？！؟፧‽⁉⁈\u037e");
const CLOSING = new Set(
  "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a" +
    "\u2028\u2029\u202f\u205f\u3000\xad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067" +
    "\u2068\u2069\ufe0e\ufe0f\ufeff\"'“”„‟‘’‚‛«»‹›)]}」』）】》〉］｝",
);

/** Share of sentences with an end mark from which on those without are taken last: titles, captions, headings. */
const MOSTLY_FINISHED = 0.7;

/**
 * Positions of the sentences in the order in which they are highlighted: by rank, lines without an end mark last.
 *
 * @param {Sentence[]} sentences
 * @returns {Int32Array}
 */
export function inOrder(sentences) {
  const ranked = new Array(sentences.length);
  for (const sentence of sentences) ranked[sentence.rank - 1] = sentence.index;
  const finished = sentences.map((sentence) => isFinished(sentence.text));
  const first = ranked.filter((index) => finished[index]);
  if (first.length < MOSTLY_FINISHED * sentences.length) return Int32Array.from(ranked);
  return Int32Array.from([...first, ...ranked.filter((index) => !finished[index])]);
}

/** Whether a sentence ends with an end mark, before quotation marks, brackets and white space. */
export function isFinished(text) {
  let end = text.length - 1;
  while (end >= 0 && CLOSING.has(text[end])) end -= 1;
  return end >= 0 && END_MARKS.has(text[end]);
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
