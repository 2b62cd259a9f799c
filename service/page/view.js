/** The article on the page: a span for every sentence, always made as text and never as HTML. */

import { paragraphs } from "./article.js";
import { bands } from "./selection.js";

/** Farther away than so many windows, a sentence is jumped to at once. */
const SMOOTH_WITHIN = 1.5;

/** No smooth scrolling of that length takes longer, in milliseconds. */
const SMOOTH_LASTS = 1500;

export class ArticleView {
  /**
   * @param {HTMLElement} element to fill
   * @param {{text: string, sentences: import("./selection.js").Sentence[]}} evaluation
   * @param {Int32Array} order positions of the sentences as they are highlighted
   */
  constructor(element, evaluation, order) {
    this.element = element;
    this.sentences = evaluation.sentences;
    this.order = order;
    this.places = new Int32Array(order.length); // of each sentence in that order
    order.forEach((position, place) => {
      this.places[position] = place;
    });
    this.spans = new Array(evaluation.sentences.length);
    this.selected = 0;
    this.current = -1; // the sentence that Tab leads to
    this.visited = false; // whether any sentence has had the focus
    this.bands = bands(evaluation.sentences);
    this.paragraphs = paragraphs(evaluation.text, evaluation.sentences);
    this.blocks = this.paragraphs.map((paragraph) => this.#block(paragraph));
    this.holders = new Array(this.spans.length);
    this.paragraphs.forEach(({ pieces }, position) => {
      for (const { sentence } of pieces) if (sentence) this.holders[sentence.index] = position;
    });
    this.shown = new Int32Array(this.blocks.length); // highlights in each paragraph
    element.replaceChildren(...this.blocks);
    this.#makeCurrent(0);
  }

  /** @returns {import("./drawing.js").Bar[]} what the pictures show of each sentence */
  bars() {
    const length = this.sentences.at(-1).end;
    return this.sentences.map(({ start, end, score, index }) => ({
      start: start / length,
      end: end / length,
      score,
      band: this.bands[index],
      selected: this.isSelected(index),
    }));
  }

  #block({ close, pieces }) {
    const block = document.createElement("p");
    block.dir = "auto";
    block.className = close ? "empty close" : "empty";
    for (const { text, sentence } of pieces) {
      if (!sentence) {
        block.append(text);
        continue;
      }
      const span = document.createElement("span");
      span.className = `sentence band-${this.bands[sentence.index]}`;
      span.tabIndex = -1;
      span.dataset.index = String(sentence.index);
      span.textContent = text;
      this.spans[sentence.index] = span;
      block.append(span);
    }
    return block;
  }

  /**
   * Highlight the first n sentences in the order of highlights: only those between the old number and the new one are touched.
   *
   * @param {number} n
   */
  select(n) {
    const [from, to] = n > this.selected ? [this.selected, n] : [n, this.selected];
    const on = n > this.selected;
    for (const index of this.order.subarray(from, to)) {
      const span = this.spans[index];
      span.classList.toggle("selected", on);
      // Assistive technology tells marked text from the rest.
      if (on) span.setAttribute("role", "mark");
      else span.removeAttribute("role");
      const holder = this.holders[index];
      this.shown[holder] += on ? 1 : -1;
      if (this.shown[holder] === (on ? 1 : 0)) this.blocks[holder].classList.toggle("empty", !on);
    }
    this.selected = n;
  }

  isSelected(index) {
    return this.places[index] < this.selected;
  }

  /** The next sentence of a kind after (1) or before (-1) one; -1 where there is none. */
  neighbour(index, step, wanted = () => true) {
    for (let next = index + step; next >= 0 && next < this.spans.length; next += step) {
      if (wanted(next)) return next;
    }
    return -1;
  }

  isShown(index) {
    return this.element.dataset.view !== "summary" || this.isSelected(index);
  }

  /** Whether a sentence is in view below a line, or on its way there. */
  isInView(index, top) {
    if (index === this.current && this.scrolling && !this.scrolling.signal.aborted) return true;
    const box = this.spans[index].getBoundingClientRect();
    return box.bottom > top && box.top < window.innerHeight;
  }

  /** The first sentence that is shown and does not end above a line; one past the last where all of them do. */
  firstBelow(top) {
    const laidOut = this.#laidOut();
    for (let at = this.#blockAt(top, laidOut); at < laidOut.length; at += 1) {
      for (const { sentence } of this.paragraphs[laidOut[at]].pieces) {
        if (!sentence || !this.isShown(sentence.index)) continue;
        if (this.spans[sentence.index].getBoundingClientRect().bottom > top) return sentence.index;
      }
    }
    return this.spans.length;
  }

