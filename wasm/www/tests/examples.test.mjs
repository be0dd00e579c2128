// Every example of the gallery: the page's verdict is the command line's.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { launch, loadExample, open, serve, verdict } from "./support.mjs";

const groups = JSON.parse(await readFile(new URL("../examples.json", import.meta.url), "utf8"));

test("the verdict of every example equals the command line's", async () => {
  const server = await serve();
  const browser = await launch();
  const { page, done } = await open(browser, server.address);
  const examples = groups.flatMap((group) => group.examples);
  assert.ok(examples.length >= 90);
  const wrong = [];
  for (const { id, decision } of examples) {
    await loadExample(page, id);
    const word = await verdict(page);
    const kind = await page.locator("#verdict-status").innerText();
    const got = word === "Allowed" ? "allow" : word !== "Denied" ? word : /explicit/.test(kind) ? "explicit-deny" : "implicit-deny";
    if (got !== decision || (await page.locator("#answer.stale").count())) wrong.push(`${id}: ${got}, the command line says ${decision}`);
  }
  assert.deepEqual(wrong, []);
  await done();
  await browser.close();
  await server.close();
});
