// The panel's frame: header, transcript, notice, composer. What they mean is the widget's business.

import type { Texts } from "../texts.ts";
import type { Composer } from "./composer.ts";
import { button, h, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import { avatar } from "./post.ts";
import type { Transcript } from "./transcript.ts";

export interface PanelActions {
  close: () => void;
  fresh: () => void;
  stop: () => void;
}

const FOCUSABLE = 'button:not(:disabled), a[href], textarea:not(:disabled), [tabindex="0"]';

export class Panel {
  readonly element: HTMLElement;
  private readonly stopButton: HTMLButtonElement;
  private readonly latestButton: HTMLButtonElement;
  private readonly title: HTMLElement;
  private readonly subtitle: HTMLElement;
  private readonly mark = h("span", { class: "mark" }, icon("chat"));
  private person: string | null = null;
  private readonly notice = h("p", { class: "notice", role: "status" });
  private readonly phone = matchMedia("(max-width: 640px), (max-height: 480px)");
  private readonly leaving = new AbortController();

  constructor(
    private readonly texts: Texts,
    transcript: Transcript,
    private readonly composer: Composer,
    actions: PanelActions,
  ) {
    this.title = h("bdi", {}, texts.title); // in another script it still begins where the line below it does
    this.subtitle = h("p", {}, texts.subtitle);
    this.stopButton = button({ class: "pill", hidden: true }, actions.stop, icon("stop"), texts.stop);
    const latest = { class: "pill round", hidden: true, "aria-label": texts.latest, title: texts.latest };
    this.latestButton = button(latest, () => transcript.toEnd(), icon("down"));
    const header = h(
      "div",
      { class: "header" },
      this.mark,
      h("div", { class: "titles" }, h("h2", { id: "title" }, this.title), this.subtitle),
      button({ class: "quiet", "aria-label": texts.fresh, title: texts.fresh }, actions.fresh, icon("fresh")),
      button({ class: "quiet", "aria-label": texts.close, title: texts.close }, actions.close, icon("close")),
    );
    const floating = h("div", { class: "floating" }, this.stopButton, this.latestButton);
    const face = { class: "panel", id: "panel", role: "dialog", "aria-labelledby": "title", hidden: true };
    this.element = h("div", face, header, transcript.element, floating, this.notice, composer.element);
    this.element.addEventListener("keydown", (event) => this.trap(event));
    this.watchScreen();
  }

  get open(): boolean {
    return !this.element.hidden;
  }

  show(open: boolean): void {
    this.element.hidden = !open;
    this.measure();
    if (open) this.composer.fit();
  }

  describe(title: string, notice: string): void {
    setText(this.title, title || this.texts.title);
    setText(this.notice, notice);
  }

  /** Who answers: a person of that name ("" when it is not known), or the assistant (null). */
  introduce(person: string | null): void {
    if (person === this.person) return;
    this.person = person;
    const { talkingWith, colleague, subtitle } = this.texts;
    setText(this.subtitle, person === null ? subtitle : talkingWith(person));
    this.mark.classList.toggle("human", person !== null);
    this.mark.replaceChildren(person === null ? icon("chat") : avatar(person || colleague));
  }

  showStop(shown: boolean): void {
    this.element.classList.toggle("answering", shown);
    this.reveal(this.stopButton, shown);
  }

  showLatest(shown: boolean): void {
    this.reveal(this.latestButton, shown);
  }

  /** A button that goes away must not take the focus with it. */
  private reveal(element: HTMLButtonElement, shown: boolean): void {
    const focused = !shown && (element.getRootNode() as ShadowRoot).activeElement === element;
    element.hidden = !shown;
    if (focused) this.composer.field.focus();
  }

  destroy(): void {
    this.leaving.abort();
  }

  /** Full screen on a phone: modal, and as tall as what the keyboard leaves. */
  private watchScreen(): void {
    const options = { signal: this.leaving.signal };
    const measure = () => this.measure();
    this.phone.addEventListener("change", measure, options);
    visualViewport?.addEventListener("resize", measure, options);
    visualViewport?.addEventListener("scroll", measure, options);
    this.measure();
  }

  private measure(): void {
    const { style } = this.element;
    if (this.phone.matches) this.element.setAttribute("aria-modal", "true");
    else this.element.removeAttribute("aria-modal");
    if (!visualViewport || !this.phone.matches) return;
    style.setProperty("--viewport-height", `${visualViewport.height}px`);
    style.setProperty("--viewport-top", `${visualViewport.offsetTop}px`);
  }

  private trap(event: KeyboardEvent): void {
    if (event.key !== "Tab" || !this.phone.matches) return;
    const all = [...this.element.querySelectorAll<HTMLElement>(FOCUSABLE)].filter((one) => one.offsetParent !== null);
    const [first, last] = [all[0], all[all.length - 1]];
    const focused = (this.element.getRootNode() as ShadowRoot).activeElement;
    const leaves = focused === (event.shiftKey ? first : last);
    if (!leaves) return;
    event.preventDefault();
    (event.shiftKey ? last : first)?.focus();
  }
}
