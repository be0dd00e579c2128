// The page as people use it: type, paste, switch, share, reload.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { answered, launch, loadExample, open, serve, verdict, write, written } from "./support.mjs";

let server;
let browser;
before(async () => {
  server = await serve();
  browser = await launch();
});
after(async () => {
  await browser.close();
  await server.close();
});

const tab = (page, name) => page.getByRole("tab", { name, exact: false }).first().click();

test("the first sight: a denial, what came closest and what would change it", async () => {
  const { page, done } = await open(browser, server.address);
  assert.equal(await verdict(page), "Denied");
  assert.match(await page.locator("#verdict").innerText(), /D201/);
  assert.match(await page.locator(".misses li").first().innerText(), /ReadFromOffice[\s\S]*198\.51\.100\.0\/24[\s\S]*203\.0\.113\.7/);
  await page.getByRole("button", { name: "Try it" }).first().click();
  await answered(page);
  assert.equal(await verdict(page), "Allowed");
  assert.match(await page.locator(".reason").innerText(), /ReadFromOffice of read-reports/);
  assert.match(await page.locator("#measured").innerText(), /ms/);
  await done();
});

test("a reason's code leads to the manual's page about it", async () => {
  const { page, done } = await open(browser, server.address);
  await page.getByRole("button", { name: "D201" }).click();
  await page.getByRole("dialog", { name: "What D201 means" }).waitFor();
  assert.match(await page.getByRole("dialog").innerText(), /portcullis explain D201/);
  await done();
});

test("typing a policy changes the answer at once", async () => {
  const { page, done } = await open(browser, server.address);
  const text = await written(page);
  await write(page, text.replace("198.51.100.0/24", "203.0.113.0/24"));
  assert.equal(await verdict(page), "Allowed");
  await write(page, text.replace('"Allow"', '"Deny"').replace("198.51.100.0/24", "203.0.113.0/24"));
  assert.equal(await verdict(page), "Denied");
  assert.match(await page.locator("#verdict-status").innerText(), /explicit deny/);
  const marks = await page.evaluate(() => document.querySelector("#editor").shadowRoot.querySelectorAll(".says-deny").length);
  assert.ok(marks > 3, "the deciding statement is marked in the editor");
  await done();
});

test("an invalid policy keeps the last verdict, greyed, and says what is wrong where", async () => {
  const { page, done } = await open(browser, server.address);
  const text = await written(page);
  await write(page, text.replace('"Effect": "Allow"', '"Effect": "Alow"'));
  assert.equal(await verdict(page), "Denied");
  assert.ok(await page.locator("#answer.stale").count(), "greyed");
  const problem = page.locator(".problem.error").first();
  assert.match(await problem.innerText(), /E\d+/);
  assert.match(await page.locator(".stale-note").innerText(), /read-reports/);
  await problem.click();
  const selected = await page.evaluate(() => document.querySelector("#editor").shadowRoot.getSelection?.()?.toString() ?? "");
  assert.match(selected, /Alow/);
  await write(page, "{ broken");
  assert.equal(await written(page), "{ broken");
  assert.equal(await verdict(page), "Denied");
  await write(page, text);
  assert.equal(await page.locator("#answer.stale").count(), 0);
  await done();
});

test("switching a policy off and to unknown", async () => {
  const { page, done } = await open(browser, server.address);
  await page.getByRole("button", { name: "Try it" }).first().click();
  await answered(page);
  await page.getByRole("radio", { name: "Off" }).check();
  await answered(page);
  assert.equal(await verdict(page), "Denied");
  await page.getByRole("radio", { name: "Unknown" }).check();
  await answered(page);
  assert.equal(await verdict(page), "It depends");
  assert.match(await page.locator(".hangs").first().innerText(), /Depends on read-reports.*If it allows: allowed.*If it denies: denied explicitly/s);
  await page.getByRole("radio", { name: "On" }).check();
  await answered(page);
  assert.equal(await verdict(page), "Allowed");
  await done();
});

test("a part of a statement leads to its text, in another tab too", async () => {
  const { page, done } = await open(browser, server.address);
  const cell = page.locator("#statements tr", { hasText: "Auditors" }).getByRole("button", { name: /not met/ });
  await cell.click();
  assert.equal(await page.getByRole("tab", { selected: true }).innerText(), "Bucket");
  const selected = await page.evaluate(() => document.querySelector("#editor").shadowRoot.getSelection?.()?.toString() ?? "");
  assert.match(selected, /role\/auditor/);
  await done();
});

