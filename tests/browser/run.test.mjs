// One run: why a task failed, cancelling, retrying, the offline copy, hostile names, many tasks.
import assert from "node:assert/strict";
import { once } from "node:events";
import { access, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Browser, PATIENCE, ROOT, Server, spec, taskList } from "./support.mjs";

const program = join(ROOT, process.env.STEPFLEET_BUILD ?? "build", "s3-copy-task");
// task-00002 fails; a task whose name begins with "slow" waits until it is stopped, with "wait" for a file.
const server = new Server();
server.useWorkers({ "s3-copy-task": `case "$task_name" in
*00002) exit 3 ;;
four*) exit 4 ;;
five*) exit 5 ;;
slow*) exec tail -f /dev/null ;;
wait*) while [ ! -e '${server.folder}'/"$task_name" ]; do sleep .1; done ;;
esac
exec '${program}'` });
const browser = new Browser();
before(async () => Promise.all([server.start(), browser.open()]));
after(async () => Promise.allSettled([browser.close(), server.close()]));

const tasks = (count, make = () => ({})) => taskList(count, (i) => ({ s3BucketName: "stepfleet-pattern-1", ...make(i) }));
const grid = (page) => page.getByRole("grid", { name: "Tasks" });

test("a failed task tells its reason, and the run tells it first", async () => {
  const id = await server.submit(spec(1, { taskList: tasks(4) }), 1);
  await server.over(id);
  const page = await browser.page();
  await page.goto(`${server.url}/#/runs/${id}`);
  assert.match(await page.locator(".summary.failed").innerText(), /1 of 4 tasks failed/);
  await page.getByRole("heading", { name: "Why tasks failed" }).waitFor();
  await page.locator(".failures button").first().click();
  await page.waitForURL(/reason=/);
  await grid(page).getByText("task-00002").click();
  const drawer = page.getByRole("complementary");
  await drawer.getByRole("region", { name: "Reason" }).getByText(/exit code 3/).first().waitFor();
  await drawer.getByText("What to do:").waitFor();
  await drawer.getByText("Step Functions says").waitFor();
  const { items } = await server.get(`/workflows/${id}/tasks`);
  await drawer.getByText(`aws/ecs/logs/${items[1].ecsTaskId}.log`).waitFor();
  await access(join(server.folder, "data/aws/ecs/logs", `${items[1].ecsTaskId}.log`));
  await drawer.getByText("Raw row").click();
  await drawer.getByText('"task_name": "task-00002"').waitFor();
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "detached" });
  await browser.done(page);
});

