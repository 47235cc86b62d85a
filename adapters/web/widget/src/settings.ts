// What the script tag says, made whole.

import { primary, type Texts, textsFor } from "./texts.ts";

export interface Settings {
  server: string; // ends with a slash: ".../web/"
  language: string; // as the visitor's page says it, even when the interface does not speak it
  texts: Texts;
  theme: string;
  conversation: string;
  identity: string;
}

export const SLUG = /^[a-z0-9-]{1,32}$/;

export function readSettings(script: HTMLScriptElement | null): Settings {
  const said = script?.dataset ?? {};
  const tags = [said.language, document.documentElement.lang, navigator.language, "en"];
  const language = tags.find((tag) => tag && primary(tag))!;
  return {
    server: new URL(said.server?.replace(/\/*$/, "/") ?? ".", script?.src || new URL("/web/", document.baseURI)).href,
    language: primary(language),
    texts: textsFor(language),
    theme: said.theme === "light" || said.theme === "dark" ? said.theme : "auto",
    conversation: SLUG.test(said.conversation ?? "") ? said.conversation! : "main",
    identity: said.identity ?? "",
  };
}
