// The tree of what stands inside a block, and what can be asked of it.

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "break" }
  | { kind: "code"; text: string }
  | { kind: "strong" | "emphasis" | "deleted"; children: Inline[] }
  | { kind: "link"; href: string; children: Inline[] }
  | { kind: "image"; href: string; text: string }
  | { kind: "citation"; numbers: number[] };

/** The numbers of "[1, 2]", when that is all that stands in the brackets. */
export function citedNumbers(children: Inline[]): number[] | null {
  const only = children[0];
  if (children.length !== 1 || only?.kind !== "text") return null;
  if (!/^\s*\d{1,3}(?:\s*,\s*\d{1,3})*\s*$/.test(only.text)) return null;
  return only.text.split(",").map(Number);
}

export function holdsLink(node: Inline): boolean {
  return node.kind === "link" || ("children" in node && node.children.some(holdsLink));
}

/** What a person who listens hears: no marks, no addresses, no citation numbers. */
export function plainText(nodes: Inline[]): string {
  return nodes.map(plain).join("");
}

function plain(node: Inline): string {
  if ("children" in node) return plainText(node.children);
  if (node.kind === "break") return "\n";
  return node.kind === "citation" ? "" : node.text;
}
