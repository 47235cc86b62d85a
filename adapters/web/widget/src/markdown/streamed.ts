// An answer's Markdown on the page, growing: what is finished stays untouched, only the end is built again.

import { type Block, parseBlocks, type Placed } from "./blocks.ts";
import { parseInline } from "./inline.ts";
import { renderBlock, type Surroundings } from "./render.ts";
import { plainText } from "./tree.ts";

export class StreamedMarkdown {
  private text = "";
  private finished = 0; // characters that are in settled blocks
  private settled = 0; // blocks that no further text can change
  private tail: string[] = []; // how the blocks after these looked, to keep those that did not change
  private spoken = "";

  constructor(
    private readonly container: HTMLElement,
    private readonly around: () => Surroundings,
  ) {}

  /** Shows what is `written` so far; `whole` builds everything again, as a last version with its sources has to be. */
  show(written: string, whole: boolean): void {
    const text = written.replace(/\r\n?/g, "\n");
    if (whole || !text.startsWith(this.text)) this.reset();
    this.text = text;
    const around = this.around();
    const rest = text.slice(this.finished);
    const placed = parseBlocks(rest, around.open);
    this.replaceTail(placed, around);
    if (around.open) this.settle(placed, rest);
  }

  /** Everything as it would be read aloud. */
  plain(): string {
    const placed = parseBlocks(this.text.slice(this.finished), this.around().open);
    return this.spoken + placed.map(({ block }) => speak(block)).join("");
  }

  private reset(): void {
    this.container.replaceChildren();
    this.finished = this.settled = 0;
    this.tail = [];
    this.spoken = "";
  }

  private replaceTail(placed: Placed[], around: Surroundings): void {
    const looks = placed.map(({ block }) => JSON.stringify(block));
    looks.forEach((look, index) => {
      if (look === this.tail[index]) return;
      const node = renderBlock(placed[index]!.block, around);
      const old = this.container.children[this.settled + index];
      if (old) old.replaceWith(node);
      else this.container.append(node);
    });
    while (this.container.children.length > this.settled + looks.length) this.container.lastElementChild!.remove();
    this.tail = looks;
  }

  /** Blocks before the last one are settled, once the last one's first line is whole. */
  private settle(placed: Placed[], rest: string): void {
    const last = placed[placed.length - 1];
    if (placed.length < 2 || !last) return;
    const lines = rest.split("\n");
    if (lines.length < last.line + 2) return;
    this.finished += lines.slice(0, last.line).join("\n").length + 1;
    this.settled += placed.length - 1;
    this.spoken += placed
      .slice(0, -1)
      .map(({ block }) => speak(block))
      .join("");
    this.tail = this.tail.slice(-1);
  }
}

/** A block for the ear; what is finished of it ends with a line break. */
function speak(block: Block): string {
  switch (block.kind) {
    case "paragraph":
    case "heading":
      return line(plainText(parseInline(block.text, block.open)), block.open);
    case "code":
      return line(block.text, block.open);
    case "quote":
      return block.blocks.map(speak).join("");
    case "list":
      return block.items.map((item) => item.map(speak).join("")).join("");
    case "table":
      return line([block.head, ...block.rows].map((row) => row.map(speakCell).join(", ")).join("\n"), block.open);
    case "rule":
      return "";
  }
}

function line(text: string, open: boolean): string {
  return open ? text : `${text}\n`;
}

function speakCell(cell: string): string {
  return plainText(parseInline(cell, false));
}
