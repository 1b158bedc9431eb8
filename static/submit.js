// submit: a spec by paste, file or drop; what is wrong with it beside its lines; what would happen, before
// it is started.
import { useEffect, useRef, useState } from "preact/hooks";
import * as api from "./api.js";
import * as format from "./format.js";
import { place } from "./pointer.js";
import { randomKey } from "./retry.js";
import { Alert, Dialog, html } from "./ui.js";

const LINE = 20; // px; the style sheet's line height of the editor
const LARGE = 16 << 20; // bytes of a file that are read into the editor
const example = JSON.stringify({ workflowName: "copy_pattern_1", taskList: [{ taskName: "task-01", objectKey: "input/sample.bin" }] }, null, 2);

// The text with its line numbers; errors are marked in the margin and written at the ends of lines.
function Editor({ text, problems, onText, area }) {
  const [top, setTop] = useState({ y: 0, x: 0 });
  const lines = text.split("\n");
  const first = Math.floor(top.y / LINE);
  const shown = lines.slice(first, first + 40).map((_, i) => first + i + 1);
  const at = new Map();
  for (const problem of problems) if (!at.has(problem.line)) at.set(problem.line, problem);
  const y = (line) => ({ top: `${(line - 1) * LINE - top.y + 8}px` });
  const seen = shown.filter((line) => at.has(line));
  return html`<div class="editor">
    <div class="gutter" aria-hidden="true">${shown.map((line) => html`<span key=${line} class=${at.has(line) ? "bad" : ""} style=${y(line)}>${at.has(line) ? "✕" : ""} ${line}</span>`)}</div>
    <div class="code"><textarea ref=${area} spellcheck="false" autocomplete="off" autocapitalize="off" wrap="off"
      aria-label="Spec as JSON" aria-describedby="problems" aria-invalid=${problems.length > 0} value=${text}
      placeholder=${`Paste a spec, or drop a file here. For example:\n${example}`}
      onInput=${(event) => onText(event.currentTarget.value)}
      onScroll=${(event) => setTop({ y: event.currentTarget.scrollTop, x: event.currentTarget.scrollLeft })}></textarea>
    <div class="notes" aria-hidden="true">${seen.map((line) => html`<span key=${line} style=${{ ...y(line), left: `calc(${Math.min(lines[line - 1].length, 200) + 2}ch + 8px - ${top.x}px)` }}>${format.cut(format.flat(at.get(line).detail), 160)}</span>`)}</div></div></div>`;
}

function Problems({ problems, more, go }) {
  return html`<ol id="problems" class="problems" aria-live="polite">${problems.map((problem, i) => html`<li key=${i}>
    <button class="plain" onClick=${() => go(problem.line)}>line ${problem.line}</button>
    ${problem.pointer && html`<code>${format.cut(format.flat(problem.pointer), 120)}</code>`} <span>${format.cut(format.flat(problem.detail), 600)}</span></li>`)}
    ${more > 0 && html`<li>and ${format.plural(more, "more error")}</li>`}</ol>`;
}

function Gauge({ name, value, ceiling, unit }) {
  const part = Math.min(value / ceiling, 1);
  return html`<div><dt>${name}</dt><dd>${unit === "bytes" ? format.bytes(value) : format.number(value)}
    <span class="dim"> of ${unit === "bytes" ? format.bytes(ceiling) : format.number(ceiling)}</span>
    <meter min="0" max="1" high="0.8" value=${part} aria-label=${`${name}: ${Math.round(part * 100)} % of the ceiling`}></meter></dd></div>`;
}

function Forecast({ forecast }) {
  const { cost } = forecast;
  return html`<section class="forecast" aria-label="Forecast" aria-live="polite">
    <p>${forecast.accepted ? html`<b class="completed-text">● Valid.</b> ` : html`<b class="failed-text">✕ It would be refused.</b> `}
      Pattern ${forecast.pattern}, ${format.plural(forecast.tasks, "task")}, all started ${forecast.start.seconds ? `within ${format.rough(forecast.start.seconds)}` : "at once"} (${forecast.start.perSecond} a second after a burst of ${forecast.start.burst}).</p>
    <dl><${Gauge} name="Input" unit="bytes" value=${forecast.input.bytes} ceiling=${forecast.input.ceiling} />
      <${Gauge} name="History events" value=${forecast.history.events} ceiling=${forecast.history.ceiling} />
      <${Gauge} name="Overrides" value=${forecast.overrides.characters} ceiling=${forecast.overrides.ceiling} />
      ${cost && html`<div><dt>Cost, about</dt><dd>${cost.currency} ${cost.total.toFixed(cost.total < 1 ? 4 : 2)}<span class="dim"> if a task takes ${format.rough(cost.assumed.taskSeconds)}</span></dd></div>`}</dl>
    ${forecast.warnings.map((text) => html`<p class="warning" key=${text}><span aria-hidden="true">▲</span> ${text}</p>`)}</section>`;
}