  /**
   * Change what is shown, and keep what is read where it is.
   *
   * @param {number} top where the text comes out from under the controls
   * @param {() => void} change
   */
  keepPlace(top, change) {
    if (window.scrollY === 0) {
      change();
      return;
    }
    const read = Math.min(this.firstBelow(top), this.spans.length - 1);
    const before = this.spans[read].getBoundingClientRect().top;
    change();
    const shown = (index) => this.isShown(index);
    const after = this.neighbour(read - 1, 1, shown);
    const kept = after >= 0 ? after : this.neighbour(read, -1, shown);
    const place = kept === read ? before : Math.max(before, top);
    const restore = () => {
      const by = this.spans[kept].getBoundingClientRect().top - place;
      if (Math.abs(by) > 1) window.scrollBy({ top: by, behavior: "instant" });
    };
    restore();
    requestAnimationFrame(restore); // paragraphs that came into view have their real heights now
  }

  /** Have Tab lead to a highlight, for where nothing else is shown. */
  keepReachable() {
    if (this.isSelected(this.current)) return;
    const highlighted = (index) => this.isSelected(index);
    const after = this.neighbour(this.current, 1, highlighted);
    this.#makeCurrent(after >= 0 ? after : this.neighbour(this.current, -1, highlighted));
  }

  /** Bring a sentence into view and put the focus on it. */
  focus(index) {
    this.#makeCurrent(index);
    const span = this.spans[index];
    span.focus({ preventScroll: true });
    this.#bringIntoView(span);
  }

  /**
   * Paragraphs out of sight have guessed heights, which become real on the way: what was scrolled to may have
   * moved when the scrolling ends. So its place is looked at once more, unless somebody scrolls by hand.
   */
  #bringIntoView(span) {
    this.scrolling?.abort();
    const scrolling = new AbortController();
    this.scrolling = scrolling;
    const { signal } = scrolling;
    const stop = () => scrolling.abort();
    for (const kind of ["wheel", "touchmove"]) window.addEventListener(kind, stop, { signal, passive: true });
    const correct = () => {
      if (signal.aborted) return;
      stop();
      if (offCentre(span) > 0.3) span.scrollIntoView({ block: "center", behavior: "instant" });
    };
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const smooth = !calm && this.spans.length <= 500 && offCentre(span) < SMOOTH_WITHIN;
    span.scrollIntoView({ block: "center", behavior: smooth ? "smooth" : "instant" });
    if (smooth) {
      document.addEventListener("scrollend", correct, { signal });
      setTimeout(correct, SMOOTH_LASTS);
    } else {
      requestAnimationFrame(() => requestAnimationFrame(correct));
    }
  }

  /** One sentence can be reached with Tab; arrow keys lead from there. */
  #makeCurrent(index) {
    if (this.current >= 0) this.spans[this.current].tabIndex = -1;
    this.spans[index].tabIndex = 0;
    this.current = index;
  }

  /** Position of the sentence that an event is about; -1 for none. */
  at(event) {
    const span = event.target instanceof Element ? event.target.closest(".sentence") : null;
    return span && this.element.contains(span) ? Number(span.dataset.index) : -1;
  }

  /** A sentence has the focus now: it is the one that Tab returns to. */
  remember(index) {
    this.visited = true;
    if (index !== this.current) this.#makeCurrent(index);
  }

  /**
   * The part of the article in view, as shares of its text. Paragraphs are searched by halving, for asking
   * each where it is would make scrolling through a long article slow.
   */
  inView(top, bottom) {
    const length = this.sentences.at(-1).end;
    const laidOut = this.#laidOut();
    return { top: this.#textAt(top, laidOut) / length, bottom: this.#textAt(bottom, laidOut) / length };
  }

  #laidOut() {
    const onlySummary = this.element.dataset.view === "summary";
    return [...this.blocks.keys()].filter((position) => !onlySummary || this.shown[position]);
  }

  /** The last paragraph that begins above y, or the first one, as its position among those laid out. */
  #blockAt(y, laidOut) {
    let low = 0;
    let high = laidOut.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.blocks[laidOut[middle]].getBoundingClientRect().top <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #textAt(y, laidOut) {
    const low = this.#blockAt(y, laidOut);
    const box = this.blocks[laidOut[low]].getBoundingClientRect();
    const { start, end } = this.paragraphs[laidOut[low]];
    const share = box.height ? Math.min(1, Math.max(0, (y - box.top) / box.height)) : 0;
    return start + share * (end - start);
  }
}

/** How far an element's middle is from that of the window, in heights of the window. */
function offCentre(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return Math.abs((top + bottom) / 2 / window.innerHeight - 0.5);
}
