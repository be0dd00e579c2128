// The same package, from the same copy of the module, unbundled in a browser and through a bundler.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { expected } from "./question.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const kinds = { ".js": "text/javascript", ".mjs": "text/javascript", ".html": "text/html", ".wasm": "application/wasm" };
let browser, bundled, server, origin;

before(async () => {
  bundled = await mkdtemp(join(tmpdir(), "portcullis-"));
  const files = { "/package/": root, "/bundled/": `${bundled}/` };
  server = createServer(async (request, response) => {
    const base = Object.keys(files).find((prefix) => request.url.startsWith(prefix));
    try {
      const body = await readFile(join(files[base], request.url.slice(base.length)));
      response.writeHead(200, { "content-type": kinds[extname(request.url)] ?? "application/octet-stream" }).end(body);
    } catch {
      response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>way</title>");
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${server.address().port}`;
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
});

after(async () => {
  await browser?.close();
  server?.close();
  await rm(bundled, { recursive: true, force: true });
});

/** The answer that a page gets from a script's `answered`. */
async function asked(script) {
  const page = await browser.newPage();
  const errors = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(`${origin}/`);
  const got = await page.evaluate(async (address) => (await import(address)).answered, script);
  await page.close();
  return { got, errors: errors.filter((text) => !text.includes("favicon")) };
}

test("unbundled in a browser", async () => {
  const entry = 'import { load } from "/package/browser.js";\nimport { answer } from "/package/test/question.mjs";\nexport const answered = answer(await load());\n';
  await writeFile(join(bundled, "plain.js"), entry);
  assert.deepEqual(await asked("/bundled/plain.js"), { got: expected, errors: [] });
});

test("through a bundler", async () => {
  const contents = 'import { load } from "portcullis";\nimport { answer } from "./test/question.mjs";\nexport const answered = answer(await load());\n';
  await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    outfile: join(bundled, "bundle.js"),
  });
  await copyFile(join(root, "portcullis.wasm"), join(bundled, "portcullis.wasm"));
  assert.deepEqual(await asked("/bundled/bundle.js"), { got: expected, errors: [] });
});
