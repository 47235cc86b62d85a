// The conversation as this page knows it, and what each event does to it. No network, no DOM.

import type { ParcelState } from "./outbox.ts";
import type { End, History, Post, ServerEvent } from "./protocol.ts";
import { isUnderWay, type Item, timeline } from "./timeline.ts";

export interface Exchange {
  id: string;
  text: string | null; // null: not heard of yet, the history will tell
  at: number; // seconds
  state: ParcelState;
  order: number; // by the server's clock: posts up to then stand before it
  answer: string; // while it is being written
  attempt: number;
  seq: number;
  end: End | null;
  feedback: number;
}

export class Conversation {
  private exchanges = new Map<string, Exchange>();
  private posts: Post[] = []; // by number
  /** The number of the newest durable event before which none is missing. */
  cursor = 0;

  /** `changed` is called after each change, with what changed; null when it may be anything. */
  constructor(private readonly changed: (item: Item | null) => void) {}

  all(): Exchange[] {
    return [...this.exchanges.values()];
  }

  /** Everything that is to be seen, in its order. */
  items(): Item[] {
    return timeline(this.all(), this.posts);
  }

  item(id: string): Item | undefined {
    return this.exchanges.get(id) ?? this.posts.find((post) => post.id === id);
  }

  get(id: string): Exchange | undefined {
    return this.exchanges.get(id);
  }

  /** The oldest exchange that the server has taken and not yet ended. */
  get pending(): Exchange | undefined {
    return this.all().find((exchange) => exchange.state === "accepted" && !exchange.end);
  }

  /** The one that the assistant is answering: none while a person has the conversation and nothing was written yet. */
  get answering(): Exchange | undefined {
    const { pending } = this;
    return this.person === null || pending?.answer ? pending : undefined;
  }

  /** Who has the conversation: "" is somebody whose name is not known, null the assistant. */
  get person(): string | null {
    return this.posts[this.posts.length - 1]?.person ?? null;
  }

  /** The numbers of what can be read. */
  get numbers(): number[] {
    const ends = this.all().flatMap(({ end }) => (end && !isSilent(end) ? end.number : []));
    return [...ends, ...this.posts.filter(({ text }) => text.trim()).map(({ number }) => number)];
  }

  clear(): void {
    this.exchanges = new Map();
    this.posts = [];
    this.cursor = 0;
    this.changed(null);
  }

  /** Somebody here said something, or what they said has moved on. */
  said(id: string, text: string | null, at: number, state: ParcelState): Exchange {
    const known = this.exchanges.get(id);
    const exchange = known ?? { ...BLANK, id, text, at, state };
    const before = known?.state;
    exchange.text ??= text;
    if (exchange.state !== "accepted") exchange.state = state;
    if (exchange.state !== before && !isUnderWay(state)) this.settle(exchange);
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
    if (event.kind === "post") return this.post(event.post);
    if (event.kind === "closing" || !event.id) return true;
    if (event.kind === "said") {
      this.said(event.id, event.text, event.at, "accepted").order = event.at;
      return true;
    }
    const exchange = this.said(event.id, null, Date.now() / 1000, "accepted");
    if (event.kind === "final" || event.kind === "failed") this.finish(exchange, event);
    else write(exchange, event);
    this.changed(exchange);
    return exchange.text !== null;
  }

  /** Takes in what the server remembers. What it has not got stays behind that, if `waits` knows it to be on its way. */
  merge({ exchanges, posts, cursor }: History, waits: (id: string) => boolean): void {
    const start = exchanges[0]?.at ?? 0; // what is older than all that it tells stays before it
    const merged = new Map([...this.exchanges].filter(([, { order }]) => order > 0 && order < start));
    for (const past of exchanges) {
      const known = this.exchanges.get(past.id) ?? { ...BLANK, id: past.id };
      const { text, at } = past;
      const exchange = Object.assign(known, { text, at, order: at, state: "accepted" as const });
      exchange.feedback = past.feedback;
      if (past.end) this.finish(exchange, past.end);
      merged.set(past.id, exchange);
    }
    for (const [id, exchange] of this.exchanges) {
      const stays = exchange.state === "accepted" || waits(id);
      if (stays && !merged.has(id)) merged.set(id, exchange);
    }
    this.exchanges = merged;
    posts.forEach((post) => this.keep(post));
    this.cursor = Math.max(this.cursor, cursor);
    this.changed(null);
  }

  /** The server has it, or has refused it: its place is behind everything that is there by now. */
  private settle(exchange: Exchange): void {
    this.exchanges.delete(exchange.id);
    exchange.order = this.posts[this.posts.length - 1]?.at ?? 0;
  }

  private post(post: Post): true {
    this.cursor = Math.max(this.cursor, post.number);
    if (this.keep(post)) this.changed(post);
    return true;
  }

  /** Whether it was new. */
  private keep(post: Post): boolean {
    if (this.posts.some(({ number }) => number === post.number)) return false;
    this.posts.push(post);
    this.posts.sort((one, other) => one.number - other.number);
    return true;
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
  order: 0,
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

/** Why an empty answer is no answer: a person has the conversation, or another message took this one's place. */
const SILENT = ["human", "replaced", "withdrawn", "merged", "interrupted"];

/** Whether there is nothing to show, and what was shown of it goes away. */
export function isSilent(end: End | null): boolean {
  return end?.kind === "final" && end.text.trim() === "" && SILENT.includes(end.finish);
}
