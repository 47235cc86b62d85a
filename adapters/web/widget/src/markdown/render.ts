// From the tree to DOM nodes. Text only ever becomes text; the few elements and attributes are those named here.

import type { Texts } from "../texts.ts";
import { append, h, type Child } from "../view/dom.ts";
import type { Alignment, Block } from "./blocks.ts";
import { parseInline } from "./inline.ts";
import type { LinkPolicy } from "./links.ts";
import type { Inline } from "./tree.ts";

/** A source that may be opened; `address` is "" when it cannot be. */
export interface Source {
  number: number;
  title: string;
  address: string;
}

export interface Surroundings {
  texts: Texts;
  links: LinkPolicy;
  sources: ReadonlyMap<number, Source>;
  open: boolean;
  onSource: (number: number) => void;
}

const NEW_TAB = { target: "_blank", rel: "noopener noreferrer nofollow" };

export function renderBlock(block: Block, around: Surroundings): HTMLElement {
  switch (block.kind) {
    case "paragraph":
      return h("p", {}, ...inline(block.text, around, block.open));
    case "heading": // one level for all: the panel's own heading stands above, and no level is skipped
      return h("h3", { class: `level-${block.level}` }, ...inline(block.text, around, block.open));
    case "code":
      return codeBlock(block.language, block.text, around.texts);
    case "quote":
      return h("blockquote", {}, ...block.blocks.map((inner) => renderBlock(inner, around)));
    case "list":
      return list(block, around);
    case "table":
      return table(block, around);
    case "rule":
      return h("hr");
  }
}

function inline(text: string, around: Surroundings, open = false): Node[] {
  return renderInline(parseInline(text, open && around.open), around);
}

function codeBlock(language: string, text: string, texts: Texts): HTMLElement {
  const label = language ? `${texts.code}: ${language}` : texts.code;
  return h("pre", { tabindex: 0, dir: "ltr", role: "group", "aria-label": label }, h("code", {}, text));
}

function list(block: Extract<Block, { kind: "list" }>, around: Surroundings): HTMLElement {
  const items = block.items.map((item) => h("li", {}, ...item.flatMap((inner) => listChild(inner, around))));
  if (block.start === null) return h("ul", {}, ...items);
  return h("ol", { start: block.start === 1 ? null : block.start }, ...items);
}

function listChild(block: Block, around: Surroundings): Node[] {
  if (block.kind !== "paragraph") return [renderBlock(block, around)];
  const task = /^\[([ xX])\][ \t]+/.exec(block.text);
  if (!task) return [renderBlock(block, around)];
  const mark = task[1] === " " ? "☐ " : "☑ ";
  return [h("p", {}, mark, ...inline(block.text.slice(task[0].length), around, block.open))];
}

function table(block: Extract<Block, { kind: "table" }>, around: Surroundings): HTMLElement {
  const cell = (tag: "th" | "td", row: string[], column: number) => {
    const attributes = { class: alignmentClass(block.align[column]), scope: tag === "th" ? "col" : null };
    const open = block.open && row === block.rows[block.rows.length - 1] && column === row.length - 1;
    return h(tag, attributes, ...inline(row[column] ?? "", around, open));
  };
  const row = (tag: "th" | "td", cells: string[]) => h("tr", {}, ...block.head.map((_, at) => cell(tag, cells, at)));
  const body = h("tbody", {}, ...block.rows.map((cells) => row("td", cells)));
  const frame = { class: "table", tabindex: 0, role: "group", "aria-label": around.texts.table };
  return h("div", frame, h("table", {}, h("thead", {}, row("th", block.head)), body));
}

function alignmentClass(align: Alignment | undefined): string | null {
  return align ? `align-${align}` : null;
}

export function renderInline(nodes: Inline[], around: Surroundings): Node[] {
  return nodes.flatMap((node) => renderNode(node, around));
}

const ELEMENTS = { strong: "strong", emphasis: "em", deleted: "del" } as const;

function renderNode(node: Inline, around: Surroundings): Node[] {
  switch (node.kind) {
    case "text":
      return [document.createTextNode(node.text)];
    case "break":
      return [h("br")];
    case "code":
      return [h("code", { dir: "ltr" }, node.text)];
    case "link":
      return link(node.href, renderInline(node.children, around), around);
    case "image": // never loaded: a picture's address can carry away what was said
      return link(node.href, [document.createTextNode(node.text || around.texts.image)], around);
    case "citation":
      return citations(node.numbers, around);
    default:
      return [h(ELEMENTS[node.kind], {}, ...renderInline(node.children, around))];
  }
}

function link(href: string, children: Node[], around: Surroundings): Node[] {
  const address = href ? around.links.allow(href) : null;
  return address ? [h("a", { href: address, ...NEW_TAB }, ...children)] : children;
}

function citations(numbers: number[], around: Surroundings): Node[] {
  const known = numbers.filter((number) => around.open || around.sources.has(number));
  if (known.length === 0) return [document.createTextNode(`[${numbers.join(", ")}]`)];
  return known.map((number) => citation(number, around));
}

function citation(number: number, around: Surroundings): HTMLElement {
  const source = around.sources.get(number);
  if (!source) return h("span", { class: "citation" }, String(number));
  const label = around.texts.source(number, source.title);
  const face = { class: "citation", "aria-label": label, title: source.title };
  if (source.address) return h("a", { ...face, href: source.address, ...NEW_TAB }, String(number));
  const element = h("button", { ...face, type: "button" }, String(number));
  element.addEventListener("click", () => around.onSource(number));
  return element;
}

export function sourceLink(source: Source): HTMLElement {
  const face: Child[] = [h("span", { class: "number", "aria-hidden": "true" }, String(source.number)), source.title];
  const element = source.address ? h("a", { href: source.address, ...NEW_TAB }) : h("span", { tabindex: -1 });
  append(element, face);
  return element;
}
