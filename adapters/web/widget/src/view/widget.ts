// The widget: the bubble, the panel, and the desk behind them.

import type { Exchange } from "../conversation.ts";
import { Desk } from "../desk.ts";
import type { SiteConfig } from "../protocol.ts";
import type { Settings } from "../settings.ts";
import type { Item } from "../timeline.ts";
import { Vault } from "../vault.ts";
import { Announcer } from "./announcer.ts";
import { Composer } from "./composer.ts";
import { button, h, setAttribute, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import { Panel } from "./panel.ts";
import { Transcript } from "./transcript.ts";

export class Widget {
  readonly element: HTMLElement;
  private readonly desk: Desk;
  private readonly announcer: Announcer;
  private readonly transcript: Transcript;
  private readonly composer: Composer;
  private readonly panel: Panel;
  private readonly launcher: HTMLButtonElement;
  private readonly badge = h("span", { class: "badge", "aria-hidden": "true", hidden: true });
  private readonly page: Vault; // this tab's own: whether the panel was open, and what was half written
  private readonly scheme = matchMedia("(prefers-color-scheme: dark)");
  private readonly leaving = new AbortController();
  private focusedBefore: HTMLElement | null = null;
  private welcomed: SiteConfig | null = null;
  private unread = 0;
  private statusDue = false;
  private problem = "";
  private stopping = "";

  constructor(
    private readonly settings: Settings,
    private readonly host: HTMLElement,
  ) {
    const { texts } = settings;
    this.page = new Vault(`frontdesk ${settings.server} `, () => sessionStorage);
    this.announcer = new Announcer(texts);
    this.desk = new Desk(settings, {
      item: (item) => this.itemChanged(item),
      status: () => this.showStatus(),
      fresh: () => this.freshStarted(),
    });
    const context = {
      texts,
      server: settings.server,
      announcer: this.announcer,
      linkHosts: () => this.desk.config?.linkHosts ?? [],
      retry: (exchange: Exchange) => this.desk.retry(exchange),
      edit: (exchange: Exchange) => this.edit(exchange),
      rate: (exchange: Exchange, value: number, comment?: string) => this.desk.rate(exchange, value, comment),
    };
    const scrolled = (atEnd: boolean) => this.panel.showLatest(!atEnd);
    this.transcript = new Transcript(context, this.desk.conversation, (question) => this.say(question), scrolled);
    this.composer = new Composer(
      texts,
      (text) => this.say(text),
      (text) => this.page.set("draft", text),
    );
    const actions = { close: () => this.close(), fresh: () => this.desk.fresh(), stop: () => void this.stop() };
    this.panel = new Panel(texts, this.transcript, this.composer, actions);
    const face = { class: "launcher", "aria-haspopup": "dialog", "aria-controls": "panel" };
    this.launcher = button(face, () => this.toggle(), icon("chat"), icon("down"), this.badge);
    const frame = {
      class: "frame",
      role: "region",
      "aria-label": texts.title,
      lang: texts.language,
      dir: texts.direction,
    };
    this.element = h("div", frame, this.panel.element, this.announcer.element, this.launcher);
    this.element.addEventListener("keydown", (event) => this.onKey(event));
    this.scheme.addEventListener("change", () => this.paint(), { signal: this.leaving.signal });
    document.addEventListener("visibilitychange", () => this.showStatus(), { signal: this.leaving.signal });
  }

  start(): void {
    this.composer.text = this.page.get<string>("draft") ?? "";
    this.paint();
    this.desk.start();
    if (this.page.get<boolean>("open")) this.show(true);
    this.showStatus();
  }

  open(): void {
    if (document.activeElement !== this.host) this.focusedBefore = document.activeElement as HTMLElement | null;
    if (!this.panel.open) this.show(true);
    this.composer.field.focus();
    this.transcript.toEnd();
  }

  close(): void {
    if (!this.panel.open) return;
    this.show(false);
    const before = this.focusedBefore;
    this.focusedBefore = null;
    (before?.isConnected && before !== document.body ? before : this.launcher).focus();
  }

  identify(identity: string): void {
    this.desk.identify(identity);
  }

  /** Light or dark, as the element's `data-theme` says, or the visitor's system. */
  paint(): void {
    const { theme } = this.host.dataset;
    const dark = theme === "dark" || (theme !== "light" && this.scheme.matches);
    this.element.classList.toggle("dark", dark);
  }

  destroy(): void {
    this.leaving.abort();
    this.desk.destroy();
    this.transcript.destroy();
    this.panel.destroy();
  }

  private toggle(): void {
    if (this.panel.open) this.close();
    else this.open();
  }

  private show(open: boolean): void {
    this.panel.show(open);
    this.page.set("open", open);
    if (open) this.desk.opened();
    else this.announcer.clear();
    this.showStatus();
  }

  private say(text: string): boolean {
    this.problem = this.desk.full ? this.settings.texts.queueFull : "";
    if (!this.problem) {
      this.desk.say(text);
      this.transcript.toEnd();
    }
    this.showStatus();
    return !this.problem;
  }

  private edit(exchange: Exchange): void {
    this.desk.withdraw(exchange.id);
    this.composer.text = [exchange.text, this.composer.text].filter(Boolean).join("\n");
    this.composer.field.focus();
  }

  private async stop(): Promise<void> {
    this.stopping = this.desk.conversation.pending?.id ?? "";
    this.showStatus();
    try {
      await this.desk.stop();
    } catch {
      this.stopping = ""; // the button comes back, to be pressed again
      this.showStatus();
    }
  }

  private itemChanged(item: Item | null): void {
    this.transcript.changed(item);
    if (this.statusDue) return;
    this.statusDue = true; // once for all the events of one chunk
    queueMicrotask(() => {
      this.statusDue = false;
      this.showStatus();
    });
  }

  private freshStarted(): void {
    this.announcer.clear();
    this.announcer.say(this.settings.texts.freshDone);
    this.problem = "";
    this.transcript.toEnd();
    if (this.panel.open) this.composer.field.focus();
  }

  private showStatus(): void {
    const { config, conversation, canWrite } = this.desk;
    this.showUnread();
    this.panel.describe(config?.title ?? "", this.notice());
    this.composer.allow(canWrite, config?.characters ?? 8000);
    this.panel.introduce(conversation.person);
    const { answering } = conversation;
    this.panel.showStop(answering !== undefined && answering.id !== this.stopping);
    if (config === this.welcomed) return;
    this.welcomed = config;
    this.transcript.welcome(config?.greeting ?? "", config?.suggestions ?? []);
  }

  private showUnread(): void {
    const { texts } = this.settings;
    const { open } = this.panel;
    if (open && !document.hidden) this.desk.markRead();
    const unread = open ? 0 : this.desk.unread;
    if (unread > this.unread) this.announcer.say(texts.newReply);
    this.unread = unread;
    setText(this.badge, unread > 9 ? "9+" : String(unread));
    this.badge.hidden = unread === 0;
    const label = open ? texts.close : unread ? texts.openUnread(unread) : texts.open;
    setAttribute(this.launcher, "aria-label", label);
    setAttribute(this.launcher, "aria-expanded", String(open));
  }

  private notice(): string {
    const { texts } = this.settings;
    const { line, busyUntil, canWrite, needsSignIn } = this.desk;
    const seconds = Math.ceil((busyUntil - Date.now()) / 1000);
    if (!canWrite) return needsSignIn ? texts.signIn : texts.unavailable;
    if (!navigator.onLine) return texts.offline;
    if (seconds > 0) return texts.busy(seconds);
    return line.state === "waiting" ? texts.reconnecting : this.problem;
  }

  private onKey(event: KeyboardEvent): void {
    if (event.key !== "Escape" || event.isComposing || !this.panel.open) return;
    event.stopPropagation();
    this.close();
  }
}
