// api: reading the REST API. Each function answers parsed JSON or throws an Error whose message is
// fit for a person.

const PATIENCE_MS = 10000; // a server that accepts but does not answer is as good as gone

async function get(path, signal) {
  let reply;
  try {
    reply = await fetch(path, { signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
      headers: { Accept: "application/json" }, cache: "no-cache" });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Error(error.name === "TimeoutError" ? "the server does not answer" : "the server cannot be reached");
  }
  const body = await reply.json().catch(() => null);
  if (!reply.ok) throw Object.assign(new Error(body?.detail ?? `the server answered ${reply.status}`),
    { status: reply.status });
  return body;
}

export const runs = (query, signal) => get(`/workflows?${new URLSearchParams(query)}`, signal);
export const run = (id, signal) => get(`/workflows/${id}`, signal);
export const tasks = (id, cursor, signal) => get(`/workflows/${id}/tasks?limit=200${cursor ? `&cursor=${cursor}` : ""}`, signal);
export const events = (id, cursor, signal) => get(`/workflows/${id}/events?limit=200${cursor ? `&cursor=${cursor}` : ""}`, signal);
