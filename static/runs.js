// runs: the first view: numbers that filter, tasks over time, the newest runs.
import { useEffect, useRef, useState } from "preact/hooks";
import * as api from "./api.js";
import { Chart } from "./chart.js";
import * as format from "./format.js";
import { Waiting, paced, useFollow } from "./live.js";
import { Retry, retriable } from "./retry.js";
import { change, link } from "./route.js";
import { Alert, Badge, Empty, Name, Progress, Time, html, useLatest, useTick, useTyped } from "./ui.js";

const filters = ["status", "pattern", "q", "since", "until", "endedSince", "parent", "name"];
const asked = (query) => Object.fromEntries([...filters, "cursor"].filter((name) => query[name]).map((name) => [name, query[name]]));
const midnight = () => `${new Date(api.now()).toISOString().slice(0, 10)}T00:00:00Z`; // as the server counts
const TELL_MS = 3000; // the least time between two announcements

// A number that filters is a link to the runs it counts; one that does not is only told.
function Tile({ name, value, hint, to, on, kind }) {
  const inside = html`<span class="tile-name">${name}</span><span class=${`tile-value ${kind ?? ""}`}>${value}</span><span class="tile-hint">${hint}</span>`;
  return to ? html`<a class="tile" href=${to} aria-current=${on ? "true" : null}>${inside}</a>`
    : html`<div class="tile">${inside}</div>`;
}

function Strip({ stats, query }) {
  const status = (query.status ?? "").toLowerCase();
  // Pressed once more a number shows all runs again.
  const tile = (name, more = {}) => {
    const on = status === name.toLowerCase() && Boolean(query.endedSince) === Boolean(more.endedSince);
    return { on, to: link([], on ? {} : { status: name, ...more }) };
  };
  const runs = stats?.runs ?? {};
  const tasks = stats?.tasks ?? {};
  const lag = stats?.mirrorLagSeconds;
  return html`<nav class="strip" aria-label="Now">
    <${Tile} name="Running" kind="running" value=${format.number(runs.running)} hint=${stats ? `${format.plural(tasks.running, "task")} at work` : "runs"} ...${tile("Running")} />
    <${Tile} name="Queued" kind="submitted" value=${format.number(runs.submitted)} hint=${stats ? `${format.plural(tasks.submitted, "task")} waiting` : "runs"} ...${tile("Submitted")} />
    <${Tile} name="Failed today" kind=${stats?.failedToday ? "failed" : ""} value=${format.number(stats?.failedToday)} hint="ended since 00:00 UTC" ...${tile("Failed", { endedSince: midnight() })} />
    <${Tile} name="Completed" kind="completed" value=${format.number(runs.completed)} hint="runs" ...${tile("Completed")} />
    <${Tile} name="Throttled" value=${format.number(stats?.throttledPerMinute)} hint="AWS calls a minute" />
    <${Tile} name="Mirror lag" value=${Number.isFinite(lag) ? format.duration(lag) : "–"} hint="behind the audit tables" /></nav>`;
}

// Filters that have no field of their own, in words.
const time = (at) => (Number.isNaN(Date.parse(at)) ? format.cut(at, 40) : format.moment(at));
const chips = { endedSince: (at) => `ended since ${time(at)}`, since: (at) => `submitted since ${time(at)}`, until: (at) => `submitted until ${time(at)}`,
  parent: (id) => `retries of ${format.cut(id, 20)}`, name: (name) => `named ${format.cut(name, 60)}` };

