// Who the visitor is: a token of the server, shared by all tabs, renewed in time, and never used for somebody else.

import { json, Refusal, request, Unreachable } from "./http.ts";
import { asFields, asNumber, asText } from "./protocol.ts";
import type { Vault } from "./vault.ts";

interface Pass {
  token: string;
  visitor: string;
  renewAt: number; // milliseconds by this browser's own clock, which may be wrong by years
  who: string;
}

const RENEW_AFTER = 6 * 3600 * 1000;

export class Session {
  private pending: Promise<Pass> | null = null;
  private visitor: string;

  constructor(
    private readonly server: string,
    private readonly vault: Vault,
    private identity: string,
    private readonly onVisitor: () => void,
  ) {
    if (this.stored() && !this.current()) this.vault.remove("pass"); // somebody else's, who has signed out
    this.visitor = this.current()?.visitor ?? "";
    vault.watch("pass", () => this.follow());
  }

  /** Names the person that the page has signed in, by the subject of its JWT; "" for a visitor without a name. */
  get who(): string {
    return this.identity && `signed-in:${subject(this.identity)}`;
  }

  get known(): boolean {
    return this.identity !== "" || this.current() !== null;
  }

  identify(identity: string): void {
    const before = this.who;
    this.identity = identity;
    if (this.who === before) return;
    this.pending = null;
    this.follow();
  }

  /** A token to use now. Raises `Refusal` or `Unreachable` when there is none to be had. */
  async token(): Promise<string> {
    const pass = this.current();
    if (pass && Date.now() < pass.renewAt) return pass.token;
    return this.renew(pass?.token ?? "").catch((error: unknown) => {
      if (pass && (error instanceof Unreachable || (error as Refusal).passing)) return pass.token;
      throw error;
    });
  }

  /** A token other than `used`, which the server no longer takes. */
  async renew(used: string): Promise<string> {
    this.pending ??= this.exclusively(() => this.fetchPass(used)).finally(() => (this.pending = null));
    return (await this.pending).token;
  }

  private async fetchPass(used: string): Promise<Pass> {
    const current = this.current();
    if (current && current.token !== used) return current; // another tab was faster
    const who = this.who;
    const said = asFields(await json(await this.ask(used)));
    const meanwhile = this.current();
    if (meanwhile && meanwhile.token !== used) return meanwhile; // without locks: the first one counts, for all
    const lifetime = asNumber(said.expires_at) * 1000 - Date.now();
    const renewIn = lifetime > 0 ? Math.min(RENEW_AFTER, lifetime / 2) : RENEW_AFTER;
    const pass = {
      token: asText(said.token),
      visitor: asText(said.visitor),
      renewAt: Date.now() + renewIn,
      who,
    };
    if (who === this.who) this.keep(pass);
    return pass;
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

  private keep(pass: Pass): void {
    this.vault.set("pass", pass);
    this.follow();
  }

  private follow(): void {
    const visitor = this.current()?.visitor ?? "";
    if (visitor === this.visitor) return;
    const changed = this.visitor !== "" || visitor === "";
    this.visitor = visitor;
    if (changed) this.onVisitor();
  }

  private current(): Pass | null {
    const pass = this.stored();
    return pass?.who === this.who ? pass : null;
  }

  private stored(): Pass | null {
    return this.vault.get<Pass>("pass");
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
