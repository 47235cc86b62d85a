// Whether the page is looked at, and whether there is a network: told to whoever holds a line open.

export interface Presence {
  network: () => void;
  /** The page has been in the background for a while. */
  hidden: () => void;
  shown: () => void;
}

/** After so long in the background a tab gives its stream back: browsers allow few to one server, over all tabs. */
const HIDDEN_SECONDS = 20;

/** Calls back until `ended`. */
export function watchPresence(presence: Presence, ended: AbortSignal): void {
  let hiding: ReturnType<typeof setTimeout> | undefined;
  const options = { signal: ended };
  addEventListener("online", presence.network, options);
  addEventListener("offline", presence.network, options);
  addEventListener("pageshow", presence.shown, options);
  const look = () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(presence.hidden, HIDDEN_SECONDS * 1000);
    else presence.shown();
  };
  document.addEventListener("visibilitychange", look, options);
  ended.addEventListener("abort", () => clearTimeout(hiding));
}