test("the action is completed, by keyboard alone; other services come with a file of their own", async () => {
  const { page, done } = await open(browser, server.address);
  const fetched = [];
  page.on("request", (request) => fetched.push(request.url()));
  const action = page.locator("#action");
  await action.fill("");
  await action.pressSequentially("s3:getobjecta");
  await page.locator(".completions").getByRole("option").first().waitFor();
  await action.press("ArrowDown");
  await action.press("Enter");
  assert.match(await action.inputValue(), /^s3:GetObjectA/);
  assert.equal(await action.getAttribute("aria-expanded"), "false");
  assert.deepEqual(fetched.filter((url) => url.includes("vocabulary")), []);
  await action.fill("");
  await action.pressSequentially("ec2:RunInst");
  await page.locator(".completions").getByRole("option", { name: /ec2:RunInstances/ }).first().waitFor();
  await done();
});

test("context rows follow the keys that the policies read, each with its type", async () => {
  const { page, done } = await open(browser, server.address);
  assert.equal(await page.locator('[data-key="aws:securetransport"] select').count(), 1);
  await write(page, (await written(page)).replace('"IpAddress": { "aws:SourceIp": "198.51.100.0/24" }', '"DateLessThan": { "aws:CurrentTime": "2030-01-01T00:00:00Z" }, "ForAnyValue:StringEquals": { "aws:TagKeys": ["a", "b"] }'));
  assert.match(await page.locator('[data-key="aws:currenttime"] label').innerText(), /date/);
  const keys = page.locator('[data-key="aws:tagkeys"] textarea');
  await keys.fill("b\nc");
  await page.locator('[data-key="aws:currenttime"] input').fill("2026-11-22T09:00:00Z");
  await answered(page);
  assert.equal(await verdict(page), "Allowed");
  await page.locator("[aria-label='Name of another context key']").fill("aws:PrincipalTag/team");
  await page.getByRole("button", { name: "Add key" }).click();
  await answered(page);
  assert.equal(await page.evaluate(() => document.activeElement.closest("[data-key]")?.dataset.key), "aws:principaltag/team");
  await done();
});

test("every kind of principal has its fields", async () => {
  const { page, done } = await open(browser, server.address);
  const values = await page.locator("#principal-kind option").evaluateAll((options) => options.map((option) => option.value));
  assert.deepEqual(values, ["user", "role-session", "root", "anonymous", "service", "oai", "federated", "canonical"]);
  for (const kind of values) {
    await page.locator("#principal-kind").selectOption(kind);
    await answered(page);
    assert.equal(await page.locator(".principal-main input").count(), kind === "anonymous" ? 0 : 1, kind);
  }
  await page.locator("#principal-kind").selectOption("role-session");
  await page.locator(".principal-main input").fill("arn:aws:sts::111122223333:assumed-role/auditor/now");
  await answered(page);
  assert.equal(await verdict(page), "Allowed");
  assert.match(await page.locator(".reason").innerText(), /Auditors of reports-bucket/);
  await done();
});

test("settings: Block Public Access, ACL and ownership decide", async () => {
  const { page, done } = await open(browser, server.address);
  await loadExample(page, "ex-11-public");
  assert.equal(await verdict(page), "Allowed");
  await tab(page, "Public access");
  await page.getByRole("checkbox", { name: /RestrictPublicBuckets/ }).first().check();
  await answered(page);
  assert.equal(await verdict(page), "Denied");
  await page.getByRole("checkbox", { name: /RestrictPublicBuckets/ }).first().uncheck();
  await answered(page);
  await tab(page, "Bucket");
  await page.getByRole("radio", { name: "Off" }).check();
  await tab(page, "Ownership");
  await page.getByRole("combobox", { name: "Object Ownership" }).selectOption("ObjectWriter");
  await page.getByRole("checkbox", { name: "The object exists" }).check();
  await tab(page, "ACL");
  await page.getByRole("button", { name: "+ Add a grant" }).last().click();
  await answered(page);
  assert.equal(await verdict(page), "Allowed");
  assert.match(await page.locator("#verdict").innerText(), /access control list/);
  await done();
});

