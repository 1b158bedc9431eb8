// app: the frame around the views: name, freshness, colours, keys; and which view the address names.
import { render } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { offline } from "./api.js";
import * as format from "./format.js";
import { useLink } from "./live.js";
import { link, useRoute } from "./route.js";
import { Run } from "./run.js";
import { Runs } from "./runs.js";
import { Submit } from "./submit.js";
import { Dialog, html } from "./ui.js";

const words = { loading: "loading", live: "live", polling: "polling", ended: "not followed", stale: "stale", offline: "offline copy" };

// Told aloud only when the kind of freshness changes.
function Freshness() {
  const state = useLink();
  const since = state.mode === "stale" ? ` since ${format.clock(state.since)}: ${state.why}; trying again` : "";
  return html`<p id="state" role="status" class=${state.mode}><span class="dot" aria-hidden="true"></span>
    ${words[state.mode]}${since}${offline ? ` of ${format.moment(offline.madeAt)}` : ""}</p>`;
}

const schemes = ["auto", "light", "dark"];
const recall = (name) => {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // a page from disk may have no storage
  }
};
const remember = (name, value) => {
  try {
    localStorage.setItem(name, value);
  } catch { /* it is only kept until the page is left */ }
};

export function applyScheme(scheme) {
  if (scheme === "auto") delete document.documentElement.dataset.scheme;
  else document.documentElement.dataset.scheme = scheme;
  dispatchEvent(new Event("scheme"));
}

function Scheme() {
  const [scheme, set] = useState(recall("scheme") ?? "auto");
  useLayoutEffect(() => { // before anything is painted in the other colours
    applyScheme(scheme);
    remember("scheme", scheme);
  }, [scheme]);
  return html`<label class="scheme"><span class="hidden">Colours</span>
    <select value=${scheme} onChange=${(event) => set(event.currentTarget.value)}>
      ${schemes.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select></label>`;
}

const keys = [["/", "search"], ["n", "new run: submit a spec"], ["g", "go to the runs"], ["?", "this help"],
  ["↑ ↓", "move in a table"], ["Enter", "open the row"], ["Esc", "close what is open"],
  ["+ − 0", "timeline: zoom in, out, fit"], ["← → ↑ ↓", "timeline: move"], ["Shift + drag", "timeline: select (Esc: all again)"]];

function Help({ on, set, onClose }) {
  return html`<${Dialog} title="Keys" onClose=${onClose}>
    <table class="keys"><tbody>${keys.map(([key, does]) => html`<tr key=${key}><th scope="row"><kbd>${key}</kbd></th><td>${does}</td></tr>`)}</tbody></table>
    <label><input type="checkbox" checked=${on} onChange=${(event) => set(event.currentTarget.checked)} /> keys of a single letter</label><//>`;
}

function useKeys(on, act) {
  useEffect(() => {
    const press = (event) => {
      if (!on || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (event.target.closest("input, textarea, select")) return;
      const done = act[event.key];
      if (!done) return;
      event.preventDefault();
      done();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
}

function View({ route }) {
  const { path, query } = route;
  if (!path.length) return html`<${Runs} query=${query} />`;
  if (path.length === 2 && path[0] === "runs" && /^[1-9][0-9]{0,18}$/.test(path[1])) {
    return html`<${Run} key=${path[1]} id=${path[1]} query=${query} />`;
  }
  return html`<section class="lost"><h2>There is no such view</h2><p>${format.cut(location.hash, 120)} names none. <a href="#/">All runs</a></p></section>`;
}

function App() {
  const route = useRoute();
  const [open, setOpen] = useState("");
  const [single, setSingle] = useState(recall("keys") !== "off");
  const main = useRef(null);
  const close = () => setOpen("");
  useKeys(single, { "?": () => setOpen("help"), n: () => !offline && setOpen("submit"),
    g: () => { location.hash = "#/"; }, "/": () => document.querySelector("input[type=search]")?.focus() });
  return html`
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); main.current.focus(); }}>To the content</a>
    <header class="top"><h1><a href="#/"><span class="mark" aria-hidden="true"></span>Stepfleet</a></h1>
      <${Freshness} /><span class="fill"></span>
      ${!offline && html`<button class="primary" title="Submit a spec (n)" aria-keyshortcuts="n" onClick=${() => setOpen("submit")}>Submit a spec</button>`}
      <button class="plain" aria-label="Keys" title="Keys (?)" aria-keyshortcuts="?" onClick=${() => setOpen("help")}>?</button><${Scheme} /></header>
    <main id="main" ref=${main} tabindex="-1"><${View} route=${route} /></main>
    ${open === "submit" && html`<${Submit} onClose=${close} onDone=${(id) => { close(); location.hash = link(["runs", id]); }} />`}
    ${open === "help" && html`<${Help} on=${single} onClose=${close}
      set=${(on) => { setSingle(on); remember("keys", on ? "on" : "off"); }} />`}`;
}

render(html`<${App} />`, document.getElementById("app"));
