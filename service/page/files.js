/** A file from disk as an article, read in the browser. */

import { Failure } from "./service.js";

/** Far more than any service takes; reading it would only make the page wait. */
const MOST_BYTES = 64 * 1024 * 1024;

/** As browsers do, the declaration of a page's charset is looked for at its beginning. */
const DECLARED = /<meta[^>]+charset\s*=\s*["']?\s*([\w-]+)/iu;
const DECLARED_WITHIN = 1024;

/**
 * @param {File} file
 * @returns {Promise<import("./service.js").Source>}
 * @throws {Failure} not a text or an HTML page
 */
export async function readArticle(file) {
  const isPage = file.type.includes("html") || /\.x?html?$/iu.test(file.name);
  if (!isPage && !file.type.startsWith("text/") && !/\.(txt|text|md)$/iu.test(file.name)) {
    const advice = "Open a .txt or .html file, or paste the text.";
    throw new Failure("This kind of file cannot be read", `${file.name} is neither text nor HTML.`, { advice });
  }
  if (file.size > MOST_BYTES) {
    const detail = `${file.name} has ${file.size.toLocaleString("en")} bytes.`;
    throw new Failure("The file is too large", detail, { advice: "Open a part of it." });
  }
  const bytes = await file.arrayBuffer();
  const content = decode(bytes, isPage);
  return { [isPage ? "html" : "text"]: content, origin: file.name };
}

/** UTF-8 as all should be, or with a mark UTF-16, or what an HTML page declares, or else Windows' Western one. */
function decode(bytes, isPage) {
  const [first, second] = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength));
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const beginning = new TextDecoder("latin1").decode(bytes.slice(0, DECLARED_WITHIN));
    return new TextDecoder(known((isPage && DECLARED.exec(beginning)?.[1]) || "")).decode(bytes);
  }
}

function known(charset) {
  try {
    return new TextDecoder(charset).encoding;
  } catch {
    return "windows-1252";
  }
}
