// The page: every change of the state is shown at once and asked of the core, whose answer is laid over it.

import { byId, debounce, el, fill, prose } from "./dom";
import { PolicyEditor } from "./editor";
import type { TextMark } from "./editor";
import type { Checked, Diagnostic, Explained, Mark, PolicyKindWord, View } from "./engine/api";
import { Engine, newestOnly } from "./engine/client";
import type { Evaluated, ToCheck } from "./engine/messages";
import { bucketName, resourceKind } from "./state/model";
import type { Policy, State } from "./state/model";
import { toQuestion } from "./state/question";
import type { Asked } from "./state/question";
import { starter } from "./state/starter";
import { Store } from "./state/store";
import { drawChanges, drawUnderstood } from "./view/changes";
import { Dialogs } from "./view/dialogs";
import { drawPath, verdictsOf } from "./view/path";
import type { Verdicts } from "./view/path";
import { PoliciesView } from "./view/policies";
import { RequestView } from "./view/request";
import { SettingsView } from "./view/settings";
import { drawStatements } from "./view/statements";
import { initTheme } from "./view/theme";
import { VerdictView } from "./view/verdict";

const engine = new Engine();
const store = new Store(notice);
const complete = async (prefix: string): Promise<{ label: string; detail: string }[]> => (await engine.ask("complete", prefix)).items;
const editor = new PolicyEditor(byId("editor"), { onChange: typed, complete });
const policies = new PoliciesView(store, () => showPolicy());
const settings = new SettingsView(store);
const request = new RequestView(store, complete);
const dialogs = new Dialogs(store, engine);
const verdict = new VerdictView({
  statement: (view, index) => revealStatement(view, index),
  problem: (id) => revealProblem(id),
  key: (name) => request.context.focus(name),
  code: (code) => void dialogs.code(code),
});

/** The newest answer with the texts that it is about. */
let last: { asked: Asked; evaluated: Evaluated; texts: Map<number, string> } | null = null;
/** The newest answer that has a verdict, and the places of its policies. */
let shown: { view: View; asked: Asked } | null = null;

function notice(message: string | null): void {
  const box = byId("notice");
  box.hidden = message === null;
  if (message === null) return;
  fill(box, el("span", {}, message), el("button", { type: "button", class: "icon", "aria-label": "Close the message", onclick: () => (box.hidden = true) }, "×"));
}

function typed(id: number, text: string): void {
  store.change("typing", (state) => {
    const policy = state.policies.find((one) => one.id === id);
    if (policy) policy.text = text;
  });
}

/** Shows the chosen policy of the open tab in the editor. */
function showPolicy(): void {
  const policy = policies.current();
  byId("editor-area").hidden = !policy;
  byId("editor-area").classList.toggle("unread", policy?.state !== "on");
  const note = byId("unread-note");
  note.hidden = !policy || policy.state === "on";
  note.textContent = policy?.state === "off" ? "Off: it is left out, as if it were removed." : "Unknown: it counts, and its text is not read.";
  if (policy) editor.open(policy.id, policy.text);
  annotate();
}

function kindOf(state: State, { layer }: Policy): PolicyKindWord {
  return layer === "resource" ? resourceKind(state) : layer;
}

const evaluate = newestOnly(async (state: State) => {
  const changes = unanswered;
  const asked = toQuestion(state);
  const bucket = bucketName(state);
  const toCheck = state.policies
    .filter(({ state: how }) => how !== "unknown")
    .map((policy): ToCheck => ({ id: policy.id, kind: kindOf(state, policy), text: policy.text, bucket: policy.layer === "resource" ? bucket : "" }));
  const texts = new Map(state.policies.map(({ id, text }) => [id, text]));
  try {
    const evaluated = await engine.ask("evaluate", { question: asked.question, policies: toCheck });
    last = { asked, evaluated, texts };
    answer(asked, evaluated);
  } catch (error) {
    verdict.stand([{ text: error instanceof Error ? error.message : String(error) }]);
  }
  settled(changes);
});

