// gantt: the timeline's model: tasks as numbers in flat arrays, and drawing them on a canvas. Ten
// thousand tasks are drawn within a frame: where rows are thinner than a pixel, one line of pixels
// stands for several tasks and shows the worst of them.
import { finish, phases } from "./phases.js";
import * as format from "./format.js";

const PHASES = ["queued", "provisioning", "pull", "start", "run"];
const STATUSES = format.statuses; // Submitted, Running, Completed, Failed, Cancelled
const WORST = [0, 2, 1, 4, 3]; // of a pixel's tasks the one with the highest is shown

export const orders = { start: "start", took: "duration", status: "status", spec: "spec order" };

// Marks of a task: begin of each phase and the end; NaN where a phase is not known. Tasks that do not fit
// (`fit` may be null) are faint.
export class Model {
  constructor(tasks, run, order, now, fit) {
    const n = tasks.length;
    Object.assign(this, { tasks, n, run, now, fit, faint: new Uint8Array(n), status: new Uint8Array(n), marks: new Float64Array(n * 6), open: 0,
      from: format.ms(run.startedAt ?? run.submittedAt), to: 0 });
    for (let i = 0; i < n; i++) this.read(i, tasks[i]);
    this.to = Math.max(this.to, this.open ? now : 0, this.from + 1000);
    this.rows = this.order(order);
  }

  read(i, task) {
    const list = phases(task, this.run, this.now);
    this.status[i] = Math.max(0, STATUSES.indexOf(task.status));
    this.faint[i] = this.fit && !this.fit(task) ? 1 : 0;
    if (!format.over(task.status)) this.open++;
    this.marks.fill(NaN, i * 6, i * 6 + 6);
    for (const { name, from } of list) this.marks[i * 6 + PHASES.indexOf(name)] = from;
    if (!list.length) return;
    const end = finish(task, this.now);
    this.marks[i * 6 + 5] = end;
    // A task that ended before it was seen running still shows its end.
    if (format.over(task.status) && !(this.marks[i * 6 + 4] > 0)) this.marks[i * 6 + 4] = end;
    if (list[0].from < this.from) this.from = list[0].from;
    if (end > this.to) this.to = end;
  }

  // Of several tasks on one line of pixels the one with the highest rank is shown.
  rank(i) {
    return this.faint[i] ? -1 : WORST[this.status[i]];
  }

  // When the task left its queue; those that did not stand last.
  begin(i) {
    for (let p = 1; p < 5; p++) if (this.marks[i * 6 + p] > 0) return this.marks[i * 6 + p];
    return Infinity;
  }

  order(name) {
    const rows = Uint32Array.from({ length: this.n }, (_, i) => i);
    const took = (i) => (this.begin(i) === Infinity ? -1 : this.marks[i * 6 + 5] - this.begin(i));
    const keys = { start: (i) => this.begin(i), took: (i) => -took(i), status: (i) => -WORST[this.status[i]], spec: () => 0 }[name] ?? (() => 0);
    const values = Float64Array.from(rows, keys);
    return rows.sort((a, b) => (values[a] < values[b] ? -1 : values[a] > values[b] ? 1 : a - b));
  }
}

// What of the model is in sight: `from`..`to` in ms, the first row and rows per view, which are at
// least `least`: few tasks make no fat bars.
export function fit(model, least) {
  const spare = (model.to - model.from) * 0.02;
  return { from: model.from - spare, to: model.to + spare, top: 0, rows: Math.max(model.n, least) };
}

export function clamp(view, model, least) {
  const whole = fit(model, least);
  const span = Math.min(Math.max(view.to - view.from, 50), (whole.to - whole.from) * 4);
  const middle = Math.min(Math.max((view.from + view.to) / 2, whole.from), whole.to);
  const rows = Math.min(Math.max(view.rows, 4), whole.rows);
  return { from: middle - span / 2, to: middle + span / 2, rows, top: Math.min(Math.max(view.top, 0), whole.rows - rows) };
}

const STEPS = [100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3, 1800e3, 3600e3, 7200e3, 21600e3, 43200e3, 86400e3];
export const AXIS = 22; // px above the rows

function axis(ctx, view, size, model, colours) {
  const scale = size.w / (view.to - view.from);
  const step = STEPS.find((ms) => ms * scale >= 84) ?? 604800e3;
  ctx.font = "12px system-ui, sans-serif";
  ctx.textBaseline = "middle";
  for (let t = Math.ceil((view.from - model.from) / step) * step; t <= view.to - model.from; t += step) {
    const x = Math.round((t + model.from - view.from) * scale) + 0.5;
    ctx.fillStyle = colours.line;
    ctx.fillRect(x - 0.5, 0, 1, size.h);
    ctx.fillStyle = colours.dim;
    const text = t < 0 ? "" : t === 0 ? "start" : `+${format.duration(t / 1000).replace(/\.0 s/, " s")}`;
    if (x + 4 + ctx.measureText(text).width <= size.w) ctx.fillText(text, x + 4, AXIS / 2);
  }
}

