/**
 * How a bookmarklet hands the page that somebody is reading to this one: by postMessage, so that the service
 * needs no CORS and neither page can read the other.
 *
 * The opener may be any page, with any intent. So: a message counts only in a window that was opened for it
 * (#receive), only from the opener, only once, and only in the form below. What it holds is sent to this
 * service as an HTML file would be, and shown as text beside the origin that the browser vouches for. Nothing
 * is ever sent back but the word that this page is ready, which is no secret.
 */

export const RECEIVE = "#receive";

const READY = "quote-summarizer: ready";
const PAGE = "quote-summarizer: page";

/** A page that is longer is no article. */
const MOST_CHARACTERS = 16 * 1024 * 1024;

/** How long the opener may take, in milliseconds. */
const PATIENCE = 15_000;

/**
 * Wait for the page of the window that opened this one.
 *
 * @returns {Promise<import("./service.js").Source | null>} null where no page was handed over
 */
export function receivePage() {
  const opener = window.opener;
  if (!opener) return Promise.resolve(null);
  return new Promise((resolve) => {
    const end = (source) => {
      window.removeEventListener("message", take);
      clearTimeout(timer);
      window.opener = null;
      resolve(source);
    };
    const take = (event) => {
      if (event.source !== opener || event.data?.type !== PAGE) return;
      const { html } = event.data;
      const good = typeof html === "string" && html.length <= MOST_CHARACTERS;
      end(good ? { html, origin: event.origin } : null);
    };
    const timer = setTimeout(() => end(null), PATIENCE);
    window.addEventListener("message", take);
    opener.postMessage(READY, "*");
  });
}

/**
 * The bookmarklet of the service at an address: opens the reader's page and, when that says that it is
 * ready, hands it the HTML. The answer goes to this address only, so no other page can ask for it.
 *
 * @param {string} address of the reader's page
 */
export function bookmarklet(address) {
  const page = new URL(".", address);
  const code = `(()=>{
const origin=${JSON.stringify(page.origin)};
const reader=open(${JSON.stringify(page.href + RECEIVE)},"_blank");
if(!reader){alert("The browser did not let the reader's page open.");return}
const hand=(event)=>{
if(event.source!==reader||event.origin!==origin||event.data!==${JSON.stringify(READY)})return;
removeEventListener("message",hand);
reader.postMessage({type:${JSON.stringify(PAGE)},html:document.documentElement.outerHTML},origin)};
addEventListener("message",hand);
})()`;
  return `javascript:${encodeURIComponent(code.replaceAll("\n", ""))}`;
}