test("what changes while an answer is under way is not left for later, and nothing is shown twice", async () => {
  const page = await browser.page();
  // Without the look that is taken in any case, every 15 s: it would hide what was left for later.
  await page.addInitScript(() => {
    const later = globalThis.setTimeout;
    globalThis.setTimeout = (call, ms, ...rest) => (ms === 15000 ? 0 : later(call, ms, ...rest));
  });
  let release;
  const held = new Promise((done) => { release = done; });
  // The server's answers are made at once and given late: they are old when they arrive.
  const late = async (route) => {
    const reply = await route.fetch();
    await held;
    await route.fulfill({ response: reply }).catch(() => {}); // the page may have given up meanwhile
  };
  const id = await server.submit(spec(1, { taskList: tasks(2, (i) => ({ taskName: `wait-${i}` })) }), 1);
  await page.goto(`${server.url}/#/runs/${id}`);
  await grid(page).getByText("wait-1").waitFor();
  await page.locator("#state.live").waitFor();
  await page.route(/\/tasks\?since=|\/events\?limit=/, late);
  const asked = () => page.waitForRequest(/\/tasks\?since=/);
  await Promise.all([asked(), writeFile(join(server.folder, "wait-0"), "")]);
  await Promise.all([asked(), page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")))]); // all again, beside the other
  await writeFile(join(server.folder, "wait-1"), "");
  await page.locator(".summary.completed").waitFor();
  release();
  await grid(page).locator(".badge.completed").nth(1).waitFor();
  await page.getByRole("tab", { name: /^Events/ }).click();
  const { items } = await server.get(`/workflows/${id}/events?limit=1000`);
  await page.getByText(`${items.length} events`, { exact: true }).waitFor();
  await browser.done(page);
});

test("a group of failures is the filter for exactly the tasks that it counts", async () => {
  const id = await server.submit(spec(1, { taskList: tasks(5, (i) => ({ taskName: ["four-a", "four-b", "five", "fine", "task-00002"][i] })) }), 1);
  await server.over(id);
  const page = await browser.page();
  await page.goto(`${server.url}/#/runs/${id}`);
  assert.match(await page.locator(".summary.failed").innerText(), /^4 of 5 tasks failed: 4\s×\sExitCode\.$/);
  for (const [exit, names] of [["exit 4", ["four-a", "four-b"]], ["exit 5", ["five"]]]) {
    await page.locator(".failures li", { hasText: exit }).getByRole("button", { name: `${names.length} × ExitCode` }).click();
    await page.getByText(`${names.length} of 5 tasks`, { exact: true }).waitFor();
    for (const name of names) await grid(page).getByText(name, { exact: true }).waitFor();
  }
  await page.locator(".failures li", { hasText: "exit 5" }).getByRole("button", { name: "1 × ExitCode", pressed: true }).click();
  await page.getByText("5 tasks", { exact: true }).waitFor();
  await browser.done(page);
});

test("an answer that comes slowly is waited for as long as it comes", async (t) => {
  const id = await server.submit(spec(1, { taskList: tasks(4) }), 1);
  await server.over(id);
  // Gives the tasks bit by bit, longer than the page waits for a server that says nothing (10 s).
  const slow = createServer(async (request, response) => {
    const body = await (await fetch(server.url + request.url)).text();
    response.writeHead(200, { "Content-Type": "application/json" });
    let [at, left] = [0, 13];
    const timer = setInterval(() => {
      const piece = body.slice(at, left-- > 1 ? at + Math.floor(body.length / 13) : undefined);
      at += piece.length;
      response.write(piece);
      if (at === body.length) response.end();
    }, 1000);
    response.on("close", () => clearInterval(timer));
  }).listen(0, "127.0.0.1");
  t.after(() => {
    slow.close();
    slow.closeAllConnections();
  });
  await once(slow, "listening");
  const page = await browser.page();
  let asked = 0;
  await page.route(/\/tasks\?/, (route) => {
    const url = new URL(route.request().url());
    asked += url.searchParams.has("since") ? 0 : 1; // what changes behind it is asked for as well
    return route.continue({ url: `http://127.0.0.1:${slow.address().port}${url.pathname}${url.search}` });
  });
  await page.goto(`${server.url}/#/runs/${id}`);
  await grid(page).getByText("task-00004").waitFor();
  assert.equal(asked, 1);
  await browser.done(page);
});

test("filters, sorting and the state machine are linked", async () => {
  const id = await server.submit(spec(2, { taskList: tasks(5, (i) => ({ taskName: `part-0000${i + 1}` })) }), 2);
  await server.over(id);
  const page = await browser.page();
  await page.goto(`${server.url}/#/runs/${id}`);
  await page.locator(".counts").getByRole("button", { name: /1 failed/ }).click();
  await page.waitForURL(/status=Failed/);
  await page.getByText("1 of 5 tasks", { exact: true }).waitFor();
  await page.locator(".counts").getByRole("button", { name: /1 failed/ }).click();
  await grid(page).getByRole("button", { name: "Task", exact: true }).click();
  await grid(page).getByRole("button", { name: "Task", exact: true }).click();
  await page.waitForURL(/sort=-task/);
  assert.match(await grid(page).locator("tbody tr[data-row='0']").innerText(), /part-00005/);
  await page.getByLabel("Search tasks").fill("part-00003");
  await page.getByText("1 of 5 tasks", { exact: true }).waitFor();
  const state = page.getByRole("button", { name: /^InvokeTaskMonitor Task/ });
  assert.match(await state.getAttribute("aria-label"), /· \d+ ×, done$/);
  await state.click();
  await page.waitForURL(/state=InvokeTaskMonitor/);
  await page.getByRole("grid", { name: "State machine events" }).getByText("TaskStateEntered").first().click();
  await page.getByText('"type": "TaskStateEntered"').waitFor();
  await page.getByRole("tab", { name: "Spec" }).click();
  await page.getByLabel("Spec", { exact: true }).getByText('"part-00003"').waitFor();
  await browser.done(page);
});

test("cancel asks first, then is seen live; what did not complete is retried", async () => {
  const page = await browser.page();
  const id = await server.submit(spec(1, { taskList: tasks(3, (i) => (i ? { taskName: `slow-${i}` } : {})) }), 1);
  await page.goto(`${server.url}/#/runs/${id}`);
  await page.locator(".summary.running").waitFor();
  await page.locator(".facts div", { hasText: "Ends in about" }).waitFor(); // told once a task has ended
  await page.locator(".facts div", { hasText: /^Tasks done.* an? (second|minute|hour)$/ }).waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Leave it" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByLabel("Why (optional)").fill("wrong input");
  await page.getByRole("button", { name: "Cancel the run" }).click();
  await page.locator(".summary.cancelled").waitFor();
  assert.equal((await server.over(id)).cancelReason, "wrong input");
  await page.getByRole("button", { name: /, stopped$/ }).waitFor(); // the state it stood in did not fail
  await page.getByRole("button", { name: "Retry failed" }).click();
  await page.getByRole("button", { name: "Start the retry" }).click();
  await page.getByText("retry of").waitFor();
  assert.ok(!page.url().endsWith(id));
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Cancel the run" }).click();
  await page.locator(".summary.cancelled").waitFor();
  await browser.done(page);
});

test("CSV and JSON are downloads; the offline copy opens from disk and asks nobody", async () => {
  const id = await server.submit(spec(1, { taskList: tasks(4) }), 1);
  await server.over(id);
  const page = await browser.page();
  await page.goto(`${server.url}/#/runs/${id}`);
  await grid(page).getByText("task-00004").waitFor();
  const take = async (name) => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByText(name, { exact: true }).click()]);
    const file = join(server.folder, download.suggestedFilename());
    await download.saveAs(file);
    return file;
  };
  assert.match(await take("CSV"), /\.csv$/);
  assert.match(await take("JSON"), /\.json$/);
  await page.locator("button:enabled", { hasText: "Offline HTML" }).waitFor();
  const file = await take("Offline HTML");
  await browser.done(page);
  const copy = await browser.page({ offline: true });
  await copy.goto(pathToFileURL(file).href);
  await copy.getByText("offline copy").waitFor();
  assert.match(await copy.locator(".summary.failed").innerText(), /1 of 4 tasks failed/);
  await grid(copy).getByText("task-00002").click();
  await copy.getByRole("complementary").getByRole("region", { name: "Reason" }).waitFor();
  const state = copy.getByRole("button", { name: /^InvokeTaskMonitor Task/ });
  const before = await state.getAttribute("aria-label");
  await copy.evaluate(() => document.dispatchEvent(new Event("visibilitychange"))); // as after another tab
  await copy.getByRole("tab", { name: "Spec" }).click();
  await copy.locator("pre.tall").waitFor();
  assert.equal(await state.getAttribute("aria-label"), before);
  assert.equal(await copy.getByRole("button", { name: "Retry failed" }).count(), 0);
  await browser.done(copy);
});

