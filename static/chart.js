// chart: tasks by state over the last hour, as lines on a canvas; the same numbers in words for those
// who do not see it.
import uPlot from "uplot";
import { useEffect, useRef } from "preact/hooks";
import * as format from "./format.js";
import { Waiting } from "./live.js";
import { Empty, html } from "./ui.js";

const HEIGHT = 7.5; // rem
const SPAN = 3600; // seconds
const lines = ["submitted", "running", "completed", "failed"];
const names = { submitted: "queued", running: "running", completed: "completed", failed: "failed" };
const dashes = { submitted: [2, 3], failed: [6, 3] };

// What a colour of the style sheet is in the present scheme, for a canvas.
export function colour(name) {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `var(--${name})`;
  probe.style.forcedColorAdjust = "none"; // where the system's colours go before ours, a canvas keeps its own
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);
const room = (box) => ({ width: box.clientWidth, height: Math.round(HEIGHT * rem()) });

function options(size) {
  const [grid, unit] = [{ stroke: colour("line"), width: 1 }, rem() / 16];
  const axis = { stroke: colour("dim"), grid, ticks: grid, font: `${12 * unit}px system-ui, sans-serif` };
  // Where nothing is pointed at the legend tells the present.
  const last = (plot, row) => plot.data[row].at(-1);
  return { ...size, cursor: { y: false }, padding: [8, 26, 0, 0],
    legend: { live: true, markers: { width: 2, dash: (_, i) => (i && dashes[lines[i - 1]] ? (lines[i - 1] === "failed" ? "dashed" : "dotted") : "solid") } },
    scales: { x: { range: (_, low, high) => [Math.min(low, high - SPAN), high] }, y: { range: (_, low, high) => [0, Math.max(high, 4)] } },
    axes: [{ ...axis, space: 80 * unit, size: 28 * unit, values: (_, ticks) => ticks.map((at) => format.clock(at * 1000).slice(0, ticks[1] - ticks[0] < 60 ? 8 : 5)) },
      { ...axis, size: (_, ticks) => unit * (18 + 7 * Math.max(2, ...(ticks ?? []).map((tick) => tick.length))), incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000] }],
    series: [{ value: (plot, at) => (at ? format.clock(at * 1000) : "now") },
      ...lines.map((name) => ({ label: names[name], stroke: colour(name), width: 1.75, dash: dashes[name],
        points: { show: false }, value: (plot, value, row, at) => format.number(at === null || at === undefined ? last(plot, row) : value) }))] };
}

const columns = (series) => [series.map((point) => Date.parse(point.time) / 1000),
  ...lines.map((name) => series.map((point) => point[name] ?? null))];

// null: the server keeps no series; undefined: not known yet.
export function Chart({ series }) {
  const box = useRef(null);
  const plot = useRef(null);
  const drawn = series?.length > 1;
  useEffect(() => {
    if (!drawn) return undefined;
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(room(box.current)), columns(series), box.current);
    };
    make();
    const size = new ResizeObserver(() => box.current && plot.current?.setSize(room(box.current)));
    size.observe(box.current);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    addEventListener("scheme", make);
    dark.addEventListener("change", make);
    return () => {
      removeEventListener("scheme", make);
      dark.removeEventListener("change", make);
      size.disconnect();
      plot.current.destroy();
      plot.current = null;
    };
  }, [drawn]);
  useEffect(() => plot.current?.setData(columns(series)), [series]);
  if (series === null) return null;
  const last = drawn ? series[series.length - 1] : null;
  const told = last ? `Tasks over the last hour; now ${lines.map((name) => `${format.number(last[name] ?? 0)} ${names[name]}`).join(", ")}.` : "";
  return html`<section class="panel chart"><h2>Tasks, last hour</h2>
    ${drawn ? html`<div ref=${box} role="img" aria-label=${told}></div>`
      : series ? html`<${Empty}>Nothing to draw yet: no task in the last hour, and the server has just begun to count.<//>` : html`<${Waiting} />`}</section>`;
}
