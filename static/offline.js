// offline: one HTML file that shows a run without any server: data, viewer and style inside, and its own
// Content-Security-Policy that lets it reach nothing.
import * as api from "./api.js";

const escape = (text) => text.replace(/</g, "\\u003c").replace(/\u2028/g, "\\u2028").replace(/\u2029/g, "\\u2029");
// Written in parts: the text of this file must not hold the end of the element that it is kept in.
const end = (name) => ["<", "/", name, ">"].join("");
const title = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

// The page's own script and style, as they were loaded: the policy names them by the same hashes
// that the page names them by.
async function part(selector, address) {
  const node = document.querySelector(selector);
  const reply = await fetch(node[address]);
  if (!reply.ok) throw new Error(`the server answered ${reply.status} for ${node[address]}`);
  return { text: await reply.text(), hash: node.integrity };
}

export async function offlineCopy(data) {
  const [script, style, spec] = await Promise.all([part("script[integrity]", "src"), part("link[integrity]", "href"), api.spec(data.id)]);
  const kept = { madeAt: new Date().toISOString(), run: data.run, tasks: { items: data.tasks, nextCursor: null },
    events: { items: data.events, nextCursor: null }, failures: data.failures, definition: data.definition ?? null, spec };
  const policy = `default-src 'none'; script-src '${script.hash}'; style-src '${style.hash}'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}">`
    + `<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">`
    + `<title>${title(data.run.workflowName.slice(0, 80))} ${data.run.workflowRunId}${end("title")}<style>${style.text}${end("style")}</head>`
    + `<body><div id="app"></div><script type="application/json" id="offline">${escape(JSON.stringify(kept))}${end("script")}`
    + `<script>${script.text}${end("script")}</body></html>`;
}

export function save(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const anchor = Object.assign(document.createElement("a"), { href: url, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}
