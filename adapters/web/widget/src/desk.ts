// Everything wired together: session, line, outbox and conversation. The view asks this one thing, and hears from it.

import { Conversation, type Exchange } from "./conversation.ts";
import type { StreamEvent } from "./event_stream.ts";
import { Line } from "./line.ts";
import { Outbox, type Parcel, type ParcelState } from "./outbox.ts";
import { Place, randomId } from "./place.ts";
import { watchPresence } from "./presence.ts";
import { readEvent, type SiteConfig } from "./protocol.ts";
import { Server } from "./server.ts";
import { Session } from "./session.ts";
import type { Settings } from "./settings.ts";
import type { Item } from "./timeline.ts";
import { Vault } from "./vault.ts";

export interface Listener {
  /** An exchange changed, or a post came; null: anything may have. */
  item: (item: Item | null) => void;
  /** The line, the configuration, the unread count or the right to write changed. */
  status: () => void;
  /** Another conversation is shown from now on. */
  fresh: () => void;
}

export class Desk {
  readonly conversation: Conversation;
  readonly line: Line;
  config: SiteConfig | null = null;
  /** The server asked for patience until then, in milliseconds; 0 when it did not. */
  busyUntil = 0;
  private readonly vault: Vault;
  private readonly session: Session;
  private readonly server: Server;
  private readonly outbox: Outbox;
  private readonly place: Place;
  private readonly tabs: BroadcastChannel | null;
  private readonly leaving = new AbortController();
  private loaded = false;
  private loading: Promise<void> | null = null;
  private configuring: Promise<void> | null = null;
  private wanted = false;
  private restarts = 0;

  constructor(
    private readonly settings: Settings,
    private readonly listener: Listener,
  ) {
    this.vault = new Vault(`frontdesk ${settings.server} `);
    this.place = new Place(this.vault, settings.conversation);
    this.conversation = new Conversation((item) => listener.item(item));
    this.session = new Session(settings.server, this.vault, settings.identity, () => this.restart());
    this.server = new Server(settings.server, this.session, settings.language);
    this.outbox = new Outbox(this.vault, {
      who: () => this.session.who,
      deliver: (parcel) => this.server.say(parcel.id, parcel.text, parcel.conversation),
      changed: (parcel, state) => this.parcelChanged(parcel, state),
      delayed: (seconds) => this.delayed(seconds),
    });
    this.line = new Line({
      dial: (again, signal) => this.dial(again, signal),
      receive: (event) => this.receive(event),
      changed: () => this.lineChanged(),
    });
    this.tabs = "BroadcastChannel" in globalThis ? new BroadcastChannel(`frontdesk ${settings.server}`) : null;
    this.listen();
  }

  /** Comes back to a conversation that has begun; an idle visitor costs the server nothing. */
  start(): void {
    this.showParcels();
    if (this.place.active || this.outbox.parcels().length) this.connect();
  }

  /** The panel is open: get what it shows. */
  opened(): void {
    void this.configure();
    if (this.place.active || this.session.known) this.connect();
  }

  get canWrite(): boolean {
    return this.line.state !== "refused" && (this.settings.identity !== "" || this.config?.anonymous !== false);
  }

  /** Whether it would help to sign in. */
  get needsSignIn(): boolean {
    return this.config?.anonymous === false || this.line.refusal === 401;
  }

  get full(): boolean {
    return this.outbox.full;
  }

  say(text: string): void {
    const id = randomId(24);
    const parcel = this.outbox.add({ id, text, conversation: this.place.slug });
    this.place.begin();
    this.conversation.said(id, text, parcel.at / 1000, navigator.onLine ? "sending" : "waiting");
    this.connect();
    void this.outbox.flush();
  }

  /** Tries again: what was never taken under its own id, what ended in a failure as a new message. */
  retry(exchange: Exchange): void {
    if (exchange.end) return this.say(exchange.text ?? "");
    this.outbox.readmit(exchange.id);
    this.connect();
    this.outbox.hurry();
  }

  /** Takes back a message that the server refused. */
  withdraw(id: string): void {
    this.outbox.remove(id);
    this.conversation.remove(id);
  }

  async stop(): Promise<void> {
    const pending = this.conversation.pending;
    if (pending) await this.server.stop(pending.id, this.place.slug);
  }

  async rate(exchange: Exchange, value: number, comment = ""): Promise<void> {
    await this.server.rate(exchange.id, this.place.slug, value, comment);
    this.conversation.rate(exchange.id, value);
    this.tabs?.postMessage({ id: exchange.id, value });
  }

