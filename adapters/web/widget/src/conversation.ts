// The conversation as this page knows it, and what each event does to it. No network, no DOM.

import type { ParcelState } from "./outbox.ts";
import type { End, PastExchange, ServerEvent } from "./protocol.ts";

export interface Exchange {
  id: string;
  text: string | null; // null: not heard of yet, the history will tell
  at: number; // seconds
  state: ParcelState;
  answer: string; // while it is being written
  attempt: number;
  seq: number;
  end: End | null;
  feedback: number;
}

export class Conversation {
  private exchanges = new Map<string, Exchange>();
  /** The number of the newest durable event. */
  cursor = 0;

  /** `changed` is called after each change, with what changed; null when it may be anything. */
  constructor(private readonly changed: (exchange: Exchange | null) => void) {}

  all(): Exchange[] {
    return [...this.exchanges.values()];
  }

  get(id: string): Exchange | undefined {
    return this.exchanges.get(id);
  }

  /** The oldest exchange that the server has taken and not yet ended. */
  get pending(): Exchange | undefined {
    return this.all().find((exchange) => exchange.state === "accepted" && !exchange.end);
  }

  clear(): void {
    this.exchanges = new Map();
    this.cursor = 0;
    this.changed(null);
  }

  /** Somebody here said something, or what they said has moved on. */
  said(id: string, text: string | null, at: number, state: ParcelState): Exchange {
    const known = this.exchanges.get(id);
    const exchange = known ?? { ...BLANK, id, text, at, state };
    exchange.text ??= text;
    if (exchange.state !== "accepted") exchange.state = state;
    this.exchanges.set(id, exchange);
    this.changed(exchange);
    return exchange;
  }

  remove(id: string): void {
    if (this.exchanges.delete(id)) this.changed(null);
  }

  rate(id: string, feedback: number): void {
    const exchange = this.exchanges.get(id);
    if (!exchange) return;
    exchange.feedback = feedback;
    this.changed(exchange);
  }

  /** Applies an event; returns false when it speaks of a message that only the history knows. */
  apply(event: ServerEvent): boolean {
    if (event.kind === "closing" || !event.id) return true;
    if (event.kind === "said") {
      this.said(event.id, event.text, event.at, "accepted");
      return true;
    }
    const exchange = this.said(event.id, null, Date.now() / 1000, "accepted");
    if (event.kind === "final" || event.kind === "failed") this.finish(exchange, event);
    else write(exchange, event);
    this.changed(exchange);
    return exchange.text !== null;
  }

  /** Takes in what the server remembers. What it has not got stays behind that, if `waits` knows it to be on its way. */
  merge(history: PastExchange[], cursor: number, waits: (id: string) => boolean): void {
    const merged = new Map<string, Exchange>();
    for (const past of history) {
      const known = this.exchanges.get(past.id) ?? { ...BLANK, id: past.id };
      const exchange = Object.assign(known, { text: past.text, at: past.at, state: "accepted" as const });
      exchange.feedback = past.feedback;
      if (past.end) this.finish(exchange, past.end);
      merged.set(past.id, exchange);
    }
    for (const [id, exchange] of this.exchanges) {
      const stays = exchange.state === "accepted" || waits(id);
      if (stays && !merged.has(id)) merged.set(id, exchange);
    }
    this.exchanges = merged;
    this.cursor = Math.max(this.cursor, cursor);
    this.changed(null);
  }

  private finish(exchange: Exchange, end: End): void {
    this.cursor = Math.max(this.cursor, end.number);
    exchange.end ??= end;
  }
}

const BLANK: Omit<Exchange, "id"> = {
  text: null,
  at: 0,
  state: "accepted",
  answer: "",
  attempt: 0,
  seq: -1,
  end: null,
  feedback: 0,
};

/** An event of an older attempt, or one that was seen already, changes nothing. */
function write(exchange: Exchange, event: Extract<ServerEvent, { kind: "reply" | "delta" }>): void {
  if (exchange.end || event.attempt < exchange.attempt) return;
  const fresh = event.attempt > exchange.attempt;
  if (!fresh && event.seq <= exchange.seq && event.kind === "delta") return;
  if (!fresh && event.seq < exchange.seq) return;
  exchange.answer = event.kind === "reply" || fresh ? event.text : exchange.answer + event.text;
  exchange.attempt = event.attempt;
  exchange.seq = event.seq;
}

/** Whether there is nothing to show: a later message took this one's place before a word was written. */
export function isSilent(end: End | null): boolean {
  return end?.kind === "final" && end.text.trim() === "" && (end.finish === "interrupted" || end.finish === "merged");
}
