// For everybody: keyboard alone, a screen reader, a phone, dark, reduced motion, offline.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { answered, launch, loadExample, open, serve, verdict } from "./support.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

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

/** The serious findings of axe-core; its script is brought in past the page's own policy. */
async function findings(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations.filter(({ impact }) => ["serious", "critical"].includes(impact)).map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 120)} ${failureSummary}`).slice(0, 3).join(" | ")}`);
}

for (const [width, height] of [[1440, 900], [320, 700]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`no serious finding and nothing to scroll sideways: ${width} px, ${colorScheme}`, async () => {
      const { page, done } = await open(browser, server.address, { viewport: { width, height }, colorScheme, reducedMotion: "reduce" });
      const look = async (where) => {
        assert.deepEqual(await findings(page), [], where);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, where);
      };
      await look("starter");
      for (const name of ["ACL", "Public access", "Ownership", "SCP"]) {
        await page.getByRole("tab", { name }).click();
        await look(name);
      }
      await loadExample(page, "ex-11-restricted");
      await page.getByRole("tab", { name: "Bucket" }).click();
      await page.getByRole("radio", { name: "Unknown" }).check();
      await answered(page);
      await look("unknown");
      for (const dialog of ["#open-examples", "#open-paste", "#open-share"]) {
        await page.locator(dialog).click();
        await page.locator("dialog[open]").waitFor();
        await page.waitForTimeout(200);
        await look(dialog);
        await page.keyboard.press("Escape");
      }
      await done();
    });
  }
}

test("the keyboard alone: every control is reached in order, none is a trap", async () => {
  const { page, done } = await open(browser, server.address);
  const seen = [];
  for (let step = 0; step < 90; step += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      return element === document.body ? "end" : element.id || element.getAttribute("aria-label") || element.textContent.trim().slice(0, 40);
    });
    if (at === "end") break;
    seen.push(at);
  }
  for (const wanted of ["Skip to the answer", "open-examples", "open-paste", "open-share", "theme", "tab-identity", "editor", "principal-kind", "action", "resource"]) {
    assert.ok(seen.includes(wanted), `${wanted} is not reached: ${seen.join(", ")}`);
  }
  assert.ok(seen.indexOf("editor") < seen.indexOf("action"), "the editor lets Tab through");
  await page.locator("#tab-identity").focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.evaluate(() => document.activeElement.id), "tab-resource");
  assert.equal(await page.locator("#tab-resource").getAttribute("aria-selected"), "true");
  await page.keyboard.press("End");
  assert.equal(await page.evaluate(() => document.activeElement.id), "tab-ownership");
  await page.locator("#open-examples").focus();
  await page.keyboard.press("Enter");
  await page.locator("dialog[open] .example").first().waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await page.evaluate(() => document.activeElement.id), "open-examples", "the focus comes back");
  await done();
});

test("a screen reader hears the verdict and the names of things", async () => {
  const { page, done } = await open(browser, server.address);
  const status = page.getByRole("status").first();
  assert.match(await status.innerText(), /Denied/);
  assert.equal(await page.locator("#editor .cm-content").getAttribute("aria-label"), "Policy text");
  for (const name of ["Policies", "Request", "Evaluation path", "Statements"]) {
    assert.ok(await page.getByRole("region", { name }).count(), name);
  }
  const words = await page.locator("#path").innerText();
  assert.match(words, /Identity\s+says nothing/);
  await done();
});

test("colours are the system's until somebody chooses, and the choice lasts", async () => {
  const { page, done } = await open(browser, server.address, { colorScheme: "dark" });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await ground();
  await page.getByRole("button", { name: "Dark colours" }).click();
  const light = await ground();
  assert.notEqual(light, dark);
  await page.reload();
  await answered(page);
  assert.equal(await ground(), light);
  await done();
});

test("the page works without a network after the first load", async () => {
  const { page, context, done } = await open(browser, server.address);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await context.setOffline(true);
  await page.reload();
  await answered(page);
  assert.equal(await verdict(page), "Denied");
  await loadExample(page, "ex-11-public");
  assert.equal(await verdict(page), "Allowed");
  await context.setOffline(false);
  await done();
});

test("the policy of the page allows its own origin alone", async () => {
  const { page, context } = await open(browser, server.address);
  const csp = await page.locator("meta[http-equiv=Content-Security-Policy]").getAttribute("content");
  assert.match(csp, /default-src 'none'/);
  assert.doesNotMatch(csp, /'unsafe-inline'|'unsafe-eval'|https?:|\*/);
  const blocked = await page.evaluate(() => fetch("https://example.com/").then(() => "sent", () => "blocked"));
  assert.equal(blocked, "blocked");
  await context.close();
});

test("a world that comes with the page is offered at once", async () => {
  const world = { version: 1, accounts: [{ id: "111122223333", users: [{ name: "alice" }], buckets: [{ name: "reports" }] }] };
  const own = await serve(async (file) => {
    if (file === "world.json") return JSON.stringify(world);
    if (file !== "index.html") return undefined;
    const html = await readFile(new URL("../dist/index.html", import.meta.url), "utf8");
    return html.replace('name="portcullis-world" content=""', 'name="portcullis-world" content="world.json"');
  });
  const { page, done } = await open(browser, own.address);
  await page.getByLabel("Who asks").waitFor();
  assert.match(await page.getByLabel("Who asks").innerText(), /alice/);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "World" }).click();
  await page.getByLabel("Who asks").waitFor();
  await done();
  await own.close();
});
