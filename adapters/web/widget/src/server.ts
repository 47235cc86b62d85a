// The server's doors, as functions. Each may raise `Refusal` or `Unreachable`.

import { json, Refusal, type Request, request } from "./http.ts";
import { type History, readConfig, readHistory, type SiteConfig } from "./protocol.ts";
import type { Session } from "./session.ts";

export class Server {
  constructor(
    private readonly base: string,
    private readonly session: Session,
    private readonly language: string,
  ) {}

  async config(): Promise<SiteConfig> {
    const url = `${this.base}config?lang=${encodeURIComponent(this.language)}`;
    return readConfig(await json(await request(url, { method: "GET" })));
  }

  async say(id: string, text: string, conversation: string): Promise<void> {
    const language = this.language.length === 2 ? { language: this.language } : {};
    await this.call("messages", { method: "POST", body: { id, text, conversation, ...language } });
  }

  async stop(message_id: string, conversation: string): Promise<void> {
    await this.call("stop", { method: "POST", body: { conversation, message_id } });
  }

  async rate(message_id: string, conversation: string, value: number, comment: string): Promise<void> {
    const body = { conversation, message_id, value, ...(comment ? { comment } : {}) };
    await this.call("feedback", { method: "POST", body });
  }

  async history(conversation: string): Promise<History> {
    return readHistory(await json(await this.call(`history?conversation=${conversation}`, { method: "GET" })));
  }

  /** The event stream after the durable event number `cursor`. */
  events(conversation: string, cursor: number, again: boolean, signal: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (again) headers["Last-Event-ID"] = String(cursor);
    return this.call(`events?conversation=${conversation}&after=${cursor}`, { method: "GET", headers, signal });
  }

  private async call(path: string, how: Request): Promise<Response> {
    const token = await this.session.token();
    try {
      return await request(this.base + path, { ...how, token });
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 401) throw error;
      return request(this.base + path, { ...how, token: await this.session.renew(token) });
    }
  }
}
