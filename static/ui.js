// ui: preact and htm in one place, and the small pieces that every view is made of. Text always goes
// in as text, never as markup.
import { h } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import htm from "htm";
import { now } from "./api.js";
import * as format from "./format.js";

export const html = htm.bind(h);

// A status as shape, word and colour.
export function Badge({ status }) {
  return html`<span class=${`badge ${format.kind(status)}`}><span class="shape" aria-hidden="true">${format.shape(status)}</span>${status}</span>`;
}

// On the clock on the wall; who points at it is told exactly, and how long ago.
export function Time({ at, short }) {
  if (!at) return html`<span class="dim">–</span>`;
  const tell = (event) => { event.currentTarget.title = `${at}, ${format.rough((now() - Date.parse(at)) / 1000)} ago`; };
  return html`<time datetime=${at} title=${at} onPointerEnter=${tell}>${format.moment(at, short)}</time>`;
}

// A name that may be anything: shown whole in the title, cut by the style sheet, kept from turning
// the text around it.
export const Name = ({ text }) => html`<bdi class="name" title=${format.cut(text, 300)}>${format.cut(text, 200)}</bdi>`;

const TOLD_MS = 2000;
const parts = ["completed", "failed", "cancelled", "running"];

// Completed, failed, cancelled and running tasks as one bar; the rest of it is queued.
export function Progress({ tasks }) {
  const total = Math.max(tasks.total, 1);
  let x = 0;
  const rects = parts.filter((part) => tasks[part]).map((part) => {
    const rect = html`<rect key=${part} class=${`fill-${part}`} x=${x} width=${tasks[part]} height="1" />`;
    x += tasks[part];
    return rect;
  });
  return html`<svg class="bar" role="img" viewBox=${`0 0 ${total} 1`} preserveAspectRatio="none"
    aria-label=${`${tasks.completed} completed, ${tasks.failed} failed, ${tasks.cancelled} cancelled, ${tasks.running} running, ${tasks.submitted} queued of ${tasks.total} tasks`}>${rects}</svg>`;
}

// A count of what is shown. It is told aloud after something else was asked for (`of`), not each time it moves.
export function Count({ text, of }) {
  const [fresh, setFresh] = useState(false);
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return undefined;
    }
    setFresh(true);
    const timer = setTimeout(() => setFresh(false), TOLD_MS);
    return () => clearTimeout(timer);
  }, [of]);
  return html`<span class="dim num" role="status" aria-live=${fresh ? "polite" : "off"}>${text}</span>`;
}

export function Empty({ children }) {
  return html`<p class="empty">${children}</p>`;
}

export function Alert({ children }) {
  return html`<div class="alert" role="alert"><span aria-hidden="true">✕</span><div>${children}</div></div>`;
}

// A modal dialog of the browser's own kind: it keeps the focus inside and gives it back.
export function Dialog({ title, onClose, children, wide }) {
  const node = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    node.current.showModal();
    return () => before?.isConnected && before.focus();
  }, []);
  return html`<dialog ref=${node} class=${wide ? "wide" : ""} aria-labelledby="dialog-title"
    onCancel=${(event) => { event.preventDefault(); onClose(); }}>
    <header><h2 id="dialog-title">${title}</h2>
      <button class="plain" aria-label="Close" onClick=${onClose}>✕</button></header>
    ${children}</dialog>`;
}

// Asks before something that cannot be taken back; `act` answers a promise.
export function Confirm({ title, children, verb, danger, act, onClose }) {
  const [state, setState] = useState({ busy: false, error: "" });
  const go = async () => {
    setState({ busy: true, error: "" });
    try {
      await act();
      onClose();
    } catch (error) {
      setState({ busy: false, error: error.message });
    }
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>${children}
    ${state.error && html`<${Alert}>${state.error}<//>`}
    <footer><button onClick=${onClose}>Leave it</button>
      <button class=${danger ? "danger" : "primary"} disabled=${state.busy} onClick=${go}>${verb}</button></footer><//>`;
}

// The latest value of something that changes, read in callbacks that are made once.
export function useLatest(value) {
  const ref = useRef(value);
  ref.current = value;
  return ref;
}

// The text of a field, and what its input does: `tell` gets the text once nobody has typed for `ms`.
// A new `value` replaces what is there.
export function useTyped(value, tell, ms) {
  const [text, setText] = useState(value);
  const timer = useRef(0);
  useEffect(() => setText(value), [value]);
  const type = (event) => {
    const typed = event.currentTarget.value;
    setText(typed);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => tell(typed), ms);
  };
  return [text, type];
}

// Renders again every `ms` while `on`: for durations that grow by themselves.
export function useTick(on, ms = 1000) {
  const [, set] = useState(0);
  useEffect(() => {
    if (!on) return undefined;
    const timer = setInterval(() => document.hidden || set((n) => n + 1), ms);
    return () => clearInterval(timer);
  }, [on, ms]);
}
