/** The reader's page: puts the parts together and answers to the reader's hands. */

import { drawPlot, drawStrip } from "./drawing.js";
import { EXAMPLE } from "./example.js";
import { asJson, asMarkdown, asText, copy, download } from "./exports.js";
import { readArticle } from "./files.js";
import { bookmarklet, RECEIVE, receivePage } from "./handover.js";
import {
  inOrder,
  initialAmount,
  stopFor,
  readingTime,
  stops,
  wordsByAmount,
} from "./selection.js";
import { canBeKey, evaluate, Failure, sentenceCase } from "./service.js";
import { hasSettings, readSettings, writeSettings } from "./settings.js";
import { ArticleView } from "./view.js";

/** Longer texts are not kept in the field: browsers become slow with them. */
const LONGEST_IN_FIELD = 200_000;

/** From so many characters on, browsers take seconds to insert text into a field so that it can be undone. */
const LONG_PASTE = 20_000;

/** How long a notice stays, in milliseconds. */
const NOTICE = 6000;

/** Where the article begins below this share of the window, nothing of a new one would be seen. */
const LOWEST_START = 0.6;

/** A pause in milliseconds after which a movement is spoken and put into the address. */
const SETTLED = 400;

const el = (id) => document.getElementById(id);
const plural = (count, word) => `${count.toLocaleString("en")} ${count === 1 ? word : `${word}s`}`;

let noticing = 0; // the timer that takes the notice away

start();

function start() {
  const page = {
    settings: readSettings(location.hash),
    key: "",
    source: null, // what was sent last
    pending: null, // AbortController of the request under way
    evaluation: null,
    view: null,
    order: null,
    words: null,
    stops: [1],
    painting: false,
    settling: 0,
    pointed: -1,
  };
  listen(page);
  if (/Mac|iPhone|iPad/u.test(navigator.platform)) el("modifier").textContent = "Cmd";
  el("bookmarklet").href = bookmarklet(location.href);
  if (location.hash === RECEIVE) receive(page);
  else window.addEventListener("pageshow", () => begin(page), { once: true }); // fields are restored by then
}

/** Read what the browser has restored, after Back or a reload; otherwise the example. */
function begin(page) {
  if (page.source) return; // somebody was quicker
  read(page, { ...(el("text").value.trim() ? inField() : example()), byItself: true });
}

function example() {
  return { text: EXAMPLE, origin: "An example" };
}

function inField() {
  return { text: el("text").value, origin: "Your text", inField: true };
}

// --- From an article to its scores -----------------------------------------------------------------------

async function receive(page) {
  history.replaceState(null, "", location.pathname + location.search);
  progress("Waiting for the page with the article…");
  const source = await receivePage();
  progress("");
  if (source) {
    await read(page, source);
  } else {
    const advice = "Copy the article there and paste it here.";
    fail(new Failure("No page arrived", "The page that opened this one sent nothing.", { advice }));
  }
}

async function read(page, source) {
  page.pending?.abort();
  const mine = new AbortController();
  page.pending = mine;
  page.source = source;
  fail(null);
  const draft = el("text").value;
  const size = (source.html ?? source.text).length;
  progress(`Scoring ${plural(size, "character")}…`);
  try {
    const evaluation = await evaluate(source, { key: page.key, signal: mine.signal });
    if (page.pending !== mine) return;
    // The field has the article that is shown or none, but nothing that was typed meanwhile is taken away.
    if (!source.inField && el("text").value === draft) el("text").value = "";
    show(page, evaluation);
    if (!source.byItself) bringUp();
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Failure)) throw error;
    if (page.pending === mine) fail(error);
  } finally {
    if (page.pending === mine) {
      page.pending = null;
      progress("");
    }
  }
}

function progress(text) {
  el("progress").hidden = !text;
  el("progress-text").textContent = text;
  el("reader").setAttribute("aria-busy", String(Boolean(text)));
  if (text) say(text);
}

/** Show what went wrong, in place and in words; null takes it away. */
function fail(failure) {
  el("failure").hidden = !failure;
  if (!failure) return;
  el("failure-title").textContent = failure.title;
  el("failure-detail").textContent = failure.detail;
  el("failure-advice").textContent = failure.advice;
  el("key-form").hidden = !failure.needsKey;
  el("retry").hidden = !failure.retryable;
  say(`${failure.title}. ${failure.detail} ${failure.advice}`);
  if (failure.needsKey) el("key").focus();
  else el("failure").scrollIntoView({ block: "nearest" });
}

