// The drawer of one task: what was really said of it, and its log.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { Browser, ROOT, Server, spec, taskList } from "./support.mjs";

const program = join(ROOT, process.env.STEPFLEET_BUILD ?? "build", "s3-copy-task");
// task-00002 fails; one whose name begins with "wait" writes its rows at once, but ends only when there is a file.
const server = new Server();
server.useWorkers({ "s3-copy-task": `case "$task_name" in
*00002) i=0; while [ $i -lt 99 ]; do i=$((i+1)); echo "step $i"; done; printf '<img src=x onerror="document.title=1">\\033[31m\\342\\200\\256red\\n' >&2; exit 3 ;;
hang*) echo "no row"; while [ ! -e '${server.folder}/row' ]; do sleep .1; done; exec '${program}' ;;
wait*) echo "first line"; '${program}'; while [ ! -e '${server.folder}/go' ]; do sleep .1; done; echo "last line" ;;
*) exec '${program}' ;;
esac` });
const browser = new Browser();
before(async () => Promise.all([server.start(), browser.open()]));
after(async () => Promise.allSettled([browser.close(), server.close()]));

const tasks = (count, make = () => ({})) => taskList(count, (i) => ({ s3BucketName: "stepfleet-pattern-2", ...make(i) }));
const drawerOf = (page) => page.getByRole("complementary");

