// The conversation in the order in which the server has it: messages in theirs, posts in theirs, merged by its clock.

import type { Exchange } from "./conversation.ts";
import type { Post } from "./protocol.ts";

export type Item = Exchange | Post;

/** `posts` by number. What the server has not yet taken comes last: whatever is there was said before it. */
export function timeline(exchanges: Exchange[], posts: Post[]): Item[] {
  const items: Item[] = [];
  let next = 0;
  for (const exchange of exchanges.filter(({ state }) => !isUnderWay(state))) {
    while (next < posts.length && posts[next]!.at <= exchange.order) items.push(posts[next++]!);
    items.push(exchange);
  }
  return [...items, ...posts.slice(next), ...exchanges.filter(({ state }) => isUnderWay(state))];
}

export function isUnderWay(state: Exchange["state"]): boolean {
  return state === "sending" || state === "waiting";
}

export function isPost(item: Item | undefined): item is Post {
  return item !== undefined && "kind" in item;
}
