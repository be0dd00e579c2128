// Makes `examples.json` from `policies-examples/*/scenarios.json`: node make-examples.mjs [--check] [PORTCULLIS]
// With --check nothing is written: a file that is not fresh fails.
// The verdicts are those of the command line (PORTCULLIS, or `cargo run`), never those that a scenario expects.

import { execFileSync } from "node:child_process";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const folder = join(root, "policies-examples");
const given = process.argv.slice(2).filter((argument) => argument !== "--check");
const check = process.argv.includes("--check");
const [program, ...before] = given.length ? given : ["cargo", "run", "--quiet", "--no-default-features", "--features", "cli", "--"];

const read = async (path) => JSON.parse(await readFile(path, "utf8"));

/** What the command line answers to each scenario of a file, by id. */
function verdicts(path) {
  const output = execFileSync(program, [...before, "test", "--format", "json", path], { cwd: root, encoding: "utf8" });
  return new Map(JSON.parse(output).results.map(({ id, got }) => [id, got]));
}

/** The texts of a folder's policies, by what they say: an example shows them as they were written. */
async function written(path) {
  const files = await readdir(path).catch(() => []);
  const entries = files.filter((name) => name.endsWith(".json")).map(async (name) => {
    const text = await readFile(join(path, name), "utf8");
    return [JSON.stringify(JSON.parse(text)), { name: name.slice(0, -5), text }];
  });
  return new Map(await Promise.all(entries));
}

/** A scenario as the page's question. */
function question({ layers, request }, texts) {
  const policy = (layer) => (document, index, all) => {
    const known = texts.get(JSON.stringify(document));
    const name = known?.name ?? (all && all.length > 1 ? `${layer}-${index + 1}` : layer);
    return { name, text: known?.text ?? `${JSON.stringify(document, null, 2)}\n`, state: "on" };
  };
  const made = {};
  for (const [layer, value] of Object.entries(layers)) {
    if (value === null) continue;
    if (layer === "identity" || layer === "session") made[layer] = value.map(policy(layer));
    else if (layer === "scp" || layer === "rcp") made[layer] = value.map((level, at) => level.map(policy(`${layer}-level-${at + 1}`)));
    else if (layer === "resource" || layer === "boundary" || layer === "vpce") made[layer] = policy(layer)(value);
    else made[layer] = value;
  }
  const context = Object.entries(request.context ?? {}).map(([key, value]) => [key, [value].flat().map(String)]);
  return { layers: made, request: { ...request, context: Object.fromEntries(context) } };
}

const groups = [];
for (const name of (await readdir(folder)).sort()) {
  const path = join(folder, name, "scenarios.json");
  const file = await read(path).catch(() => null);
  if (!file) continue;
  const got = verdicts(path);
  const texts = await written(join(folder, name, "policies"));
  const title = /^# (.*)$/m.exec(await readFile(join(folder, name, "README.md"), "utf8"))?.[1] ?? name;
  const examples = (file.scenarios ?? file).map((scenario) => {
    const decision = got.get(scenario.id);
    if (!decision) throw new Error(`the command line gave no answer to ${scenario.id}`);
    return { id: scenario.id, why: scenario.why, decision, question: question(scenario, texts) };
  });
  groups.push({ name, title, examples });
}
const target = join(here, "examples.json");
const made = `${JSON.stringify(groups, null, 1)}\n`;
if (!check) await writeFile(target, made);
else if ((await readFile(target, "utf8")) !== made) throw new Error("wasm/www/examples.json is not fresh: npm --prefix wasm/www run examples");
console.log(`${groups.length} groups, ${groups.reduce((sum, { examples }) => sum + examples.length, 0)} examples`);
