// The conversation on the page: drawn once a frame, at its end unless the reader has gone up.

import type { Conversation, Exchange } from "../conversation.ts";
import type { ViewContext } from "./context.ts";
import { button, h, setText } from "./dom.ts";
import { ExchangeView } from "./exchange.ts";

/** So near to the end (in pixels) counts as being there. */
const NEAR = 48;

export class Transcript {
  readonly element: HTMLElement;
  private readonly greeting = h("div", { class: "markdown", dir: "auto" });
  private readonly suggestions: HTMLElement;
  private readonly list = h("div", { class: "exchanges" });
  private readonly views = new Map<string, ExchangeView>();
  private readonly dirty = new Set<string>();
  private readonly silent = new Set<string>();
  private reorder = false;
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

  /** Draws `exchange` in the next frame; null: whatever there is now. */
  changed(exchange: Exchange | null): void {
    if (exchange) this.dirty.add(exchange.id);
    else {
      this.reorder = true;
      for (const { id, end } of this.conversation.all()) {
        this.dirty.add(id);
        if (end && !this.views.has(id)) this.silent.add(id); // what is past is shown, not read aloud
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
    const exchanges = this.conversation.all();
    const pending = this.conversation.pending?.id;
    for (const id of this.dirty) this.drawOne(id, id === pending);
    if (this.reorder) this.arrange(exchanges);
    this.suggestions.hidden = exchanges.length > 0 || this.suggestions.childElementCount === 0;
    this.dirty.clear();
    this.silent.clear();
    this.reorder = false;
    this.keepEnd();
  }

  private drawOne(id: string, writing: boolean): void {
    const exchange = this.conversation.get(id);
    if (!exchange) return;
    let view = this.views.get(id);
    if (!view) {
      view = new ExchangeView(this.context, exchange, this.silent.has(id));
      this.views.set(id, view);
      this.list.append(view.element);
    }
    view.update(exchange, writing);
  }

  private arrange(exchanges: Exchange[]): void {
    const known = new Set(exchanges.map(({ id }) => id));
    for (const [id, view] of this.views) {
      if (known.has(id)) continue;
      view.element.remove();
      this.views.delete(id);
    }
    exchanges.forEach(({ id }, index) => {
      const { element } = this.views.get(id)!;
      if (this.list.children[index] !== element) this.list.insertBefore(element, this.list.children[index] ?? null);
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
