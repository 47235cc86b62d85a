// Who the visitor is: a token of the server, shared by all tabs, renewed in time, and never used for somebody else.

import { json, Refusal, request, Unreachable } from "./http.ts";
import { asFields, asNumber, asText } from "./protocol.ts";
import type { Vault } from "./vault.ts";

interface Pass {
  token: string;
  visitor: string;
  renewAt: number; // milliseconds by this browser's own clock, which may be wrong by years
}

const RENEW_AFTER = 6 * 3600 * 1000;
const RENEW_NOT_BEFORE = 60 * 1000;

export class Session {
  private pass: Pass | null;
  private pending: Promise<Pass> | null = null;

  constructor(
    private readonly server: string,
    private readonly vault: Vault,
    private identity: string,
    private readonly onVisitor: () => void,
  ) {
    this.forgetOthers();
    this.pass = vault.get<Pass>(this.key);
    vault.watch("pass:", () => this.adopt());
  }

  /** Names the person that the page has signed in, by the subject of its JWT; "" for a visitor without a name. */
  get who(): string {
    return this.identity && `signed-in ${subject(this.identity)}`;
  }

  get known(): boolean {
    return this.identity !== "" || this.pass !== null;
  }

  identify(identity: string): void {
    const before = this.who;
    this.identity = identity;
    if (this.who === before) return;
    this.forgetOthers();
    this.pending = null;
    this.pass = this.vault.get<Pass>(this.key);
    this.onVisitor();
  }

  /** A token to use now. Raises `Refusal` or `Unreachable` when there is none to be had. */
  async token(): Promise<string> {
    const { pass } = this;
    if (pass && Date.now() < pass.renewAt) return pass.token;
    return this.renew(pass?.token ?? "").catch((error: unknown) => {
      if (pass && (error instanceof Unreachable || (error as Refusal).passing)) return pass.token;
      throw error;
    });
  }

  /** A token other than `used`, which the server no longer takes. */
  async renew(used: string): Promise<string> {
    const pending = (this.pending ??= this.exclusively(() => this.fetchPass(used)).finally(() => {
      if (this.pending === pending) this.pending = null;
    }));
    return (await pending).token;
  }

  private get key(): string {
    return `pass:${this.who}`;
  }

  /** Whoever was signed in before is so no longer; a visitor without a name may come back to their conversation. */
  private forgetOthers(): void {
    for (const key of this.vault.keys("pass:")) if (key !== this.key && key !== "pass:") this.vault.remove(key);
  }

  private async fetchPass(used: string): Promise<Pass> {
    const { key } = this;
    const faster = this.fromAnotherTab(key, used);
    if (faster) return faster;
    const said = asFields(await json(await this.ask(used)));
    const lifetime = asNumber(said.expires_at) * 1000 - Date.now();
    const renewIn = lifetime > 0 ? Math.max(RENEW_NOT_BEFORE, Math.min(RENEW_AFTER, lifetime / 2)) : RENEW_AFTER;
    const pass = { token: asText(said.token), visitor: asText(said.visitor), renewAt: Date.now() + renewIn };
    const meanwhile = this.fromAnotherTab(key, used); // possible where there are no locks: the first counts, for all
    if (meanwhile) return meanwhile;
    if (key === this.key) this.take(pass);
    this.vault.set(key, pass);
    return pass;
  }

  private fromAnotherTab(key: string, used: string): Pass | null {
    const stored = this.vault.get<Pass>(key);
    if (!stored || stored.token === used) return null;
    if (key === this.key) this.take(stored);
    return stored;
  }

  private async ask(used: string): Promise<Response> {
    const body = this.identity ? { identity: this.identity } : {};
    const url = `${this.server}session`;
    try {
      return await request(url, { method: "POST", body, token: used });
    } catch (error) {
      const useless = used !== "" && error instanceof Refusal && error.status === 401;
      if (!useless) throw error;
      return request(url, { method: "POST", body });
    }
  }

  private adopt(): void {
    const stored = this.vault.get<Pass>(this.key);
    if (stored) this.take(stored);
  }

  private take(pass: Pass): void {
    const another = this.pass !== null && this.pass.visitor !== pass.visitor;
    this.pass = pass;
    if (another) this.onVisitor();
  }

  /** Two tabs that open at once must not become two visitors. */
  private exclusively(work: () => Promise<Pass>): Promise<Pass> {
    const locks = navigator.locks as LockManager | undefined; // only where the page is served securely
    if (!locks) return work();
    return locks.request(`frontdesk ${this.server}`, work) as Promise<Pass>;
  }
}

/** The subject of a JWT, unverified: it only tells whether the person is still the same one. */
function subject(identity: string): string {
  try {
    const payload = identity.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/");
    const claims = asFields(JSON.parse(atob(payload)));
    return asText(claims.sub) || identity;
  } catch {
    return identity;
  }
}
