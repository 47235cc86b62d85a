// Read by the page's script tag: makes the element, puts it into the page, and gives the page a handle.

import { FrontdeskChat, NAME, useSettings } from "./element.ts";
import { readSettings } from "./settings.ts";

export interface Frontdesk {
  open(): void;
  close(): void;
  identify(jwt: string): void;
  destroy(): void;
}

declare global {
  interface Window {
    Frontdesk?: Frontdesk;
  }
}

function start(script: HTMLScriptElement | null): void {
  if (window.Frontdesk) return; // the tag stands twice in the page
  useSettings(readSettings(script));
  const known = customElements.get(NAME);
  if (!known) customElements.define(NAME, FrontdeskChat);
  const element = document.querySelector<FrontdeskChat>(NAME) ?? (document.createElement(NAME) as FrontdeskChat);
  if (!element.isConnected) document.body.append(element);
  window.Frontdesk = {
    open: () => element.widget?.open(),
    close: () => element.widget?.close(),
    identify: (jwt) => element.widget?.identify(jwt),
    destroy: () => {
      element.remove();
      delete window.Frontdesk;
    },
  };
}

const script = (document.currentScript ??
  document.querySelector('script[src*="frontdesk.js"]')) as HTMLScriptElement | null;
if (document.body) start(script);
else document.addEventListener("DOMContentLoaded", () => start(script), { once: true });
