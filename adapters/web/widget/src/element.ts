// <frontdesk-chat>: a shadow root, one constructed style sheet, and the widget while it stands in a page.

import type { Settings } from "./settings.ts";
import css from "./theme.css";
import { Widget } from "./view/widget.ts";

export const NAME = "frontdesk-chat";

let fallback: Settings | null = null;

/** The settings of an element that stands in the page's own HTML. */
export function useSettings(settings: Settings): void {
  fallback = settings;
}

export class FrontdeskChat extends HTMLElement {
  static readonly observedAttributes = ["data-theme"];
  widget: Widget | null = null;

  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
  }

  connectedCallback(): void {
    if (!fallback || this.widget) return;
    this.dataset.theme ??= fallback.theme;
    this.widget = new Widget(fallback, this);
    this.shadowRoot!.replaceChildren(this.widget.element);
    this.widget.start();
  }

  disconnectedCallback(): void {
    this.widget?.destroy();
    this.widget = null;
  }

  attributeChangedCallback(): void {
    this.widget?.paint();
  }
}
