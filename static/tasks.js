// tasks: a run's tasks as a table; what of them is shown is in the address.
import { useMemo } from "preact/hooks";
import * as format from "./format.js";
import { finish, phases, took } from "./phases.js";
import { change } from "./route.js";
import { VirtualTable, sorted } from "./table.js";
import { Badge, Count, Name, Time, html, useTyped } from "./ui.js";

const columns = [
  { name: "status", title: "Status", class: "c-status", by: (task) => format.statuses.indexOf(task.status), cell: (task) => html`<${Badge} status=${task.status} />` },
  { name: "task", title: "Task", class: "c-name", by: (task) => task.taskName, cell: (task) => html`<${Name} text=${task.taskName} />` },
  { name: "reason", title: "Reason", class: "c-reason", by: format.reasonOf, cell: (task) => {
    const [name, sentence] = [format.reasonOf(task), format.sentenceOf(task)];
    return html`<span class="one-line" title=${format.cut(sentence, 600)}>${name && html`<b>${name}</b> `}${format.cut(sentence, 200)}</span>`;
  } },
  { name: "start", title: "Started", class: "c-started num", by: (task) => format.ms(task.startTime), cell: (task) => html`<${Time} at=${task.startTime} />` },
  { name: "took", title: "Took", class: "c-duration num", by: took, cell: (task) => format.duration(took(task)) },
  { name: "object", title: "Object", class: "c-object", by: (task) => task.objectKey, cell: (task) => html`<${Name} text=${task.objectKey} />` },
];

// What the server groups failures by, besides their class: so many characters of ECS's words.
const GROUP_CHARS = 80;
const group = (task) => JSON.stringify([task.reason?.class, task.status, task.stopCode, task.exitCode,
  [...task.stoppedReason ?? ""].slice(0, GROUP_CHARS).join("")]);

// Does a task fit the query? null when the query asks for nothing. `like` names a task that it failed as.
export function fits({ status, reason, like, q }, data) {
  if (!status && !reason && !like && !q) return null;
  const [wanted, text] = [status?.toLowerCase(), q?.toLowerCase()];
  const model = like && data.tasks[data.at.get(like)];
  const kind = model && group(model);
  return (task) => (!wanted || task.status.toLowerCase() === wanted) && (!reason || format.reasonOf(task) === reason)
    && (!like || (kind && group(task) === kind))
    && (!text || task.taskName.toLowerCase().includes(text) || task.objectKey?.toLowerCase().includes(text) || task.ecsTaskId?.includes(text));
}

// Which tasks the query and the brush of the timeline leave.
function select(data, query, brush) {
  const fit = fits(query, data);
  return data.tasks.filter((task) => (!fit || fit(task))
    && (!brush || brush(task.taskName, () => {
      const [first] = phases(task, data.run);
      return first ? [first.from, finish(task)] : null;
    })));
}

// What the address holds when all tasks are shown.
export const unfiltered = { status: "", reason: "", like: "", q: "", sel: "" };
const asked = ({ status, reason, like, q, sel }) => JSON.stringify([status, reason, like, q, sel]);

function Filters({ query, reasons, shown, total, brush }) {
  const [text, search] = useTyped(query.q ?? "", (q) => change({ q }), 150);
  return html`<form class="toolbar" role="search" onSubmit=${(event) => event.preventDefault()}>
    <input type="search" placeholder="Search task, object, ECS id" aria-label="Search tasks" value=${text} onInput=${search} />
    <label><span>Status</span><select value=${query.status ?? ""} onChange=${(event) => change({ status: event.currentTarget.value })}>
      <option value="">any</option>${format.statuses.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select></label>
    ${reasons.length > 0 && html`<label><span>Reason</span><select value=${query.reason ?? ""} onChange=${(event) => change({ reason: event.currentTarget.value, like: "" })}>
      <option value="">any</option>${reasons.map((name) => html`<option key=${name} value=${name}>${format.cut(name, 40)}</option>`)}</select></label>`}
    ${query.like && html`<button type="button" class="chip" onClick=${() => change({ like: "" })}>as ${format.cut(query.like, 40)} <span aria-hidden="true">✕</span><span class="hidden">: clear</span></button>`}
    ${brush && html`<button type="button" class="chip" onClick=${() => change({ sel: "" })}>selected in the timeline <span aria-hidden="true">✕</span><span class="hidden">: clear</span></button>`}
    <${Count} text=${shown === total ? format.plural(total, "task") : `${format.number(shown)} of ${format.plural(total, "task")}`} of=${asked(query)} /></form>`;
}

export function Tasks({ data, edition, query, brush }) {
  const reasons = useMemo(() => [...new Set(data.tasks.map(format.reasonOf))].filter(Boolean).sort().slice(0, 100), [edition]);
  const rows = useMemo(() => sorted(select(data, query, brush), columns, query.sort), [edition, asked(query), query.sort, brush]);
  const filtered = query.status || query.reason || query.like || query.q || brush;
  const empty = filtered ? html`No task fits these filters. <button type="button" class="plain link" onClick=${() => change(unfiltered)}>Show all tasks</button>`
    : !data.complete ? "Loading the tasks…" : format.removed(data.run) || "This run has no task.";
  return html`<${Filters} query=${query} reasons=${reasons} shown=${rows.length} total=${data.tasks.length} brush=${brush} />
    <${VirtualTable} caption="Tasks" columns=${columns} rows=${rows} id=${(task) => task.taskName} chosen=${query.task}
      sort=${query.sort} onSort=${(sort) => change({ sort })} onChoose=${(task) => change({ task: task.taskName })}
      rowClass=${(task) => format.kind(task.status)} empty=${empty} />`;
}