// The text is checked by the server a moment after the last change; only the latest answer counts.
function useCheck(text, pattern) {
  const [result, setResult] = useState({});
  const turn = useRef(0);
  useEffect(() => {
    const mine = ++turn.current;
    const settle = (value) => mine === turn.current && setResult({ ...value, text, pattern });
    if (!text.trim()) {
      settle({});
      return undefined;
    }
    const timer = setTimeout(() => api.forecast(text, pattern).then((forecast) => settle({ forecast }), (error) => settle({ error })), 350);
    return () => clearTimeout(timer);
  }, [text, pattern]);
  return result.text === text && result.pattern === pattern ? result : { waiting: Boolean(text.trim()) };
}

function useDrop(take) {
  const [over, setOver] = useState(false);
  return { over, events: {
    onDragOver: (event) => { event.preventDefault(); setOver(true); },
    onDragLeave: (event) => event.currentTarget.contains(event.relatedTarget) || setOver(false),
    onDrop: (event) => { event.preventDefault(); setOver(false); take(event.dataTransfer.files[0]); },
  } };
}

export function Submit({ onClose, onDone }) {
  const [text, setText] = useState("");
  const [pattern, setPattern] = useState("");
  const [state, setState] = useState({ busy: false, error: null });
  const key = useRef({});
  const area = useRef(null);
  const checked = useCheck(text, pattern);
  const wrong = state.error ?? checked.error;
  const errors = wrong?.errors?.length ? wrong.errors : wrong?.status === 400 ? [{ pointer: "", detail: wrong.message }] : [];
  const problems = place(text, errors);
  const count = problems.length + (wrong?.moreErrors ?? 0);
  const edit = (value) => { setState({ busy: false, error: null }); setText(value); };
  const take = async (file) => {
    if (!file) return;
    if (file.size > LARGE) setState({ busy: false, error: new Error(`${file.name} is ${format.bytes(file.size)}: more than a spec can be`) });
    else edit(await file.text());
  };
  const drop = useDrop(take);
  const go = (line) => {
    const from = text.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    area.current.focus();
    area.current.setSelectionRange(from, (text.indexOf("\n", from) + 1 || text.length + 1) - 1);
    area.current.scrollTop = Math.max(0, (line - 6) * LINE);
  };
  const start = async () => {
    setState({ busy: true, error: null });
    // The same text under the same key: a second try after a lost answer starts nothing twice.
    if (key.current.text !== text + pattern) key.current = { text: text + pattern, value: randomKey() };
    try {
      onDone((await api.submit(text, pattern, key.current.value)).workflowRunId);
    } catch (error) {
      setState({ busy: false, error });
    }
  };
  return html`<${Dialog} title="Submit a spec" wide onClose=${onClose}><div class=${`submit ${drop.over ? "over" : ""}`} ...${drop.events}>
    <div class="toolbar"><label class="file">Open a file<input type="file" accept=".json,application/json" onChange=${(event) => take(event.currentTarget.files[0])} /></label>
      <label><span>Pattern</span><select value=${pattern} onChange=${(event) => setPattern(event.currentTarget.value)}>
        <option value="">as the spec says</option><option value="1">1: a Lambda function launches</option><option value="2">2: Step Functions launches</option></select></label></div>
    <${Editor} text=${text} problems=${problems} onText=${edit} area=${area} />
    ${wrong && !problems.length && html`<${Alert}>${format.flat(wrong.message)}<//>`}
    <${Problems} problems=${problems} go=${go} more=${wrong?.moreErrors} />
    ${checked.forecast && html`<${Forecast} forecast=${checked.forecast} />`}</div>
    <footer><span class="dim">${checked.waiting ? "Checking…" : count ? `${format.plural(count, "error")}: mend ${count === 1 ? "it" : "them"} to start the run.` : text.trim() ? "" : "Nothing is started before you say so."}</span><span class="fill"></span>
      <button onClick=${onClose}>Leave it</button>
      <button class="primary" disabled=${state.busy || !checked.forecast?.accepted} onClick=${start}>Start the run</button></footer><//>`;
}
