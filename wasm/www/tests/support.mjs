// What every test of the page needs: the built page under a sub-path, a browser, and a watch over what must never be.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "../dist");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json", ".wasm": "application/wasm", ".txt": "text/plain" };
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** The page lies under this path: nothing of it may ask for the root. */
export const PREFIX = "/some/where/";

/** Serves the built page as plain static files; `rewrite` may change a file's text or give one that is not there. */
export async function serve(rewrite = () => undefined) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const name = normalize(pathname.slice(PREFIX.length)) || "index.html";
    try {
      if (!pathname.startsWith(PREFIX) || name.startsWith("..")) throw new Error("outside");
      const file = name === "." ? "index.html" : name;
      const own = await rewrite(file);
      const body = own ?? (await readFile(join(dist, file)));
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "cache-control": "no-cache" });
      response.end(body);
    } catch {
      response.writeHead(404).end("not found");
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${server.address().port}${PREFIX}`;
  const close = () => new Promise((resolve) => {
    server.closeAllConnections();
    server.close(resolve);
  });
  return { address, close };
}

/** A browser; the tests of a file share one. */
export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

/** Opens the page in a context of its own. `faults` fills with console errors, exceptions and foreign requests. */
export async function open(browser, address, { fragment = "", ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const faults = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`exception: ${error.message}`));
  context.on("request", (request) => {
    const url = new URL(request.url());
    const own = url.href.startsWith(address) || ["data:", "blob:"].includes(url.protocol);
    if (!own) faults.push(`foreign request: ${url.href}`);
  });
  await page.goto(address + fragment);
  await answered(page);
  return { context, page, faults, done: async () => {
    await context.close();
    assert.deepEqual(faults, []);
  } };
}

/** Waits until the page shows an answer to everything that was typed. */
export async function answered(page) {
  await page.locator("#verdict-status strong").waitFor();
  await page.waitForFunction(() => document.body.dataset.busy === "no");
}

/** The verdict's word. */
export const verdict = (page) => page.locator("#verdict-status strong").innerText();

/** Replaces the text of the policy in the editor. */
export async function write(page, text) {
  await page.locator("#editor .cm-content").focus();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(text);
  await answered(page);
}

/** The text of the policy in the editor. */
export const written = (page) => page.evaluate(() => [...document.querySelector("#editor").shadowRoot.querySelectorAll(".cm-line")].map((line) => line.textContent).join("\n"));

/** Loads an example of the gallery. */
export async function loadExample(page, id) {
  await page.locator("#open-examples").click();
  await page.locator(`[data-example="${id}"]`).click();
  await answered(page);
}