function Toolbar({ query }) {
  const [text, search] = useTyped(query.q ?? "", (q) => change({ q, cursor: "" }), 250);
  const set = filters.filter((name) => query[name]);
  return html`<form class="toolbar" role="search" onSubmit=${(event) => event.preventDefault()}>
    <input type="search" placeholder="Search name, id, label, task …" title="Search (/)" aria-keyshortcuts="/"
      aria-label="Search runs by name, id, label, reason, task or object" value=${text} onInput=${search} />
    <label><span>Status</span><select value=${format.statuses.find((s) => s.toLowerCase() === query.status?.toLowerCase()) ?? ""}
      onChange=${(event) => change({ status: event.currentTarget.value, cursor: "" }, true)}>
      <option value="">any</option>${format.statuses.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select></label>
    <label><span>Pattern</span><select value=${query.pattern ?? ""} onChange=${(event) => change({ pattern: event.currentTarget.value, cursor: "" }, true)}>
      <option value="">any</option><option value="1">1</option><option value="2">2</option></select></label>
    ${Object.entries(chips).filter(([name]) => query[name]).map(([name, text]) => html`<button key=${name} type="button" class="chip" onClick=${() => change({ [name]: "", cursor: "" })}>
      ${text(query[name])} <span aria-hidden="true">✕</span><span class="hidden">: clear</span></button>`)}
    ${set.length > 0 && html`<a href="#/">clear</a>`}</form>`;
}

// In the list a reason is its classes; the sentence is in the run.
const why = (run) => (run.status === "Failed" && format.classes(run)) || (run.status === "Completed" ? "" : format.reason(run));

function Row({ run, now, onRetry }) {
  const left = format.eta(run, now);
  return html`<tr class=${format.kind(run.status)}>
    <td class="c-status"><${Badge} status=${run.status} /></td>
    <td class="c-name"><div><a href=${link(["runs", run.workflowRunId])}><${Name} text=${run.workflowName} /></a>
      <span class="sub num">${run.workflowRunId}${run.parentRunId ? " · retry" : ""}</span></div></td>
    <td class="c-pattern num"><span class="label">pattern </span>${run.pattern}</td>
    <td class="c-progress"><div><${Progress} tasks=${run.tasks} /><span class="sub num">${format.number(run.tasks.completed)} of ${format.number(run.tasks.total)}${run.tasks.failed ? html` · <b class="failed-text">✕ ${format.number(run.tasks.failed)} failed</b>` : ""}</span></div></td>
    <td class="c-started num"><${Time} short at=${run.startedAt ?? run.submittedAt} /></td>
    <td class="c-duration num">${format.duration(format.elapsed(run, now))}</td>
    <td class="c-eta num">${Number.isFinite(left) ? html`<span class="label">ends in about </span>${format.rough(left)}` : html`<span class="dim">–</span>`}</td>
    <td class="c-reason"><div><span title=${format.cut(format.reason(run), 2000)}>${format.cut(why(run), 200)}</span>
      ${retriable(run) > 0 && html`<button aria-label=${`Retry failed: ${format.cut(run.workflowName, 60)}`} title="Retry what failed or was cancelled" onClick=${() => onRetry(run)}>Retry</button>`}</div></td></tr>`;
}

