// In Node: the same module, read from the package.
import { readFile } from "node:fs/promises";
import { api } from "./api.js";
import * as core from "./core.js";

let loaded;

async function start(source) {
  const inPackage = source === undefined || source instanceof URL || typeof source === "string";
  const path = source ?? new URL("./portcullis.wasm", import.meta.url);
  core.initSync({ module: inPackage ? await readFile(path) : source });
  return api(core);
}

export function load(source) {
  loaded ??= start(source).catch((error) => {
    loaded = undefined;
    throw error;
  });
  return loaded;
}
