// When something was said, in the reader's language.

import { h } from "./dom.ts";

/** `at` in seconds; the day is left out when it is today. Empty for what is no time. */
export function clock(at: number, language: string): HTMLElement {
  const date = new Date(at * 1000);
  if (Number.isNaN(date.getTime())) return h("time");
  const sameDay = date.toDateString() === new Date().toDateString();
  const format: Intl.DateTimeFormatOptions = { ...(sameDay ? {} : { dateStyle: "medium" }), timeStyle: "short" };
  return h("time", { datetime: date.toISOString() }, new Intl.DateTimeFormat(language, format).format(date));
}
