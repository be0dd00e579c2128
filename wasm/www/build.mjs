// Builds the page into `dist`: node build.mjs PACKAGE, where PACKAGE is the folder of the built npm package.
// Every address carries the hash of what it names; the files themselves keep their names.

import { createHash } from "node:crypto";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { execFileSync } from "node:child_process";
import { build } from "esbuild";

/** The most that a visitor loads, in bytes of `gzip -9`, as `wasm/build` counts too. */
const BUDGETS = { wasm: 300_000, script: 170_000, start: 500_000, vocabulary: 250_000 };

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "src");
const dist = join(here, "dist");
const core = resolve(process.argv[2] ?? join(here, "../package"));

const hash = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 12);
const size = (bytes) =>
  execFileSync("gzip", ["-9", "-c"], { input: bytes, maxBuffer: 64 << 20 }).length;

const sizes = {};

/** Puts a file into `dist`; its address with its version. */
async function put(name, bytes) {
  await writeFile(join(dist, name), bytes);
  sizes[name] = size(bytes);
  return `${name}?v=${hash(bytes)}`;
}

async function bundle(entry, define) {
  const result = await build({
    entryPoints: [join(source, entry)],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
    legalComments: "none",
    alias: { portcullis: join(core, "browser.js") },
    define: Object.fromEntries(Object.entries(define).map(([name, value]) => [name, JSON.stringify(value)])),
  });
  return result.outputFiles[0].contents;
}

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });

const wasm = await put("portcullis.wasm", await readFile(join(core, "portcullis.wasm")));
const vocabulary = await put("vocabulary-other.txt", await readFile(join(core, "vocabulary-other.txt")));
const examples = await put("examples.json", JSON.stringify(JSON.parse(await readFile(join(here, "examples.json"), "utf8"))));
const worker = await put("worker.js", await bundle("engine/worker.ts", { WASM_URL: wasm, VOCABULARY_URL: vocabulary }));
const app = await put("app.js", await bundle("main.ts", { WORKER_URL: worker, EXAMPLES_URL: examples }));
const { outputFiles: [css] } = await build({ entryPoints: [join(source, "style.css")], minify: true, write: false });
const style = await put("style.css", css.contents);
await cp(join(source, "favicon.svg"), join(dist, "favicon.svg"));

const script = sizes["app.js"] + sizes["worker.js"];
const kilo = (bytes) => `${Math.ceil(bytes / 1000)} KB`;
const said = `Core ${kilo(sizes["portcullis.wasm"])}, page ${kilo(script + sizes["style.css"])} (gzip).`;
const version = (address) => address.split("=")[1];
let html = await readFile(join(source, "index.html"), "utf8");
html = html.replace("{{STYLE}}", version(style)).replace("{{APP}}", version(app)).replace('<span id="sizes"></span>', `<span id="sizes">${said}</span>`);
await put("index.html", html);
const files = ["./", "favicon.svg", style, app, worker, wasm, examples];
const serviceWorker = await bundle("sw.ts", { CACHE: `portcullis-${hash(JSON.stringify(files) + html)}`, FILES: files });
await put("sw.js", serviceWorker);

const start = script + sizes["portcullis.wasm"] + sizes["style.css"] + sizes["index.html"];
const found = { wasm: sizes["portcullis.wasm"], script, start, vocabulary: sizes["vocabulary-other.txt"] };
let over = false;
for (const [name, most] of Object.entries(BUDGETS)) {
  const fits = found[name] <= most;
  over ||= !fits;
  console.log(`${name.padEnd(10)} ${String(found[name]).padStart(7)} of ${most} bytes gzip${fits ? "" : "  OVER THE BUDGET"}`);
}
if (over) process.exitCode = 1;
