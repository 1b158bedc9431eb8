// run: everything of one run on one screen: the error first, then when, where and which.
import { useEffect, useMemo, useState } from "preact/hooks";
import * as api from "./api.js";
import { among, read } from "./brush.js";
import { Drawer } from "./drawer.js";
import * as format from "./format.js";
import { Model } from "./gantt.js";
import { Graph } from "./graph.js";
import { offlineCopy, save } from "./offline.js";
import { Events, Spec } from "./panes.js";
import { Retry, retriable } from "./retry.js";
import { Waiting } from "./live.js";
import { change, link } from "./route.js";
import { useRunData } from "./rundata.js";
import { Tasks, unfiltered } from "./tasks.js";
import { Timeline } from "./timeline.js";
import { Badge, Confirm, Name, Progress, Time, html, useTick } from "./ui.js";

const statuses = ["completed", "failed", "running", "submitted", "cancelled"];
const named = (name) => name[0].toUpperCase() + name.slice(1);

// Each number is the filter for what it counts.
function Counts({ run, query }) {
  return html`<div class="counts"><${Progress} tasks=${run.tasks} /><div>${statuses.filter((name) => run.tasks[name] || name === "completed").map((name) => {
    const on = query.status === named(name);
    return html`<button key=${name} class="count" aria-pressed=${on} onClick=${() => change({ ...unfiltered, status: on ? "" : named(name), tab: "" })}>
      <span class=${`${name}-text`} aria-hidden="true">${format.shape(named(name))}</span> <b class="num">${format.number(run.tasks[name])}</b> ${format.word(named(name))}</button>`;
  })}</div></div>`;
}

function Facts({ run, now }) {
  const [left, speed] = [format.eta(run, now), format.speed(run, now)];
  const fact = (name, value) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
  return html`<dl class="facts wide">${fact("Pattern", run.pattern)}${fact("Submitted", html`<${Time} at=${run.submittedAt} />`)}
    ${fact("Started", html`<${Time} at=${run.startedAt} />`)}${run.endedAt ? fact("Ended", html`<${Time} at=${run.endedAt} />`) : ""}
    ${fact("Duration", format.duration(format.elapsed(run, now)))}${speed > 0 ? [fact("Ends in about", format.rough(left)), fact("Tasks done", format.pace(speed))] : ""}
    ${fact("Execution", run.execution?.status ?? "not started")}
    ${Object.entries(run.labels ?? {}).map(([name, value]) => html`<div key=${name}><dt><bdi>${name}</bdi></dt><dd><bdi>${value}</bdi></dd></div>`)}</dl>`;
}

const FIRST = 5; // groups of failures that are shown at once

// A group's number is the filter for the tasks that it counts: by its class, and where others have that too, by
// what its first task has in common with the rest.
function Group({ group, shared, query }) {
  const like = shared ? group.tasks[0] : "";
  const on = query.reason === group.class && (query.like ?? "") === like;
  const facts = [Number.isFinite(group.exitCode) && group.exitCode >= 0 ? `exit ${group.exitCode}` : "", group.firstAt ? `first ${format.moment(group.firstAt)}` : ""];
  return html`<li><button class="count" aria-pressed=${on} onClick=${() => change(on ? { reason: "", like: "" } : { ...unfiltered, reason: group.class, like, tab: "" })}>
      <b class="num failed-text">${format.number(group.count)} ×</b> ${format.cut(group.class ?? group.stopCode ?? "Failed", 60)}</button>
    <p>${format.cut(format.flat(group.sentence), 400)} <span class="dim num">${facts.filter(Boolean).join(", ")}</span>
      ${group.remedy && html`<span class="sub">→ ${group.remedy}</span>`}</p></li>`;
}

function Failures({ failures, query }) {
  const [all, setAll] = useState(false);
  const groups = failures?.failures;
  if (!groups?.length) return null;
  const shared = (group) => groups.filter((other) => other.class === group.class).length > 1;
  return html`<section class="panel failures"><h2>Why tasks failed</h2>
    <ul>${groups.slice(0, all ? groups.length : FIRST).map((group) => html`<${Group} key=${`${group.class} ${group.tasks[0]}`} group=${group} shared=${shared(group)} query=${query} />`)}</ul>
    ${groups.length > FIRST && html`<button class="plain link" aria-expanded=${all} onClick=${() => setAll(!all)}>${all ? "Fewer" : `All ${groups.length} reasons`}</button>`}</section>`;
}

