// format: how values are written, the same in every view. Pure functions, no document.
const shapes = { Submitted: "○", Running: "◐", Completed: "●", Failed: "✕", Cancelled: "■" };
export const statuses = Object.keys(shapes);
export const over = (status) => status === "Completed" || status === "Failed" || status === "Cancelled";
export const shape = (status) => shapes[status] ?? "?";
export const kind = (status) => (shapes[status] ? status.toLowerCase() : "unknown");
// What a status is called in counts: nobody says that a task is "submitted".
export const word = (status) => (status === "Submitted" ? "queued" : status.toLowerCase());

// Not between the halves of a character.
export const cut = (text, most) => (text && text.length > most ? `${text.slice(0, most - 1).replace(/[\ud800-\udbff]$/, "")}…` : text ?? "");
// A sentence that names something: characters that would turn the rest of it around are shown as such.
export const flat = (text) => text?.replace(/[\u202a-\u202e\u2066-\u2069]/g, "\ufffd") ?? "";
// Many lines that anybody wrote: each reads as it is, and what only moves the pen is shown as such.
export const plain = (text) => text.replace(/\r\n/g, "\n").replace(/[\u202a-\u202e\u2066-\u2069]|[\0-\x08\x0b-\x1f\x7f]/g, "\ufffd");
// A value to be read as JSON: the same characters as escapes, so that each line reads as it is.
export const json = (value) => JSON.stringify(value, null, 2)
  .replace(/[\u202a-\u202e\u2066-\u2069]/g, (c) => `\\u${c.charCodeAt(0).toString(16)}`);
export const number = (value) => (Number.isFinite(value) ? value.toLocaleString("en-US") : "–");
export const plural = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
export const ms = (text) => (text ? Date.parse(text) : NaN);

const two = (value) => String(value).padStart(2, "0");
export function clock(at) {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
const day = (date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
// Today's moments need no date; `short` ones of other days no seconds, nor this year's the year.
export function moment(at, short) {
  const [date, today] = [new Date(at), new Date()];
  if (day(date) === day(today)) return clock(date);
  if (!short) return `${day(date)} ${clock(date)}`;
  return date.getFullYear() === today.getFullYear() ? `${day(date).slice(5)} ${clock(date).slice(0, 5)}` : day(date);
}

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 0) return "0 ms";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${two(whole % 60)} s`;
  const hours = Math.floor(whole / 3600);
  return hours < 48 ? `${hours} h ${two(Math.floor(whole / 60) % 60)} m` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

// A time that is estimated, no finer than it can be known.
export function rough(seconds) {
  if (!(seconds < 3600)) return duration(seconds);
  return seconds < 59.5 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} m`;
}

// So many a second, a minute or an hour, whichever is a number to be read.
export function pace(perSecond) {
  const [times, unit] = perSecond >= 1 ? [1, "a second"] : perSecond * 60 >= 1 ? [60, "a minute"] : [3600, "an hour"];
  const value = perSecond * times;
  return `${value < 10 ? value.toFixed(1) : number(Math.round(value))} ${unit}`;
}

export function bytes(count) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let value = count;
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit ? value.toFixed(1) : value} ${units[unit]}`;
}

// A run's seconds so far; a run that is going on grows between two answers of the server.
export function elapsed(run, now) {
  const start = ms(run.submittedAt);
  return ((run.endedAt ? ms(run.endedAt) : Math.max(now, start)) - start) / 1000;
}

// Tasks that a run which goes on ends a second, since it started; NaN when that cannot be said.
const done = ({ tasks }) => tasks.completed + tasks.failed + tasks.cancelled;
export function speed(run, now) {
  const spent = (now - ms(run.startedAt)) / 1000;
  return over(run.status) || done(run) === 0 || !(spent > 0) ? NaN : done(run) / spent;
}

// Seconds until the run is over if it goes on as it did so far; NaN when that cannot be said.
export const eta = (run, now) => (run.tasks.total - done(run)) / speed(run, now);

// Why a run of long ago has no tasks and events any more; "" while it has them.
export const removed = (run) => (run.tasksRemovedAt
  ? `Tasks and events of this run were removed ${moment(run.tasksRemovedAt)}, as old as they were (--retention-days).` : "");

// "7 × ExitCode, 2 × OutOfMemory": the classes that the execution's cause counts; "" when it counts none.
export function classes(run) {
  const counts = new Map();
  for (const [, count, name] of (run.execution?.cause ?? "").matchAll(/(?:tasks? failed: |; )(\d+) x ([A-Z][A-Za-z0-9]*):/g)) {
    counts.set(name, (counts.get(name) ?? 0) + Number(count));
  }
  const more = counts.size && /; and \d+ more reasons$/.test(run.execution.cause) ? ", …" : "";
  return [...counts].map(([name, count]) => `${number(count)}\u00a0×\u00a0${name}`).join(", ") + more;
}

// All that is known of why a run ended as it did, or what it waits for; "" while all is well.
export const reason = (run) => flat(run.reason ?? (run.execution?.error ? `${run.execution.error}: ${run.execution.cause ?? "no cause was given"}` : ""));

// One line that tells what became of a run, the error first.
export const summary = (run) => flat(whatBecame(run));
function whatBecame(run) {
  const t = run.tasks;
  const why = run.status === "Failed" && classes(run);
  if (why) return `${number(t.failed)} of ${plural(t.total, "task")} failed: ${why}.`;
  if (run.reason) return run.reason[0].toUpperCase() + run.reason.slice(1);
  if (run.execution?.startError) return `Not started after ${plural(run.execution.startAttempts, "attempt")}: ${run.execution.startError}`;
  if (run.execution?.error) return `${run.execution.error}: ${run.execution.cause ?? "no cause was given"}`;
  if (run.status === "Completed") return `All ${plural(t.total, "task")} completed in ${duration(elapsed(run))}.`;
  if (run.status === "Failed") return `${number(t.failed)} of ${plural(t.total, "task")} failed.`;
  if (run.status === "Cancelled") return `Cancelled after ${duration(elapsed(run))}; ${number(t.completed)} of ${plural(t.total, "task")} had completed.`;
  if (run.status === "Submitted") return "Accepted; the execution has not started yet.";
  return `${number(t.completed)} of ${plural(t.total, "task")} completed, ${number(t.running)} running, ${number(t.submitted)} queued${t.failed ? `, ${number(t.failed)} failed` : ""}.`;
}

// The names the audit row, ECS and the page use for a task's error, shortest first.
export const reasonOf = (task) => task.reason?.class ?? task.stopCode ?? (task.status === "Failed" ? "Failed" : "");
export const sentenceOf = (task) => flat(task.reason?.sentence ?? task.stoppedReason);
