// Markdown into blocks: pure, linear, and at ease with a text that is still being written.
//
// `open` says that the text may go on. Then a last line that could still turn into something else (a lone "-",
// a table's first row, half a fence) is held back until it has shown what it is.

export type Alignment = "start" | "center" | "end" | "";

export type Block =
  | { kind: "paragraph"; text: string; open: boolean }
  | { kind: "heading"; level: number; text: string; open: boolean }
  | { kind: "code"; language: string; text: string; open: boolean }
  | { kind: "quote"; blocks: Block[] }
  | { kind: "list"; start: number | null; items: Block[][] }
  | { kind: "table"; align: Alignment[]; head: string[]; rows: string[][]; open: boolean }
  | { kind: "rule" };

/** A block and the number of the line that it starts on. */
export interface Placed {
  block: Block;
  line: number;
}

interface Read {
  block: Block | null;
  next: number;
}
type Reader = (lines: string[], at: number, open: boolean, depth: number) => Read | null;

/** Quotes and lists inside each other, deeper than this, are shown as text: the parser must not run out of stack. */
const DEEPEST = 12;

const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+|$)/;
const RULE = /^ {0,3}(?:\*[ \t]*){3,}$|^ {0,3}(?:-[ \t]*){3,}$|^ {0,3}(?:_[ \t]*){3,}$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-+*]|\d{1,9}[.)])(?:[ \t]+|$)/;
const DELIMITER_ROW = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;
const HELD_BACK = /^ {0,3}(?:[-*_+]+|\d{1,3}[.)]?|#{1,6}|>|`+|~+|[|:-][\s|:-]*)[ \t]*$/;

/** The blocks of `source`, whose lines end with "\n". */
export function parseBlocks(source: string, open: boolean): Placed[] {
  return parse(source.split("\n"), open, 0);
}

function parse(lines: string[], open: boolean, depth: number): Placed[] {
  const placed: Placed[] = [];
  let at = 0;
  while (at < lines.length) {
    if (isBlank(lines[at]!)) {
      at += 1;
      continue;
    }
    if (open && at === lines.length - 1 && HELD_BACK.test(lines[at]!)) break;
    const { block, next } = readBlock(lines, at, open, depth);
    if (block) placed.push({ block, line: at });
    at = next;
  }
  return placed;
}

function readBlock(lines: string[], at: number, open: boolean, depth: number): Read {
  for (const read of READERS) {
    const found = read(lines, at, open, depth);
    if (found) return found;
  }
  return readParagraph(lines, at, open);
}

const readFence: Reader = (lines, at, open) => {
  const fence = FENCE.exec(lines[at]!);
  if (!fence) return null;
  const mark = fence[1]!;
  const body: string[] = [];
  let next = at + 1;
  for (; next < lines.length; next++) {
    const line = lines[next]!.trim();
    const closes = line.startsWith(mark) && line === mark[0]!.repeat(line.length);
    if (closes) {
      next += 1;
      return { block: code(fence[2]!, body, false), next };
    }
    const halfClosed = open && next === lines.length - 1 && line !== "" && mark.startsWith(line);
    if (!halfClosed) body.push(lines[next]!);
  }
  return { block: open && body.length === 0 ? null : code(fence[2]!, body, open), next };
};

function code(info: string, body: string[], open: boolean): Block {
  return { kind: "code", language: info.trim().split(/\s/, 1)[0]!.slice(0, 40), text: body.join("\n"), open };
}

const readHeading: Reader = (lines, at, open) => {
  const found = HEADING.exec(lines[at]!);
  if (!found) return null;
  let text = lines[at]!.slice(found[0].length).trim();
  const closing = /(?:^|[ \t])#{1,6}$/.exec(text);
  if (closing) text = text.slice(0, closing.index).trim();
  const unfinished = open && at === lines.length - 1;
  return { block: { kind: "heading", level: found[1]!.length, text, open: unfinished }, next: at + 1 };
};

const readRule: Reader = (lines, at) => (RULE.test(lines[at]!) ? { block: { kind: "rule" }, next: at + 1 } : null);

const readQuote: Reader = (lines, at, open, depth) => {
  if (depth >= DEEPEST || !QUOTE.test(lines[at]!)) return null;
  const inner: string[] = [];
  let next = at;
  while (next < lines.length) {
    const line = lines[next]!;
    if (QUOTE.test(line)) inner.push(line.replace(QUOTE, ""));
    else if (isBlank(line) || isBlank(inner[inner.length - 1] ?? "") || startsBlock(line)) break;
    else inner.push(line);
    next += 1;
  }
  const blocks = parse(inner, open && next === lines.length, depth + 1).map((placed) => placed.block);
  return { block: blocks.length ? { kind: "quote", blocks } : null, next };
};