function Actions({ data, refresh }) {
  const [ask, setAsk] = useState("");
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState("");
  const { run } = data;
  const close = () => setAsk("");
  const copy = async () => {
    setBusy("making the copy…");
    try {
      save(`${run.workflowRunId}.html`, await offlineCopy(data), "text/html");
      setBusy("");
    } catch (error) {
      setBusy(`no copy: ${error.message}`);
    }
  };
  const href = (format_) => `/workflows/${run.workflowRunId}/export?format=${format_}`;
  return html`<div class="actions">
    ${!format.over(run.status) && !run.cancelRequestedAt && html`<button class="danger" onClick=${() => setAsk("cancel")}>Cancel</button>`}
    ${run.cancelRequestedAt && !format.over(run.status) && html`<span class="dim">being cancelled…</span>`}
    ${retriable(run) > 0 && html`<button class="primary" onClick=${() => setAsk("retry")}>Retry failed</button>`}
    <span class="buttons" role="group" aria-label="Export"><a class="button" download=${`${run.workflowRunId}.csv`} href=${href("csv")}>CSV</a>
      <a class="button" download=${`${run.workflowRunId}.json`} href=${href("json")}>JSON</a>
      <button title="One file that shows this run without a server" disabled=${!data.complete} onClick=${copy}>Offline HTML</button></span>
    <span class="dim" role="status">${busy}</span>
    ${ask === "cancel" && html`<${Confirm} title="Cancel this run?" verb="Cancel the run" danger onClose=${close} act=${async () => { data.hear(await api.cancel(data.id, reason)); refresh(); }}>
      <p>The execution and ${format.plural(run.tasks.running + run.tasks.submitted, "task")} that are not over will be stopped. This cannot be taken back; what has completed stays.</p>
      <label class="field">Why (optional) <input type="text" maxlength="255" value=${reason} onInput=${(event) => setReason(event.currentTarget.value)} /></label><//>`}
    ${ask === "retry" && html`<${Retry} run=${run} onClose=${close} />`}</div>`;
}

const tabs = { "": "Tasks", events: "Events", spec: "Spec" };

function Tabs({ tab, events }) {
  return html`<div class="tabs" role="tablist" aria-label="Details">${Object.entries(tabs).map(([name, title]) => html`<button key=${name} id=${`tab-${title}`} role="tab" aria-selected=${tab === name} aria-controls="details"
    tabindex=${tab === name ? 0 : -1} onClick=${() => change({ tab: name })} onKeyDown=${(event) => {
    const names = Object.keys(tabs);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = names[(names.indexOf(name) + step + names.length) % names.length];
    change({ tab: next });
    document.getElementById(`tab-${tabs[next]}`).focus();
  }}>${title}${name === "events" && events ? html` <span class="dim num">${format.number(events)}</span>` : ""}</button>`)}</div>`;
}

function Head({ data, refresh }) {
  const { run } = data;
  return html`<div class="run-head"><nav aria-label="Where this is"><a href="#/">Runs</a> <span aria-hidden="true">/</span> <span class="num">${run.workflowRunId}</span>
      ${run.parentRunId && html` <span class="dim">retry of <a class="num" href=${link(["runs", run.parentRunId])}>${run.parentRunId}</a></span>`}</nav>
    <div class="run-title"><${Badge} status=${run.status} /><h2><${Name} text=${run.workflowName} /></h2>${!api.offline && html`<${Actions} data=${data} refresh=${refresh} />`}</div></div>`;
}

// The selection of the timeline as a test of tasks: of those that stood in its rows when it was made.
function useBrush(data, { sel, order }) {
  return useMemo(() => {
    const area = data.run && read(sel, data.run);
    return area ? among(new Model(data.tasks, data.run, order ?? "start", api.now(), null), area) : null;
  }, [sel, order, data.complete, Boolean(data.run)]);
}

export function Run({ id, query }) {
  const { data, edition, refresh } = useRunData(id);
  const brush = useBrush(data, query);
  const { run } = data;
  useTick(run && !format.over(run.status));
  const name = run?.workflowName;
  useEffect(() => { document.title = name ? `${format.cut(name, 60)} · Stepfleet` : "Stepfleet"; }, [name]);
  if (data.error?.status === 404) return html`<section class="lost"><h2>There is no run ${id}</h2><p>This server knows no run of that number. It may belong to another server, or the address is not whole. <a href="#/">All runs</a></p></section>`;
  if (data.error) return html`<section class="lost"><h2>This run cannot be shown</h2><p>${data.error.message}. <a href="#/">All runs</a></p></section>`;
  if (!run) return html`<${Waiting} />`;
  const tab = tabs[query.tab] ? query.tab : "";
  const line = format.summary(run);
  return html`<${Head} data=${data} refresh=${refresh} />
    <p class=${`summary ${format.kind(run.status)}`} title=${format.cut(format.reason(run) || line, 2000)}><span class=${data.failures?.failures?.length ? "brief" : ""}>${format.cut(line, 500)}</span></p>
    <${Counts} run=${run} query=${query} /><${Facts} run=${run} now=${api.now()} />
    <${Failures} failures=${data.failures} query=${query} />
    <div class="linked"><section class="panel timeline" aria-label="Timeline"><${Timeline} data=${data} edition=${edition} query=${query} /></section>
      <section class="panel machine" aria-label="State machine"><${Graph} data=${data} query=${query} /></section></div>
    <section class="panel details"><${Tabs} tab=${tab} events=${data.events.length} />
      <div id="details" role="tabpanel" aria-labelledby=${`tab-${tabs[tab]}`}>
        ${tab === "events" ? html`<${Events} data=${data} edition=${edition} query=${query} />` : tab === "spec" ? html`<${Spec} id=${id} />`
          : html`<${Tasks} data=${data} edition=${edition} query=${query} brush=${brush} />`}</div></section>
    ${query.task && html`<${Drawer} key="drawer" data=${data} name=${query.task} />`}
    <p class="hidden" aria-live="polite">${data.news}</p>`;
}