test("an offline copy of a run that goes on stands still", async () => {
  const id = await server.submit(spec(1, { taskList: tasks(1, () => ({ taskName: "slow-1" })) }), 1);
  const page = await browser.page();
  await page.goto(`${server.url}/#/runs/${id}`);
  await page.locator(".summary.running").waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByText("Offline HTML").click()]);
  const file = join(server.folder, download.suggestedFilename());
  await download.saveAs(file);
  await browser.done(page);
  const copy = await browser.page({ offline: true });
  await copy.clock.install({ time: Date.now() + 864e5 });
  await copy.goto(pathToFileURL(file).href);
  await copy.locator(".summary.running").waitFor();
  assert.match(await copy.locator(".facts.wide div", { hasText: "Duration" }).locator("dd").innerText(), / m?s$/);
  await browser.done(copy);
  await fetch(`${server.url}/workflows/${id}/cancel`, { method: "POST" });
});

test("hostile names are text", async () => {
  const names = ["<img src=x onerror=\"document.title='owned'\">", "\u202Etxet\u2066 rtl", "😀🚀", "</script><script>document.title='owned'</script>", "&lt;b&gt;"];
  const id = await server.submit(spec(1, { workflowName: "copy_pattern_1", labels: { note: "<b>x</b>" },
    taskList: tasks(names.length + 1, (i) => ({ taskName: names[i] ?? "n".repeat(255), objectKey: i > 1 ? "input/sample.bin" : `<i>${"k".repeat(980)}` })) }), 1);
  await server.over(id);
  const page = await browser.page();
  await page.goto(`${server.url}/#/runs/${id}`);
  for (const name of names) {
    await grid(page).locator("bdi", { hasText: name }).first().click();
    const heading = page.getByRole("complementary").locator("header bdi");
    await page.waitForFunction((text) => document.querySelector("aside header bdi")?.textContent === text, name);
    assert.equal(await heading.textContent(), name);
    await page.getByLabel("Raw row").filter({ hasText: "task_name" }).waitFor({ state: "attached" });
    for (const raw of await page.locator("pre.raw").allTextContents()) assert.doesNotMatch(raw, /[\u202a-\u202e\u2066-\u2069]/);
  }
  assert.equal(await page.locator(".facts.wide div", { hasText: "note" }).locator("dd").innerText(), "<b>x</b>");
  // A sentence that names a task is not turned around by its name.
  assert.doesNotMatch(await page.locator(".summary").innerText(), /[\u202a-\u202e\u2066-\u2069]/);
  assert.equal(await page.locator("main img, main i:not(.swatch), main b img").count(), 0);
  assert.doesNotMatch(await page.title(), /owned/);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  assert.equal(wide, false, "the page must not scroll sideways");
  await browser.done(page);
});

