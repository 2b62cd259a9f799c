/**
 * Settings in the address: after the #, so that not even they are sent to the service.
 *
 * @typedef {{sentences: number | null, view: string}} Settings sentences: Infinity for everything, null for unsaid
 */

export const VIEWS = ["marks", "dim", "summary"];

/** Whether a fragment is about settings at all; others are places on the page. */
export function hasSettings(fragment) {
  const given = new URLSearchParams(fragment.replace(/^#/u, ""));
  return given.has("sentences") || given.has("view");
}

/** @returns {Settings} whatever the fragment says; what it says wrongly is passed over */
export function readSettings(fragment) {
  const given = new URLSearchParams(fragment.replace(/^#/u, ""));
  const amount = given.get("sentences") ?? "";
  let sentences = null;
  if (amount === "all") sentences = Infinity;
  else if (/^[1-9]\d{0,5}$/u.test(amount)) sentences = Number(amount);
  const view = given.get("view");
  return { sentences, view: VIEWS.includes(view) ? view : VIEWS[0] };
}

/** @param {Settings} settings */
export function writeSettings({ sentences, view }) {
  const given = new URLSearchParams();
  if (sentences !== null) given.set("sentences", sentences === Infinity ? "all" : String(sentences));
  if (view !== VIEWS[0]) given.set("view", view);
  return given.size ? `#${given}` : "";
}
