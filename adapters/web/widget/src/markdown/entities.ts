const NAMED = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
  ["nbsp", "\u00a0"],
  ["ndash", "–"],
  ["mdash", "—"],
  ["hellip", "…"],
  ["euro", "€"],
  ["pound", "£"],
  ["copy", "©"],
  ["deg", "°"],
  ["times", "×"],
]);

/** The character of "&name;" or "&#number;"; anything unknown stays as it was written. */
export function decodeEntity(entity: string): string {
  const name = entity.slice(1, -1);
  if (name[0] !== "#") return NAMED.get(name) ?? entity;
  const code = /^#x/i.test(name) ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10);
  const valid = code > 31 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return valid ? String.fromCodePoint(code) : "\ufffd";
}
