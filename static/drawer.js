// drawer: one task: what became of it and why, who says what, its log, and all of it raw.
import { useEffect, useRef } from "preact/hooks";
import { offline } from "./api.js";
import { useDetails } from "./details.js";
import * as format from "./format.js";
import { names, phases, took } from "./phases.js";
import { change } from "./route.js";
import { Badge, Empty, Time, html } from "./ui.js";

function Fact({ name, children }) {
  return html`<div><dt>${name}</dt><dd>${children ?? html`<span class="dim">–</span>`}</dd></div>`;
}

function Why({ task }) {
  const { reason } = task;
  if (!reason && !task.stoppedReason) return null;
  return html`<section class=${`why ${format.kind(task.status)}`} aria-label="Reason"><h3>${format.reasonOf(task)}</h3>
    <p>${format.sentenceOf(task)}</p>
    ${reason?.remedy && html`<p class="remedy"><b>What to do:</b> ${reason.remedy}</p>`}</section>`;
}

function Phases({ task, run }) {
  const list = phases(task, run);
  if (!list.length) return null;
  const total = list.at(-1).to - list[0].from || 1;
  let x = 0;
  return html`<section><h3>Where the time went</h3><svg class="bar" viewBox="0 0 1000 1" preserveAspectRatio="none" aria-hidden="true">
    ${list.map(({ name, from, to }) => {
    const w = ((to - from) / total) * 1000;
    x += w;
    return html`<rect key=${name} class=${name === "run" ? `fill-${format.kind(task.status)}` : `phase-${name}`} x=${x - w} width=${Math.max(w, 2)} height="1" />`;
  })}</svg>
    <ul class="phases">${list.map(({ name, from, to }) => html`<li key=${name}><i class=${`swatch ${name === "run" ? `fill-${format.kind(task.status)}` : `phase-${name}`}`}></i>${names[name]} <b class="num">${format.duration((to - from) / 1000)}</b></li>`)}</ul></section>`;
}

const noTask = (task) => (format.over(task.status) ? "no task was started" : "not known before the task has written its row");
// A name in camel case may be broken between its words.
const words = (name) => name.split(/(?=[A-Z][a-z])/).map((word, i) => html`${i ? html`<wbr />` : ""}${word}`);

// What Step Functions has to say of a task: the execution, and the newest event of the task's launch.
function machineSays(data, details) {
  return { status: data.run.execution?.status ?? "not started", last: details?.stepFunctions.events.at(-1)?.type };
}

// What ECS has to say: its own description where it is known, else what the row has of it.
function ecsSays(task, ecs) {
  const said = ecs?.description;
  if (!said?.lastStatus) return { status: task.stopCode ?? (format.over(task.status) ? "stopped" : "started"), exits: task.exitCode === undefined ? [] : [`exit ${task.exitCode}`], reason: task.stoppedReason };
  const containers = Array.isArray(said.containers) ? said.containers : [];
  return { status: said.stopCode ? `${said.lastStatus} ${said.stopCode}` : String(said.lastStatus), stopped: ecs.stopped,
    exits: containers.filter((one) => one.exitCode !== undefined || one.reason)
      .map((one) => `${one.name}: ${one.exitCode === undefined ? "" : `exit ${one.exitCode} `}${one.reason ?? ""}`),
    reason: said.stoppedReason };
}

// What a task that ECS has, and that has no row, is waiting for.
const steps = { PROVISIONING: "ECS is making its network interface", PENDING: "ECS is pulling its image or starting its containers", ACTIVATING: "ECS is about to start its containers", RUNNING: "its container runs, and its log tells what it is doing" };
const idOf = (task, details) => task.ecsTaskId ?? details?.ecs?.description.taskArn?.split("/").at(-1);