/** Copies the state at the moment of asking: what is typed meanwhile is the next question's. */
const evaluateNow = debounce(() => evaluate(structuredClone(store.state)), 60);

/** How many changes of the state no answer has come to; `data-busy` tells it to those who wait for the page. */
let unanswered = 0;

function evaluateSoon(): void {
  unanswered += 1;
  document.body.dataset["busy"] = "yes";
  evaluateNow();
}

function settled(changes: number): void {
  unanswered -= changes;
  if (unanswered === 0) document.body.dataset["busy"] = "no";
}

function answer(asked: Asked, { explained, keys, checked, took }: Evaluated): void {
  const { view, broken, problems } = explained;
  const refused = new Set(broken.flatMap(({ policy }) => asked.at(policy) ?? []));
  // A broken policy reads no keys for the moment: the rows stay as they are.
  if (!broken.length) request.context.learn(keys.keys, view?.answer.request.context ?? []);
  let verdicts: Verdicts = {};
  if (view && !asked.refused) {
    shown = { view, asked };
    verdicts = verdictsOf(view.answer);
    show(view, explained, asked);
    fill(byId("measured"), "Verdict with its explanation in ", el("b", {}, took < 0.1 ? "under 0.1 ms" : `${took.toFixed(1)} ms`), ", measured here.");
  } else {
    const reasons = broken.map(({ policy, name, diagnostics }) => {
      const first = diagnostics.find(({ severity }) => severity === "error") ?? diagnostics[0];
      const id = asked.at(policy);
      const text = `${name}: ${first ? `${first.message} (${first.code}, line ${first.line})` : "it cannot be read"} `;
      return id === undefined ? { text } : { text, jump: () => revealProblem(id) };
    });
    const others = problems.map(({ message, candidates }) => ({ text: candidates.length ? `${message} (${candidates.join(", ")})` : message }));
    verdict.stand([...reasons, ...others, ...(asked.refused ? [{ text: asked.refused }] : [])]);
  }
  for (const card of ["path-card", "changes-card", "statements-card", "understood-card"]) byId(card).classList.toggle("stale", !view || asked.refused !== null);
  const withErrors = checked.filter(([, { refused: bad }]) => bad).map(([id]) => id);
  policies.mark(new Set([...refused, ...withErrors]), verdicts);
  annotate();
}

function show(view: View, explained: Explained, asked: Asked): void {
  verdict.show(view, explained);
  drawPath(view.answer, asked.question.request.principal.kind, (tab) => {
    policies.open(tab);
    byId("panel").scrollIntoView({ block: "nearest" });
  });
  const reveal = (of: View, statement: number, mark: Mark): void => revealIn(of, statement, mark);
  drawStatements(view, reveal);
  drawChanges(view, reveal, (context) =>
    store.change("step", ({ request: fields }) => {
      for (const [key, value] of context) {
        for (const name of Object.keys(fields.context)) if (name.toLowerCase() === key.toLowerCase()) delete fields.context[name];
        if (value !== null) fields.context[key] = [value];
      }
    }),
  );
  drawUnderstood(view.answer);
}

/** Lays the newest answer over the text in the editor, where the text is still the one that was asked about. */
function annotate(): void {
  const policy = policies.current();
  if (!policy || !last || last.texts.get(policy.id) !== policy.text) return;
  const checked = last.evaluated.checked.find(([id]) => id === policy.id)?.[1];
  const view = last.evaluated.explained.view;
  editor.annotate(checked?.diagnostics ?? [], view ? marksOf(view, last.asked, policy.id) : []);
  listProblems(policy.id, checked);
}

function listProblems(id: number, checked: Checked | undefined): void {
  const list = checked?.diagnostics ?? [];
  const item = ({ code, severity, message, line, column, mark }: Diagnostic): HTMLElement =>
    el(
      "li",
      {},
      el(
        "button",
        { type: "button", class: `problem ${severity}`, onclick: () => reveal(id, mark) },
        el("b", {}, severity === "error" ? "Error" : "Warning"),
        el("code", {}, code),
        el("span", {}, ...prose(message)),
        el("small", {}, `${line}:${column}`),
      ),
    );
  const more = (checked?.more ?? 0) + Math.max(0, list.length - 20);
  fill(byId("problems"), list.length ? el("ul", { "aria-label": "Problems of this policy" }, ...list.slice(0, 20).map(item)) : null, more ? el("p", { class: "none" }, `and ${more} more`) : null);
}

