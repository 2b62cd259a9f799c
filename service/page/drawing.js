/** The two small pictures of an article: the strip beside it and the plot of its scores. */

/** Half of the height in pixels of the smallest bar that can be seen. */
const SMALLEST = 1.5;

/**
 * @typedef {{start: number, end: number, score: number, band: number, selected: boolean}} Bar
 * start and end: shares of the article in [0, 1]
 */

/**
 * Where the article's highlights are, from top to bottom, and which part of it is in view.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Bar[]} bars in document order
 * @param {{top: number, bottom: number}} view shares of the article in [0, 1]
 */
export function drawStrip(canvas, bars, view) {
  const { context, width, height } = prepared(canvas);
  const colours = palette(canvas);
  context.fillStyle = colours.view;
  context.fillRect(0, view.top * height, width, Math.max(2, (view.bottom - view.top) * height));
  // Low bands first: where bars share a pixel, the highest score is seen.
  for (const bar of bars.filter((each) => each.selected).sort((a, b) => a.band - b.band)) {
    context.fillStyle = colours.bands[bar.band];
    const top = Math.floor(bar.start * height);
    context.fillRect(3, top, width - 6, Math.max(2 * SMALLEST, Math.ceil(bar.end * height) - top - 1));
  }
}

/**
 * A bar for every sentence, as high as its score; where several share a pixel, the highest of each kind.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Bar[]} bars in document order
 * @param {number} focused position of the sentence to point at; -1 for none
 */
export function drawPlot(canvas, bars, focused) {
  const { context, width, height } = prepared(canvas);
  const colours = palette(canvas);
  const base = height - 1;
  const columns = Math.min(bars.length, Math.floor(width / 2));
  const step = width / columns;
  const best = bars.reduce((highest, bar) => Math.max(highest, bar.score), 0) || 1;
  const highest = Array.from({ length: columns }, () => ({ rest: 0, selected: 0, band: 0 }));
  bars.forEach((bar, position) => {
    const column = highest[Math.floor((position * columns) / bars.length)];
    const kind = bar.selected ? "selected" : "rest";
    if (bar.score < column[kind]) return;
    column[kind] = bar.score;
    if (bar.selected) column.band = bar.band;
  });
  const gap = step > 4 ? 1 : 0;
  const bar = (column, score, colour) => {
    const size = Math.max(SMALLEST, (score / best) * (height - 8));
    context.fillStyle = colour;
    context.fillRect(column * step, base - size, step - gap, size);
  };
  highest.forEach(({ rest, selected, band }, column) => {
    if (rest >= selected) bar(column, rest, colours.rest);
    if (selected) bar(column, selected, colours.bands[band]);
    if (rest < selected && rest) bar(column, rest, colours.rest);
  });
  context.fillStyle = colours.line;
  context.fillRect(0, base, width, 1);
  if (focused >= 0) {
    const x = (focused + 0.5) * (width / bars.length);
    context.fillStyle = colours.text;
    context.beginPath();
    context.moveTo(x - 4, 0);
    context.lineTo(x + 4, 0);
    context.lineTo(x, 6);
    context.fill();
  }
}

/** The canvas, cleared, with as many pixels as the screen has for it. */
function prepared(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = window.devicePixelRatio || 1;
  const wanted = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wanted[0] || canvas.height !== wanted[1]) [canvas.width, canvas.height] = wanted;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** The style sheet's colours, for light or dark as it is now. */
function palette(canvas) {
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(name).trim();
  return {
    bands: [0, 1, 2, 3, 4, 5].map((band) => colour(`--band-${band}`)),
    rest: colour("--rest"),
    view: colour("--view"),
    line: colour("--line"),
    text: colour("--text"),
  };
}
