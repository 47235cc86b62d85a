// The conversation on the page: drawn once a frame, at its end unless the reader has gone up.

import type { Conversation } from "../conversation.ts";
import { isPost, type Item } from "../timeline.ts";
import type { ViewContext } from "./context.ts";
import { button, h, setText } from "./dom.ts";
import { ExchangeView } from "./exchange.ts";
import { PostView } from "./post.ts";

/** So near to the end (in pixels) counts as being there. */
const NEAR = 48;

export class Transcript {
  readonly element: HTMLElement;
  private readonly greeting = h("div", { class: "markdown", dir: "auto" });
  private readonly suggestions: HTMLElement;
  private readonly list = h("div", { class: "exchanges" });
  private readonly views = new Map<string, ExchangeView | PostView>();
  private readonly dirty = new Set<string>();
  private readonly silent = new Set<string>();
  private frame = 0;
  private following = true;
  private readonly resized: ResizeObserver;

  constructor(
    private readonly context: ViewContext,
    private readonly conversation: Conversation,
    private readonly suggest: (question: string) => void,
    private readonly scrolled: (atEnd: boolean) => void,
  ) {
    const { texts } = context;
    this.suggestions = h("div", { class: "suggestions", role: "group", "aria-label": texts.suggestions });
    const welcome = h("div", { class: "answer" }, this.greeting);
    const content = h("div", { class: "content" }, welcome, this.suggestions, this.list);
    this.element = h(
      "div",
      { class: "transcript", role: "group", tabindex: 0, "aria-label": texts.conversation },
      content,
    );
    this.element.addEventListener("scroll", () => this.onScroll(), { passive: true });
    this.resized = new ResizeObserver(() => this.keepEnd());
    this.resized.observe(content);
    this.resized.observe(this.element);
    this.welcome("", []);
  }

  welcome(greeting: string, suggestions: string[]): void {
    setText(this.greeting, greeting || this.context.texts.greeting);
    const choices = suggestions.map((question) => button({ dir: "auto" }, () => this.suggest(question), question));
    this.suggestions.replaceChildren(...choices);
    this.schedule();
  }

  /** Draws `item` in the next frame; null: whatever there is now. */
  changed(item: Item | null): void {
    if (item) this.dirty.add(item.id);
    else {
      for (const one of this.conversation.items()) {
        this.dirty.add(one.id);
        const past = isPost(one) || one.end;
        if (past && !this.views.has(one.id)) this.silent.add(one.id); // what is past is shown, not read aloud
      }
    }
    const pending = this.conversation.pending; // its dots depend on what became of those before it
    if (pending) this.dirty.add(pending.id);
    this.schedule();
  }

  toEnd(): void {
    this.following = true;
    this.schedule();
    this.keepEnd();
  }

  destroy(): void {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.frame);
    this.resized.disconnect();
  }

  private schedule(): void {
    if (this.frame) return;
    const draw = () => {
      this.frame = 0;
      this.draw();
    };
    this.frame = document.hidden ? window.setTimeout(draw, 200) : requestAnimationFrame(draw);
  }

  private draw(): void {
    const items = this.conversation.items();
    const answering = this.conversation.answering?.id;
    for (const id of this.dirty) this.drawOne(id, id === answering);
    this.arrange(items);
    this.suggestions.hidden = items.length > 0 || this.suggestions.childElementCount === 0;
    this.dirty.clear();
    this.silent.clear();
    this.keepEnd();
  }

  private drawOne(id: string, writing: boolean): void {
    const item = this.conversation.item(id);
    if (!item) return;
    const [known, silent] = [this.views.get(id), this.silent.has(id)];
    if (isPost(item)) {
      if (!known) this.views.set(id, new PostView(this.context, item, silent));
      return;
    }
    const view = known instanceof ExchangeView ? known : new ExchangeView(this.context, item, silent);
    this.views.set(id, view);
    view.update(item, writing);
  }

  /** Puts everything where it belongs, and touches only what is not there. */
  private arrange(items: Item[]): void {
    const known = new Set(items.map(({ id }) => id));
    for (const [id, view] of this.views) {
      if (known.has(id)) continue;
      view.element.remove();
      this.views.delete(id);
    }
    items.forEach(({ id }, index) => {
      const view = this.views.get(id)!;
      const there = this.list.children[index];
      if (there !== view.element) this.list.insertBefore(view.element, there ?? null);
      if (view instanceof PostView) view.follow(items[index - 1]);
    });
  }

  private onScroll(): void {
    const { scrollTop, clientHeight, scrollHeight } = this.element;
    this.following = scrollHeight - scrollTop - clientHeight < NEAR;
    this.scrolled(this.following);
  }

  private keepEnd(): void {
    if (this.following) this.element.scrollTop = this.element.scrollHeight;
    else this.onScroll();
  }
}
