// Where words may lead. An answer: to the page's own origin, the sources' hosts, the hosts that the site has listed. A
// person of the support desk: anywhere on the web.

export class LinkPolicy {
  private readonly hosts: Set<string> | null;

  /** `hosts` null: any. */
  constructor(
    private readonly page: string,
    hosts: Iterable<string> | null,
  ) {
    this.hosts = hosts && new Set([...hosts].map((host) => host.toLowerCase()));
  }

  /** The address to put into a link, or null when it may not become one. */
  allow(address: string): string | null {
    const url = webAddress(address, this.page);
    if (!url) return null;
    if (url.protocol === "mailto:") return `mailto:${url.pathname}`; // without a subject or a body of somebody's choice
    return this.knows(url) ? url.href : null;
  }

  private knows(url: URL): boolean {
    const { hosts } = this;
    return !hosts || url.origin === new URL(this.page).origin || hosts.has(url.host) || hosts.has(url.hostname);
  }
}

/** Parses what may be followed at all: http, https and mailto, without a name and password in front. */
export function webAddress(address: string, base: string): URL | null {
  let url: URL;
  try {
    url = new URL(address, base);
  } catch {
    return null;
  }
  if (url.protocol === "mailto:") return /^[^\s@<>"?&]+@[^\s@<>"?&]+$/.test(url.pathname) ? url : null;
  const web = url.protocol === "https:" || url.protocol === "http:";
  return web && !url.username && !url.password ? url : null;
}
