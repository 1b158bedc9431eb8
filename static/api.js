// api: asking the server. Each function answers parsed JSON or throws an Error whose message is fit
// for a person; `status` is the HTTP status, `errors` what is wrong with a spec.
// An offline copy of a run carries its answers in the page and asks nobody.
const PATIENCE_MS = 10000; // a server that accepts but does not answer is as good as gone
const PAGE = 1000;

const kept = document.getElementById("offline");
export const offline = kept ? JSON.parse(kept.textContent) : null;
// In a copy the time stands still: what was running then has not run until today.
export const now = () => (offline ? Date.parse(offline.madeAt) : Date.now());

function fromCopy(path) {
  const [, , id, part = "run"] = path.replace(/\?.*/, "").split("/");
  if (id !== String(offline.run.workflowRunId) || offline[part] === undefined) throw Object.assign(new Error("not part of this copy"), { status: 404 });
  return offline[part];
}

async function ask(path, { signal, read, ...options } = {}) {
  if (offline) return fromCopy(path);
  const limit = AbortSignal.timeout(options.method ? 60000 : PATIENCE_MS);
  let reply;
  try {
    reply = await fetch(path, { cache: "no-cache", ...options, signal: signal ? anyOf(signal, limit) : limit });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Error(error.name === "TimeoutError" ? "the server does not answer" : "the server cannot be reached");
  }
  if (reply.headers.get("content-type")?.startsWith("text/")) return read ? read(reply) : reply.text();
  const body = await reply.json().catch(() => null);
  if (reply.ok) return body;
  throw Object.assign(new Error(body?.detail ?? `the server answered ${reply.status}`),
    { status: reply.status, errors: body?.errors ?? [] });
}

function anyOf(...signals) {
  if (AbortSignal.any) return AbortSignal.any(signals);
  const controller = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) controller.abort(signal.reason);
    else signal.addEventListener("abort", () => controller.abort(signal.reason), { once: true });
  }
  return controller.signal;
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
  ask(`/workflows/${id}/tasks?limit=${PAGE}${cursor ? `&cursor=${cursor}` : ""}`, { signal });
// Tasks that changed after a version.
export const changed = (id, version, cursor, signal) =>
  ask(`/workflows/${id}/tasks?since=${version}&limit=${PAGE}${cursor ? `&cursor=${cursor}` : ""}`, { signal });
export const events = (id, after, signal) =>
  ask(`/workflows/${id}/events?limit=${PAGE}${after ? `&cursor=${after}` : ""}`, { signal });
const taskPath = (id, name) => `/workflows/${id}/tasks/${encodeURIComponent(name)}`;
export const task = (id, name, signal) => ask(taskPath(id, name), { signal });
// The end of its log, and whether more was before it; null where there is no log (any more).
export const taskLog = (id, name, signal) => maybe(ask(`${taskPath(id, name)}/log?tail=65536`, { signal,
  read: async (reply) => ({ text: await reply.text(), cut: reply.headers.get("x-log-cut") === "true" }) }));
export const cancel = (id, reason) =>
  post(`/workflows/${id}/cancel`, reason ? JSON.stringify({ reason }) : undefined);
export const retry = (id, key) => post(`/workflows/${id}/retry`, undefined, { "Idempotency-Key": key });
const patterned = (pattern, more) => {
  const query = new URLSearchParams({ ...(pattern ? { pattern } : {}), ...more });
  return `/workflows${query.size ? `?${query}` : ""}`;
};
export const forecast = (text, pattern) => post(patterned(pattern, { dryRun: "true" }), text);
export const submit = (text, pattern, key) => post(patterned(pattern, {}), text, { "Idempotency-Key": key });