test("share: the link restores everything, back and forward walk through the changes", async () => {
  const { page, done, context } = await open(browser, server.address);
  await loadExample(page, "ex-11-restricted");
  await page.getByRole("button", { name: "+ Add a policy" }).count();
  await page.locator("#resource").fill("arn:aws:s3:::site-blocked/other.html");
  await answered(page);
  await page.locator("#open-share").click();
  const link = await page.getByLabel("Link", { exact: true }).inputValue();
  assert.match(link, /#1:[A-Za-z0-9_-]+$/);
  const other = await context.newPage();
  await other.goto(link);
  await answered(other);
  assert.equal(await verdict(other), "Denied");
  assert.equal(await other.locator("#resource").inputValue(), "arn:aws:s3:::site-blocked/other.html");
  await other.close();
  await page.keyboard.press("Escape");
  await page.reload();
  await answered(page);
  assert.equal(await page.locator("#resource").inputValue(), "arn:aws:s3:::site-blocked/other.html");
  await page.goBack();
  await page.waitForFunction(() => document.querySelector("#resource").value.includes("q1.csv"));
  await answered(page);
  await page.goForward();
  await page.waitForFunction(() => document.querySelector("#resource").value.includes("other.html"));
  await done();
});

test("share: as a command line and as a scenario", async () => {
  const { page, done } = await open(browser, server.address);
  await page.locator("#open-share").click();
  const command = page.getByLabel("Command", { exact: true });
  await command.waitFor();
  assert.match(await command.inputValue(), /portcullis can/);
  const scenario = JSON.parse(await page.getByLabel("Scenario", { exact: true }).inputValue());
  const [first] = scenario.scenarios ?? scenario;
  assert.equal(first.expect, "implicit-deny");
  await done();
});

test("pasting an AccessDenied sentence fills the request", async () => {
  const { page, done } = await open(browser, server.address);
  await page.locator("#open-paste").click();
  await page.getByLabel("Text to read").fill("An error occurred (AccessDenied) when calling the PutObject operation: User: arn:aws:sts::111122223333:assumed-role/deploy/ci is not authorized to perform: s3:PutObject on resource: \"arn:aws:s3:::artifacts/app.tgz\" because no identity-based policy allows the s3:PutObject action");
  await page.getByRole("button", { name: "Use it" }).click();
  await answered(page);
  assert.equal(await page.locator("#action").inputValue(), "s3:PutObject");
  assert.equal(await page.locator("#resource").inputValue(), "arn:aws:s3:::artifacts/app.tgz");
  assert.equal(await page.locator("#principal-kind").inputValue(), "role-session");
  await page.getByRole("button", { name: "Undo" }).click();
  await page.waitForFunction(() => document.querySelector("#action").value === "s3:GetObject");
  await done();
});

test("pasting a bucket policy in the AWS command line's wrapping replaces the bucket's", async () => {
  const { page, done } = await open(browser, server.address);
  const policy = { Version: "2012-10-17", Statement: [{ Sid: "Open", Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: "arn:aws:s3:::reports/*" }] };
  await page.locator("#open-paste").click();
  await page.getByLabel("Text to read").fill(JSON.stringify({ Policy: JSON.stringify(policy) }));
  await page.getByRole("button", { name: "Use it" }).click();
  await answered(page);
  assert.equal(await verdict(page), "Allowed");
  assert.match(await page.locator(".reason").innerText(), /Open of/);
  await done();
});

test("pasting an account's dump lets one choose who asks", async () => {
  const { page, done } = await open(browser, server.address);
  const document = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }] };
  const dump = {
    UserDetailList: [{ Path: "/", UserName: "bob", UserId: "AIDAEXAMPLEEXAMPLE01", Arn: "arn:aws:iam::111122223333:user/bob", GroupList: [], AttachedManagedPolicies: [], UserPolicyList: [{ PolicyName: "all-of-s3", PolicyDocument: document }] }],
    GroupDetailList: [],
    RoleDetailList: [],
    Policies: [],
  };
  await page.locator("#open-paste").click();
  await page.getByLabel("Text to read").fill(JSON.stringify(dump));
  await page.getByLabel("Who asks").selectOption({ label: await page.getByLabel("Who asks").locator("option", { hasText: "bob" }).innerText() });
  await page.getByLabel("Resource", { exact: true }).last().fill("s3://reports/x");
  await page.getByRole("button", { name: "Fill in" }).click();
  await page.waitForFunction(() => document.querySelector(".row .name")?.value.includes("all-of-s3"));
  await answered(page);
  assert.match(await page.locator(".principal-main input").inputValue(), /user\/bob/);
  await done();
});