test("a thousand tasks are all there, and few are in the document", async () => {
  const id = await server.submit(spec(1, { taskList: tasks(1000) }), 1);
  const page = await browser.page();
  await page.goto(`${server.url}/#/runs/${id}`);
  await page.locator(".summary.failed").waitFor();
  await page.locator("table[aria-label='Tasks'][aria-rowcount='1001']").waitFor();
  assert.ok(await grid(page).locator("tbody tr").count() < 80);
  await grid(page).locator("tbody tr[data-row='0']").focus();
  await page.keyboard.press("End");
  await page.locator("tr[data-row='999']:focus").waitFor();
  assert.match(await page.locator("tr[data-row='999']").innerText(), /task-01000/);
  // A selection in the timeline leaves the tasks of its rows.
  const canvas = page.locator(".stage canvas");
  await page.getByRole("button", { name: "Select" }).click();
  const chosen = page.getByRole("button", { name: /selected in the timeline/ });
  for (const end = Date.now() + PATIENCE; !(await chosen.count());) { // what comes in may move the canvas under the mouse
    assert.ok(Date.now() < end, "nothing was selected");
    await canvas.scrollIntoViewIfNeeded();
    const box = await canvas.boundingBox();
    await page.mouse.move(box.x + 2, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 2, box.y + 80, { steps: 4 });
    await page.mouse.up();
    await chosen.waitFor({ timeout: 2000 }).catch(() => {});
  }
  const count = page.locator(".details [role=status]");
  const selected = await count.innerText();
  assert.match(selected, /^\d+ of 1,000 tasks$/);
  // Whoever gets the address sees the same.
  assert.match(page.url(), /sel=/);
  const other = await browser.page();
  await other.goto(page.url());
  await other.locator(".details").getByText(selected, { exact: true }).waitFor();
  await other.getByLabel("Sort").selectOption("spec"); // other rows: what was selected is no more
  await other.locator(".details").getByText("1,000 tasks", { exact: true }).waitFor();
  await browser.done(other);
  await page.getByRole("button", { name: /selected in the timeline/ }).click();
  await page.locator(".details").getByText("1,000 tasks", { exact: true }).waitFor();
  await canvas.focus();
  for (const key of ["+", "ArrowRight", "PageUp", "ArrowDown", "-", "0"]) await page.keyboard.press(key);
  await browser.done(page);
});

test("a run of long ago says that its tasks were removed", async () => {
  const id = await server.submit(spec(1, { taskList: tasks(1) }), 1);
  await server.over(id);
  const page = await browser.page();
  await page.route(/\/workflows\/\d+$/, async (route) => {
    const reply = await route.fetch();
    await route.fulfill({ response: reply, json: { ...await reply.json(), tasksRemovedAt: "2026-01-02T03:04:05.678Z" } });
  });
  await page.route(/\/workflows\/\d+\/(tasks|events)/, (route) => route.fulfill({ json: { items: [], nextCursor: null } }));
  await page.goto(`${server.url}/#/runs/${id}?task=task-00001`);
  await page.locator(".details").getByText("Tasks and events of this run were removed 2026-01-0").waitFor();
  await page.getByRole("complementary").getByText("were removed").waitFor();
  await browser.done(page);
});
