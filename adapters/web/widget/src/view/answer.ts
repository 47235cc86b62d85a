// One answer: typing dots, growing Markdown, then its sources and what can be done with it.

import { type Exchange, isSilent } from "../conversation.ts";
import { LinkPolicy, webAddress } from "../markdown/links.ts";
import { type Source, sourceLink } from "../markdown/render.ts";
import { StreamedMarkdown } from "../markdown/streamed.ts";
import type { Citation, Final } from "../protocol.ts";
import { Speech } from "./announcer.ts";
import { copyText } from "./clipboard.ts";
import type { ViewContext } from "./context.ts";
import { button, h, setAttribute } from "./dom.ts";
import { icon } from "./icons.ts";
import { Rating } from "./rating.ts";
import { clock } from "./time.ts";

const NOTES = { cancelled: "stopped", interrupted: "interrupted", merged: "interrupted", length: "cutOff" } as const;

export class AnswerView {
  readonly element: HTMLElement;
  private readonly body = h("div", { class: "markdown", dir: "auto" });
  private readonly typing: HTMLElement;
  private readonly below = h("div", { class: "below" });
  private readonly markdown: StreamedMarkdown;
  private readonly speech = new Speech();
  private sources = new Map<number, Source>();
  private rating: Rating | null = null;
  private ended = false;

  constructor(
    private readonly context: ViewContext,
    private exchange: Exchange,
    private readonly silent: boolean,
  ) {
    const { texts } = context;
    this.typing = h("div", { class: "typing", role: "img", "aria-label": texts.writing }, h("i"), h("i"), h("i"));
    const label = h("span", { class: "unseen" }, `${texts.assistant}:`);
    this.element = h("div", { class: "answer" }, label, this.body, this.typing, this.below);
    this.markdown = new StreamedMarkdown(this.body, () => this.surroundings());
  }

  update(exchange: Exchange, writing: boolean): void {
    this.exchange = exchange;
    const { end } = exchange;
    const failed = end?.kind === "failed";
    const text = end?.kind === "final" ? end.text : failed ? "" : exchange.answer;
    this.element.hidden = isSilent(end) || (!end && !text && !writing);
    this.typing.hidden = Boolean(end) || Boolean(text) || !writing;
    setAttribute(this.element, "aria-busy", end ? null : "true");
    this.element.classList.toggle("writing", !end && writing);
    if (end && !this.ended) this.finish();
    else if (!end) this.markdown.show(text, false);
    this.speak();
    this.rating?.show(exchange.feedback);
  }

  private finish(): void {
    this.ended = true;
    const end = this.exchange.end!;
    if (end.kind === "failed") {
      this.body.hidden = true;
      this.below.append(this.failure(end.said || this.context.texts.failed));
      return;
    }
    this.sources = knownSources(end.citations, this.context.server);
    setAttribute(this.body, "lang", end.language || null);
    this.body.hidden = end.text.trim() === "";
    this.element.classList.toggle("declined", end.finish === "declined");
    this.markdown.show(end.text, true);
    this.below.append(...this.appendix(end));
  }

  private *appendix(end: Final): Iterable<HTMLElement> {
    const { texts } = this.context;
    const note = NOTES[end.finish as keyof typeof NOTES];
    if (this.sources.size) yield this.sourceList();
    if (note) yield h("p", { class: "note" }, texts[note]);
    if (!end.text.trim()) return;
    if (end.finish !== "remark") this.rating = new Rating(() => this.exchange, texts, this.context.rate);
    const thumbs = this.rating?.buttons ?? [];
    yield h("div", { class: "actions" }, this.copyButton(end.text), ...thumbs, this.time(end));
    if (this.rating) yield this.rating.form;
  }

  private failure(said: string): HTMLElement {
    const { texts, retry } = this.context;
    const again = button({ class: "small" }, () => retry(this.exchange), icon("retry"), texts.retry);
    return h("div", { class: "failure" }, h("p", { dir: "auto" }, icon("alert"), said), again);
  }

  private sourceList(): HTMLElement {
    const { texts } = this.context;
    const items = [...this.sources.values()].map((source) => h("li", {}, sourceLink(source)));
    return h(
      "div",
      { class: "sources" },
      h("p", {}, texts.sources),
      h("ol", { "aria-label": texts.sources }, ...items),
    );
  }

  private copyButton(text: string): HTMLButtonElement {
    const { texts, announcer } = this.context;
    const copy = async () => {
      if (!(await copyText(text, this.element))) return;
      element.replaceChildren(icon("check"));
      announcer.say(texts.copied);
      element.addEventListener("blur", () => element.replaceChildren(icon("copy")), { once: true });
    };
    const face = { class: "quiet", "aria-label": texts.copy, title: texts.copy };
    const element = button(face, () => void copy(), icon("copy"));
    return element;
  }

  private time({ at }: Final): HTMLElement {
    return clock(at || this.exchange.at, this.context.texts.language);
  }

  private speak(): void {
    if (this.silent) return;
    const { end } = this.exchange;
    const { announcer, texts } = this.context;
    if (end?.kind === "failed")
      return announcer.say(this.ended ? this.speech.next(end.said || texts.failed, true) : "");
    if (isSilent(end)) return;
    announcer.say(this.speech.next(this.markdown.plain(), this.ended), end?.kind === "final" ? end.language : "");
  }

  private surroundings() {
    const { texts, server, linkHosts } = this.context;
    const hosts = [...this.sources.values()].map(({ address }) => address && new URL(address).host);
    return {
      texts,
      links: new LinkPolicy(document.baseURI, [...linkHosts(), new URL(server).host, ...hosts.filter(Boolean)]),
      sources: this.sources,
      open: !this.ended,
      onSource: (number: number) => this.showSource(number),
    };
  }

  private showSource(number: number): void {
    const index = [...this.sources.keys()].indexOf(number);
    const entry = this.below.querySelectorAll<HTMLElement>(".sources li > *")[index];
    entry?.scrollIntoView({ block: "nearest" });
    entry?.focus();
  }
}

/** Local files' sources lie below the server; whatever is not on the web has a title only. */
function knownSources(citations: Citation[], server: string): Map<number, Source> {
  return new Map(
    citations.map(({ number, title, url }) => {
      const address = url ? webAddress(url, server) : null;
      const web = address && address.protocol !== "mailto:" ? address.href : "";
      return [number, { number, title: title || web || String(number), address: web }];
    }),
  );
}
