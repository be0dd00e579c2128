// The worker's side: loads the core and answers one question after the other.

import { load } from "portcullis";
import type { Portcullis } from "portcullis";
import type { Ask, Evaluated, Evaluation, Methods, Told, WorldAsk } from "./messages";

declare const WASM_URL: string;
declare const VOCABULARY_URL: string;

let core: Portcullis;

const say = (told: Told): void => postMessage(told);

let hasVocabulary: Promise<void> | null = null;

/** Loads the other services' names, once; a failure is tried again with the next question. */
function vocabulary(): Promise<void> {
  hasVocabulary ??= fetch(new URL(VOCABULARY_URL, import.meta.url))
    .then(async (response) => {
      if (!response.ok) throw new Error(`the other services' names: HTTP ${response.status}`);
      core.addVocabulary(await response.text());
    })
    .catch((error: unknown) => {
      hasVocabulary = null;
      throw error;
    });
  return hasVocabulary;
}

function evaluate({ question, policies }: Evaluation): Evaluated {
  const started = performance.now();
  const explained = core.explain(question);
  const took = performance.now() - started;
  const keys = core.keysRead(question);
  const checked = policies.map(({ id, kind, text, bucket }): Evaluated["checked"][number] => [id, core.check(text, kind, bucket || undefined)]);
  return { explained, keys, checked, took };
}

async function complete(prefix: string): Promise<ReturnType<Methods["complete"]>> {
  const found = core.complete(prefix);
  if (!found.wants_vocabulary) return found;
  try {
    await vocabulary();
  } catch {
    // Without them the four services that the core knows are still completed.
    return found;
  }
  return core.complete(prefix);
}

const methods: { [M in keyof Methods]: (given: never) => ReturnType<Methods[M]> | Promise<ReturnType<Methods[M]>> } = {
  evaluate,
  complete,
  readPasted: (text: string) => core.readPasted(text),
  toCli: (question: Evaluation["question"]) => core.toCli(question),
  toScenario: (question: Evaluation["question"]) => core.toScenario(question),
  fromWorld: ({ world, question }: WorldAsk) => core.fromWorld(world, question),
  explainCode: (code: string) => core.explainCode(code),
};

addEventListener("message", async ({ data }: MessageEvent<Ask>) => {
  const { id, method, given } = data;
  try {
    say({ id, ok: await methods[method](given as never) });
  } catch (error) {
    say({ id, error: error instanceof Error ? error.message : String(error) });
  }
});

load(new URL(WASM_URL, import.meta.url)).then(
  (loaded) => {
    core = loaded;
    // The first question reads the vocabulary; no visitor's question should be that one.
    core.explain({ layers: {}, request: { principal: { kind: "anonymous" }, action: "s3:GetObject", resource: "arn:aws:s3:::b/k" } });
    say({ id: 0, ok: null });
  },
  (error: unknown) => say({ id: 0, error: `The core could not be loaded: ${String(error)}` }),
);
