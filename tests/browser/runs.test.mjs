// The first screen: submitting, watching, filtering, paging, and what is not there.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Browser, Server, spec, taskList } from "./support.mjs";

const server = new Server();
const browser = new Browser();
before(async () => Promise.all([server.start(), browser.open()]));
after(async () => Promise.allSettled([browser.close(), server.close()]));

const small = (pattern, name, count = 2) => spec(pattern, { workflowName: name,
  taskList: taskList(count, () => ({ s3BucketName: `stepfleet-pattern-${pattern}` })) });

test("an empty server says why it is empty", async () => {
  const page = await browser.page();
  await page.goto(server.url);
  await page.getByText("No run yet.").waitFor();
  await browser.done(page);
});

test("both patterns are submitted and watched to their end without a reload", async () => {
  const page = await browser.page();
  await page.goto(server.url);
  await page.evaluate(() => { window.notReloaded = true; });
  for (const pattern of [1, 2]) {
    await page.getByRole("button", { name: "Submit a spec" }).click();
    await page.getByLabel("Spec as JSON").fill(JSON.stringify(small(pattern, `watched_${pattern}`, 4), null, 2));
    if (pattern === 2) await page.getByRole("dialog").getByLabel("Pattern").selectOption("2");
    await page.getByRole("region", { name: "Forecast" }).getByText(`Pattern ${pattern}, 4 tasks`).waitFor();
    await page.getByRole("button", { name: "Start the run" }).click();
    await page.getByRole("heading", { name: `watched_${pattern}` }).waitFor();
    await page.locator(".summary.completed").waitFor();
    await page.getByRole("grid", { name: "Tasks" }).getByText("Completed").nth(3).waitFor();
    await page.getByRole("link", { name: "Runs", exact: true }).click();
    await page.locator("tr.completed", { hasText: `watched_${pattern}` }).getByText("4 of 4").waitFor();
  }
  assert.equal(await page.evaluate(() => window.notReloaded), true);
  await browser.done(page);
});

test("the list follows runs that others start", async () => {
  const page = await browser.page();
  await page.goto(server.url);
  await page.locator("table.runs").waitFor();
  const id = await server.submit(small(1, "started_elsewhere"), 1);
  await page.locator("tr", { hasText: "started_elsewhere" }).getByText(id).waitFor();
  await page.locator("tr.completed", { hasText: "started_elsewhere" }).waitFor();
  await browser.done(page);
});

