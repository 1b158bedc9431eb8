// phases: where a task's time went, from the times that are known.
import { now as present } from "./api.js";
import * as format from "./format.js";

// In their order; the name is also the colour's in the style sheet.
export const names = { queued: "queued", provisioning: "provisioning", pull: "image pull", start: "container start", run: "running" };

// A task's times as numbers, read once: ten thousand tasks are looked at several times a second.
const read = new WeakMap();
function times(task) {
  let known = read.get(task);
  if (!known) {
    known = { created: format.ms(task.createdAt), pull: format.ms(task.pullStartedAt), pulled: format.ms(task.pullStoppedAt),
      started: format.ms(task.containerStartedAt) || format.ms(task.startTime), updated: format.ms(task.updateTime) };
    read.set(task, known);
  }
  return known;
}

// When a task ended, or now; NaN for one that has not begun.
export const finish = (task, now = present()) => (format.over(task.status) ? times(task).updated : now);

// Seconds at work: the task's own word, else from its container's start to its end.
export function took(task, now = present()) {
  return task.execTimeInSeconds ?? (finish(task, now) - times(task).started) / 1000;
}

// [{name, from, to}] in milliseconds. A time that is not known joins its phase to the next; a clock
// that went back gives no negative phase.
export function phases(task, run, now = present()) {
  const end = finish(task, now);
  const { created, pull, pulled, started } = times(task);
  const marks = [["queued", format.ms(run.startedAt ?? run.submittedAt)], ["provisioning", created], ["pull", pull], ["start", pulled], ["run", started]]
    .filter(([, at]) => at > 0);
  const list = [];
  let from = marks.length ? marks[0][1] : NaN;
  marks.forEach(([name], i) => {
    const to = Math.max(from, Math.min(i + 1 < marks.length ? marks[i + 1][1] : end, end));
    if (to > from) list.push({ name, from, to });
    if (to > from) from = to;
  });
  return list;
}
