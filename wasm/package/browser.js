// In a browser, bundled or not: the module is fetched from beside this script, or from where `source` says.
import { api } from "./api.js";
import init, * as core from "./core.js";

let loaded;

export function load(source = new URL("./portcullis.wasm", import.meta.url)) {
  loaded ??= init({ module_or_path: source }).then(
    () => api(core),
    (error) => {
      // The next call may have a better connection.
      loaded = undefined;
      throw error;
    },
  );
  return loaded;
}
