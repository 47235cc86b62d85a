// Where the visitor writes.

import type { Texts } from "../texts.ts";
import { button, h, setAttribute, setText } from "./dom.ts";
import { icon } from "./icons.ts";

/** The counter appears when so little of the limit is left. */
const NEARLY = 0.2;
const TALLEST = 140;

export class Composer {
  readonly element: HTMLElement;
  readonly field: HTMLTextAreaElement;
  private readonly counter = h("p", { class: "counter", id: "counter", "aria-live": "polite" });
  private readonly sendButton: HTMLButtonElement;
  private limit = 8000;
  private allowed = true;

  constructor(
    private readonly texts: Texts,
    private readonly send: (text: string) => boolean,
    private readonly typed: (text: string) => void,
  ) {
    const face = {
      rows: 1,
      placeholder: texts.placeholder,
      "aria-label": texts.placeholder,
      "aria-describedby": "counter",
      enterkeyhint: "send",
      autocomplete: "off",
    };
    this.field = h("textarea", face);
    this.sendButton = button(
      { class: "send", "aria-label": texts.send, title: texts.send },
      () => this.submit(),
      icon("send"),
    );
    this.element = h(
      "div",
      { class: "composer" },
      h("div", { class: "field" }, this.field, this.sendButton),
      this.counter,
    );
    this.field.addEventListener("input", () => this.changed());
    this.field.addEventListener("keydown", (event) => this.onKey(event));
    this.refresh();
  }

  get text(): string {
    return this.field.value;
  }

  set text(text: string) {
    this.field.value = text;
    this.changed();
  }

  allow(allowed: boolean, limit: number): void {
    if (allowed === this.allowed && limit === this.limit) return;
    this.allowed = allowed;
    this.limit = limit;
    this.field.disabled = !allowed;
    this.refresh();
  }

  /** As tall as its text, up to a bound. */
  fit(): void {
    this.field.style.height = "auto";
    if (this.field.scrollHeight) this.field.style.height = `${Math.min(this.field.scrollHeight, TALLEST)}px`;
  }

  private onKey(event: KeyboardEvent): void {
    const composing = event.isComposing || event.keyCode === 229; // Enter then chooses a word of the input method
    if (event.key !== "Enter" || event.shiftKey || composing) return;
    event.preventDefault();
    this.submit();
  }

  private submit(): void {
    const text = this.field.value.trim();
    const sent = text !== "" && this.allowed && this.left >= 0 && this.send(text);
    if (sent) this.text = "";
    this.field.focus();
  }

  /** As the server counts: characters, not halves of them. */
  private get left(): number {
    return this.limit - [...this.field.value.trim()].length;
  }

  private changed(): void {
    this.refresh();
    this.typed(this.field.value);
  }

  private refresh(): void {
    const { left, limit, texts } = this;
    const number = new Intl.NumberFormat(texts.language);
    const near = left < limit * NEARLY;
    setText(this.counter, left < 0 ? texts.tooLong(number.format(-left)) : near ? texts.left(number.format(left)) : "");
    this.counter.classList.toggle("over", left < 0);
    setAttribute(this.field, "dir", this.field.value ? "auto" : null); // empty, it reads as the placeholder does
    setAttribute(this.field, "aria-invalid", left < 0 ? "true" : null);
    setAttribute(
      this.sendButton,
      "aria-disabled",
      !this.allowed || left < 0 || !this.field.value.trim() ? "true" : null,
    );
    this.fit();
  }
}
