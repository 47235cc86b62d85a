// For those who listen: whole sentences, once each, in the order in which they were written.

import type { Texts } from "../texts.ts";
import { h } from "./dom.ts";

/** Behind a sentence: a mark and a space; a full-width mark, which needs none; a line's end. */
const SENTENCE_END = /[.!?…:;]["'”’»)\]]*\s+|[。！？；]["'”’』」）]*|\n/g;
const KEPT = 12;

export class Announcer {
  readonly element: HTMLElement;

  constructor(texts: Texts) {
    this.element = h("div", { role: "log", "aria-live": "polite", "aria-label": texts.newReply, class: "unseen" });
  }

  say(text: string, language = ""): void {
    if (!text.trim()) return;
    this.element.append(h("p", { lang: language || null, dir: "auto" }, text.trim()));
    while (this.element.children.length > KEPT) this.element.firstElementChild!.remove();
  }

  clear(): void {
    this.element.replaceChildren();
  }
}

/** How far one answer has been read aloud. */
export class Speech {
  private said = "";

  /** What may be said now that the answer reads `plain`: its finished sentences, or all the rest when it is `whole`. */
  next(plain: string, whole: boolean): string {
    if (whole && !letters(plain).startsWith(letters(this.said))) this.said = ""; // it was replaced by another answer
    const rest = plain.slice(this.said.length);
    const news = whole ? rest : rest.slice(0, lastEnd(rest));
    this.said += news;
    return news;
  }
}

function lastEnd(text: string): number {
  let end = 0;
  for (const found of text.matchAll(SENTENCE_END)) end = found.index + found[0].length;
  return end;
}

function letters(text: string): string {
  return text.replace(/[^\p{L}\p{N}]/gu, "");
}