function verdict(task, machine, ecs) {
  if (!format.over(task.status)) {
    if (!task.ecsTaskId && ecs.stopped === false) return `It has written no audit row yet: ${steps[ecs.status] ?? "ECS has it"}.`;
    if (ecs.stopped) return "ECS has stopped the task, but its audit row is not final: the monitor will end it.";
    return machine.status === "RUNNING" || machine.status === "not started" ? "" : "The execution is over, but the task is not: the run is being closed.";
  }
  if (task.status === "Completed" && task.exitCode > 0) return "The audit row says Completed although ECS saw another exit code.";
  if (task.status === "Failed" && task.exitCode === 0) return "The process ended well, but its audit row says Failed: the row's reason counts.";
  return "All that is known agrees.";
}

function Voices({ task, data, details }) {
  const machine = machineSays(data, details);
  const ecs = ecsSays(task, details?.ecs);
  const said = verdict(task, machine, ecs);
  return html`<section><h3>Who says what</h3><table class="voices"><thead><tr><th scope="col">Audit says</th><th scope="col">ECS says</th><th scope="col">Step Functions says</th></tr></thead>
    <tbody><tr><td><${Badge} status=${task.status} /><div>${task.execTimeInSeconds !== undefined ? `took ${format.duration(task.execTimeInSeconds)}` : ""}</div><div>${task.bytes !== undefined ? format.bytes(task.bytes) : ""}</div></td>
      <td>${idOf(task, details) ? html`${words(ecs.status)}${ecs.exits.map((line) => html`<div key=${line}>${format.cut(format.flat(line), 200)}</div>`)}<div class="dim">${format.cut(format.flat(ecs.reason), 200)}</div>` : noTask(task)}</td>
      <td>${machine.status}<div class="dim">${machine.last ? words(machine.last) : format.cut(data.run.execution?.error ?? "", 120)}</div></td></tr></tbody></table>
    ${said && html`<p class="dim">${said}</p>`}</section>`;
}

function clusterOf(data) {
  try {
    return JSON.parse(data.events[0].details.input).clusterName;
  } catch {
    return ""; // the history is not there, or its input was cut
  }
}

// Where the task's log is: ECS's console shows it; a server with --local has it as a file. An offline copy
// knows no better than the run itself.
function Where({ task, data, details }) {
  const log = details?.log;
  if (log?.kind === "file") return `${log.path} in the server's data folder`;
  if (log) return html`<a target="_blank" rel="noreferrer" href=${log.url}>in CloudWatch, by the ECS console</a>`;
  if (details) return html`<span class="dim">${noTask(task)}</span>`;
  const [, region, account] = /^arn:aws:states:([a-z0-9-]+):([0-9]+):/.exec(data.run.execution?.arn) ?? [];
  const cluster = clusterOf(data);
  if (!task.ecsTaskId || !region) return html`<span class="dim">${noTask(task)}</span>`;
  if (/^0+$/.test(account)) return `aws/ecs/logs/${task.ecsTaskId}.log in the server's data folder`;
  if (!cluster) return html`<span class="dim">–</span>`;
  const path = [cluster, "tasks", task.ecsTaskId, "logs"].map(encodeURIComponent).join("/");
  return html`<a target="_blank" rel="noreferrer" href=${`https://${region}.console.aws.amazon.com/ecs/v2/clusters/${path}?region=${region}`}>in the ECS console</a>`;
}

// The end of the log. It stays at its end while it grows, unless somebody has scrolled up.
function Tail({ text, cut }) {
  const node = useRef(null);
  const end = useRef(true);
  useEffect(() => { if (end.current) node.current?.scrollTo(0, node.current.scrollHeight); }, [text]);
  if (!text) return html`<p class="dim">It has written nothing.</p>`;
  const scrolled = ({ target }) => { end.current = target.scrollHeight - target.scrollTop - target.clientHeight < 8; };
  return html`${cut && html`<p class="dim">Only the last 64 KiB.</p>`}
    <pre class="raw log" ref=${node} tabindex="0" aria-label="Log" onScroll=${scrolled}>${format.plain(text)}</pre>`;
}