test("a failed task: what ECS said, the events of its launch, the end of its log", async () => {
  const id = await server.submit(spec(2, { taskList: tasks(3) }), 2);
  await server.over(id);
  const page = await browser.page();
  await page.goto(`${server.url}/#/runs/${id}?task=task-00002`);
  const drawer = drawerOf(page);
  // It comes without a reload, as soon as ECS was asked.
  await drawer.getByText("ECS description").click();
  const said = drawer.getByLabel("ECS description");
  await said.getByText('"lastStatus": "STOPPED"').waitFor();
  await said.getByText('"exitCode": 3').waitFor();
  const { ecs } = await server.get(`/workflows/${id}/tasks/task-00002`);
  assert.deepEqual(JSON.parse(await said.textContent()), ecs.description);
  const voices = drawer.locator(".voices tbody td");
  await voices.nth(1).getByText("s3-copy-task: exit 3").waitFor();
  await voices.nth(2).getByText("MapIterationSucceeded").waitFor();
  await drawer.getByText("Launch events").click();
  await drawer.getByLabel("Launch events").getByText('"type": "TaskScheduled"').waitFor();
  await drawer.getByText("Raw row").click();
  await drawer.getByLabel("Raw row").getByText('"ecs_task_id"').waitFor();
  const log = drawer.getByLabel("Log", { exact: true });
  const text = await log.textContent();
  assert.match(text, /step 99\n<img src=x onerror="document.title=1">\ufffd\[31m\ufffdred\n$/);
  assert.equal(await page.locator("main img, aside img").count(), 0);
  assert.ok(await log.evaluate((node) => node.scrollTop + node.clientHeight > node.scrollHeight - 8), "the end is seen");
  await browser.done(page);
});

test("a log is followed until ECS says that the task has stopped, though its row is final and the run is over", async () => {
  const name = "wait/ä & co?";
  const id = await server.submit(spec(2, { taskList: tasks(1, () => ({ taskName: name })) }), 2);
  await server.over(id);
  const page = await browser.page();
  await page.clock.install();
  const calls = [];
  page.on("request", (request) => request.url().includes("/tasks/") && calls.push(request.url()));
  await page.goto(`${server.url}/#/runs/${id}?task=${encodeURIComponent(name)}`);
  const drawer = drawerOf(page);
  const log = drawer.getByLabel("Log", { exact: true });
  await log.getByText("first line").waitFor();
  await drawer.locator(".voices tbody td").nth(1).getByText("RUNNING").waitFor();
  assert.doesNotMatch(await log.textContent(), /last line/);
  await writeFile(join(server.folder, "go"), "");
  await log.getByText("last line").waitFor();
  await drawer.locator(".voices tbody td").nth(1).getByText("STOPPED").waitFor();
  const before = calls.length;
  assert.ok(before >= 4, "it was followed");
  await page.clock.runFor(60000);
  assert.equal(calls.length, before, "nothing more is to come");
  await browser.done(page);
});

test("a task that has written no row: what ECS says of it, and its log", async () => {
  const name = "hangs before its row";
  const id = await server.submit(spec(1, { taskList: tasks(1, () => ({ taskName: name })) }), 1);
  const page = await browser.page();
  await page.goto(`${server.url}/#/runs/${id}?task=${encodeURIComponent(name)}`);
  const drawer = drawerOf(page);
  const voices = drawer.locator(".voices tbody td");
  await voices.nth(0).getByText("Submitted").waitFor();
  await voices.nth(1).getByText("RUNNING").waitFor();
  await drawer.getByText("It has written no audit row yet: its container runs").waitFor();
  assert.equal(await drawer.getByLabel("Log", { exact: true }).textContent(), "no row\n");
  const { auditRow, ecs } = await server.get(`/workflows/${id}/tasks/${encodeURIComponent(name)}`);
  assert.equal(auditRow, null);
  await drawer.getByText(ecs.description.taskArn.split("/").at(-1), { exact: true }).waitFor();
  await writeFile(join(server.folder, "row"), "");
  await voices.nth(0).getByText("Completed").waitFor();
  await voices.nth(1).getByText("STOPPED").waitFor();
  await browser.done(page);
});

test("in an account the log is a link, and is not asked for", async () => {
  const id = await server.submit(spec(1, { taskList: tasks(1) }), 1);
  await server.over(id);
  const page = await browser.page();
  const url = "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/c/tasks/1/logs?region=eu-west-1";
  await page.route(/\/tasks\/task-00001$/, async (route) => {
    const reply = await route.fetch();
    await route.fulfill({ response: reply, json: { ...await reply.json(), log: { kind: "cloudwatch", url } } });
  });
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(`${server.url}/#/runs/${id}?task=task-00001`);
  const link = drawerOf(page).getByRole("link", { name: /CloudWatch/ });
  assert.equal(await link.getAttribute("href"), url);
  await drawerOf(page).getByText("A function starts the tasks of pattern 1").waitFor();
  assert.equal(asked.filter((address) => address.endsWith("/log") || address.includes("/log?")).length, 0);
  await browser.done(page);
});

test("another task takes the drawer over whole, and an offline copy says what it has not", async () => {
  const id = await server.submit(spec(1, { taskList: tasks(3) }), 1);
  await server.over(id);
  const page = await browser.page();
  await page.goto(`${server.url}/#/runs/${id}?task=task-00002`);
  await drawerOf(page).getByLabel("Log", { exact: true }).getByText("step 99").waitFor();
  await page.goto(`${server.url}/#/runs/${id}?task=task-00001`);
  await drawerOf(page).getByText("ECS description as of").waitFor();
  assert.doesNotMatch(await drawerOf(page).textContent(), /step 99/);
  const { ecsTaskId } = await server.get(`/workflows/${id}/tasks/task-00001`);
  await drawerOf(page).getByText(`aws/ecs/logs/${ecsTaskId}.log`).waitFor();
  await page.keyboard.press("Escape");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByText("Offline HTML").click()]);
  const file = join(server.folder, download.suggestedFilename());
  await download.saveAs(file);
  await browser.done(page);
  const copy = await browser.page({ offline: true });
  await copy.goto(`${pathToFileURL(file).href}#/runs/${id}?task=task-00002`);
  await drawerOf(copy).getByText("ECS description not in an offline copy").waitFor();
  await drawerOf(copy).getByText("Raw row").click();
  await drawerOf(copy).getByLabel("Raw row").getByText('"taskName": "task-00002"').waitFor();
  await browser.done(copy);
});