/** What of a policy's text the answer marks: the deciding statement, its parts, and what near misses lack. */
function marksOf(view: View, asked: Asked, id: number): TextMark[] {
  return view.marks.flatMap((marks, index) => {
    const statement = view.answer.statements[index];
    if (!statement || asked.at(marks.policy) !== id) return [];
    const decides = index === view.deciding;
    if (!decides && !view.near_misses.includes(index)) return [];
    const line = decides ? (statement.effect === "Deny" ? "says-deny" : "says-allow") : "says-near";
    const met = statement.effect === "Deny" ? "part-denies" : "part-met";
    const list: TextMark[] = [{ ...marks.statement, class: line, lines: true }];
    const part = (ok: boolean, element: Mark | undefined, matched: Mark | null | undefined): void => {
      if (element && (decides || !ok)) list.push({ ...(matched ?? element), class: ok ? met : "part-unmet" });
    };
    part(statement.action.met, marks.action.element, marks.action.matched);
    part(statement.principal.met, marks.principal?.element, marks.principal?.matched);
    part(statement.resource.met, marks.resource?.element, marks.resource?.matched);
    statement.conditions.forEach((condition, at) => part(condition.met, marks.conditions[at]?.values, null));
    return list;
  });
}

function reveal(id: number, { from, to }: Mark): void {
  policies.show(id);
  byId("editor").scrollIntoView({ block: "nearest" });
  editor.reveal(from, to);
}

function revealIn(view: View, statement: number, mark: Mark): void {
  const marks = view.marks[statement];
  const id = marks && shown ? shown.asked.at(marks.policy) : undefined;
  if (id !== undefined) reveal(id, mark);
}

function revealStatement(view: View, index: number): void {
  const marks = view.marks[index];
  if (marks) revealIn(view, index, marks.statement);
}

function revealProblem(id: number): void {
  const checked = last?.evaluated.checked.find(([one]) => one === id)?.[1];
  const first = checked?.diagnostics.find(({ severity }) => severity === "error") ?? checked?.diagnostics[0];
  reveal(id, first?.mark ?? { from: 0, to: 0 });
}

function sync(state: State, replaced: boolean): void {
  if (replaced) {
    editor.forget();
    last = null;
  }
  policies.sync(state);
  settings.sync(state, replaced);
  request.sync(state);
  showPolicy();
  evaluateSoon();
}

/** A text that is pasted or a file that is dropped beside every field is read as what it is. */
function takePastes(): void {
  const editable = (target: EventTarget | null): boolean => target instanceof Element && target.closest("input, textarea, select, #editor, dialog") !== null;
  document.addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (text && !editable(event.target)) dialogs.paste(text);
  });
  document.addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    const [file] = event.dataTransfer?.files ?? [];
    if (!file) return;
    event.preventDefault();
    void file.text().then((text) => dialogs.paste(text));
  });
}

/** The world that `portcullis playground` serves beside the page. */
async function loadWorld(): Promise<void> {
  const address = document.querySelector<HTMLMetaElement>('meta[name="portcullis-world"]')?.content;
  if (!address) return;
  try {
    const response = await fetch(address, { cache: "no-store" });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    await dialogs.preloaded(await response.text());
  } catch (error) {
    notice(`The world could not be loaded: ${error instanceof Error ? error.message : String(error)}`);
  }
}

initTheme();
takePastes();
store.listen(sync);
const linked = await store.start(starter);
if (!linked) await loadWorld();
// Kept for the next visit without a network; a refusal only means that there is none.
if ("serviceWorker" in navigator) navigator.serviceWorker.register("sw.js").catch(() => undefined);
