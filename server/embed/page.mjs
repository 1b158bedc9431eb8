// page.mjs OUT: makes the status page's files in the folder OUT, whole or not at all: one script and
// one style sheet of static/ and its npm packages, named by the hash of their content, and index.html
// that names them. Each also as OUT/NAME.gz. Reads nothing but the repository and node_modules.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const out = process.argv[2];
if (!out) throw new Error("page.mjs: say which folder to write: page.mjs OUT");

async function bundle(entry) {
  const made = await build({ entryPoints: [entry], bundle: true, minify: true, write: false, format: "iife",
    target: "es2022", legalComments: "none", logLevel: "warning" });
  const text = made.outputFiles[0].text;
  // The offline copy of a run carries both inside its HTML: nothing in them may end it early.
  if (/<\/(script|style)|<!--/i.test(text)) throw new Error(`page.mjs: ${entry} must not hold </script, </style or <!--`);
  return text;
}

const digest = (content, how) => createHash("sha256").update(content).digest(how);
const hashed = (path, content) =>
  `${basename(path, extname(path))}-${digest(content, "hex").slice(0, 16)}${extname(path)}`;

const files = new Map();
let index = readFileSync("static/index.html", "utf8");
for (const path of ["static/app.js", "static/style.css", "static/icon.svg"]) {
  const content = path.endsWith(".svg") ? readFileSync(path, "utf8") : await bundle(path);
  const name = hashed(path, content);
  files.set(name, content);
  if (!index.includes(`"/${path}"`)) throw new Error(`page.mjs: static/index.html does not name /${path}`);
  index = index.replace(`"/${path}"`, `"/static/${name}"`)
    .replace(`integrity="${basename(path)}"`, `integrity="sha256-${digest(content, "base64")}"`);
}
files.set("index.html", index);

const work = `${out}.new`;
rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
for (const [name, content] of files) {
  writeFileSync(join(work, name), content);
  writeFileSync(join(work, `${name}.gz`), gzipSync(content, { level: 9 }));
}
rmSync(out, { recursive: true, force: true });
renameSync(work, out);
