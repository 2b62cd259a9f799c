/** What can be taken along: text, Markdown, JSON. */

/** A sentence on one line, as the service puts it into a summary. */
function oneLine(text) {
  return text.trim().replace(/\s+/gu, " ");
}

/** The selected sentences as one text, in the article's order. */
export function asText(sentences) {
  return sentences.map((sentence) => oneLine(sentence.text)).join(" ");
}

/** A quote for each sentence. What Markdown or HTML would take for markup is escaped, so it stays what it was. */
export function asMarkdown(sentences) {
  return sentences.map((sentence) => `> ${escaped(oneLine(sentence.text))}`).join("\n\n") + "\n";
}

function escaped(text) {
  return text
    .replace(/[\\`*_[\]<>#|~&]/gu, "\\$&")
    .replace(/^([-+=])/u, "\\$1")
    .replace(/^(\d+)([.)])/u, "$1\\$2");
}

/** The service's answer, with the selection that the reader made. Offsets count UTF-16 units. */
export function asJson(evaluation, selected) {
  const { model, text, sentences, warnings } = evaluation;
  const chosen = new Set(selected.map((sentence) => sentence.index));
  const content = {
    model,
    index_unit: "utf16",
    text,
    sentences: sentences.map((sentence) => ({ ...sentence, selected: chosen.has(sentence.index) })),
    summary: { text: asText(selected), indices: [...chosen] },
    warnings,
  };
  return JSON.stringify(content, null, 2);
}

/** Put a text on the clipboard. Over plain HTTP browsers offer only the old way. */
export async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // No permission: the old way may still work.
    }
  }
  const focused = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  field.setAttribute("aria-hidden", "true");
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  focused?.focus({ preventScroll: true });
  return done;
}

/** Have the browser save a text as a file. */
export function download(text, name, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  // The download has begun by then; without this the text stays in memory.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
