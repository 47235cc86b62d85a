// One request: an answer, or one of two errors that say what to do next.

import { asFields, asText } from "./protocol.ts";

/** The server answered, and said no. `retryAfter` in seconds, when it told. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly retryAfter: number | null,
  ) {
    super(`the server answered ${status} ${code}`);
  }

  /** Whether the same request may be taken later. */
  get passing(): boolean {
    return this.status === 429 || this.status === 408 || this.status >= 500;
  }
}

/** No answer came: the network, the server's end, or the time given. */
export class Unreachable extends Error {}

export interface Request {
  method: "GET" | "POST";
  body?: unknown;
  token?: string | undefined;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

const SECONDS_FOR_AN_ANSWER = 20;

export async function request(url: string, { method, body, token, headers, signal }: Request): Promise<Response> {
  const abort = new AbortController();
  const giveUp = () => abort.abort();
  const timer = setTimeout(giveUp, SECONDS_FOR_AN_ANSWER * 1000);
  signal?.addEventListener("abort", giveUp);
  if (signal?.aborted) giveUp();
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers: {
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      credentials: "omit",
      cache: "no-store",
      signal: abort.signal,
    });
  } catch (error) {
    throw new Unreachable(String(error));
  } finally {
    clearTimeout(timer);
  }
  if (response.ok) return response;
  throw await refusal(response);
}

/** The JSON of an answer; one that was cut off, or is none, counts as no answer. */
export async function json(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (error) {
    throw new Unreachable(String(error));
  }
}

async function refusal(response: Response): Promise<Refusal> {
  const said = await response.json().catch(() => null);
  const code = asText(asFields(asFields(said).error).code);
  return new Refusal(response.status, code, retryAfter(response.headers.get("Retry-After")));
}

function retryAfter(header: string | null): number | null {
  if (!header) return null;
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), 3600) : null;
}
