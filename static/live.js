// live: how fresh the page is. One connection for server-sent events; while there is none, polling.
// `link` says which of the two it is, or since when the page is stale.
import { useEffect, useState } from "preact/hooks";
import { offline } from "./api.js";
import { Empty, html, useLatest } from "./ui.js";

const POLL_MS = 1500; // without events
const CHECK_MS = 15000; // with events: a connection may be dead without saying so
const RETRY_MS = 2000;
const EVENTS_AGAIN_MS = 30000; // a server that has no events is asked again later

const listeners = new Set();
export const link = { mode: offline ? "offline" : "loading", since: null, why: "" };

export function tell(mode, why = "") {
  if (mode === link.mode && why === link.why) return;
  if (mode === "stale" && link.mode !== "stale") link.since = new Date();
  Object.assign(link, { mode, why });
  for (const listener of listeners) listener({ ...link });
}

export function useLink() {
  const [state, set] = useState({ ...link });
  useEffect(() => {
    listeners.add(set);
    return () => listeners.delete(set);
  }, []);
  return state;
}

// Stands where nothing is known yet.
export function Waiting() {
  const { mode, why } = useLink();
  return html`<${Empty}>${mode === "stale" ? `Nothing is known yet: ${why}. It is tried again.` : "Loading…"}<//>`;
}

// Follows `path` (of events). `load(signal)` fetches all that is shown and is called at the start,
// after each gap, and as a poll; `heard(run)` gets each event. An error of load with a 4xx status
// is the view's own matter and ends the following (nothing is asked until the address changes); any other makes the page stale.
export function useFollow(path, load, heard) {
  const latest = useLatest({ load, heard });
  useEffect(() => {
    const follow = new Follow(path, latest);
    follow.start();
    return () => follow.stop();
  }, [path]);
}

class Follow {
  constructor(path, latest) {
    Object.assign(this, { path, latest, source: null, timer: 0, again: 0, ended: false,
      busy: null, queued: false });
    this.shown = () => (document.hidden ? this.pause() : this.start());
  }

  start() {
    if (this.ended) return;
    document.addEventListener("visibilitychange", this.shown);
    this.listen();
    this.turn();
  }

  // A hidden page asks nothing, and leaves its connection to others: browsers have but six.
  pause() {
    clearTimeout(this.timer);
    this.source?.close();
    this.busy?.abort();
    this.source = this.busy = null;
  }

  stop() {
    this.ended = true;
    document.removeEventListener("visibilitychange", this.shown);
    this.pause();
  }

  listen() {
    if (offline || this.source || Date.now() < this.again) return;
    const source = new EventSource(this.path);
    this.source = source;
    source.addEventListener("run", (event) => {
      if (this.source === source) this.latest.current.heard(JSON.parse(event.data));
    });
    source.onopen = () => this.source === source && this.turn();
    source.onerror = () => {
      if (this.source !== source) return;
      // Who cuts each connection at once is not asked in a circle.
      this.again = Date.now() + (source.readyState === EventSource.CLOSED ? EVENTS_AGAIN_MS : RETRY_MS);
      source.close();
      this.source = null;
      this.turn();
    };
  }

  get connected() {
    return this.source?.readyState === EventSource.OPEN;
  }

  // One load, then the next when it is due. One that is wanted while another is under way follows it.
  async turn() {
    clearTimeout(this.timer);
    this.queued = Boolean(this.busy);
    if (this.busy) return;
    const mine = new AbortController();
    this.busy = mine;
    let wait = POLL_MS;
    try {
      await this.latest.current.load(mine.signal);
      if (mine.signal.aborted) return;
      this.listen();
      tell(offline ? "offline" : this.connected ? "live" : "polling");
      if (this.connected) wait = CHECK_MS;
    } catch (error) {
      if (mine.signal.aborted) return;
      if (error.status >= 400 && error.status < 500) {
        tell("ended");
        this.stop();
        return;
      }
      tell("stale", error.message);
      wait = RETRY_MS;
    }
    this.busy = null;
    if (offline || this.ended || document.hidden) return;
    this.timer = setTimeout(() => this.turn(), this.queued ? 0 : wait);
  }
}

// Calls `fn` soon, not more often than every `ms` and not while what it promised is under way; the
// last call is never lost. The promise must not be refused.
export function paced(fn, ms) {
  let last = 0;
  let timer = 0;
  let [busy, again, stopped] = [false, false, false];
  const run = async () => {
    timer = 0;
    last = Date.now();
    [busy, again] = [true, false];
    await fn();
    busy = false;
    if (again) call();
  };
  const call = () => {
    again = busy;
    if (!busy && !stopped) timer ||= setTimeout(run, Math.max(0, last + ms - Date.now()));
  };
  call.stop = () => {
    stopped = true;
    clearTimeout(timer);
  };
  return call;
}
