// What the visitor has said and the server has not yet taken. It outlives the page, and is sent with the same id
// until it is taken: the server knows the id, so twice is once.

import { Refusal } from "./http.ts";
import { backoff } from "./pause.ts";
import type { Vault } from "./vault.ts";

export interface Parcel {
  id: string;
  text: string;
  conversation: string;
  at: number; // milliseconds; also the order
  who: string;
  refused?: boolean;
}

export type ParcelState = "sending" | "waiting" | "accepted" | "refused";

export interface OutboxEnds {
  /** Who writes now: what somebody wrote who was signed in is never sent, nor shown, in another's name. */
  who: () => string;
  deliver: (parcel: Parcel) => Promise<void>;
  changed: (parcel: Parcel, state: ParcelState) => void;
  /** The server asks for patience: the next try is so many seconds away. */
  delayed: (seconds: number) => void;
}

const LONGEST_QUEUE = 50;

export class Outbox {
  private flushing: Promise<void> | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private notBefore = 0; // until then the server has asked for silence
  private failures = 0;
  private latest = 0;

  constructor(
    private readonly vault: Vault,
    private readonly ends: OutboxEnds,
  ) {}

  /** Oldest first: the writer's own, and what was written before anybody had a name. */
  parcels(): Parcel[] {
    const who = this.ends.who();
    const all = this.vault.keys("outbox:").map((key) => this.vault.get<Parcel>(key));
    const own = all.filter((parcel) => parcel !== null && (parcel.who === "" || parcel.who === who));
    return (own as Parcel[]).sort((one, other) => one.at - other.at);
  }

  get full(): boolean {
    return this.parcels().length >= LONGEST_QUEUE;
  }

  add(parcel: Pick<Parcel, "id" | "text" | "conversation">): Parcel {
    this.latest = Math.max(Date.now(), this.latest + 1);
    const whole = { ...parcel, at: this.latest, who: this.ends.who() };
    this.vault.set(`outbox:${parcel.id}`, whole);
    return whole;
  }

  remove(id: string): void {
    this.vault.remove(`outbox:${id}`);
  }

  /** Lets a refused parcel try again. */
  readmit(id: string): void {
    const parcel = this.vault.get<Parcel>(`outbox:${id}`);
    if (parcel) this.vault.set(`outbox:${id}`, { ...parcel, refused: false });
  }

  /** Sends what waits, oldest first; stops at the first that cannot be sent now, and comes back by itself. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.flushing ??= this.sendAll().finally(() => (this.flushing = null));
    return this.flushing;
  }

  /** Forgets the time to wait, unless the server itself set it. */
  hurry(): void {
    this.failures = 0;
    void this.flush();
  }

  close(): void {
    clearTimeout(this.timer);
  }

  private async sendAll(): Promise<void> {
    if (!navigator.onLine) return this.wait();
    const early = (this.notBefore - Date.now()) / 1000;
    if (early > 0) return this.later(early);
    for (let next = this.next(); next; next = this.next()) {
      const taken = await this.send(next);
      if (!taken) return;
    }
  }

  private next(): Parcel | undefined {
    return this.parcels().find((parcel) => !parcel.refused);
  }

  private async send(parcel: Parcel): Promise<boolean> {
    this.ends.changed(parcel, "sending");
    try {
      await this.ends.deliver(parcel);
    } catch (error) {
      return this.failed(parcel, error);
    }
    this.failures = 0;
    this.remove(parcel.id);
    this.ends.changed(parcel, "accepted");
    return true;
  }

  /** Whether the parcels behind this one may still be tried. */
  private failed(parcel: Parcel, error: unknown): boolean {
    if (error instanceof Refusal && !error.passing) {
      this.vault.set(`outbox:${parcel.id}`, { ...parcel, refused: true });
      this.ends.changed(parcel, "refused");
      return true;
    }
    const asked = error instanceof Refusal ? error.retryAfter : null;
    const seconds = asked ?? backoff(this.failures++);
    if (error instanceof Refusal) this.notBefore = Date.now() + seconds * 1000;
    if (error instanceof Refusal) this.ends.delayed(seconds);
    this.later(seconds);
    return false;
  }

  private wait(): void {
    for (const parcel of this.parcels()) if (!parcel.refused) this.ends.changed(parcel, "waiting");
  }

  private later(seconds: number): void {
    this.wait();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), seconds * 1000 + 20);
  }
}