  /** Begins another conversation; the old one stays on the server. */
  fresh(): void {
    this.place.fresh();
    this.follow();
  }

  identify(identity: string): void {
    this.settings.identity = identity;
    this.session.identify(identity);
    this.showParcels();
    this.connect();
    this.listener.status();
  }

  get unread(): number {
    const { read } = this.place;
    return this.conversation.numbers.filter((number) => number > read).length;
  }

  markRead(): void {
    if (this.unread > 0) this.place.read = Math.max(this.conversation.cursor, ...this.conversation.numbers);
  }

  destroy(): void {
    this.leaving.abort();
    this.outbox.close();
    this.tabs?.close();
    this.vault.close();
    this.line.hangUp();
  }

  private listen(): void {
    const presence = {
      network: () => this.networkChanged(),
      hidden: () => this.line.hangUp(),
      shown: () => this.wanted && this.connect(),
    };
    watchPresence(presence, this.leaving.signal);
    this.vault.watch("outbox:", () => this.showParcels());
    this.vault.watch("place:", () => this.follow());
    this.vault.watch("read:", () => this.listener.status());
    this.tabs?.addEventListener("message", ({ data }: MessageEvent<{ id: string; value: number }>) =>
      this.conversation.rate(data.id, data.value),
    );
  }

  private connect(): void {
    this.wanted = true;
    if (!document.hidden && !this.leaving.signal.aborted) this.line.connect();
  }

  private async dial(again: boolean, signal: AbortSignal): Promise<Response> {
    await this.configure(); // first, for it says which links may be drawn
    const { loaded } = this;
    if (!loaded) await this.loadHistory();
    const response = await this.server.events(this.place.slug, this.conversation.cursor, again, signal);
    if (!loaded) void this.loadHistory().catch(() => undefined); // what another tab said between the two
    return response;
  }

  private receive({ name, data, id }: StreamEvent): boolean {
    const event = readEvent(name, parse(data), Number(id) || 0);
    if (!event) return true;
    if (!this.conversation.apply(event)) void this.loadHistory().catch(() => undefined); // the next event asks again
    return event.kind !== "closing";
  }

  private loadHistory(): Promise<void> {
    const loading = (this.loading ??= this.fetchHistory().finally(() => {
      if (this.loading === loading) this.loading = null;
    }));
    return loading;
  }

  private async fetchHistory(): Promise<void> {
    const { restarts } = this;
    const history = await this.server.history(this.place.slug);
    if (restarts !== this.restarts) return; // it belongs to what was shown before
    const waiting = new Set(this.outbox.parcels().map(({ id }) => id));
    this.conversation.merge(history, (id) => waiting.has(id));
    this.loaded = true;
  }

  private configure(): Promise<void> {
    if (this.config) return Promise.resolve();
    this.configuring ??= this.fetchConfig().finally(() => (this.configuring = null));
    return this.configuring;
  }

  private async fetchConfig(): Promise<void> {
    try {
      this.config = await this.server.config();
      this.listener.status();
    } catch {
      // the texts built in serve until the line is dialled again
    }
  }

  private lineChanged(): void {
    if (this.line.state === "open") this.outbox.hurry();
    this.listener.status();
  }

  private networkChanged(): void {
    this.line.hurry();
    if (navigator.onLine) this.outbox.hurry();
    this.listener.status();
  }

  private delayed(seconds: number): void {
    this.busyUntil = Date.now() + seconds * 1000;
    this.listener.status();
  }

  private parcelChanged(parcel: Parcel, state: ParcelState): void {
    if (state === "accepted") this.busyUntil = 0;
    if (parcel.conversation === this.place.slug) {
      this.conversation.said(parcel.id, parcel.text, parcel.at / 1000, state);
    }
    this.listener.status();
  }

  /** Shows what waits, from before a reload or from another tab. */
  private showParcels(): void {
    for (const { id, text, at, conversation, refused } of this.outbox.parcels()) {
      const ours = conversation === this.place.slug && !this.conversation.get(id);
      if (ours) this.conversation.said(id, text, at / 1000, refused ? "refused" : "waiting");
    }
  }

  private follow(): void {
    if (this.place.refresh()) {
      this.restart();
      this.listener.fresh();
    } else if (this.place.active) this.connect();
  }

  /** Another visitor, or another conversation: nothing of what was shown is true any more. */
  private restart(): void {
    this.line.hangUp();
    this.restarts += 1;
    this.loaded = false;
    this.loading = null;
    this.conversation.clear();
    this.showParcels();
    if (this.place.active) this.connect();
  }
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}