const readList: Reader = (lines, at, open, depth) => {
  const first = ITEM.exec(lines[at]!);
  if (depth >= DEEPEST || !first) return null;
  const kind = first[2]!.slice(-1);
  const items: Block[][] = [];
  let next = at;
  while (next < lines.length) {
    const marker = ITEM.exec(lines[next]!);
    if (!marker || marker[2]!.slice(-1) !== kind || RULE.test(lines[next]!)) break;
    const unfinishedMarker = open && next === lines.length - 1 && HELD_BACK.test(lines[next]!);
    if (unfinishedMarker) return { block: list(first[2]!, items), next: lines.length };
    const item = readItem(lines, next, marker[0].length);
    const last = open && item.next === lines.length;
    items.push(parse(item.lines, last, depth + 1).map((placed) => placed.block));
    next = item.next;
    while (next < lines.length && isBlank(lines[next]!)) next += 1;
  }
  return { block: list(first[2]!, items), next };
};

function list(marker: string, items: Block[][]): Block | null {
  if (items.length === 0) return null;
  return { kind: "list", start: /\d/.test(marker) ? parseInt(marker, 10) : null, items };
}

/** The lines of one item, without its marker and indentation. Two spaces are enough to belong: models write that. */
function readItem(lines: string[], at: number, indent: number): { lines: string[]; next: number } {
  const own = [lines[at]!.slice(indent)];
  let next = at + 1;
  for (; next < lines.length; next++) {
    const line = lines[next]!;
    const spaces = /^ */.exec(line)![0].length;
    if (isBlank(line)) {
      const following = lines.slice(next + 1, next + 3).find((later) => !isBlank(later));
      if (following === undefined || !/^ {2}/.test(following)) break;
      own.push("");
    } else if (spaces >= 2) own.push(line.slice(Math.min(spaces, indent)));
    else if (ITEM.test(line) || startsBlock(line) || isBlank(own[own.length - 1]!)) break;
    else own.push(line);
  }
  return { lines: own, next };
}

const readTable: Reader = (lines, at, open) => {
  if (!startsTable(lines, at)) return null;
  const head = cells(lines[at]!);
  const align = cells(lines[at + 1]!).map(alignment);
  const rows: string[][] = [];
  let next = at + 2;
  for (; next < lines.length; next++) {
    const line = lines[next]!;
    if (isBlank(line) || (!line.includes("|") && startsBlock(line))) break;
    const barelyBegun = open && next === lines.length - 1 && HELD_BACK.test(line);
    if (!barelyBegun) rows.push(cells(line).slice(0, head.length));
  }
  return { block: { kind: "table", align, head, rows, open: open && next === lines.length }, next };
};

function startsTable(lines: string[], at: number): boolean {
  const delimiter = lines[at + 1];
  if (delimiter === undefined || !lines[at]!.includes("|") || !delimiter.includes("|")) return false;
  return DELIMITER_ROW.test(delimiter) && cells(lines[at]!).length === cells(delimiter).length;
}

function alignment(cell: string): Alignment {
  const [left, right] = [cell.startsWith(":"), cell.endsWith(":")];
  if (left && right) return "center";
  return right ? "end" : left ? "start" : "";
}

/** The cells of a row; an escaped bar, or one inside `code`, does not divide. */
function cells(row: string): string[] {
  const found: string[] = [];
  let cell = "";
  let ticked = false;
  const text = row.trim().replace(/^\|/, "");
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === "\\" && text[i + 1] === "|") {
      cell += "|";
      i += 1;
    } else if (character === "|" && !ticked) {
      found.push(cell.trim());
      cell = "";
    } else {
      if (character === "`") ticked = ticked ? false : text.includes("`", i + 1);
      cell += character;
    }
  }
  if (cell.trim() !== "") found.push(cell.trim());
  return found;
}

function readParagraph(lines: string[], at: number, open: boolean): Read {
  const own: string[] = [];
  let next = at;
  for (; next < lines.length; next++) {
    const line = lines[next]!;
    const interrupted = next > at && (isBlank(line) || startsBlock(line) || startsTable(lines, next));
    if (interrupted) break;
    if (open && mayBecomeTable(lines, next)) {
      next = lines.length;
      break;
    }
    own.push(line.trim());
  }
  const unfinished = open && next === lines.length;
  return { block: own.length ? { kind: "paragraph", text: own.join("\n"), open: unfinished } : null, next };
}

/** Whether everything from here on is held back, because it may be a table's beginning or half a marker. */
function mayBecomeTable(lines: string[], at: number): boolean {
  const left = lines.length - at;
  const row = lines[at]!.trim();
  if (left === 1) return HELD_BACK.test(lines[at]!) || row.startsWith("|");
  return left === 2 && row.startsWith("|") && /^[\s|:-]*$/.test(lines[at + 1]!);
}

function startsBlock(line: string): boolean {
  const item = ITEM.exec(line);
  const interrupts = item !== null && (!/\d/.test(item[2]!) || parseInt(item[2]!, 10) === 1);
  return interrupts || FENCE.test(line) || HEADING.test(line) || QUOTE.test(line) || RULE.test(line);
}

function isBlank(line: string): boolean {
  return line.trim() === "";
}

const READERS: Reader[] = [readFence, readHeading, readRule, readQuote, readList, readTable];
