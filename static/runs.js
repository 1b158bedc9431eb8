// runs: the first view: the newest runs with status, progress and times.
import * as api from "./api.js";
import { badge, duration, el, progress, table, time } from "./dom.js";

const filters = ["", "Submitted", "Running", "Completed", "Failed", "Cancelled"];

function row(run) {
  return el("tr", null,
    el("td", null, badge(run.status)),
    el("td", null, el("a", { href: `#/runs/${run.workflowRunId}`, title: run.workflowName }, run.workflowName),
      el("div", { class: "dim num" }, run.workflowRunId)),
    el("td", { class: "num" }, run.pattern),
    el("td", null, progress(run.tasks)),
    el("td", null, time(run.submittedAt)),
    el("td", { class: "num" }, duration(run.durationSeconds)),
    el("td", { class: "reason" }, run.reason ?? ""));
}

function bar(query) {
  const links = filters.map((name) => el("a", {
    href: name ? `#/?status=${name}` : "#/",
    "aria-current": (query.get("status") ?? "") === name ? "true" : null,
  }, name || "All"));
  return el("nav", { class: "filters", "aria-label": "Runs by status" }, ...links);
}

// Answers the view's element for the query of the address (status, cursor).
export async function view(query, signal) {
  const page = await api.runs(query, signal);
  const heads = ["Status", "Workflow", "Pattern", "Tasks", "Submitted", "Duration", "Reason"];
  const next = new URLSearchParams(query);
  if (page.nextCursor) next.set("cursor", page.nextCursor);
  const empty = query.size ? "No run fits." : "No run yet: POST a spec to /workflows.";
  return el("section", null, bar(query),
    el("div", { class: "scroll" }, table("Runs, newest first", heads, page.items.map(row), empty)),
    el("p", null, query.has("cursor") ? el("a", { href: "#/" }, "newest") : null, " ",
      page.nextCursor ? el("a", { href: `#/?${next}` }, "older runs") : null));
}