// Up and down move between the rows' links; Enter is the link's own.
function move(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const links = [...event.currentTarget.querySelectorAll("td.c-name a")];
  const next = links[links.indexOf(document.activeElement.closest("tr")?.querySelector("a")) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

const heads = Object.entries({ status: "Status", name: "Workflow", pattern: "Pattern", progress: "Tasks", started: "Started", duration: "Duration", eta: "Ends in", reason: "Why" });

// What the list was asked for, in words.
function wanted(query) {
  const words = [query.status && `status ${format.cut(query.status, 20)}`, query.pattern && `pattern ${format.cut(query.pattern, 20)}`, query.q && `“${format.cut(format.flat(query.q), 60)}”`,
    ...Object.entries(chips).map(([name, text]) => query[name] && text(query[name]))];
  return words.filter(Boolean).join(", ");
}

function Table({ page, query }) {
  const [retry, setRetry] = useState(null);
  useTick(page.items.some((run) => !format.over(run.status)));
  const now = api.now();
  if (!page.items.length) {
    return html`<${Empty}>${wanted(query) ? html`No run fits these filters: ${wanted(query)}. <a href="#/">Show all runs</a>`
      : "No run yet. Submit a spec here, or POST one to /workflows."}<//>`;
  }
  return html`<table class="runs" onKeyDown=${move}><caption class="hidden">Runs, newest first</caption>
    <thead><tr>${heads.map(([name, title]) => html`<th key=${name} scope="col" class=${`c-${name}`}>${title}</th>`)}</tr></thead>
    <tbody>${page.items.map((run) => html`<${Row} key=${run.workflowRunId} run=${run} now=${now} onRetry=${setRetry} />`)}</tbody></table>
    ${retry && html`<${Retry} run=${retry} onClose=${() => setRetry(null)} />`}`;
}

const told = (ends) => (ends.length < 4 ? ends.map((run) => `${format.cut(run.workflowName, 60)}: ${run.status}`).join(", ")
  : `${ends.length} runs ended, ${ends.filter((run) => run.status === "Failed").length} of them failed`);

// Which runs of the list ended since it was last told, for those who do not see it; many in one sentence.
function useNews(page) {
  const before = useRef(null);
  const state = useRef({ ends: [], timer: 0 }).current;
  const [news, setNews] = useState("");
  useEffect(() => {
    const now = new Map(page?.items.map((run) => [run.workflowRunId, run]));
    for (const run of before.current ? now.values() : []) {
      const old = before.current.get(run.workflowRunId);
      if (old && old.status !== run.status && format.over(run.status)) state.ends.push(run);
    }
    before.current = page ? now : null;
    if (state.ends.length) state.timer ||= setTimeout(() => { setNews(told(state.ends)); Object.assign(state, { ends: [], timer: 0 }); }, TELL_MS);
  }, [page]);
  useEffect(() => () => clearTimeout(state.timer), []);
  return news;
}

const COUNTED_MS = 2500;

export function Runs({ query }) {
  const [page, setPage] = useState(null);
  const [stats, setStats] = useState(undefined);
  const [error, setError] = useState(null);
  const wanted = useLatest(asked(query));
  const key = JSON.stringify(wanted.current);
  const news = useNews(page);
  const load = async (signal) => {
    const mine = wanted.current;
    const [runs, numbers] = await Promise.allSettled([api.runs({ limit: 50, ...mine }, signal), api.stats(signal)]);
    if (numbers.status === "fulfilled") setStats(numbers.value);
    if (JSON.stringify(mine) !== JSON.stringify(wanted.current)) return; // it was asked for something else meanwhile
    if (runs.status === "rejected") {
      // A server that is in trouble (5xx) makes the page stale; what was known stays.
      if (!signal.aborted && runs.reason.status < 500) setError(runs.reason);
      throw runs.reason;
    }
    setError(null);
    setPage(runs.value);
  };
  const latest = useLatest({ load, page });
  const soon = useRef(null);
  soon.current ??= paced(() => latest.current.load(new AbortController().signal).catch(() => {}), 1000);
  // The server counts once a second: numbers that were asked for before that are of the time before.
  const later = useRef(0);
  const again = () => {
    clearTimeout(later.current);
    later.current = setTimeout(soon.current, COUNTED_MS);
  };
  useEffect(() => {
    again();
    return () => { clearTimeout(later.current); soon.current.stop(); };
  }, []);
  // An event changes its row at once; everything else (order, filters, numbers) follows with a load.
  const heard = (run) => {
    setPage((old) => old && { ...old, items: old.items.map((item) => (item.workflowRunId === run.workflowRunId ? run : item)) });
    soon.current();
    again();
  };
  useFollow(`/events#${key}`, load, heard);
  useEffect(() => { document.title = "Stepfleet"; }, []);
  return html`<${Strip} stats=${stats} query=${query} />
    <${Chart} series=${stats === undefined ? undefined : stats?.series ?? null} />
    <section class="panel"><h2 class="hidden">Runs</h2><${Toolbar} query=${query} />
      ${error ? html`<${Alert}>${error.message}. <a href="#/">Show all runs</a><//>`
        : page ? html`<${Table} page=${page} query=${query} />` : html`<${Waiting} />`}
      <nav class="pages" aria-label="Pages">${query.cursor && html`<a href=${link([], { ...query, cursor: "" })}>← newest</a>`}
        ${page?.nextCursor && html`<a rel="next" href=${link([], { ...query, cursor: page.nextCursor })}>older runs →</a>`}</nav></section>
    <p class="hidden" aria-live="polite">${news}</p>`;
}
