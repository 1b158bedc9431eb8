// brush: a selection in the timeline, {from, to, top, bottom} in milliseconds and rows, as the address holds it and as
// a test of tasks. Pure.

// "12.5_40_0_99": seconds since the run was submitted, and rows of the order that the address names.
export const write = ({ from, to, top, bottom }, run) =>
  [...[from, to].map((at) => ((at - Date.parse(run.submittedAt)) / 1000).toFixed(3)), top, bottom].join("_");

// null for what is no selection.
export function read(text, run) {
  const [from, to, top, bottom, ...more] = (text ?? "").split("_").map(Number);
  if (more.length || !(from < to) || !(top < bottom) || !(top >= 0)) return null;
  const start = Date.parse(run.submittedAt);
  return { from: start + from * 1000, to: start + to * 1000, top: Math.floor(top), bottom: Math.ceil(bottom) };
}

// Tells of a task, by its name and a function that answers when it began and ended, whether it is among those in
// the selection's rows that were at work, or waiting, within its time.
export function among(model, area) {
  const chosen = new Set();
  for (let row = area.top; row < Math.min(area.bottom, model.n); row++) chosen.add(model.tasks[model.rows[row]].taskName);
  return (name, span) => {
    const times = chosen.has(name) ? span() : null;
    return times !== null && times[0] < area.to && times[1] > area.from;
  };
}
