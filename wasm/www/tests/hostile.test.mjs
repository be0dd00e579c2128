// Bad input: a clear message, nothing lost, no hang.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { randomBytes } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { answered, launch, open, serve, verdict, write, written } from "./support.mjs";

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

const link = (value) => `#1:${deflateRawSync(Buffer.from(typeof value === "string" ? value : JSON.stringify(value))).toString("base64url")}`;

test("broken, foreign and hostile links are refused in words and leave the page as it is", async () => {
  const { page, done } = await open(browser, server.address);
  await page.locator("#resource").fill("arn:aws:s3:::typed/by-hand");
  await answered(page);
  const links = {
    "#1:%%%": /broken/,
    "#1:AAAA": /broken/,
    "#2:abc": /version 2.*version 1/s,
    "#hello": /not one of this page/,
    [link("null")]: /does not hold a state/,
    [link({ policies: [{ layer: "__proto__", text: "x" }] })]: /does not hold a state/,
    [link({ policies: new Array(5000).fill({ layer: "scp" }) })]: /does not hold a state/,
    [link(`{"policies":[],"x":"${"a".repeat(20_000_000)}"}`)]: /more than 8 MB/,
  };
  for (const [fragment, message] of Object.entries(links)) {
    await page.evaluate((hash) => (location.hash = hash), fragment);
    await page.waitForFunction((source) => new RegExp(source, "s").test(document.querySelector("#notice").textContent), message.source);
    assert.equal(await page.locator("#resource").inputValue(), "arn:aws:s3:::typed/by-hand", fragment.slice(0, 40));
  }
  await done();
});

test("a link cannot bring markup or run anything", async () => {
  const evil = '<img src=x onerror="document.title=1"><script>document.title=1</script>';
  const state = { policies: [{ layer: "identity", name: evil, text: evil, state: "on" }], request: { principal: { kind: "user", arn: evil, account: "1" }, action: evil, resource: evil, context: { [evil]: [evil], __proto__: ["x"] } }, tab: "identity" };
  const { page, done } = await open(browser, server.address, { fragment: link(state) });
  assert.equal(await page.locator("img[src=x], main script").count(), 0);
  assert.equal(await page.title(), "Portcullis playground");
  assert.equal(await page.locator(".row .name").inputValue(), evil);
  await done();
});

test("a link of an unknown version on the first visit shows the starter and says why", async () => {
  const { page, done } = await open(browser, server.address, { fragment: "#9:abcd" });
  assert.match(await page.locator("#notice").innerText(), /version 9/);
  assert.equal(await verdict(page), "Denied");
  await done();
});

test("a policy of one megabyte: the page stays alive, keeps it and lets one type on", async () => {
  const { page, done } = await open(browser, server.address);
  const statement = (n) => `{"Sid":"S${n}","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket-${n}/*"}`;
  const big = `{"Version":"2012-10-17","Statement":[\n${Array.from({ length: 11_000 }, (_, n) => statement(n)).join(",\n")}\n]}`;
  assert.ok(big.length > 1_000_000);
  await page.evaluate(() => {
    window.longest = 0;
    let last = performance.now();
    const tick = () => {
      const now = performance.now();
      window.longest = Math.max(window.longest, now - last);
      last = now;
      requestAnimationFrame(tick);
    };
    tick();
  });
  await write(page, big);
  await page.locator("#action").fill("s3:PutObject");
  await answered(page);
  assert.equal(await page.locator("#action").inputValue(), "s3:PutObject");
  // Headless Chromium on a loaded machine: far above a frame, far below a hang.
  const longest = await page.evaluate(() => window.longest);
  assert.ok(longest < 3_000, `the longest frame took ${longest} ms`);
  await write(page, `${"[".repeat(1_000_000)}`);
  assert.ok((await page.locator(".problem.error").count()) > 0);
  await done();
});

test("a state too large for a link outlives a reload all the same", async () => {
  const { page, done } = await open(browser, server.address);
  const noise = randomBytes(1_200_000).toString("base64");
  await write(page, noise);
  await page.waitForFunction(() => location.hash === "" && sessionStorage.length > 0);
  await page.reload();
  await answered(page);
  assert.equal((await written(page)).slice(0, 60), noise.slice(0, 60));
  await done();
});

test("garbage in the paste dialog changes nothing", async () => {
  const { page, done } = await open(browser, server.address);
  const before = await written(page);
  await page.locator("#open-paste").click();
  for (const text of ["hello", "{ \"a\": ", "[]", "null", "\u0000\uffff", "x".repeat(1_000_000)]) {
    await page.getByLabel("Text to read").fill(text);
    await page.locator(".pasted .bad").first().waitFor();
  }
  await page.keyboard.press("Escape");
  assert.equal(await written(page), before);
  await done();
});
