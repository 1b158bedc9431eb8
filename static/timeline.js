// timeline: a run's tasks over time on one canvas. Drag moves, Ctrl + wheel or + and - zoom, Shift + drag (or
// the button) selects, a click opens the task. The task table below shows the same in words.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { now } from "./api.js";
import { colour } from "./chart.js";
import * as format from "./format.js";
import { read, write } from "./brush.js";
import { AXIS, Model, clamp, draw, fit, orders } from "./gantt.js";
import { names, phases } from "./phases.js";
import { change } from "./route.js";
import { fits } from "./tasks.js";
import { html, useLatest } from "./ui.js";

const PALETTE = ["line", "dim", "text", "panel", "link", "brush", "submitted", "running", "completed", "failed", "cancelled",
  "phase-queued", "phase-provisioning", "phase-pull", "phase-start"];
const ROW = 30; // px; bars are not thicker
const LIVE_MS = 500; // how often bars of running tasks grow
const REBUILD_MS = 250; // the least time between two readings of all tasks

// The canvas and all that moves on it, apart from rendering: 60 times a second is not preact's work.
class Stage {
  constructor(canvas, act) {
    Object.assign(this, { canvas, act, ctx: canvas.getContext("2d"), model: null, view: null, whole: true, brush: null,
      size: { w: 0, h: 0, ratio: 1 }, unit: 1, frame: 0, drag: null, selecting: false, slowest: 0 });
    this.recolour();
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(canvas);
    for (const name of ["pointerdown", "pointermove", "pointerup", "pointercancel", "pointerleave"]) canvas.addEventListener(name, (event) => this.point(event));
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.press(event));
  }

  close() {
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
  }

  recolour() {
    this.colours = Object.fromEntries(PALETTE.map((name) => [name, colour(name)]));
    this.later();
  }

  resize() {
    const { clientWidth, clientHeight } = this.canvas;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    // All is drawn in sixteenths of the page's letters, so that it grows with them.
    this.unit = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    this.size = { w: clientWidth / this.unit, h: clientHeight / this.unit, ratio: ratio * this.unit };
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
    if (this.model) this.show(this.model);
    this.paint();
  }

  get least() {
    return Math.max(1, (this.size.h - AXIS) / ROW);
  }

  show(model) {
    this.model = model;
    this.view = this.whole || !this.view ? fit(model, this.least) : clamp(this.view, model, this.least);
    this.later();
  }

  later() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.paint();
    });
  }

  paint() {
    if (!this.model || !this.size.w) return;
    const start = performance.now();
    draw(this.ctx, this.model, this.view, this.size, this.colours, this.brush);
    this.slowest = Math.max(this.slowest, performance.now() - start);
    this.canvas.dataset.slowestMs = this.slowest.toFixed(1);
  }

  look(view) {
    this.view = clamp(view, this.model, this.least);
    this.whole = false;
    this.later();
  }

  fit() {
    this.whole = true;
    if (this.model) this.show(this.model);
  }

  zoom(factor, x = this.size.w / 2) {
    const { from, to } = this.view;
    const at = from + ((to - from) * x) / this.size.w;
    this.look({ ...this.view, from: at - (at - from) / factor, to: at + (to - at) / factor });
  }

  zoomRows(factor, y = (this.size.h - AXIS) / 2) {
    const at = this.view.top + (this.view.rows * y) / (this.size.h - AXIS);
    const rows = this.view.rows / factor;
    this.look({ ...this.view, rows, top: at - (rows * y) / (this.size.h - AXIS) });
  }

  pan(x, y) {
    const { from, to, top, rows } = this.view;
    const time = ((to - from) * x) / this.size.w;
    this.look({ from: from + time, to: to + time, rows, top: top + (rows * y) / (this.size.h - AXIS) });
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / this.unit, (event.clientY - box.top) / this.unit];
    return { x, y, time: this.view.from + ((this.view.to - this.view.from) * x) / this.size.w,
      row: this.view.top + (this.view.rows * (y - AXIS)) / (this.size.h - AXIS) };
  }

  // The task of a place. Where several share a pixel it is the one that was drawn: the worst.
  taskAt({ row, y }) {
    const per = this.view.rows / (this.size.h - AXIS);
    if (y < AXIS || row < 0 || row >= this.model.n) return null;
    const { rows, n, tasks } = this.model;
    let found = rows[Math.floor(row)];
    for (let r = Math.floor(row); per > 1 && r < Math.min(n, row + per); r++) if (this.model.rank(rows[r]) > this.model.rank(found)) found = rows[r];
    return tasks[found];
  }

  point(event) {
    if (!this.model || (event.button > 0 && event.type === "pointerdown")) return;
    const at = this.place(event);
    if (event.type === "pointerdown") {
      this.canvas.setPointerCapture(event.pointerId);
      this.drag = { start: at, last: at, moved: false, select: event.shiftKey || this.selecting };
    } else if (event.type === "pointermove" && this.drag) this.dragged(at);
    else if (event.type === "pointermove") this.act.hover(this.taskAt(at), at);
    else if (event.type === "pointerup" && this.drag) this.drop(at);
    else if (event.type === "pointercancel") this.drag = null;
    else if (event.type === "pointerleave") this.act.hover(null);
  }

  dragged(at) {
    const { start, last } = this.drag;
    if (!this.drag.moved && Math.hypot(at.x - start.x, at.y - start.y) < 4) return;
    this.drag.moved = true;
    this.act.hover(null);
    if (this.drag.select) {
      this.brush = { from: Math.min(start.time, at.time), to: Math.max(start.time, at.time),
        top: Math.max(0, Math.floor(Math.min(start.row, at.row))), bottom: Math.min(this.model.n, Math.ceil(Math.max(start.row, at.row))) };
      this.later();
    } else {
      this.pan(last.x - at.x, last.y - at.y);
      this.drag.last = { ...at };
    }
  }

  drop(at) {
    const { moved, select } = this.drag;
    this.drag = null;
    if (moved && select) this.act.select(this.brush);
    else if (!moved) {
      const task = this.taskAt(at);
      if (task) this.act.open(task);
    }
  }

  // The selection as it is known elsewhere, but not under the hand that draws it.
  mark(area) {
    if (this.drag?.select) return;
    this.brush = area;
    this.later();
  }

  wheel(event) {
    if (!this.model || !(event.ctrlKey || event.metaKey || event.altKey)) return;
    event.preventDefault();
    const at = this.place(event);
    const factor = Math.exp(-Math.max(-200, Math.min(200, event.deltaY || event.deltaX)) / 240);
    if (event.altKey) this.zoomRows(factor, at.y - AXIS);
    else this.zoom(factor, at.x);
  }

  press(event) {
    if (!this.model || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { x: this.size.w / 8, y: this.size.h / 4 };
    const act = { ArrowLeft: () => this.pan(-step.x, 0), ArrowRight: () => this.pan(step.x, 0), ArrowUp: () => this.pan(0, -step.y),
      ArrowDown: () => this.pan(0, step.y), "+": () => this.zoom(1.5), "=": () => this.zoom(1.5), "-": () => this.zoom(1 / 1.5),
      Escape: () => this.act.select(null), PageUp: () => this.zoomRows(2), PageDown: () => this.zoomRows(0.5), 0: () => this.fit() }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

function Tip({ tip, run }) {
  if (!tip) return null;
  const list = phases(tip.task, run);
  return html`<div class="tip" style=${{ transform: `translate(${tip.left ? `calc(${tip.x - 12}px - 100%)` : `${tip.x + 12}px`}, ${tip.y}px)` }}><b><bdi>${format.cut(tip.task.taskName, 60)}</bdi></b> ${format.shape(tip.task.status)} ${tip.task.status}
    ${tip.task.status === "Failed" ? html`<div>${format.cut(format.reasonOf(tip.task), 60)}</div>` : ""}
    ${list.map(({ name, from, to }) => html`<div key=${name}>${names[name]} ${format.duration((to - from) / 1000)}</div>`)}</div>`;
}

function Legend() {
  return html`<p class="legend" aria-hidden="true">${["queued", "provisioning", "pull", "start"].map((name) => html`<span key=${name}><i class=${`swatch phase-${name}`}></i>${names[name]}</span>`)}
    ${["running", "completed", "failed", "cancelled"].map((name) => html`<span key=${name}><i class=${`swatch fill-${name}`}></i>${name}</span>`)}</p>`;
}

function useStage(canvas, act) {
  const stage = useRef(null);
  useEffect(() => {
    const made = new Stage(canvas.current, { hover: (...a) => act.current.hover(...a), open: (...a) => act.current.open(...a), select: (...a) => act.current.select(...a) });
    stage.current = made;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const recolour = () => made.recolour();
    addEventListener("scheme", recolour);
    dark.addEventListener("change", recolour);
    return () => {
      removeEventListener("scheme", recolour);
      dark.removeEventListener("change", recolour);
      made.close();
    };
  }, []);
  return stage;
}

export function Timeline({ data, edition, query }) {
  const canvas = useRef(null);
  const [tip, setTip] = useState(null);
  const [selecting, setSelecting] = useState(false);
  const order = query.order ?? "start";
  const act = useLatest({ open: (task) => change({ task: task.taskName }),
    hover: (task, at) => setTip(task && { task, x: at.x * stage.current.unit, left: at.x > stage.current.size.w / 2, y: at.y * stage.current.unit + 12 }),
    select: (area) => { setSelecting(false); change({ sel: area ? write(area, data.run) : "" }); } });
  const stage = useStage(canvas, act);
  const wanted = useLatest(() => stage.current.show(new Model(data.tasks, data.run, order, now(), fits(query, data))));
  const state = useRef({ timer: 0, at: 0 }).current;
  // All tasks are read again after a change, but not for each of a burst of them.
  useEffect(() => {
    state.timer ||= setTimeout(() => { state.timer = 0; state.at = Date.now(); wanted.current(); }, Math.max(0, state.at + REBUILD_MS - Date.now()));
  }, [edition]);
  useEffect(() => { if (state.at) wanted.current(); }, [order, query.status, query.reason, query.like, query.q]);
  useEffect(() => {
    const running = !format.over(data.run.status);
    const timer = running ? setInterval(() => document.hidden || wanted.current(), LIVE_MS) : 0;
    return () => clearInterval(timer);
  }, [data.run.status]);
  useEffect(() => () => clearTimeout(state.timer), []);
  useEffect(() => { stage.current.selecting = selecting; }, [selecting]);
  useEffect(() => stage.current.mark(read(query.sel, data.run)), [query.sel]);
  const failed = data.run.tasks.failed;
  const told = useMemo(() => `Timeline of ${format.plural(data.run.tasks.total, "task")}, ${failed} failed. The task table has the same times.`, [data.run.tasks.total, failed]);
  return html`<div class="toolbar"><h2>Timeline</h2><span class="fill"></span>
      <label><span>Sort</span><select value=${order} onChange=${(event) => change({ order: event.currentTarget.value, sel: "" })}>
        ${Object.entries(orders).map(([name, title]) => html`<option key=${name} value=${name}>${title}</option>`)}</select></label>
      <span class="buttons" role="group" aria-label="Timeline"><button aria-label="Zoom in" title="Zoom in (+)" onClick=${() => stage.current.zoom(1.5)}>+</button>
        <button aria-label="Zoom out" title="Zoom out (−)" onClick=${() => stage.current.zoom(1 / 1.5)}>−</button>
        <button aria-label="Higher rows" title="Higher rows (Page up)" onClick=${() => stage.current.zoomRows(2)}>↕</button>
        <button onClick=${() => stage.current.fit()} title="Everything (0)">Fit</button>
        <button aria-pressed=${selecting} title="Drag to select tasks (Shift + drag)" onClick=${() => setSelecting(!selecting)}>Select</button></span></div>
    <div class="stage"><canvas ref=${canvas} class=${selecting ? "selecting" : ""} tabindex="0" role="img" aria-label=${told}></canvas><${Tip} tip=${tip} run=${data.run} /></div><${Legend} />`;
}
