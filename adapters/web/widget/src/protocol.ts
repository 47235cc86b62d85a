// What the server says, read with care: a field that is missing or of another type becomes its empty value.

export type FinishReason =
  | ""
  | "stop"
  | "length"
  | "remark"
  | "cancelled"
  | "declined"
  | "interrupted"
  | "merged"
  | "human"
  | "replaced"
  | "withdrawn";

export interface Citation {
  number: number;
  title: string;
  url: string;
}

export interface Final {
  kind: "final";
  id: string;
  number: number;
  text: string;
  citations: Citation[];
  finish: FinishReason;
  language: string;
  at: number;
}

export interface Failed {
  kind: "failed";
  id: string;
  number: number;
  said: string;
  at: number;
}

export type End = Final | Failed;

/** What a person of the support desk said, or what is told of them ("Ana has joined"). */
export interface Post {
  id: string; // made here, and unlike any message's
  kind: "said" | "notice";
  number: number;
  text: string;
  name: string;
  at: number; // seconds, by the server's clock
  person: string | null; // who has the conversation from here on ("": somebody); null: the assistant
}

export type ServerEvent =
  | { kind: "said"; id: string; text: string; at: number }
  | { kind: "reply" | "delta"; id: string; attempt: number; seq: number; text: string }
  | { kind: "closing" }
  | { kind: "post"; post: Post }
  | End;

export interface PastExchange {
  id: string;
  text: string;
  at: number;
  end: End | null;
  feedback: number;
}

export interface SiteConfig {
  title: string;
  greeting: string;
  suggestions: string[];
  anonymous: boolean;
  characters: number;
  linkHosts: string[];
}

type Fields = Record<string, unknown>;

/** `number` is the durable event's id on the stream. Null for what this version does not know. */
export function readEvent(name: string, data: unknown, number: number): ServerEvent | null {
  const fields = asFields(data);
  switch (name) {
    case "said":
      return { kind: "said", id: asText(fields.id), text: asText(fields.text), at: asNumber(fields.at) };
    case "reply":
    case "delta":
      return {
        kind: name,
        id: asText(fields.message_id),
        attempt: asNumber(fields.attempt),
        seq: asNumber(fields.seq),
        text: asText(fields.text),
      };
    case "final":
    case "failed":
      return readEnd(name, fields, asText(fields.message_id), number);
    case "post": {
      const post = readPost(fields, number);
      return post && { kind: "post", post };
    }
    case "closing":
      return { kind: "closing" };
    default:
      return null;
  }
}

export interface History {
  exchanges: PastExchange[];
  posts: Post[];
  cursor: number;
}

export function readHistory(data: unknown): History {
  const fields = asFields(data);
  const exchanges = asList(fields.exchanges).map((entry) => {
    const past = asFields(entry);
    const id = asText(past.id);
    const end = asFields(past.end);
    const known = end.kind === "final" || end.kind === "failed";
    return {
      id,
      text: asText(past.text),
      at: asNumber(past.at),
      end: known ? readEnd(end.kind as End["kind"], end, id, asNumber(end.number)) : null,
      feedback: Math.sign(asNumber(past.feedback)),
    };
  });
  const posts = asList(fields.posts).map((entry) => readPost(asFields(entry), asNumber(asFields(entry).number)));
  return { exchanges, posts: posts.filter((post) => post !== null), cursor: asNumber(fields.cursor) };
}

export function readConfig(data: unknown): SiteConfig {
  const fields = asFields(data);
  return {
    title: asText(fields.title),
    greeting: asText(fields.greeting),
    suggestions: asList(fields.suggestions).map(asText).filter(Boolean).slice(0, 6),
    anonymous: fields.anonymous !== false,
    characters: asNumber(fields.message_characters) || 8000,
    linkHosts: asList(fields.link_hosts).map(asText).filter(Boolean),
  };
}

/** Null for a kind that this version does not know, and for what cannot be told from another. */
function readPost(fields: Fields, number: number): Post | null {
  const { kind, person } = fields;
  if ((kind !== "said" && kind !== "notice") || number <= 0) return null;
  return {
    id: `post ${number}`,
    kind,
    number,
    text: asText(fields.text),
    name: asText(fields.name).trim(),
    at: asNumber(fields.at),
    person: typeof person === "string" ? person.trim() : null,
  };
}

function readEnd(kind: End["kind"], fields: Fields, id: string, number: number): End {
  const at = asNumber(fields.at);
  if (kind === "failed") return { kind, id, number, said: asText(fields.said), at };
  const citations = asList(fields.citations).map((entry) => {
    const cited = asFields(entry);
    return { number: asNumber(cited.number), title: asText(cited.title), url: asText(cited.url) };
  });
  const finish = asText(fields.finish_reason) as FinishReason;
  return { kind, id, number, text: asText(fields.text), citations, finish, language: asText(fields.language), at };
}

export function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

export function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function asNumber(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
