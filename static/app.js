// app: which view the address names, and refreshing it by itself. The page asks only the server it
// came from; while the tab is hidden it does not ask at all.
import { el, swap } from "./dom.js";
import * as run from "./run.js";
import * as runs from "./runs.js";

const REFRESH_MS = 1000;
const RETRY_MS = 3000;

const main = document.getElementById("main");
const state = document.getElementById("state");
let shown = main.appendChild(el("p", { class: "dim" }, "loading"));
let turn = null; // what is being loaded: {controller, timer}
let place = null; // the address that `shown` belongs to
let seen = null; // when it was loaded

// "#/runs/12?x=y" -> {path: ["runs", "12"], query}
function address() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { path: path.split("/").filter(Boolean), query: new URLSearchParams(query ?? "") };
}

function load(signal) {
  const { path, query } = address();
  if (path.length === 0) return runs.view(query, signal);
  if (path.length === 2 && path[0] === "runs") return run.view(encodeURIComponent(path[1]), query, signal);
  return Promise.resolve(el("p", null, "There is no such view. ", el("a", { href: "#/" }, "All runs")));
}

function say(text, bad) {
  if (state.textContent !== text) state.textContent = text;
  state.classList.toggle("alert", bad);
}

// What was loaded from this address stays, marked as stale; what belongs to another one, or was
// refused, goes.
function fail(error, here) {
  if (error.status >= 400 && error.status < 500) {
    shown = swap(shown, el("p", { class: "alert" }, error.message, ". ", el("a", { href: "#/" }, "All runs")));
    [place, seen] = [here, null];
    say("", false);
    return;
  }
  if (place !== here) {
    shown = swap(shown, el("p", { class: "dim" }, "Nothing loaded yet."));
    [place, seen] = [here, null];
  }
  const since = seen ? `stale since ${seen.toLocaleTimeString(undefined, { hour12: false })}: ` : "";
  say(`${since}${error.message}; trying again`, true);
}

async function refresh() {
  const mine = { controller: new AbortController(), timer: 0 };
  turn?.controller.abort();
  clearTimeout(turn?.timer);
  turn = mine;
  const here = location.hash;
  let wait = REFRESH_MS;
  try {
    shown = swap(shown, await load(mine.controller.signal));
    [place, seen] = [here, new Date()];
    say("live", false);
  } catch (error) {
    if (mine.controller.signal.aborted) return;
    fail(error, here);
    wait = RETRY_MS;
  }
  if (turn === mine && !document.hidden) mine.timer = setTimeout(refresh, wait);
}

addEventListener("hashchange", refresh);
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(turn?.timer) : refresh()));
refresh();