/** Make room for the article where the window is small, and have its beginning seen. */
function bringUp() {
  el("text").rows = 1;
  if (el("article").getBoundingClientRect().top < LOWEST_START * window.innerHeight) return;
  window.scrollBy({ top: el("reader").getBoundingClientRect().top, behavior: "instant" });
}

/** Say it and show it for a while, wherever the page is scrolled to. */
function tell(text) {
  el("notice").textContent = text;
  el("notice").hidden = !text;
  clearTimeout(noticing);
  if (!text) return;
  say(text);
  noticing = setTimeout(() => tell(""), NOTICE);
}

/** Have a screen reader say it. */
function say(text) {
  el("said").textContent = text;
}

// --- The article and its selection ------------------------------------------------------------------------

function show(page, evaluation) {
  page.evaluation = evaluation;
  page.order = inOrder(evaluation.sentences);
  page.words = wordsByAmount(evaluation.sentences, page.order);
  page.stops = stops(evaluation.sentences.length);
  page.pointed = -1;
  point(page, -1);
  el("reader").hidden = false;
  page.view = new ArticleView(el("article"), evaluation, page.order);
  el("origin").textContent = page.source.origin;
  el("notes").textContent = evaluation.warnings.map((warning) => sentenceCase(warning.detail)).join(" ");
  el("model").textContent = `Model: ${evaluation.model.name}, version ${evaluation.model.version}`;
  const scores = evaluation.sentences.length;
  const [best, worst] = [1, scores].map((rank) => evaluation.sentences.find((sentence) => sentence.rank === rank));
  el("highest").textContent = best.score.toFixed(2);
  el("plot").setAttribute(
    "aria-label",
    `Scores of ${plural(scores, "sentence")} in the article's order, from ${worst.score.toFixed(2)} to` +
      ` ${best.score.toFixed(2)}; the highest is sentence ${best.index + 1}.`,
  );
  const slider = el("amount");
  slider.max = String(page.stops.length - 1);
  slider.value = String(stopFor(page.stops, page.settings.sentences ?? initialAmount(scores)));
  setView(page, page.settings.view);
  select(page);
  say(`${plural(scores, "sentence")} scored. ${el("amount").getAttribute("aria-valuetext")} highlighted.`);
}

/** Highlight as many sentences as the slider says. The scores are all here: nothing is requested. */
function select(page) {
  tell(""); // what was copied is not what is highlighted now
  const n = page.stops[Number(el("amount").value)];
  page.view.select(n);
  if (page.settings.view === "summary") page.view.keepReachable();
  const words = page.words[n];
  const all = page.order.length;
  const time = `${readingTime(words)} to read`;
  el("amount-text").textContent = `${n.toLocaleString("en")} of ${plural(all, "sentence")} · ${plural(words, "word")} · ${time}`;
  el("amount").setAttribute("aria-valuetext", `${n} of ${plural(all, "sentence")}, ${plural(words, "word")}, ${time}`);
  paint(page);
}

function setView(page, view) {
  page.settings.view = view;
  el("article").dataset.view = view;
  document.querySelector(`input[name=view][value=${view}]`).checked = true;
}

/** The address follows the settings, after a pause: browsers refuse it many times a second. */
function remember(page) {
  clearTimeout(page.settling);
  page.settling = setTimeout(() => {
    history.replaceState(null, "", location.pathname + location.search + writeSettings(page.settings));
  }, SETTLED);
}

function chosen(page) {
  return page.evaluation.sentences.filter((sentence) => page.view.isSelected(sentence.index));
}

// --- Pictures, once a frame -------------------------------------------------------------------------------

function paint(page) {
  if (page.painting || !page.view) return;
  page.painting = true;
  requestAnimationFrame(() => {
    page.painting = false;
    const bars = page.view.bars();
    drawStrip(el("strip"), bars, page.view.inView(0, window.innerHeight));
    drawPlot(el("plot"), bars, page.pointed);
  });
}

// --- Score and rank of one sentence -----------------------------------------------------------------------

