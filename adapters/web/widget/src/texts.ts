// What the interface says. Every language has every text: the type makes sure of it.

import { arabic } from "./texts/ar.ts";
import { german } from "./texts/de.ts";
import { english } from "./texts/en.ts";
import { spanish } from "./texts/es.ts";
import { chinese } from "./texts/zh.ts";

export interface Texts {
  language: string;
  direction: "ltr" | "rtl";
  title: string;
  subtitle: string;
  greeting: string;
  suggestions: string;
  open: string;
  openUnread: (count: number) => string;
  close: string;
  fresh: string;
  freshDone: string;
  conversation: string;
  placeholder: string;
  send: string;
  stop: string;
  latest: string;
  you: string;
  assistant: string;
  colleague: string;
  talkingWith: (name: string) => string;
  writing: string;
  newReply: string;
  copy: string;
  copied: string;
  helpful: string;
  unhelpful: string;
  comment: string;
  sendComment: string;
  skip: string;
  thanks: string;
  feedbackLost: string;
  retry: string;
  edit: string;
  waiting: string;
  refused: string;
  failed: string;
  stopped: string;
  interrupted: string;
  cutOff: string;
  sources: string;
  source: (number: number, title: string) => string;
  image: string;
  code: string;
  table: string;
  offline: string;
  reconnecting: string;
  busy: (seconds: number) => string;
  left: (count: string) => string;
  tooLong: (count: string) => string;
  queueFull: string;
  signIn: string;
  unavailable: string;
}

const LANGUAGES: Record<string, Texts> = { en: english, zh: chinese, de: german, es: spanish, ar: arabic };

/** The texts for a language tag such as "de-AT"; English for a language that the interface does not speak. */
export function textsFor(tag: string): Texts {
  return LANGUAGES[primary(tag)] ?? english;
}

/** "de" of "de-AT"; "" when it is no language tag. */
export function primary(tag: string): string {
  return /^[a-z]{2,3}(?=$|[-_])/.exec(tag.trim().toLowerCase())?.[0] ?? "";
}
