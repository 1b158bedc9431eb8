// api: asking the server. Each function answers parsed JSON or throws an Error whose message is fit
// for a person; `status` is the HTTP status, `errors` what is wrong with a spec,
// `moreErrors` how many more there are.
// An offline copy of a run carries its answers in the page and asks nobody.
import { heard, serverTime } from "./clock.js";

const PATIENCE_MS = 10000; // a server that accepts but says nothing is as good as gone
const PAGE = 1000;
const FIRST_PAGE = 100; // what is seen first shall not wait for more

const kept = document.getElementById("offline");
export const offline = kept ? JSON.parse(kept.textContent) : null;
// The server's time. In a copy it stands still: what was running then has not run until today.
export const now = () => (offline ? Date.parse(offline.madeAt) : serverTime());

function fromCopy(path) {
  const [, , id, part = "run"] = path.replace(/\?.*/, "").split("/");
  if (id !== String(offline.run.workflowRunId) || offline[part] === undefined) throw Object.assign(new Error("not part of this copy"), { status: 404 });
  return offline[part];
}

// Ends a request that nothing was heard of for `ms`, or that `signal` ends: a slow network is not an absent server.
class Patience {
  constructor(ms, signal) {
    const controller = new AbortController();
    Object.assign(this, { ms, outer: signal, signal: controller.signal, abort: () => controller.abort(), timer: 0, over: false });
    if (signal?.aborted) this.abort();
    signal?.addEventListener("abort", this.abort);
    this.heard();
  }

  heard() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { this.over = true; this.abort(); }, this.ms);
  }

  end() {
    clearTimeout(this.timer);
    this.outer?.removeEventListener("abort", this.abort);
  }
}

async function textOf(reply, patience) {
  const decoder = new TextDecoder();
  let text = "";
  for (let reader = reply.body?.getReader(), more = Boolean(reader); more;) {
    const { done, value } = await reader.read();
    patience.heard();
    text += decoder.decode(value, { stream: !done });
    more = !done;
  }
  return text;
}

// The answer and its whole text.
async function talk(path, { signal, ...options }) {
  const patience = new Patience(options.method ? 60000 : PATIENCE_MS, signal);
  const asked = Date.now();
  try {
    const reply = await fetch(path, { cache: "no-cache", ...options, signal: patience.signal });
    heard(reply.headers.get("date"), asked, Date.now());
    return { reply, text: await textOf(reply, patience) };
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Error(patience.over ? "the server does not answer" : "the server cannot be reached");
  } finally {
    patience.end();
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function ask(path, { read, ...options } = {}) {
  if (offline) return fromCopy(path);
  const { reply, text } = await talk(path, options);
  if (reply.headers.get("content-type")?.startsWith("text/")) return read ? read(reply, text) : text;
  const body = parsed(text);
  if (reply.ok) return body;
  throw Object.assign(new Error(body?.detail ?? `the server answered ${reply.status}`),
    { status: reply.status, errors: body?.errors ?? [], moreErrors: body?.moreErrors ?? 0 });
}

// null where the server does not know the thing asked for (404), instead of an error.
async function maybe(promise) {
  try {
    return await promise;
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

const post = (path, body, headers) => ask(path, { method: "POST", body,
  headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers } });

export const runs = (query, signal) => ask(`/workflows?${new URLSearchParams(query)}`, { signal });
export const stats = (signal) => maybe(ask("/stats", { signal }));
export const run = (id, signal) => ask(`/workflows/${id}`, { signal });
export const spec = (id, signal) => ask(`/workflows/${id}/spec`, { signal });
export const failures = (id, signal) => maybe(ask(`/workflows/${id}/failures`, { signal }));
export const definition = (id, signal) => maybe(ask(`/workflows/${id}/definition`, { signal }));
export const tasks = (id, cursor, signal) =>
  ask(`/workflows/${id}/tasks?limit=${cursor ? `${PAGE}&cursor=${cursor}` : FIRST_PAGE}`, { signal });
// Tasks that changed after a version.
export const changed = (id, version, cursor, signal) =>
  ask(`/workflows/${id}/tasks?since=${version}&limit=${PAGE}${cursor ? `&cursor=${cursor}` : ""}`, { signal });
export const events = (id, after, signal) =>
  ask(`/workflows/${id}/events?limit=${PAGE}${after ? `&cursor=${after}` : ""}`, { signal });
const taskPath = (id, name) => `/workflows/${id}/tasks/${encodeURIComponent(name)}`;
export const task = (id, name, signal) => ask(taskPath(id, name), { signal });
// The end of its log, and whether more was before it; null where there is no log (any more).
export const taskLog = (id, name, signal) => maybe(ask(`${taskPath(id, name)}/log?tail=65536`, { signal,
  read: (reply, text) => ({ text, cut: reply.headers.get("x-log-cut") === "true" }) }));
export const cancel = (id, reason) =>
  post(`/workflows/${id}/cancel`, reason ? JSON.stringify({ reason }) : undefined);
export const retry = (id, key) => post(`/workflows/${id}/retry`, undefined, { "Idempotency-Key": key });
const patterned = (pattern, more) => {
  const query = new URLSearchParams({ ...(pattern ? { pattern } : {}), ...more });
  return `/workflows${query.size ? `?${query}` : ""}`;
};
export const forecast = (text, pattern) => post(patterned(pattern, { dryRun: "true" }), text);
export const submit = (text, pattern, key) => post(patterned(pattern, {}), text, { "Idempotency-Key": key });
