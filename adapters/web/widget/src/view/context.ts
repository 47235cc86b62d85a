import type { Exchange } from "../conversation.ts";
import type { Texts } from "../texts.ts";
import type { Announcer } from "./announcer.ts";

/** What the parts of the transcript need, and may ask for. */
export interface ViewContext {
  texts: Texts;
  server: string;
  announcer: Announcer;
  linkHosts: () => string[];
  retry: (exchange: Exchange) => void;
  edit: (exchange: Exchange) => void;
  rate: (exchange: Exchange, value: number, comment?: string) => Promise<void>;
}
