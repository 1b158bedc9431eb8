// panes: what a run's events and its spec are shown as.
import { useEffect, useMemo, useState } from "preact/hooks";
import * as api from "./api.js";
import * as format from "./format.js";
import { said, stateOf } from "./history.js";
import { change } from "./route.js";
import { VirtualTable } from "./table.js";
import { Alert, Count, Empty, Name, Time, html } from "./ui.js";

const columns = [
  { name: "id", title: "Id", class: "c-id num", cell: (event) => format.number(event.id) },
  { name: "time", title: "Time", class: "c-started num", cell: (event) => html`<${Time} at=${event.timestamp} />` },
  { name: "type", title: "Type", class: "c-type", cell: (event) => html`<span class=${/Failed|TimedOut|Aborted/.test(event.type) ? "failed-text" : ""}>${/Failed|TimedOut|Aborted/.test(event.type) ? "✕ " : ""}${event.type}</span>` },
  { name: "said", title: "State, resource or error", class: "c-reason", cell: (event) => html`<span class="one-line" title=${format.cut(said(event), 600)}><${Name} text=${said(event)} /></span>` },
];

export function Events({ data, edition, query }) {
  const [open, setOpen] = useState(null);
  const rows = useMemo(() => (query.state ? data.events.filter((event) => stateOf(event) === query.state) : data.events.slice()), [edition, query.state]);
  const empty = format.removed(data.run) || (query.state ? "The run has not been in this state." : data.run.execution?.arn ? "No event yet." : "The execution has not started, so it has no event.");
  return html`<div class="toolbar">${query.state ? html`<button class="chip" onClick=${() => change({ state: "" })}>state ${format.cut(query.state, 60)} <span aria-hidden="true">✕</span><span class="hidden">: clear</span></button>` : ""}
      <${Count} text=${format.plural(rows.length, "event")} of=${query.state} /></div>
    <${VirtualTable} caption="State machine events" columns=${columns} rows=${rows} id=${(event) => event.id} chosen=${open?.id} onChoose=${(event) => setOpen(open?.id === event.id ? null : event)} empty=${empty} />
    ${open && html`<pre class="raw" tabindex="0" aria-label=${`Event ${open.id}`}>${format.json(open)}</pre>`}`;
}

export function Spec({ id }) {
  const [state, set] = useState({});
  const [copied, setCopied] = useState("");
  // Browsers give the clipboard to pages of localhost and https alone.
  const copy = () => Promise.resolve(navigator.clipboard?.writeText(state.text) ?? Promise.reject())
    .then(() => setCopied("copied"), () => setCopied("this browser gives no clipboard to a page without https: select the text"));
  useEffect(() => {
    const controller = new AbortController();
    api.spec(id, controller.signal).then((value) => set({ text: format.json(value) }), (error) => set({ error }));
    return () => controller.abort();
  }, [id]);
  if (state.error) return html`<${Alert}>${state.error.message}<//>`;
  if (!state.text) return html`<${Empty}>Loading…<//>`;
  return html`<div class="toolbar"><span class="dim">as it was submitted</span><span class="fill"></span>
      <span class="dim" role="status">${copied}</span><button onClick=${copy}>Copy</button></div>
    <pre class="raw tall" tabindex="0" aria-label="Spec">${state.text}</pre>`;
}
