// Server-sent events out of a byte stream, after the HTML standard's "event stream interpretation". Pure.

export interface StreamEvent {
  name: string;
  data: string;
  id: string | null;
}

/** More than this without a line's end is no event stream of ours. */
const LONGEST_LINE = 8_000_000;

export class EventStreamParser {
  private readonly decoder = new TextDecoder();
  private rest = "";
  private name = "";
  private data: string[] = [];
  private id: string | null = null;

  /** The events that `bytes` complete. */
  push(bytes: Uint8Array): StreamEvent[] {
    this.rest += this.decoder.decode(bytes, { stream: true });
    if (this.rest.length > LONGEST_LINE) throw new Error("an event is too long");
    const heldBack = this.rest.endsWith("\r") ? 1 : 0; // its "\n" may still come
    const lines = this.rest.slice(0, this.rest.length - heldBack).split(/\r\n|\n|\r/);
    this.rest = lines.pop()! + (heldBack ? "\r" : "");
    return lines.flatMap((line) => this.line(line) ?? []);
  }

  private line(line: string): StreamEvent | null {
    if (line === "") return this.dispatch();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.name = value;
    else if (field === "data") this.data.push(value);
    else if (field === "id" && !value.includes("\0")) this.id = value;
    return null;
  }

  private dispatch(): StreamEvent | null {
    const event = { name: this.name || "message", data: this.data.join("\n"), id: this.id };
    const empty = this.data.length === 0;
    this.name = "";
    this.data = [];
    this.id = null; // we want to know which events carry one, so it does not stay for the next
    return empty ? null : event;
  }
}
