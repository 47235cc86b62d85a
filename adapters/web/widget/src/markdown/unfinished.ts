// The end of a text that is still being written: what cannot be told yet is not shown yet.

const HELD_BACK = /(?:[*_~`\\]+|!?\[|&[#\w]{0,8}|<\/?[a-zA-Z]?[^\s<>]{0,200})$/;
const HALF_CITATION = /\[\d{1,3}(?:[ \t]*,[ \t]*\d{0,3})*$/;

/** What may follow a link's text while its target is still on its way. */
export const HALF_TARGET = /^\([^\s()]{0,2000}(?:\([^\s()]{0,200}\)?[^\s()]{0,2000})?(?:\s+["'(][^\n]{0,200})?$/;

/** The text without marks at its end that may become something else with the next character. */
export function withoutUnclearEnd(source: string): string {
  const from = Math.max(0, source.length - 300);
  const tail = source.slice(from).replace(HALF_CITATION, "").replace(HELD_BACK, "");
  return source.slice(0, from) + tail;
}
