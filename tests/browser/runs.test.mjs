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
  await page.getByLabel("Search runs by name, id or label").fill("needle");
  await page.waitForURL(/q=needle/);
  await page.locator("tr", { hasText: "needle_in_the_list" }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll("table.runs tbody tr").length === 1);
  await page.reload();
  await page.waitForFunction(() => document.querySelectorAll("table.runs tbody tr").length === 1);
  await page.getByLabel("Pattern").selectOption("1");
  await page.getByText("No run fits these filters.").waitFor();
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
