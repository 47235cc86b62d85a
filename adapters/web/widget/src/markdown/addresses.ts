// Addresses that stand in a text without any mark around them.

export const BARE_LINK = /https?:\/\/[^\s<>"'`|\u3000-\u303f\uff00-\uffef]+/y;
export const MAIL_NAME = /(?:^|[^\w.+-])([\w.+-]{1,64})$/;
export const MAIL_HOST = /@[a-zA-Z\d-]{1,63}(?:\.[a-zA-Z\d-]{1,63}){1,8}/y;

/** Without the punctuation that belongs to the sentence and not to the address. */
export function trimAddress(address: string): string {
  let end = address.length;
  while (end > 0) {
    const last = address[end - 1]!;
    const unbalanced = last === ")" && !address.slice(0, end).includes("(");
    if (!unbalanced && !/[.,;:!?*_~\]]/.test(last)) break;
    end -= 1;
  }
  return address.slice(0, end);
}
