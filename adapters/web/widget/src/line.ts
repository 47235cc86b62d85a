// The open line to the server: one event stream, opened again whenever it breaks, until it is hung up.

import { EventStreamParser, type StreamEvent } from "./event_stream.ts";
import { Refusal } from "./http.ts";
import { backoff, Pause } from "./pause.ts";

export type LineState = "idle" | "connecting" | "open" | "waiting" | "offline" | "refused";

export interface LineEnds {
  /** Opens a stream; `again` when one was open before. */
  dial: (again: boolean, signal: AbortSignal) => Promise<Response>;
  /** Takes an event and says whether the stream goes on: false when the server is about to close it. */
  receive: (event: StreamEvent) => boolean;
  changed: (state: LineState) => void;
}

/** Seconds without a byte after which a stream counts as dead; doubled each time, for a server of rarer heartbeats. */
const PATIENCE = 45;
const LONGEST_PATIENCE = 720;

/** Seconds before coming back when the server says that it closes: spread out, so that not all come at once. */
const CLOSING_SECONDS = [0.5, 2] as const;

export class Line {
  state: LineState = "idle";
  /** The status with which the server refused for good; 0 if it did not. */
  refusal = 0;
  private hungUp = new AbortController();
  private stream: AbortController | null = null;
  private readonly pause = new Pause();
  private failures = 0;
  private patience = PATIENCE;

  constructor(private readonly ends: LineEnds) {}

  get active(): boolean {
    return this.state !== "idle" && this.state !== "refused";
  }

  connect(): void {
    if (this.active) return;
    this.hungUp = new AbortController();
    this.failures = this.refusal = 0;
    this.change("connecting");
    void this.run(this.hungUp.signal);
  }

  hangUp(): void {
    this.hungUp.abort();
    this.stream?.abort();
    this.pause.end();
    this.change("idle");
  }

  /** The network changed: try at once, or, without one, stop listening to a stream that is dead but silent. */
  hurry(): void {
    this.failures = 0;
    if (!navigator.onLine) this.stream?.abort();
    this.pause.end();
  }

  private async run(ended: AbortSignal): Promise<void> {
    let again = false;
    while (!ended.aborted) {
      const seconds = await this.oneStream(again, ended);
      if (ended.aborted || seconds === null) return;
      again = true;
      this.change(navigator.onLine ? "waiting" : "offline");
      await this.pause.take(seconds);
    }
  }

  /** Listens to one stream until it ends; returns the seconds to wait, or null when there is no use in trying. */
  private async oneStream(again: boolean, ended: AbortSignal): Promise<number | null> {
    const stream = (this.stream = new AbortController());
    try {
      const response = await this.ends.dial(again, stream.signal);
      if (ended.aborted) return null;
      const closing = await this.listen(response, stream);
      if (closing) return CLOSING_SECONDS[0] + Math.random() * (CLOSING_SECONDS[1] - CLOSING_SECONDS[0]);
    } catch (error) {
      if (ended.aborted) return null;
      if (error instanceof Refusal) {
        if (!error.passing) {
          this.refusal = error.status;
          this.change("refused");
          return null;
        }
        if (error.retryAfter !== null) return error.retryAfter + Math.random() / 2;
      }
    } finally {
      stream.abort();
    }
    return backoff(this.failures++);
  }

  /** Whether the stream ended because the server said that it closes. */
  private async listen(response: Response, stream: AbortController): Promise<boolean> {
    const reader = response.body!.getReader();
    const parser = new EventStreamParser();
    let silence = this.watch(stream);
    this.change("open");
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done || stream.signal.aborted) return false;
        clearTimeout(silence);
        silence = this.watch(stream);
        this.failures = 0;
        const goesOn = parser.push(value).every((event) => this.ends.receive(event));
        if (!goesOn) return true;
      }
    } finally {
      clearTimeout(silence);
    }
  }

  private watch(stream: AbortController): ReturnType<typeof setTimeout> {
    return setTimeout(() => {
      this.patience = Math.min(LONGEST_PATIENCE, this.patience * 2);
      stream.abort();
    }, this.patience * 1000);
  }

  private change(state: LineState): void {
    this.state = state;
    this.ends.changed(state);
  }
}
