// Everybody can use it: no violation that axe-core knows of, in every view, both schemes and on a small screen; and
// everything by keyboard. And what the server says of its files.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Browser, ROOT, Server, spec } from "./support.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const server = new Server().useWorkers({ "s3-copy-task": `case "$task_name" in *03) exit 3 ;; esac
exec '${join(ROOT, process.env.STEPFLEET_BUILD ?? "build", "s3-copy-task")}'` });
const browser = new Browser();
let id;
before(async () => {
  await Promise.all([server.start(), browser.open()]);
  id = await server.submit(spec(2), 2);
  await server.over(id);
});
after(async () => Promise.allSettled([browser.close(), server.close()]));

async function check(page, view) {
  await page.evaluate(axe); // not as a script element: the page's policy would rightly refuse it
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  assert.deepEqual(violations.map((v) => `${view}: ${v.id}: ${v.nodes.slice(0, 4).map((n) => `${n.html.slice(0, 120)} ${n.failureSummary}`).join(" | ")}`), []);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0, `${view} scrolls sideways`);
}

const ways = { light: { colorScheme: "light" }, dark: { colorScheme: "dark" }, "360 px": { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true },
  "dark, 768 px": { colorScheme: "dark", viewport: { width: 768, height: 1024 } }, "zoomed to 200 %": { viewport: { width: 720, height: 450 }, deviceScaleFactor: 2 } };
for (const [name, options] of Object.entries(ways)) {
  test(`no violation: ${name}`, async () => {
    const page = await browser.page(options);
    page.allowed.push(/status of 4/);
    await page.goto(server.url);
    await page.locator("table.runs").waitFor();
    await check(page, "runs");
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await check(page, "keys");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Submit a spec" }).click();
    await page.getByLabel("Spec as JSON").fill('{"workflowName": 7}');
    await page.locator("#problems li").first().waitFor();
    await check(page, "submit");
    await page.getByLabel("Spec as JSON").fill(JSON.stringify(spec(2)));
    await page.getByRole("region", { name: "Forecast" }).waitFor();
    await check(page, "forecast");
    await page.keyboard.press("Escape");
    await page.goto(`${server.url}/#/?status=Failed&endedSince=2026-01-01T00:00:00Z&q=nothing`);
    await page.getByText("No run fits these filters").waitFor();
    await check(page, "empty");
    await page.goto(`${server.url}/#/`);
    await page.getByRole("button", { name: /^Retry failed/ }).click();
    await page.getByRole("dialog").waitFor();
    await check(page, "retry");
    await page.keyboard.press("Escape");
    for (const query of ["", "?reason=ExitCode&sel=0_60_0_5", "?status=Cancelled", "?tab=events", "?tab=spec", "?task=task-03"]) {
      await page.goto(`${server.url}/#/runs/${id}${query}`);
      await page.locator(query.includes("task=") ? "aside h2" : ".machine .state").first().waitFor();
      await page.locator("[role=tabpanel] :is(table, pre)").first().waitFor();
      if (query.includes("task=")) for (const part of ["Raw row", "ECS description as of", "Launch events"]) await page.getByText(part).click();
      await check(page, `run${query}`);
    }
    await page.goto(`${server.url}/#/runs/1`);
    await page.getByRole("heading", { name: "There is no run 1" }).waitFor();
    await check(page, "lost");
    await browser.done(page);
  });
}

test("with the system's own colours a state is still told by shape, word and bar", async () => {
  const page = await browser.page({ forcedColors: "active", colorScheme: "dark" });
  await page.goto(`${server.url}/#/runs/${id}?status=Failed`);
  await page.locator("tr[data-row='0']").waitFor();
  assert.equal((await page.locator("tr[data-row='0'] .badge").innerText()).replace(/\s+/g, " "), "✕ Failed");
  // What is pressed has an edge, bars and their legend keep their colours.
  const seen = (selector, property) => page.locator(selector).first().evaluate((node, name) => getComputedStyle(node)[name], property);
  assert.equal(await seen(".count[aria-pressed=true]", "outlineStyle"), "solid");
  const colours = await Promise.all([".legend .fill-failed", ".legend .fill-completed", ".legend .phase-queued"].map((selector) => seen(selector, "backgroundColor")));
  assert.equal(new Set(colours).size, 3);
  await page.waitForFunction(() => {
    const canvas = document.querySelector(".stage canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size > 4;
  });
  await browser.done(page);
});

test("the switch of colours goes before the system's", async () => {
  const page = await browser.page({ colorScheme: "light" });
  await page.goto(server.url);
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.locator("table.runs").waitFor();
  const light = await ground();
  await page.getByLabel("Colours").selectOption("dark");
  const dark = await ground();
  assert.notEqual(dark, light);
  await page.reload();
  await page.locator("table.runs").waitFor();
  assert.equal(await ground(), dark);
  await browser.done(page);
});

test("by keyboard alone: find a run, open its failed task, go back", async () => {
  const page = await browser.page();
  await page.goto(server.url);
  await page.locator("table.runs").waitFor();
  await page.keyboard.press("/");
  await page.locator("input[type=search]:focus").waitFor();
  for (let i = 0; i < 12 && !(await page.locator("td.c-name a:focus").count()); i++) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.locator(".summary.failed").waitFor();
  await page.locator("tr[data-row='2']").waitFor();
  await page.keyboard.press("/");
  for (let i = 0; i < 14 && !(await page.locator("tr[data-row]:focus").count()); i++) await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.locator("tr[data-row='2']:focus").waitFor();
  await page.keyboard.press("Enter");
  await page.locator("aside:focus").waitFor();
  await page.getByRole("complementary").getByText("task-03").first().waitFor();
  await page.keyboard.press("Escape");
  await page.locator("tr[data-row='2']:focus").waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).getByLabel("keys of a single letter").uncheck();
  await page.keyboard.press("Escape");
  await page.keyboard.press("n");
  assert.equal(await page.getByRole("dialog").count(), 0);
  await browser.done(page);
});

test("the files are small, packed, kept for ever under their names, and refuse what is foreign", async () => {
  const folder = join(ROOT, process.env.STEPFLEET_BUILD ?? "build", "page");
  const packed = readdirSync(folder).filter((name) => name.endsWith(".gz")).map((name) => readFileSync(join(folder, name)).length);
  assert.ok(packed.reduce((a, b) => a + b) < 90_000, `${packed} bytes`);
  const page = await fetch(server.url);
  assert.match(page.headers.get("content-security-policy"), /^default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'$/);
  assert.equal(page.headers.get("cache-control"), "no-cache");
  const [, script] = /src="(\/static\/app-[0-9a-f]{16}\.js)"/.exec(await page.text());
  for (const [accepted, coding] of [["gzip", "gzip"], ["gzip;q=0", null], ["identity", null], ["br, GZIP;q=0.5", "gzip"]]) {
    const file = await fetch(server.url + script, { headers: { "Accept-Encoding": accepted } });
    assert.equal(file.headers.get("content-encoding"), coding, accepted);
    assert.equal(file.headers.get("cache-control"), "public, max-age=31536000, immutable");
    assert.equal(file.headers.get("vary"), "Accept-Encoding");
    assert.match(await file.text(), /stepfleet/i);
    const again = await fetch(server.url + script, { headers: { "Accept-Encoding": accepted, "If-None-Match": file.headers.get("etag") } });
    assert.equal(again.status, 304);
  }
  assert.equal((await fetch(`${server.url}${script}.gz`)).status, 404);
  assert.equal((await fetch(server.url + script, { method: "POST" })).status, 405);
});
