// What a person of the support desk said, under their name; or a quiet line about them.

import { LinkPolicy } from "../markdown/links.ts";
import { StreamedMarkdown } from "../markdown/streamed.ts";
import type { Post } from "../protocol.ts";
import { isPost, type Item } from "../timeline.ts";
import type { ViewContext } from "./context.ts";
import { h } from "./dom.ts";
import { clock } from "./time.ts";

/** Seconds within which somebody who goes on is not named again. */
const IN_ONE_BREATH = 300;

export class PostView {
  readonly element: HTMLElement;

  constructor(
    private readonly context: ViewContext,
    private readonly post: Post,
    silent: boolean,
  ) {
    const spoken = post.kind === "said" ? this.said() : this.notice();
    this.element = spoken.element;
    this.element.hidden = !post.text.trim();
    if (!silent) context.announcer.say(spoken.plain);
  }

  /** `before` is what stands above it. */
  follow(before: Item | undefined): void {
    const { kind, name, at } = this.post;
    const goesOn = isPost(before) && before.kind === "said" && before.name === name && at - before.at < IN_ONE_BREATH;
    this.element.classList.toggle("continued", kind === "said" && goesOn);
  }

  private said() {
    const { texts } = this.context;
    const name = this.post.name || texts.colleague;
    const who = h("p", { class: "who" }, h("bdi", {}, name), clock(this.post.at, texts.language));
    const body = h("div", { class: "markdown", dir: "auto" });
    const links = new LinkPolicy(document.baseURI, null);
    const markdown = new StreamedMarkdown(body, () => ({
      texts,
      links,
      sources: new Map(),
      open: false,
      onSource: () => undefined,
    }));
    markdown.show(this.post.text, true);
    const element = h("div", { class: "post said" }, avatar(name), who, body);
    return { element, plain: `${name}: ${markdown.plain()}` };
  }

  private notice() {
    const { text } = this.post;
    return { element: h("p", { class: "post told", dir: "auto" }, text), plain: text };
  }
}

/** The first letter of a name, for the eye alone. */
export function avatar(name: string): HTMLElement {
  const initial = [...name][0] ?? "";
  return h("span", { class: "avatar", "aria-hidden": "true" }, initial.toUpperCase());
}