test("what is wrong with a spec stands beside its lines", async () => {
  const page = await browser.page();
  page.allowed.push(/status of 4(00|22)/); // the browser's own note of the server's refusal
  await page.goto(server.url);
  await page.getByRole("button", { name: "Submit a spec" }).click();
  const bad = small(1, "wrong", 3);
  bad.taskList[1].objectKey = 7;
  bad.clusterNam = "x";
  const text = JSON.stringify(bad, null, 2);
  const line = text.split("\n").findIndex((at) => at.includes('"objectKey": 7')) + 1;
  await page.getByLabel("Spec as JSON").fill(text);
  const problem = page.locator("#problems li", { hasText: "/taskList/1/objectKey" });
  await problem.getByRole("button", { name: `line ${line}` }).click();
  assert.match(await page.getByLabel("Spec as JSON").evaluate((area) => area.value.slice(area.selectionStart, area.selectionEnd)), /objectKey": 7/);
  await page.locator("#problems li", { hasText: "clusterNam" }).waitFor();
  const errors = await page.locator("#problems li").count();
  await page.getByRole("dialog").getByText(`${errors} errors: mend them to start the run.`).waitFor();
  assert.equal(await page.locator(".gutter .bad").count() >= 1, true);
  assert.equal(await page.getByRole("button", { name: "Start the run" }).isDisabled(), true);
  await page.getByLabel("Spec as JSON").fill('{\n  "workflowName": oops\n}');
  await page.locator("#problems li", { hasText: "line 2" }).waitFor();
  await browser.done(page);
});

test("a spec comes from a file", async () => {
  const file = join(server.folder, "spec.json");
  writeFileSync(file, JSON.stringify(small(1, "from_file")));
  const page = await browser.page();
  await page.goto(server.url);
  await page.getByRole("button", { name: "Submit a spec" }).click();
  await page.locator("input[type=file]").setInputFiles(file);
  await page.getByText("Pattern 1, 2 tasks").waitFor();
  await browser.done(page);
});

test("numbers, filters and search narrow the list and stay in the address", async () => {
  const page = await browser.page();
  await server.over(await server.submit(small(2, "needle_in_the_list"), 2));
  await page.goto(server.url);
  await page.getByRole("navigation", { name: "Now" }).getByRole("link", { name: /^Completed/ }).click();
  await page.waitForURL(/status=Completed/);
  await page.getByLabel(/^Search runs/).fill("needle");
  await page.waitForURL(/q=needle/);
  await page.locator("tr", { hasText: "needle_in_the_list" }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll("table.runs tbody tr").length === 1);
  await page.reload();
  await page.waitForFunction(() => document.querySelectorAll("table.runs tbody tr").length === 1);
  await page.getByLabel("Pattern").selectOption("1");
  await page.getByText("No run fits these filters: status Completed, pattern 1, “needle”.").waitFor();
  await page.getByRole("link", { name: "Show all runs" }).click();
  await page.waitForFunction(() => document.querySelectorAll("table.runs tbody tr").length > 1);
  await browser.done(page);
});

test("older runs are a page further", async () => {
  const ids = [];
  for (let i = 0; i < 55; i++) ids.push(await server.submit(small(1, "paged", 1), 1));
  const page = await browser.page();
  await page.goto(`${server.url}/#/?q=paged`);
  await page.waitForFunction(() => document.querySelectorAll("table.runs tbody tr").length === 50);
  await page.getByRole("link", { name: "older runs" }).click();
  await page.waitForFunction(() => document.querySelectorAll("table.runs tbody tr").length === 5);
  await page.locator("tr", { hasText: ids[0] }).waitFor();
  await page.getByRole("link", { name: "newest" }).click();
  await page.locator("tr", { hasText: ids[54] }).waitFor();
  await browser.done(page);
});

test("the number of runs that failed today is the number of runs that its link lists", async () => {
  const missing = spec(1, { workflowName: "failed_today", taskList: taskList(3, (i) => ({ s3BucketName: "stepfleet-pattern-1", objectKey: i ? `missing/${i}` : "input/sample.bin" })) });
  await server.over(await server.submit(missing, 1));
  const page = await browser.page();
  await page.goto(server.url);
  const tile = page.getByRole("navigation", { name: "Now" }).getByRole("link", { name: /^Failed today/ });
  await tile.locator(".tile-value.failed").waitFor();
  await tile.click();
  await page.waitForURL(/endedSince=/);
  await page.getByRole("button", { name: /^ended since/ }).waitFor();
  const { failedToday } = await server.get("/stats");
  await page.waitForFunction((count) => document.querySelectorAll("table.runs tbody tr.failed").length === count
    && document.querySelectorAll("table.runs tbody tr").length === count, failedToday);
  await tile.click(); // once more: all runs
  await page.getByRole("button", { name: /^ended since/ }).waitFor({ state: "detached" });
  await browser.done(page);
});

test("a failed run tells why in the list and is retried from there", async () => {
  const missing = spec(1, { workflowName: "retried_from_the_list", taskList: taskList(2, (i) => ({ s3BucketName: "stepfleet-pattern-1", objectKey: i ? "missing" : "input/sample.bin" })) });
  const id = await server.submit(missing, 1);
  await server.over(id);
  const page = await browser.page();
  await page.goto(`${server.url}/#/?q=${id}`);
  const row = page.locator("tr.failed", { hasText: id });
  await row.getByText("1 × S3NotFound").waitFor();
  await row.getByRole("button", { name: /^Retry failed/ }).click();
  await page.getByRole("dialog").getByText("1 task of retried_from_the_list").waitFor();
  await page.getByRole("button", { name: "Start the retry" }).click();
  await page.getByText("retry of").waitFor();
  await page.locator(".summary.failed").waitFor();
  await browser.done(page);
});

test("an empty list says which filters left nothing", async () => {
  const page = await browser.page();
  await page.goto(`${server.url}/#/?status=Failed&q=nowhere%20to%20be%20found`);
  await page.getByText("No run fits these filters: status Failed, “nowhere to be found”.").waitFor();
  await browser.done(page);
});

test("times are the server's, however wrong the browser's clock is", async () => {
  const page = await browser.page();
  await page.clock.install({ time: Date.now() - 2 * 864e5 });
  const id = await server.submit(small(1, "under_way", 1), 1);
  const run = await server.over(id);
  const long = 754; // seconds that it has run, by the server's clock
  const open = { ...run, status: "Running", endedAt: null, tasks: { ...run.tasks, total: 4 } };
  await page.route(/\/workflows\?/, async (route) => {
    const reply = await route.fetch();
    const begun = new Date(Date.parse(reply.headers().date) - long * 1000).toISOString();
    await route.fulfill({ response: reply, json: { items: [{ ...open, submittedAt: begun, startedAt: begun }], nextCursor: null } });
  });
  await page.goto(server.url);
  const row = page.locator("tr.running", { hasText: "under_way" });
  await row.getByText(/^12 m \d\d s$/).waitFor(); // the Date of an answer has no fractions
  await row.locator("td.c-eta", { hasText: /3\d m$/ }).waitFor(); // and three tasks of four will take three times that
  await browser.done(page);
});

test("what is not there is said to be not there", async () => {
  const page = await browser.page();
  page.allowed.push(/status of 404/);
  await page.goto(`${server.url}/#/runs/1234567890`);
  await page.getByRole("heading", { name: "There is no run 1234567890" }).waitFor();
  await page.goto(`${server.url}/#/nothing/here`);
  await page.getByRole("heading", { name: "There is no such view" }).waitFor();
  await page.getByRole("link", { name: "All runs" }).click();
  await page.locator("table.runs").waitFor();
  await browser.done(page);
});

test("a page that finds no server says so, and is there once it answers", async () => {
  const page = await browser.page();
  page.allowed.push(/ERR_FAILED/);
  await page.route(/\/(workflows|stats|events)/, (route) => route.abort());
  await page.goto(server.url);
  await page.getByText("Nothing is known yet: the server cannot be reached.").first().waitFor();
  await page.unroute(/\/(workflows|stats|events)/);
  await page.locator("table.runs").waitFor();
  await browser.done(page);
});

test("a server that restarts is missed, said to be missed, and found again", async () => {
  const page = await browser.page();
  page.allowed.push(/ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE|ERR_SOCKET|Failed to load resource|status of 503/);
  await page.goto(server.url);
  await page.locator("table.runs").waitFor();
  await server.stop("SIGKILL");
  await page.locator("#state.stale").waitFor();
  assert.match(await page.locator("#state").innerText(), /stale since \d\d:\d\d:\d\d/);
  await page.locator("table.runs").waitFor(); // what was known stays
  await server.start();
  await page.locator("#state.live").waitFor();
  await server.submit(small(1, "after_the_restart"), 1);
  await page.locator("tr.completed", { hasText: "after_the_restart" }).waitFor();
  await browser.done(page);
});