function Log({ task, data, state }) {
  const { details, log, cut } = state;
  return html`<section><h3>Log</h3><p class="where"><${Where} task=${task} data=${data} details=${details} /></p>
    ${details?.log?.kind === "file" && (log === null ? html`<p class="dim">It is not there any more: logs of tasks that stopped long ago are removed.</p>` : html`<${Tail} key=${task.taskName} text=${log} cut=${cut} />`)}</section>`;
}

function Raw({ name, note, value }) {
  return html`<details><summary>${name}${note && html` <span class="dim">${note}</span>`}</summary>
    <pre class="raw" tabindex="0" aria-label=${name}>${format.json(value)}</pre></details>`;
}

const noDescription = (task, details) => (offline ? "not in an offline copy" : !details ? "" : !details.log ? noTask(task)
  : format.over(task.status) ? "none: ECS was not asked, or had forgotten the task" : "not asked for yet");

function RawParts({ task, details }) {
  const { auditRow, ecs, stepFunctions } = details ?? {};
  return html`<${Raw} name="Raw row" note=${auditRow ? "of the audit table" : ""} value=${auditRow ?? task} />
    ${ecs ? html`<${Raw} name="ECS description" note=${`as of ${format.moment(ecs.seenAt)}${ecs.shortened ? ", its longest members left out" : ""}`} value=${ecs.description} />`
    : html`<p class="none">ECS description <span class="dim">${noDescription(task, details)}</span></p>`}
    ${stepFunctions?.events.length ? html`<${Raw} name="Launch events" note="of the state machine" value=${stepFunctions.events} />`
    : stepFunctions?.note && html`<p class="none">Launch events <span class="dim">${stepFunctions.note}</span></p>`}`;
}

export function Drawer({ data, name }) {
  const index = data.at.get(name);
  const task = index === undefined ? null : data.tasks[index];
  const node = useRef(null);
  const state = useDetails(data.id, task);
  const close = () => change({ task: "" });
  useEffect(() => {
    const before = document.activeElement;
    node.current.focus();
    const press = (event) => event.key === "Escape" && !document.querySelector("dialog[open]") && close();
    addEventListener("keydown", press);
    return () => {
      removeEventListener("keydown", press);
      (before?.isConnected && before !== document.body ? before : document.querySelector(".virtual tr[tabindex='0']"))?.focus();
    };
  }, []);
  useEffect(() => node.current.scrollTo(0, 0), [name]);
  return html`<aside class="drawer" ref=${node} tabindex="-1" aria-label=${`Task ${format.cut(name, 80)}`}>
    <header>${task && html`<${Badge} status=${task.status} />`}<h2><bdi>${format.cut(name, 1100)}</bdi></h2>
      <button class="plain" aria-label="Close" onClick=${close}>✕</button></header>
    ${!task ? html`<${Empty}>${data.complete ? format.removed(data.run) || "This run has no task of that name." : "Loading…"}<//>` : html`
      <${Why} task=${task} /><${Phases} task=${task} run=${data.run} />
      <${Voices} task=${task} data=${data} details=${state.details} />
      <${Log} task=${task} data=${data} state=${state} />
      <section><h3>Facts</h3><dl class="facts"><${Fact} name="Started"><${Time} at=${task.startTime} /><//><${Fact} name="Last change"><${Time} at=${task.updateTime} /><//>
        <${Fact} name="Took">${format.duration(took(task))}<//><${Fact} name="Attempt">${task.attempt}<//>
        <${Fact} name="ECS task">${idOf(task, state.details)}<//><${Fact} name="Bucket">${task.s3BucketName}<//>
        <${Fact} name="Object"><bdi>${task.objectKey}</bdi><//><${Fact} name="Copy">${task.destinationKey && html`<bdi>${task.destinationKey}</bdi>`}<//></dl></section>
      <${RawParts} task=${task} details=${state.details} />
      ${state.error && html`<p class="dim">More of this task cannot be shown: ${state.error}</p>`}`}</aside>`;
}
