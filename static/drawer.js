// drawer: one task: what became of it and why, who says what, and the raw row.
import { useEffect, useRef } from "preact/hooks";
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

// A name in camel case may be broken between its words.
const words = (name) => name.split(/(?=[A-Z])/).map((word, i) => html`${i ? html`<wbr />` : ""}${word}`);

// What Step Functions has to say of a task: the states that name it, and the execution itself.
function machineSays(task, data) {
  const own = data.events.filter((event) => event.details?.taskName === task.taskName || event.details?.name === task.taskName);
  return { status: data.run.execution?.status ?? "not started", last: own.at(-1)?.type };
}

function verdict(task, machine) {
  if (!format.over(task.status)) return machine.status === "RUNNING" || machine.status === "not started" ? "" : "The execution is over, but the task is not: the run is being closed.";
  if (task.status === "Completed" && task.exitCode > 0) return "The audit row says Completed although ECS saw another exit code.";
  if (task.status === "Failed" && task.exitCode === 0) return "The process ended well, but its audit row says Failed: the row's reason counts.";
  return "All that is known agrees.";
}

function Voices({ task, data }) {
  const machine = machineSays(task, data);
  const said = verdict(task, machine);
  return html`<section><h3>Who says what</h3><table class="voices"><thead><tr><th scope="col">Audit says</th><th scope="col">ECS says</th><th scope="col">Step Functions says</th></tr></thead>
    <tbody><tr><td><${Badge} status=${task.status} /><div>${task.execTimeInSeconds !== undefined ? `took ${format.duration(task.execTimeInSeconds)}` : ""}</div><div>${task.bytes !== undefined ? format.bytes(task.bytes) : ""}</div></td>
      <td>${task.ecsTaskId ? html`${task.stopCode ? words(task.stopCode) : format.over(task.status) ? "stopped" : "started"}<div>${task.exitCode !== undefined ? `exit ${task.exitCode}` : ""}</div><div class="dim">${format.cut(format.flat(task.stoppedReason), 200)}</div>` : "no task was started"}</td>
      <td>${machine.status}<div class="dim">${machine.last ?? (data.run.execution?.error ? format.cut(data.run.execution.error, 120) : "")}</div></td></tr></tbody></table>
    ${said && html`<p class="dim">${said}</p>`}</section>`;
}

function clusterOf(data) {
  try {
    return JSON.parse(data.events[0].details.input).clusterName;
  } catch {
    return ""; // the history is not there, or its input was cut
  }
}

// Where the task's log is: ECS's console shows it; a server with --local has it as a file.
function Log({ task, data }) {
  const [, region, account] = /^arn:aws:states:([a-z0-9-]+):([0-9]+):/.exec(data.run.execution?.arn) ?? [];
  const cluster = clusterOf(data);
  if (!task.ecsTaskId || !region) return html`<span class="dim">no task was started</span>`;
  if (/^0+$/.test(account)) return `aws/ecs/logs/${task.ecsTaskId}.log in the server's data folder`;
  if (!cluster) return html`<span class="dim">–</span>`;
  const path = [cluster, "tasks", task.ecsTaskId, "logs"].map(encodeURIComponent).join("/");
  return html`<a target="_blank" rel="noreferrer" href=${`https://${region}.console.aws.amazon.com/ecs/v2/clusters/${path}?region=${region}`}>in the ECS console</a>`;
}

export function Drawer({ data, name }) {
  const index = data.at.get(name);
  const task = index === undefined ? null : data.tasks[index];
  const node = useRef(null);
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
      <${Voices} task=${task} data=${data} />
      <section><h3>Facts</h3><dl class="facts"><${Fact} name="Started"><${Time} at=${task.startTime} /><//><${Fact} name="Last change"><${Time} at=${task.updateTime} /><//>
        <${Fact} name="Took">${format.duration(took(task))}<//><${Fact} name="Attempt">${task.attempt}<//>
        <${Fact} name="ECS task">${task.ecsTaskId}<//><${Fact} name="Bucket">${task.s3BucketName}<//>
        <${Fact} name="Object"><bdi>${task.objectKey}</bdi><//><${Fact} name="Copy">${task.destinationKey && html`<bdi>${task.destinationKey}</bdi>`}<//>
        <${Fact} name="Log"><${Log} task=${task} data=${data} /><//></dl></section>
      <details><summary>Raw row</summary><pre class="raw" tabindex="0" aria-label="Raw row">${format.json(task)}</pre></details>`}</aside>`;
}
