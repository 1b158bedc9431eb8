// run: the view of one run: what became of it, its tasks, its state machine events.
import * as api from "./api.js";
import { badge, duration, el, progress, table, time } from "./dom.js";

function fact(name, value) {
  return el("div", null, el("dt", null, name), el("dd", null, value ?? "–"));
}

function head(run) {
  const e = run.execution;
  return el("section", { class: "summary" },
    el("h2", null, badge(run.status), " ", run.workflowName, " ", el("span", { class: "dim num" }, run.workflowRunId)),
    run.reason ? el("p", { class: run.status === "Failed" ? "alert" : "note" }, run.reason) : null,
    e.startError ? el("p", { class: "alert" }, `not started after ${e.startAttempts} attempts: ${e.startError}`) : null,
    progress(run.tasks),
    el("dl", null, fact("Pattern", String(run.pattern)), fact("Submitted", time(run.submittedAt)),
      fact("Started", time(run.startedAt)), fact("Ended", time(run.endedAt)),
      fact("Duration", duration(run.durationSeconds)), fact("Execution", e.status),
      fact("Execution ARN", e.arn), fact("Error", e.error)),
    el("p", null, el("a", { href: run.links.spec }, "spec as submitted"), " · ",
      el("a", { href: run.links.self }, "JSON")));
}

function taskRow(task) {
  return el("tr", null, el("td", null, badge(task.status)), el("td", null, task.taskName),
    el("td", { class: "reason" }, task.stoppedReason ?? ""),
    el("td", null, task.objectKey ?? ""), el("td", null, task.destinationKey ?? "–"),
    el("td", null, time(task.startTime)), el("td", { class: "num" }, duration(task.execTimeInSeconds ?? task.durationSeconds)),
    el("td", { class: "id dim" }, task.ecsTaskId ?? "–"));
}

function eventRow(event) {
  const name = event.details?.name ?? event.details?.resource ?? "";
  const said = event.details?.error ? `${event.details.error}: ${event.details.cause ?? ""}` : "";
  return el("tr", null, el("td", { class: "num" }, event.id), el("td", null, time(event.timestamp)),
    el("td", null, event.type), el("td", null, name), el("td", { class: "reason" }, said));
}

function more(page, id, query, name) {
  if (!page.nextCursor) return null;
  const next = new URLSearchParams(query);
  next.set(name, page.nextCursor);
  return el("p", null, el("a", { href: `#/runs/${id}?${next}` }, `further ${name}`));
}

// Answers the view's element for a run id and the query of the address (cursors of both lists).
export async function view(id, query, signal) {
  const [run, tasks, events] = await Promise.all([api.run(id, signal),
    api.tasks(id, query.get("tasks"), signal), api.events(id, query.get("events"), signal)]);
  const taskHeads = ["Status", "Task", "Reason", "Object", "Copy", "Started", "Took", "ECS task"];
  const eventHeads = ["Id", "Time", "Type", "State or resource", "Error"];
  return el("article", null, head(run),
    el("div", { class: "scroll" }, table("Tasks", taskHeads, tasks.items.map(taskRow), "No further task.")),
    more(tasks, id, query, "tasks"),
    el("div", { class: "scroll" }, table("State machine events", eventHeads, events.items.map(eventRow), "No event yet.")),
    more(events, id, query, "events"));
}
