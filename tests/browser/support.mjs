// support: the real binary in local mode on free ports, and headless Chromium in front of it. Every page is
// watched: an error in its console, an exception or a violation of its policy fails the test.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

export const ROOT = resolve(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "../..");
const BUILD = resolve(ROOT, process.env.STEPFLEET_BUILD ?? "build");
export const PATIENCE = Number(process.env.PATIENCE ?? 90) * 1000; // ms; a loaded machine is slow, nothing here measures time
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
if (!CHROMIUM) throw new Error("chromium is missing: run tests/support/deps.sh browser");

export const spec = (pattern, changes = {}) =>
  ({ ...JSON.parse(readFileSync(join(ROOT, `specs/pattern-${pattern}.json`), "utf8")), ...changes });
export const taskList = (count, make = (i) => ({})) => Array.from({ length: count }, (_, i) =>
  ({ taskName: `task-${String(i + 1).padStart(5, "0")}`, objectKey: "input/sample.bin", ...make(i) }));

export class Server {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "stepfleet-browser-"));
    this.port = 0;
  }

  // Some of the workers replaced by shell scripts: {"s3-copy-task": "exit 3"}.
  useWorkers(scripts) {
    this.workers = join(this.folder, "workers");
    mkdirSync(this.workers);
    for (const name of ["task-launcher", "task-monitor", "s3-copy-task"]) {
      if (scripts[name]) writeFileSync(join(this.workers, name), `#!/bin/sh\n${scripts[name]}\n`, { mode: 0o755 });
      else symlinkSync(join(BUILD, name), join(this.workers, name));
    }
    return this;
  }

  // On the port it had before, if it had one: pages find it again. Somebody's connection may have that port for a moment.
  async start() {
    for (const end = Date.now() + PATIENCE; ;) {
      try {
        return await this.startOnce();
      } catch (error) {
        if (!/in use/.test(error.message) || Date.now() > end) throw error;
        await new Promise((done) => setTimeout(done, 100)); // a port that becomes free is no event
      }
    }
  }

  async startOnce() {
    const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(AWS|STEPFLEET)_/.test(name)));
    this.process = spawn(join(BUILD, "stepfleet"), ["serve", "--local", "--listen", `127.0.0.1:${this.port}`, "--aws-listen", "127.0.0.1:0",
      "--data", join(this.folder, "data"), "--log-level", "warn", ...(this.workers ? ["--workers", this.workers] : [])],
    { stdio: ["ignore", "pipe", "pipe"], env: environment });
    this.log = "";
    this.process.stderr.on("data", (data) => { this.log = (this.log + data).slice(-4000); });
    const ended = new Promise((_, fail) => this.process.once("close", (code) => fail(new Error(`the server ended with ${code}: ${this.log}`))));
    ended.catch(() => {});
    const ready = (async () => {
      const seen = {};
      for await (const line of createInterface(this.process.stdout)) {
        const [, name, url] = /^(.*) (\S+)$/.exec(line) ?? [];
        seen[name] = url;
        if (seen.listening && seen["aws endpoint"]) return seen.listening;
      }
      return ended;
    })();
    this.url = await Promise.race([ready, ended]);
    this.port = Number(new URL(this.url).port);
    return this;
  }

  async stop(signal = "SIGTERM") {
    if (this.process.exitCode !== null || this.process.signalCode) return;
    const gone = new Promise((done) => this.process.once("exit", done));
    this.process.kill(signal);
    await gone;
  }

  async close() {
    await this.stop("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async get(path) {
    const reply = await fetch(this.url + path);
    assert.equal(reply.status, 200, `${path}: ${reply.status}`);
    return reply.json();
  }

  async submit(value, pattern) {
    const reply = await fetch(`${this.url}/workflows${pattern ? `?pattern=${pattern}` : ""}`,
      { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });
    const body = await reply.json();
    assert.equal(reply.status, 202, JSON.stringify(body));
    return String(body.workflowRunId);
  }

  async over(id) {
    for (const end = Date.now() + PATIENCE; ;) {
      const run = await this.get(`/workflows/${id}`);
      if (run.endedAt) return run;
      assert.ok(Date.now() < end, `the run is not over: ${JSON.stringify(run)} ${this.log}`);
      await new Promise((done) => setTimeout(done, 100)); // a REST answer has no event to await
    }
  }
}

// One browser a test file; each test gets a context of its own.
export class Browser {
  async open() {
    this.browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"] });
    return this;
  }

  async page(options = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce", acceptDownloads: true, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    page.wrong = [];
    // What the test itself brings about (a server that is away) may be allowed by a pattern.
    page.allowed = [];
    const note = (text) => page.allowed.some((pattern) => pattern.test(text)) || page.wrong.push(text);
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && note(`${message.text()} ${message.location().url}`));
    page.on("pageerror", (error) => note(`exception: ${error.stack}`));
    await page.addInitScript(() => addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
    return page;
  }

  // Ends a page and fails if anything was wrong with it.
  async done(page) {
    await page.unrouteAll({ behavior: "ignoreErrors" }); // an answer that is being changed for a page that goes
    await page.context().close();
    assert.deepEqual(page.wrong, []);
  }

  async close() {
    await this.browser?.close();
  }
}