const endColour = (status, colours) => [colours.submitted, colours.running, colours.completed, colours.failed, colours.cancelled][status];

// One bar with its phases; the last one has the colour of the task's status.
function bar(ctx, model, i, y, h, view, scale, colours) {
  const end = model.marks[i * 6 + 5];
  if (!(end > view.from)) return;
  let to = end;
  ctx.globalAlpha = model.faint[i] ? 0.18 : 1;
  for (let p = 4; p >= 0; p--) {
    const from = model.marks[i * 6 + p];
    if (!(from > 0)) continue;
    const x = Math.max(0, (from - view.from) * scale);
    const w = Math.min((to - view.from) * scale, ctx.canvas.width) - x;
    if (w > 0 || p === 4) {
      // Waiting is the ground that work stands out from.
      if (p === 0) ctx.globalAlpha *= 0.6;
      ctx.fillStyle = p === 4 ? endColour(model.status[i], colours) : colours[`phase-${PHASES[p]}`];
      if (p === 0 && h >= 4) ctx.fillRect(x, y + h * 0.35, w, Math.max(h * 0.3, 1));
      else ctx.fillRect(x, y, Math.max(w, 2), h);
    }
    to = from;
  }
  ctx.globalAlpha = 1;
}

// Failed bars also carry a cross, so that colour is not all that tells them; it stands behind the name.
function cross(ctx, y, h, colours, x) {
  ctx.fillStyle = colours.failed;
  ctx.fillText("✕", x, y + h / 2);
}

// The name on a piece of background, so that it is read over any bar; behind one that it would hide. Answers
// where it ends.
function label(ctx, name, y, h, colours, room, end) {
  const text = format.cut(format.flat(name.slice(0, 64)), Math.max(8, Math.min(28, Math.floor(room / 24))));
  ctx.globalAlpha = 0.88;
  ctx.fillStyle = colours.panel;
  const width = ctx.measureText(text).width + 12;
  const x = end > 0 && end < width ? end + 2 : 0;
  ctx.fillRect(x, y, width, h);
  ctx.globalAlpha = 1;
  ctx.fillStyle = colours.text;
  ctx.fillText(text, x + 6, y + h / 2 + 1);
  return x + width;
}

// Of the tasks that share a pixel's line the worst one is drawn.
function thin(ctx, model, size, view, scale, colours) {
  const per = view.rows / (size.h - AXIS);
  for (let y = 0; y < size.h - AXIS; y++) {
    const first = Math.floor(view.top + y * per);
    const last = Math.min(model.n, Math.max(first + 1, Math.floor(view.top + (y + 1) * per)));
    let shown = model.rows[first];
    for (let r = first; r < last; r++) if (model.rank(model.rows[r]) > model.rank(shown)) shown = model.rows[r];
    if (first < model.n) bar(ctx, model, shown, y + AXIS, 1, view, scale, colours);
  }
}

function thick(ctx, model, size, view, scale, colours) {
  const h = (size.h - AXIS) / view.rows;
  const gap = h > 4 ? Math.min(h * 0.25, 4) : 0;
  const last = Math.min(model.n, Math.ceil(view.top + view.rows));
  for (let r = Math.floor(view.top); r < last; r++) {
    const i = model.rows[r];
    let y = AXIS + (r - view.top) * h + gap / 2;
    let tall = h - gap;
    // Thin bars stand on whole pixels, or they would shimmer.
    if (h < 5) [y, tall] = [Math.floor(y), Math.max(1, Math.floor(y + h) - Math.floor(y))];
    bar(ctx, model, i, y, tall, view, scale, colours);
    const end = (model.marks[i * 6 + 5] - view.from) * scale;
    const named = h >= 15 ? label(ctx, model.tasks[i].taskName, y, h - gap, colours, size.w, end) : 6;
    if (h >= 11 && model.status[i] === 3 && !model.faint[i]) cross(ctx, y, h - gap, colours, Math.max(named, end + 4));
  }
}

// Everything, for a canvas of size {w, h, ratio} in CSS pixels. `marked` are rows and times of a brush.
export function draw(ctx, model, view, size, colours, brush) {
  ctx.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
  ctx.clearRect(0, 0, size.w, size.h);
  axis(ctx, view, size, model, colours);
  const scale = size.w / (view.to - view.from);
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, AXIS, size.w, size.h - AXIS);
  ctx.clip();
  (view.rows > size.h - AXIS ? thin : thick)(ctx, model, size, view, scale, colours);
  if (brush) {
    ctx.fillStyle = colours.brush;
    ctx.strokeStyle = colours.link;
    const [x, w] = [(brush.from - view.from) * scale, (brush.to - brush.from) * scale];
    const h = (size.h - AXIS) / view.rows;
    const [y, tall] = [AXIS + (brush.top - view.top) * h, (brush.bottom - brush.top) * h];
    ctx.fillRect(x, y, w, tall);
    ctx.strokeRect(x + 0.5, y + 0.5, w - 1, tall - 1);
  }
  ctx.restore();
}
