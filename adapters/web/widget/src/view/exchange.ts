// A question and its answer.

import type { Exchange } from "../conversation.ts";
import { AnswerView } from "./answer.ts";
import type { ViewContext } from "./context.ts";
import { button, h, setText } from "./dom.ts";
import { icon } from "./icons.ts";

export class ExchangeView {
  readonly element: HTMLElement;
  private readonly question: HTMLElement;
  private readonly words = h("span", { dir: "auto" });
  private readonly state = h("div", { class: "state" });
  private readonly answer: AnswerView;
  private shown = "";

  constructor(
    private readonly context: ViewContext,
    exchange: Exchange,
    silent: boolean,
  ) {
    const label = h("span", { class: "unseen" }, `${context.texts.you}:`);
    this.question = h("div", { class: "question" }, label, this.words);
    this.answer = new AnswerView(context, exchange, silent);
    this.element = h("div", { class: "exchange" }, this.question, this.state, this.answer.element);
  }

  update(exchange: Exchange, writing: boolean): void {
    this.question.hidden = exchange.text === null;
    setText(this.words, exchange.text ?? "");
    this.showState(exchange);
    this.answer.update(exchange, writing);
  }

  private showState(exchange: Exchange): void {
    if (exchange.state === this.shown) return;
    this.shown = exchange.state;
    const { texts, announcer } = this.context;
    this.question.classList.toggle("unsent", exchange.state !== "accepted");
    this.state.replaceChildren();
    if (exchange.state === "waiting") {
      this.state.append(h("p", { class: "note" }, icon("clock"), texts.waiting));
      announcer.say(texts.waiting);
    } else if (exchange.state === "refused") {
      this.state.append(this.refusal(exchange));
      announcer.say(texts.refused);
    }
  }

  private refusal(exchange: Exchange): HTMLElement {
    const { texts, retry, edit } = this.context;
    const again = button({ class: "small" }, () => retry(exchange), icon("retry"), texts.retry);
    const change = button({ class: "small plain" }, () => edit(exchange), texts.edit);
    return h("div", { class: "failure" }, h("p", {}, icon("alert"), texts.refused), again, change);
  }
}
