// Thumbs under an answer, and a comment for those who want to say more.

import type { Exchange } from "../conversation.ts";
import type { Texts } from "../texts.ts";
import { button, h, setAttribute, setText } from "./dom.ts";
import { icon } from "./icons.ts";

const LONGEST_COMMENT = 1000;

export class Rating {
  readonly buttons: HTMLButtonElement[];
  /** Below the row of buttons: the comment, and what came of it. */
  readonly form = h("div", { class: "rating" });
  private readonly note = h("p", { class: "note", role: "status" });
  private value = 0;

  constructor(
    private readonly exchange: () => Exchange,
    private readonly texts: Texts,
    private readonly rate: (exchange: Exchange, value: number, comment?: string) => Promise<void>,
  ) {
    this.buttons = [this.thumb(1, texts.helpful), this.thumb(-1, texts.unhelpful)];
    this.form.append(this.note);
    this.show(0);
  }

  show(value: number): void {
    this.value = value;
    this.buttons.forEach((thumb, index) =>
      setAttribute(thumb, "aria-pressed", value === (index === 0 ? 1 : -1) ? "true" : "false"),
    );
  }

  private thumb(value: number, label: string): HTMLButtonElement {
    const face = icon(value > 0 ? "up" : "thumbDown");
    return button({ class: "quiet", "aria-label": label, title: label }, () => void this.press(value), face);
  }

  private async press(pressed: number): Promise<void> {
    const [before, value] = [this.value, this.value === pressed ? 0 : pressed];
    this.show(value);
    this.form.replaceChildren(this.note);
    setText(this.note, "");
    if (await this.send(value, "")) this.ask(value);
    else this.show(before);
  }

  private async send(value: number, comment: string): Promise<boolean> {
    try {
      await this.rate(this.exchange(), value, comment);
      setText(this.note, value && comment ? this.texts.thanks : "");
      return true;
    } catch {
      setText(this.note, this.texts.feedbackLost);
      return false;
    }
  }

  private ask(value: number): void {
    if (value === 0) return;
    const field = h("textarea", {
      rows: 2,
      maxlength: LONGEST_COMMENT,
      "aria-label": this.texts.comment,
      placeholder: this.texts.comment,
    });
    const finish = async (comment: string) => {
      if (comment && !(await this.send(value, comment))) return;
      setText(this.note, this.texts.thanks);
      const focused = area.contains((this.form.getRootNode() as ShadowRoot).activeElement);
      area.remove();
      if (focused) this.buttons[value > 0 ? 0 : 1]!.focus();
    };
    const send = button({ class: "small" }, () => void finish(field.value.trim()), this.texts.sendComment);
    const skip = button({ class: "small plain" }, () => void finish(""), this.texts.skip);
    const area = h("div", { class: "comment" }, field, h("div", {}, send, skip));
    this.form.prepend(area);
    area.scrollIntoView({ block: "nearest" });
  }
}
