// Which conversation this browser is in, and how far it has been read: the same for all tabs.

import { SLUG } from "./settings.ts";
import type { Vault } from "./vault.ts";

interface Kept {
  slug: string;
  active: boolean;
}

export class Place {
  slug: string;
  /** Whether anything was ever said there. */
  active: boolean;

  constructor(
    private readonly vault: Vault,
    private readonly base: string,
  ) {
    ({ slug: this.slug, active: this.active } = this.kept());
  }

  begin(): void {
    this.active = true;
    this.vault.set(this.key, { slug: this.slug, active: true });
  }

  fresh(): void {
    const slug = `${this.base.slice(0, 20)}-${randomId(10).toLowerCase().replace(/_/g, "-")}`;
    this.vault.set(this.key, { slug, active: false });
  }

  /** Looks again at what is kept; true when it is another conversation now. */
  refresh(): boolean {
    const before = this.slug;
    ({ slug: this.slug, active: this.active } = this.kept());
    return this.slug !== before;
  }

  /** The number of the newest durable event that was seen. */
  get read(): number {
    return this.vault.get<number>(`read:${this.slug}`) ?? 0;
  }

  set read(number: number) {
    this.vault.set(`read:${this.slug}`, number);
  }

  private get key(): string {
    return `place:${this.base}`;
  }

  private kept(): Kept {
    const kept = this.vault.get<Kept>(this.key);
    return kept && SLUG.test(kept.slug) ? kept : { slug: this.base, active: false };
  }
}

/** `length` characters of A-Z, a-z, 0-9, "_" and "-", unguessable. */
export function randomId(length: number): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => letters[byte & 63]).join("");
}
