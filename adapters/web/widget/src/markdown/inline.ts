// What stands inside a block: emphasis, code, links, images and citations, as a tree. Pure.
//
// One pass with a stack of what is still open. The stack is bounded, so no text takes more than linear time.
// `open` says that the text may go on: what is unfinished at its end is then shown as what it is about to be.

import { BARE_LINK, MAIL_HOST, MAIL_NAME, trimAddress } from "./addresses.ts";
import { decodeEntity } from "./entities.ts";
import { citedNumbers, holdsLink, type Inline, plainText } from "./tree.ts";
import { HALF_TARGET, withoutUnclearEnd } from "./unfinished.ts";

interface Frame {
  mark: string; // "*", "_", "~", "[" or "!["; "" at the bottom
  count: number;
  eager: boolean; // whether an unfinished one is shown as emphasis already
  children: Inline[];
}

const DEEPEST = 100;
const PLAIN = /[^\\`*_~[\]!<&\nh@]+/y;
const TARGET =
  /\(\s*(?:<([^<>\n]*)>|([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*))(?:\s+(?:"[^"\n]*"|'[^'\n]*'|\([^()\n]*\)))?\s*\)/y;
const ANGLE_LINK = /<((?:https?:\/\/|mailto:)[^\s<>]*)>/y;
const LINE_BREAK_TAG = /<br[ \t]*\/?>/iy;
const ENTITY = /&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[a-zA-Z]{2,8});/y;

export function parseInline(source: string, open: boolean): Inline[] {
  const text = open ? withoutUnclearEnd(source) : source;
  return new Parser(text, open, open && text.length < source.length).run();
}

class Parser {
  private at = 0;
  private readonly stack: Frame[] = [{ mark: "", count: 0, eager: false, children: [] }];
  private readonly unclosedTicks = new Set<number>();
  private readonly lastBracket: number;

  constructor(
    private readonly text: string,
    private readonly open: boolean,
    private readonly held: boolean,
  ) {
    this.lastBracket = text.lastIndexOf("]");
  }

  run(): Inline[] {
    while (this.at < this.text.length) this.step();
    while (this.stack.length > 1) this.abandon();
    return this.top.children;
  }

  private get top(): Frame {
    return this.stack[this.stack.length - 1]!;
  }

  private step(): void {
    const plain = this.match(PLAIN);
    if (plain) return this.write(plain[0]);
    const character = this.text[this.at]!;
    switch (character) {
      case "\n":
        this.at += 1;
        return this.add({ kind: "break" });
      case "\\":
        return this.readEscape();
      case "`":
        return this.readCode();
      case "[":
        return this.readBracket("[");
      case "!":
        return this.text[this.at + 1] === "[" ? this.readBracket("![") : this.readCharacter();
      case "]":
        return this.readClosingBracket();
      case "<":
        return this.readAngle();
      case "&":
        return this.readEntity();
      case "h":
        return this.readBareLink();
      case "@":
        return this.readMailAddress();
      default:
        return this.readDelimiter(character);
    }
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }

  private add(node: Inline): void {
    this.top.children.push(node);
  }

  private write(text: string): void {
    const last = this.top.children[this.top.children.length - 1];
    if (last?.kind === "text") last.text += text;
    else if (text) this.add({ kind: "text", text });
  }

  private readCharacter(): void {
    this.write(this.text[this.at]!);
    this.at += 1;
  }

  private readEscape(): void {
    const next = this.text[this.at + 1];
    if (next === "\n") this.at += 1;
    else if (next !== undefined && /[!-/:-@[-`{-~]/.test(next)) {
      this.write(next);
      this.at += 2;
    } else this.readCharacter();
  }

  private readCode(): void {
    const ticks = /`+/y;
    ticks.lastIndex = this.at;
    const mark = ticks.exec(this.text)![0];
    const from = this.at + mark.length;
    const until = this.unclosedTicks.has(mark.length) ? -1 : this.closingTicks(mark, from);
    this.at = from;
    if (until >= 0) {
      this.add({ kind: "code", text: trimCode(this.text.slice(from, until)) });
      this.at = until + mark.length;
    } else if (this.open) {
      this.add({ kind: "code", text: this.text.slice(from) });
      this.at = this.text.length;
    } else this.write(mark);
  }

  private closingTicks(mark: string, from: number): number {
    const runs = /`+/g;
    runs.lastIndex = from;
    for (let run = runs.exec(this.text); run; run = runs.exec(this.text)) {
      if (run[0].length === mark.length) return run.index;
    }
    this.unclosedTicks.add(mark.length);
    return -1;
  }

  private readBracket(mark: "[" | "!["): void {
    const closes = this.lastBracket > this.at;
    const rest = this.text.length - this.at;
    if (closes && this.stack.length < DEEPEST) {
      this.stack.push({ mark, count: 1, eager: false, children: [] });
    } else if (closes || !this.open || rest > 300) this.write(mark);
    this.at += mark.length;
  }

  private readClosingBracket(): void {
    let depth = this.stack.length - 1;
    while (depth > 0 && !this.stack[depth]!.mark.includes("[")) depth -= 1;
    if (depth === 0) return this.readCharacter();
    while (this.stack.length - 1 > depth) this.abandon();
    this.at += 1;
    const { mark, children } = this.stack.pop()!;
    this.finishBracket(mark, children);
  }

  private finishBracket(mark: string, children: Inline[]): void {
    const target = this.text[this.at] === "(" ? this.match(TARGET) : null;
    const rest = this.text.slice(this.at, this.at + 4000);
    const numbers = mark === "[" && !target ? citedNumbers(children) : null;
    const href = target?.[1] ?? target?.[2] ?? "";
    if (target && mark === "![") this.add({ kind: "image", href, text: plainText(children) });
    else if (target && !children.some(holdsLink)) this.add({ kind: "link", href, children });
    else if (numbers) this.add({ kind: "citation", numbers });
    else if (this.open && !target && (rest === "" ? !this.held : HALF_TARGET.test(rest))) {
      this.addAll(children); // a link whose target is still on its way
      this.at = this.text.length;
    } else {
      this.write(mark);
      this.addAll(children);
      this.write(target ? `]${target[0]}` : "]");
    }
  }

  private addAll(children: Inline[]): void {
    for (const child of children) {
      if (child.kind === "text") this.write(child.text);
      else this.add(child);
    }
  }

  private readAngle(): void {
    if (this.match(LINE_BREAK_TAG)) return this.add({ kind: "break" });
    const link = this.match(ANGLE_LINK);
    if (!link) return this.readCharacter();
    const text = link[1]!.replace(/^mailto:/, "");
    return this.add({ kind: "link", href: link[1]!, children: [{ kind: "text", text }] });
  }

  private readEntity(): void {
    const found = this.match(ENTITY);
    if (found) this.write(decodeEntity(found[0]));
    else this.readCharacter();
  }

  private readBareLink(): void {
    const before = this.text[this.at - 1] ?? " ";
    const found = /\w/.test(before) || this.inBrackets ? null : this.match(BARE_LINK);
    if (!found) return this.readCharacter();
    const href = trimAddress(found[0]);
    this.at -= found[0].length - href.length;
    const unfinished = this.open && this.at === this.text.length;
    if (unfinished) this.write(href);
    else this.add({ kind: "link", href, children: [{ kind: "text", text: href }] });
  }

  /** "name" stands already at the end of the text before "@host". */
  private readMailAddress(): void {
    const last = this.top.children[this.top.children.length - 1];
    const name = last?.kind === "text" && !this.inBrackets ? MAIL_NAME.exec(last.text.slice(-65))?.[1] : undefined;
    const host = name === undefined ? null : this.match(MAIL_HOST);
    const unfinished = this.open && this.at === this.text.length;
    if (last?.kind !== "text" || !name || !host || unfinished) return host ? this.write(host[0]) : this.readCharacter();
    last.text = last.text.slice(0, -name.length);
    const text = name + host[0];
    return this.add({ kind: "link", href: `mailto:${text}`, children: [{ kind: "text", text }] });
  }

  private get inBrackets(): boolean {
    return this.stack.some((frame) => frame.mark.includes("["));
  }

  private readDelimiter(mark: string): void {
    const from = this.at;
    while (this.text[this.at] === mark) this.at += 1;
    let count = this.at - from;
    const before = this.text[from - 1] ?? " ";
    const after = this.text[this.at] ?? " ";
    const inWord = mark === "_" && /[\p{L}\p{N}]/u.test(before) && /[\p{L}\p{N}]/u.test(after);
    const usable = !inWord && (mark !== "~" || count === 2);
    if (usable && !/\s/.test(before)) count = this.close(mark, count);
    if (count === 0) return;
    if (usable && !/\s/.test(after) && this.stack.length < DEEPEST) {
      const eager = count >= 2 || !/[\p{L}\p{N}]/u.test(before);
      this.stack.push({ mark, count, eager, children: [] });
    } else this.write(mark.repeat(count));
  }

  /** Closes what `count` marks can close, and returns how many are left. */
  private close(mark: string, count: number): number {
    while (count > 0) {
      let depth = this.stack.length - 1;
      while (depth > 0 && this.stack[depth]!.mark !== mark && !this.stack[depth]!.mark.includes("[")) depth -= 1;
      if (depth === 0 || this.stack[depth]!.mark !== mark) return count;
      while (this.stack.length - 1 > depth) this.abandon();
      count -= this.wrap(Math.min(2, count, this.top.count));
    }
    return count;
  }

  /** Turns the topmost frame into emphasis of `used` marks. */
  private wrap(used: number): number {
    const frame = this.stack.pop()!;
    const kind = frame.mark === "~" ? "deleted" : used === 2 ? "strong" : "emphasis";
    const left = frame.count - used;
    if (left > 0) this.stack.push({ ...frame, count: left, children: [] });
    if (frame.children.length) this.add({ kind, children: frame.children });
    else this.write(frame.mark.repeat(used * 2));
    return used;
  }

  /** The topmost frame was never closed: it is text, or, while the text goes on, emphasis about to be closed. */
  private abandon(): void {
    const frame = this.top;
    const atEnd = this.at >= this.text.length;
    if (this.open && atEnd && frame.eager && frame.children.length) {
      for (let left = frame.count; left > 0;) left -= this.wrap(Math.min(2, left));
      return;
    }
    this.stack.pop();
    this.write(frame.mark.repeat(frame.count));
    this.addAll(frame.children);
  }
}

function trimCode(text: string): string {
  const flat = text.replace(/\n/g, " ");
  return /^ .*[^ ].* $|^ [^ ] $/.test(flat) ? flat.slice(1, -1) : flat;
}
