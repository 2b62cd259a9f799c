/**
 * An article as paragraphs of sentences. Pure: text in, plain objects out.
 *
 * @typedef {import("./selection.js").Sentence} Sentence
 * @typedef {{text: string, sentence: Sentence | null}} Piece sentence: null for what lies between sentences
 * @typedef {{start: number, end: number, close: boolean, pieces: Piece[]}} Paragraph
 * close: only one line break before it, as in a list; offsets in UTF-16 units
 */

/** What the service takes for the end of a line. */
const LINE_BREAK = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/gu;
const BREAKS = /((?:[^\S\n\r\v\f\u2028\u2029]*(?:\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]))+\s*)/u;

/**
 * Cut a text into paragraphs. A blank line always ends one. A single line break between two sentences ends
 * one too (a heading, a list), unless lines are wrapped there: then some sentence nearby runs over a break.
 *
 * @param {string} text what the offsets refer to
 * @param {Sentence[]} sentences in document order
 * @returns {Paragraph[]} together they hold all of the text but white space
 */
export function paragraphs(text, sentences) {
  const found = [];
  for (const run of runs(text, sentences)) {
    const wrapped = run.some(({ text: piece, sentence }) => sentence && countBreaks(piece));
    let paragraph = null;
    for (const { text: piece, sentence, start } of run) {
      const ends = !sentence && countBreaks(piece) > 0;
      if (ends && !wrapped) {
        paragraph = null;
        continue;
      }
      if (!paragraph) {
        paragraph = { start, end: start, close: found.length > 0 && start !== run[0].start, pieces: [] };
        found.push(paragraph);
      }
      paragraph.pieces.push({ text: piece, sentence });
      paragraph.end = start + piece.length;
    }
  }
  return found;
}

/** Pieces with no blank line between them; line breaks are pieces of their own. */
function runs(text, sentences) {
  const found = [];
  let run = null;
  for (const piece of pieces(text, sentences)) {
    if (!piece.sentence && countBreaks(piece.text) > 1) {
      run = null;
    } else if (run || piece.text.trim()) {
      if (!run) found.push((run = []));
      run.push(piece);
    }
  }
  return found;
}

function* pieces(text, sentences) {
  let position = 0;
  function* between(end) {
    for (const part of text.slice(position, end).split(BREAKS)) {
      if (part) yield { text: part, sentence: null, start: position };
      position += part.length;
    }
  }
  for (const sentence of sentences) {
    yield* between(sentence.start);
    yield { text: text.slice(sentence.start, sentence.end), sentence, start: sentence.start };
    position = sentence.end;
  }
  yield* between(text.length);
}

function countBreaks(text) {
  return text.match(LINE_BREAK)?.length ?? 0;
}
