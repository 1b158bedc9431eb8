// retry: asks before what did not complete is started again, and goes to the new run.
import { useState } from "preact/hooks";
import * as api from "./api.js";
import * as format from "./format.js";
import { link } from "./route.js";
import { Confirm, html } from "./ui.js";

export const randomKey = () => `page-${Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("")}`;

export const retriable = (run) => (format.over(run.status) ? run.tasks.failed + run.tasks.cancelled : 0);

export function Retry({ run, onClose }) {
  // A second try after a lost answer, or from the same question, starts nothing twice.
  const [key] = useState(randomKey);
  const act = async () => { location.hash = link(["runs", (await api.retry(run.workflowRunId, key)).workflowRunId]); };
  return html`<${Confirm} title="Retry what did not complete?" verb="Start the retry" onClose=${onClose} act=${act}>
    <p>A new run of ${format.plural(retriable(run), "task")} of <b><bdi>${format.cut(run.workflowName, 100)}</bdi></b> that failed or were cancelled will be started. This run stays as it is.</p><//>`;
}