/** Show score and rank of a sentence beside it; -1 takes them away. */
function point(page, index) {
  const tip = el("tip");
  page.pointed = index;
  tip.hidden = index < 0;
  if (index >= 0) {
    tip.textContent = described(page, index);
    const box = page.view.spans[index].getClientRects()[0];
    if (!box) {
      tip.hidden = true;
      return;
    }
    const left = Math.min(Math.max(8, box.left), document.documentElement.clientWidth - tip.offsetWidth - 8);
    const above = box.top - tip.offsetHeight - 4;
    tip.style.setProperty("--left", `${left}px`);
    tip.style.setProperty("--top", `${above > 0 ? above : box.bottom + 4}px`);
  }
  paint(page);
}

function described(page, index) {
  const { score, rank } = page.evaluation.sentences[index];
  return `Rank ${rank} of ${page.order.length} · score ${score.toFixed(3)}`;
}

/** From the sentence that has or had the focus, or else from where somebody reads, to the next highlight. */
function jump(page, step) {
  const { current, visited } = page.view;
  const top = readingTop();
  const here = visited && page.view.isInView(current, top);
  const first = here ? current : page.view.firstBelow(top);
  const from = !here && step > 0 ? first - 1 : first;
  const next = page.view.neighbour(from, step, (index) => page.view.isSelected(index));
  if (next >= 0) page.view.focus(next);
  else tell(step > 0 ? "No more highlights below." : "No more highlights above.");
}

/** Where the text comes out from under the controls. */
function readingTop() {
  return Math.max(0, el("controls").getBoundingClientRect().bottom);
}

// --- Hands ------------------------------------------------------------------------------------------------

function listen(page) {
  listenToSource(page);
  listenToControls(page);
  listenToArticle(page);
  listenToExports(page);
  window.addEventListener("scroll", () => paint(page), { passive: true });
  new ResizeObserver(() => paint(page)).observe(el("article"));
  new ResizeObserver(() => paint(page)).observe(el("plot"));
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => paint(page));
  window.matchMedia("(forced-colors: active)").addEventListener("change", () => paint(page));
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address is for the settings
    el(page.view ? "article" : "text").focus();
  });
  window.addEventListener("hashchange", () => {
    if (!hasSettings(location.hash)) return;
    page.settings = readSettings(location.hash);
    if (!page.view) return;
    const wanted = page.settings.sentences ?? initialAmount(page.order.length);
    el("amount").value = String(stopFor(page.stops, wanted));
    setView(page, page.settings.view);
    select(page);
  });
}

function listenToSource(page) {
  const submit = () => {
    if (el("text").value.trim()) {
      read(page, inField());
      return;
    }
    fail(new Failure("Paste an article first", "The field is empty."));
    el("text").focus();
  };
  el("source").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  el("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      submit();
    }
  });
  el("text").addEventListener("paste", (event) => {
    const pasted = event.clipboardData.getData("text/plain");
    if (pasted.length < LONG_PASTE) return;
    event.preventDefault();
    el("text").setRangeText(pasted, el("text").selectionStart, el("text").selectionEnd, "end");
  });
  el("example").addEventListener("click", () => read(page, example()));
  el("open").addEventListener("click", () => el("file").click());
  el("file").addEventListener("change", () => {
    const [file] = el("file").files;
    if (file) readFile(page, file);
    el("file").value = ""; // so that the same file can be opened again
  });
  el("cancel").addEventListener("click", () => {
    page.pending?.abort();
    page.pending = null;
    progress("");
    say("Cancelled.");
    el("text").focus();
  });
  el("retry").addEventListener("click", () => page.source && read(page, page.source));
  el("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const key = el("key").value.trim();
    if (!canBeKey(key)) {
      const detail = "A key has only plain letters, digits and signs, and no spaces.";
      fail(new Failure("This cannot be a key", detail, { advice: "Was a quotation mark copied along?", needsKey: true }));
      el("key").select();
      return;
    }
    page.key = key;
    el("key").value = "";
    if (page.source) read(page, page.source);
  });
  listenToDrops(page);
}

function listenToDrops(page) {
  const hasFile = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    el("dropzone").hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) el("dropzone").hidden = true;
  });
  document.addEventListener("drop", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    el("dropzone").hidden = true;
    const [file, ...others] = event.dataTransfer.files;
    if (file) readFile(page, file, others.length > 0);
  });
}

async function readFile(page, file, isFirst = false) {
  try {
    const source = await readArticle(file);
    if (source.text !== undefined && source.text.length <= LONGEST_IN_FIELD) {
      el("text").value = source.text;
      source.inField = true;
    }
    await read(page, source);
    if (isFirst) tell(`Only the first file was opened: ${file.name}`);
  } catch (error) {
    fail(error instanceof Failure ? error : new Failure("The file cannot be read", String(error.message)));
  }
}

