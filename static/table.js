// table: a table of any length of which only the rows in sight are in the document. Sorting by its
// heads, moving by keys, choosing by click or Enter.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "./ui.js";

const ROW = 34; // px, as in the style sheet
const SPARE = 8; // rows above and below those in sight

function Head({ column, sort, onSort }) {
  const [name, down] = [sort?.replace(/^-/, ""), sort?.startsWith("-")];
  const on = name === column.name;
  if (!column.by) return html`<th scope="col" class=${column.class ?? ""}>${column.title}</th>`;
  return html`<th scope="col" class=${column.class ?? ""} aria-sort=${on ? (down ? "descending" : "ascending") : "none"}>
    <button class="plain" onClick=${() => onSort(on && !down ? `-${column.name}` : column.name)}>${column.title}<span aria-hidden="true">${on ? (down ? " ▼" : " ▲") : ""}</span></button></th>`;
}

const collator = new Intl.Collator("en", { numeric: true });

// Sorted copy of `rows` by a column's `by(row)`; rows that have no value stand last either way.
export function sorted(rows, columns, sort) {
  const column = columns.find(({ name, by }) => by && name === sort?.replace(/^-/, ""));
  if (!column) return rows;
  const sign = sort.startsWith("-") ? -1 : 1;
  const none = (value) => value === null || value === undefined || value === "" || Number.isNaN(value);
  return rows.map((row) => [column.by(row), row]).sort(([a], [b]) => {
    if (none(a) || none(b)) return none(a) - none(b);
    return typeof a === "string" ? sign * collator.compare(a, b) : sign * (a - b);
  }).map(([, row]) => row);
}

// columns: [{name, title, by(row), cell(row), class}]; `rows` are in the order to be shown.
export function VirtualTable({ caption, columns, rows, id, chosen, onChoose, sort, onSort, rowClass, empty }) {
  const box = useRef(null);
  const [view, setView] = useState({ top: 0, height: 480 });
  const [active, setActive] = useState(0);
  const focus = useRef(false);
  const at = Math.min(active, Math.max(rows.length - 1, 0));
  useEffect(() => {
    const look = () => box.current && setView({ top: box.current.scrollTop, height: box.current.clientHeight });
    const size = new ResizeObserver(look);
    size.observe(box.current);
    return () => size.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (!focus.current) return;
    focus.current = false;
    box.current.querySelector(`tr[data-row="${at}"]`)?.focus({ preventScroll: true });
  });
  const move = (to) => {
    const next = Math.max(0, Math.min(rows.length - 1, to));
    const inner = box.current.clientHeight - ROW; // the heads stay in place
    if (next * ROW < box.current.scrollTop) box.current.scrollTop = next * ROW;
    if ((next + 1) * ROW > box.current.scrollTop + inner) box.current.scrollTop = (next + 1) * ROW - inner;
    focus.current = true;
    setActive(next);
    setView({ top: box.current.scrollTop, height: box.current.clientHeight });
  };
  const press = (event) => {
    if (!event.target.matches("tr")) return;
    const page = Math.max(1, Math.floor(view.height / ROW) - 2);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: rows.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      move(to);
    } else if ((event.key === "Enter" || event.key === " ") && onChoose) {
      event.preventDefault();
      onChoose(rows[at]);
    }
  };
  const first = Math.max(0, Math.min(Math.floor(view.top / ROW) - SPARE, rows.length - 1));
  const last = Math.min(rows.length, Math.ceil((view.top + view.height) / ROW) + SPARE);
  const shown = [];
  for (let i = first; i < last; i++) {
    const row = rows[i];
    shown.push(html`<tr key=${id(row)} data-row=${i} aria-rowindex=${i + 2} tabindex=${i === at || (i === first && (at < first || at >= last)) ? 0 : -1}
      class=${`${rowClass?.(row) ?? ""} ${chosen === id(row) ? "chosen" : ""}`} aria-selected=${onChoose ? chosen === id(row) : null}
      onFocus=${() => setActive(i)} onClick=${onChoose && (() => onChoose(row))}>
      ${columns.map((column) => html`<td key=${column.name} class=${column.class ?? ""}>${column.cell(row)}</td>`)}</tr>`);
  }
  return html`<div class="virtual" ref=${box} onScroll=${(event) => setView({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight })}>
    <table role="grid" aria-rowcount=${rows.length + 1} aria-label=${caption} onKeyDown=${press}>
      <thead><tr>${columns.map((column) => html`<${Head} key=${column.name} column=${column} sort=${sort} onSort=${onSort} />`)}</tr></thead>
      <tbody><tr class="space" aria-hidden="true"><td colspan=${columns.length} style=${{ height: `${first * ROW}px` }}></td></tr>${shown}
        <tr class="space" aria-hidden="true"><td colspan=${columns.length} style=${{ height: `${Math.max(0, rows.length - last) * ROW}px` }}></td></tr></tbody></table>
    ${!rows.length && html`<p class="empty">${empty}</p>`}</div>`;
}
