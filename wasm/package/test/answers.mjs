// Explains the questions of standard input, one JSON a line; the module's own bytes go out. Used by the parity test.
import { readFileSync } from "node:fs";
import * as core from "../core.js";

core.initSync({ module: readFileSync(new URL("../portcullis.wasm", import.meta.url)) });
const out = [];
for (const line of readFileSync(0, "utf8").split("\n")) {
  if (line) out.push(core.explain(line));
}
process.stdout.write(out.join("\n") + "\n");