function listenToControls(page) {
  const slider = el("amount");
  slider.addEventListener("input", () => {
    const n = page.stops[Number(slider.value)];
    page.settings.sentences = n === page.order.length ? Infinity : n;
    select(page);
    remember(page);
  });
  for (const radio of document.querySelectorAll("input[name=view]")) {
    radio.addEventListener("change", () => {
      page.view.keepPlace(readingTop(), () => {
        setView(page, radio.value);
        select(page);
      });
      remember(page);
    });
  }
  el("next").addEventListener("click", () => jump(page, 1));
  el("previous").addEventListener("click", () => jump(page, -1));
}

function listenToArticle(page) {
  const article = el("article");
  article.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !page.view) return;
    const visible = (index) => page.settings.view !== "summary" || page.view.isSelected(index);
    const { current, spans } = page.view;
    const moves = {
      ArrowDown: () => page.view.neighbour(current, 1, visible),
      ArrowRight: () => page.view.neighbour(current, 1, visible),
      ArrowUp: () => page.view.neighbour(current, -1, visible),
      ArrowLeft: () => page.view.neighbour(current, -1, visible),
      Home: () => page.view.neighbour(-1, 1, visible),
      End: () => page.view.neighbour(spans.length, -1, visible),
    };
    if (event.key === "n" || event.key === "p") jump(page, event.key === "n" ? 1 : -1);
    else if (event.key === "Escape") point(page, -1);
    else if (moves[event.key]) {
      const index = moves[event.key]();
      if (index >= 0) page.view.focus(index);
    } else return;
    event.preventDefault();
  });
  article.addEventListener("focusin", (event) => {
    const index = page.view.at(event);
    if (index < 0) return;
    page.view.remember(index);
    point(page, index);
    const state = page.view.isSelected(index) ? "highlighted" : "not highlighted";
    say(`Sentence ${index + 1}. ${described(page, index).replace(" · ", ", ")}, ${state}.`);
  });
  article.addEventListener("focusout", () => point(page, -1));
  article.addEventListener("pointerover", (event) => {
    const index = page.view.at(event);
    if (index >= 0) point(page, index);
  });
  article.addEventListener("pointerleave", () => point(page, page.view.at({ target: document.activeElement })));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && page.view) point(page, -1);
  });
  window.addEventListener("scroll", () => !el("tip").hidden && point(page, page.pointed), { passive: true });
  el("strip").addEventListener("click", (event) => jumpTo(page, event.offsetY / el("strip").clientHeight));
  el("plot").addEventListener("click", (event) => {
    const share = event.offsetX / el("plot").clientWidth;
    page.view.focus(Math.min(page.order.length - 1, Math.floor(share * page.order.length)));
  });
}

/** Go to the highlight that is nearest to a place, given as a share of the article's text. */
function jumpTo(page, share) {
  const { sentences } = page.evaluation;
  const place = share * sentences.at(-1).end;
  const distance = (sentence) => Math.max(sentence.start - place, place - sentence.end, 0);
  const nearest = chosen(page).reduce((a, b) => (distance(b) < distance(a) ? b : a));
  page.view.focus(nearest.index);
}

function listenToExports(page) {
  const copying = async (text, what) => {
    tell((await copy(text)) ? `${what} copied.` : "The browser did not allow copying.");
  };
  const amount = () => plural(chosen(page).length, "sentence");
  for (const id of ["copy", "copy-text"]) {
    el(id).addEventListener("click", () => copying(asText(chosen(page)), amount()));
  }
  el("copy-markdown").addEventListener("click", () => copying(asMarkdown(chosen(page)), `${amount()} as quotes`));
  el("download").addEventListener("click", () => {
    download(asJson(page.evaluation, chosen(page)), "scores.json", "application/json");
    tell("Saving scores.json.");
  });
  el("copy-link").addEventListener("click", () => {
    const address = location.origin + location.pathname + writeSettings(page.settings);
    copying(address, "Link");
  });
  el("copy-bookmarklet").addEventListener("click", () => copying(el("bookmarklet").href, "Bookmarklet"));
  el("bookmarklet").addEventListener("click", (event) => {
    event.preventDefault();
    tell("Drag it to the bookmarks bar, then click it on the page that you want to read.");
  });
}
