// graph: a run's state machine drawn from its definition, with how often each state was entered and where the run
// stands now.
import dagre from "@dagrejs/dagre";
import { useEffect, useMemo, useRef } from "preact/hooks";
import * as format from "./format.js";
import { standing } from "./history.js";
import { change } from "./route.js";
import { Empty, html } from "./ui.js";

const HEIGHT = 42;
const shapes = { current: "◐", done: "●", failed: "✕", stopped: "■", idle: "○" };
const width = (name) => Math.min(Math.max(name.length * 8.3 + 42, 100), 380);

// Where a state goes: {to, label}. Catchers are drawn too, they are where failures go.
function leads(state) {
  const list = state.Next ? [{ to: state.Next }] : [];
  for (const choice of state.Choices ?? []) list.push({ to: choice.Next });
  if (state.Default) list.push({ to: state.Default, label: "else" });
  for (const catcher of state.Catch ?? []) list.push({ to: catcher.Next, error: true });
  return list;
}

const inner = (state) => [...(state.Branches ?? []), state.ItemProcessor ?? state.Iterator].filter(Boolean);

// Adds the states of a (part of a) machine. A state that holds others is a frame around its own node
// and theirs; what comes after it starts at the frame's foot. One that was not entered stays folded.
function add(graph, machine, parent, feet, entered) {
  for (const [name, state] of Object.entries(machine.States ?? {})) {
    const parts = entered(name) ? inner(state) : [];
    graph.setNode(name, { name, type: state.Type, folded: inner(state).length > parts.length, width: width(name), height: HEIGHT });
    let frame = parent;
    if (parts.length) {
      frame = `frame ${name}`;
      graph.setNode(frame, { frame: true, name });
      if (parent) graph.setParent(frame, parent);
      graph.setNode(`foot ${name}`, { foot: true, width: 8, height: 8 });
      graph.setParent(`foot ${name}`, frame);
      feet.set(name, `foot ${name}`);
    }
    if (frame) graph.setParent(name, frame);
    for (const part of parts) {
      add(graph, part, frame, feet, entered);
      graph.setEdge(name, part.StartAt, {});
      for (const [last, { End, Type }] of Object.entries(part.States)) if (End || Type === "Succeed") graph.setEdge(feet.get(last) ?? last, `foot ${name}`, {});
    }
  }
  for (const [name, state] of Object.entries(machine.States ?? {})) {
    for (const { to, ...edge } of leads(state)) if (graph.hasNode(to)) graph.setEdge(feet.get(name) ?? name, to, edge);
  }
}

export function layout(machine, entered = () => true) {
  const graph = new dagre.graphlib.Graph({ compound: true });
  graph.setGraph({ rankdir: "TB", nodesep: 16, ranksep: 30, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  add(graph, machine, null, new Map(), entered);
  dagre.layout(graph);
  return { ...graph.graph(), nodes: graph.nodes().map((id) => ({ id, ...graph.node(id) })),
    edges: graph.edges().map((edge) => ({ id: `${edge.v} ${edge.w}`, ...graph.edge(edge) })) };
}

const path = (points) => points.map((p, i) => `${i ? "L" : "M"}${p.x.toFixed(1)} ${p.y.toFixed(1)}`).join("");

function State({ node, state, run, chosen }) {
  const kind = standing(state, run);
  const times = state?.entered ? `${format.number(state.entered)} ×` : "";
  const inside = kind === "current" && state.entered - state.left > 1 ? ` · ${format.number(state.entered - state.left)} now` : "";
  const note = ` ${node.type}${node.folded ? ", folded" : ""}${times ? ` · ${times}${inside}` : ""}`;
  const toggle = () => change({ state: chosen ? "" : node.name, tab: "events" });
  return html`<g class=${`state ${kind} ${chosen ? "chosen" : ""}`} transform=${`translate(${node.x - node.width / 2} ${node.y - node.height / 2})`}
    role="button" tabindex="0" aria-pressed=${chosen} aria-label=${`${format.cut(node.name, 40)}${note}, ${kind}`}
    onClick=${toggle} onKeyDown=${(event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(); } }}>
    <rect width=${node.width} height=${node.height} rx="7" />
    <text class="mark" aria-hidden="true" x="12" y="26">${shapes[kind]}</text><text class="title" x="30" y="18">${format.cut(node.name, 40)}</text>
    <text class="note" x="30" y="33">${note}</text></g>`;
}

export function Graph({ data, query }) {
  const { definition, counts, run } = data;
  const opened = [...counts.states.keys()].sort().join();
  const plan = useMemo(() => {
    try {
      return definition && layout(definition, (name) => counts.states.has(name));
    } catch {
      return null; // a definition that cannot be drawn is still listed under its events
    }
  }, [definition, opened]);
  const box = useRef(null);
  const states = plan?.nodes.filter((node) => !node.frame && !node.foot) ?? [];
  const telling = ["current", "failed", "stopped"].flatMap((kind) => states.filter((node) => standing(counts.states.get(node.name), run) === kind));
  const focus = telling[0]?.name ?? definition?.StartAt;
  // A large machine shows the state that matters: where the run stands, or broke, or begins.
  useEffect(() => {
    const node = states.find(({ name }) => name === focus);
    if (!node || !box.current) return;
    const scale = box.current.firstChild.clientWidth / plan.width;
    box.current.scrollTo(node.x * scale - box.current.clientWidth / 2, node.y * scale - box.current.clientHeight / 2);
  }, [plan, focus]);
  if (definition === undefined) return html`<h2>State machine</h2><${Empty}>Loading…<//>`;
  if (!plan) return html`<h2>State machine</h2><${Empty}>${definition ? "This definition cannot be drawn." : "The server does not know the definition of this run."}<//>`;
  const frames = plan.nodes.filter((node) => node.frame);
  return html`<h2>State machine</h2><div class="graph" ref=${box}><svg viewBox=${`0 0 ${Math.ceil(plan.width)} ${Math.ceil(plan.height)}`} style=${{ width: `${plan.width / 16}rem`, minWidth: `${(plan.width * 0.7) / 16}rem` }} role="group" aria-label="State machine">
    <defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" /></marker></defs>
    ${frames.map((node) => html`<rect key=${node.id} class="frame" x=${node.x - node.width / 2} y=${node.y - node.height / 2} width=${node.width} height=${node.height} rx="10" />`)}
    ${plan.edges.map((edge) => html`<path key=${edge.id} class=${edge.error ? "edge error" : "edge"} d=${path(edge.points)} marker-end="url(#tip)" />`)}
    ${plan.nodes.filter((node) => node.foot).map((node) => html`<circle key=${node.id} class="foot" cx=${node.x} cy=${node.y} r="3.5" />`)}
    ${states.map((node) => html`<${State} key=${node.id} node=${node} state=${counts.states.get(node.name)} run=${run} chosen=${query.state === node.name} />`)}</svg></div>`;
}
