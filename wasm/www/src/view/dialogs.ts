// The dialogs: examples, paste, share. One `<dialog>` element: the browser keeps the focus in it and gives it back.

import { byId, el, fill, newId, prose, toast } from "../dom";
import type { Choice, Pasted, PastedScenario, Question } from "../engine/api";
import type { Engine } from "../engine/client";
import type { State } from "../state/model";
import { fromQuestion, toQuestion } from "../state/question";
import type { Store } from "../state/store";
import { merge } from "../state/merge";
import { markdown } from "./markdown";
import { decided } from "./words";

/** One worked example with the verdict that the command line gave. */
export interface Example {
  id: string;
  why: string;
  decision: string;
  question: Question;
}

/** The examples of one folder. */
export interface ExampleGroup {
  name: string;
  title: string;
  examples: Example[];
}

declare const EXAMPLES_URL: string;

/** The dialogs with what they change. */
export class Dialogs {
  private dialog = byId<HTMLDialogElement>("dialog");
  private groups: Promise<ExampleGroup[]> | null = null;

  constructor(private store: Store, private engine: Engine) {
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
    byId("open-examples").addEventListener("click", () => void this.examples());
    byId("open-paste").addEventListener("click", () => this.paste(""));
    byId("open-share").addEventListener("click", () => void this.share());
  }

  private show(title: string, wide: boolean, ...content: (Node | null)[]): void {
    this.dialog.className = wide ? "wide" : "";
    fill(
      this.dialog,
      el(
        "div",
        { class: "dialog-body" },
        el(
          "div",
          { class: "dialog-head" },
          el("h2", { id: "dialog-title" }, title),
          el("button", { type: "button", class: "icon", "aria-label": "Close", onclick: () => this.dialog.close() }, "×"),
        ),
        ...content,
      ),
    );
    if (!this.dialog.open) this.dialog.showModal();
  }

  /** Puts a state in the place of the present one, and says how to get it back. */
  private take(state: State, what: string): void {
    this.dialog.close();
    this.store.replace(state);
    toast(`${what}.`, { label: "Undo", run: () => history.back() });
  }

  private loadExamples(): Promise<ExampleGroup[]> {
    this.groups ??= fetch(new URL(EXAMPLES_URL, import.meta.url)).then(async (response) => {
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      return (await response.json()) as ExampleGroup[];
    });
    this.groups.catch(() => (this.groups = null));
    return this.groups;
  }

  private async examples(): Promise<void> {
    this.show("Examples", true, el("p", {}, "Loading…"));
    try {
      const groups = await this.loadExamples();
      this.show("Examples", true, el("p", { class: "none" }, "Each verdict was checked against the command line’s."), ...groups.map((group) => this.group(group)));
    } catch (error) {
      this.show("Examples", false, el("p", {}, `The examples could not be loaded: ${String(error)}`));
    }
  }

  private group({ title, examples }: ExampleGroup): HTMLElement {
    return el(
      "section",
      { class: "gallery" },
      el("h3", {}, title),
      el(
        "ul",
        {},
        ...examples.map((example) =>
          el(
            "li",
            {},
            el(
              "button",
              { type: "button", class: "example", "data-example": example.id, onclick: () => this.take(fromQuestion(example.question), `Loaded the example “${example.why}”`) },
              el("span", { class: `chip ${example.decision === "allow" ? "allow" : "deny"}` }, decided(example.decision)),
              el("span", {}, example.why),
            ),
          ),
        ),
      ),
    );
  }

  /** Opens the paste dialog, with a text that was dropped or pasted already. */
  paste(text: string): void {
    const result = el("div", { class: "pasted", "aria-live": "polite" });
    const area = el("textarea", {
      id: newId("paste"),
      class: "code",
      rows: 10,
      spellcheck: "false",
      "aria-label": "Text to read",
      placeholder: "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: s3:GetObject on resource: …",
      value: text,
    });
    let asked = 0;
    const read = async (): Promise<void> => {
      asked += 1;
      const mine = asked;
      if (!area.value.trim()) return fill(result);
      try {
        const pasted = await this.engine.ask("readPasted", area.value);
        if (mine === asked) fill(result, ...this.pasted(pasted, area.value));
      } catch (error) {
        if (mine === asked) fill(result, el("p", { class: "bad" }, error instanceof Error ? error.message : String(error)));
      }
    };
    area.addEventListener("input", () => void read());
    const file = el("input", {
      type: "file",
      "aria-label": "Read a file",
      onchange: async () => {
        const chosen = file.files?.[0];
        if (!chosen) return;
        area.value = await chosen.text();
        void read();
      },
    });
    this.show(
      "Paste what you have",
      false,
      el(
        "p",
        { class: "none" },
        "An AccessDenied message or a CloudTrail event fills the request. A policy, the output of “aws s3api get-bucket-policy”, “get-bucket-acl” and the like, of “aws iam get-account-authorization-details”, a scenario file or a world fills the policies.",
      ),
      area,
      file,
      result,
    );
    area.focus();
    if (text) void read();
  }

  private pasted(pasted: Pasted, text: string): (Node | null)[] {
    const { what, problems, notes, scenarios, principals, fill: filled } = pasted;
    const said = [
      pasted.kind === "nothing" ? null : el("p", { class: "what" }, "This is ", el("b", {}, what), "."),
      ...problems.map(({ message, code }) => el("p", { class: "bad" }, el("code", {}, code), " ", ...prose(message))),
      ...notes.map((note) => el("p", { class: "none" }, ...prose(note))),
    ];
    if (pasted.kind === "nothing" && !problems.length) said.push(el("p", { class: "bad" }, "Nothing here that this page can read. What you have on the page is unchanged."));
    if (scenarios.length) return [...said, this.scenarios(scenarios)];
    if (pasted.kind === "world" && principals.length) return [...said, this.world(pasted, text)];
    const useful = filled.policies.length || filled.principal || filled.action || filled.resource || filled.bucket || Object.keys(filled.context).length;
    if (!useful) return problems.length || pasted.kind === "nothing" ? said : [...said, el("p", { class: "bad" }, "There is nothing in it that this page could fill in.")];
    return [
      ...said,
      summary(pasted),
      el("button", { type: "button", class: "strong", onclick: () => this.take(merge(this.store.state, filled), `Filled in from ${what}`) }, "Use it"),
    ];
  }

  private scenarios(list: readonly PastedScenario[]): HTMLElement {
    return el(
      "ul",
      { class: "picks" },
      ...list.map(({ id, why, expect, question }) =>
        el(
          "li",
          {},
          el(
            "button",
            { type: "button", class: "example", onclick: () => this.take(fromQuestion(question), `Loaded the scenario ${id}`) },
            el("span", { class: `chip ${expect === "allow" ? "allow" : "deny"}` }, `expects: ${decided(expect)}`),
            el("span", {}, el("b", {}, id), ` ${why}`),
          ),
        ),
      ),
    );
  }

  /** The form that asks a world for a question: who, what, on what. */
  world({ principals, resources }: Pasted, world: string): HTMLElement {
    const { request } = this.store.state;
    const options = (list: readonly Choice[]): HTMLElement[] => list.map(({ name, kind }) => el("option", { value: name }, `${kind}: ${name}`));
    const names = el("datalist", { id: newId("names") }, ...options(resources));
    const who = el("select", { "aria-label": "Who asks" }, ...options(principals), el("option", { value: "anyone" }, "anyone"));
    const action = el("input", { class: "code", "aria-label": "Action", value: request.action || "s3:GetObject", spellcheck: "false" });
    const what = el("input", { class: "code", "aria-label": "Resource", list: names.id, placeholder: "s3://bucket/key", value: resources[0] ? `${resources[0].name}${resources[0].kind === "bucket" ? "/key" : ""}` : "", spellcheck: "false" });
    const circumstances = el("input", { class: "code", "aria-label": "Circumstances", placeholder: "--from 203.0.113.7 --mfa", spellcheck: "false" });
    const result = el("div", { "aria-live": "polite" });
    const ask = async (): Promise<void> => {
      const question = { principal: who.value, action: action.value.trim(), resource: what.value.trim(), circumstances: circumstances.value.trim() };
      const asked = await this.engine.ask("fromWorld", { world, question });
      if (asked.question) {
        this.take(fromQuestion(asked.question), `Filled in for ${who.value}`);
        const [gap] = asked.gaps;
        if (gap) toast(`Not known: ${gap.about}. It can be fetched with: ${gap.command}`);
        return;
      }
      fill(
        result,
        ...asked.problems.map(({ message, code, candidates }) => el("p", { class: "bad" }, el("code", {}, code), " ", ...prose(message), candidates.length ? ` (${candidates.join(", ")})` : "")),
      );
    };
    const row = (label: string, field: HTMLElement): HTMLElement => el("label", { class: "field" }, el("span", {}, label), field);
    return el(
      "form",
      {
        class: "world",
        onsubmit: (event: Event) => {
          event.preventDefault();
          void ask();
        },
      },
      row("Who asks", who),
      row("Action", action),
      row("Resource", what),
      row("Circumstances", circumstances),
      names,
      result,
      el("button", { type: "submit", class: "strong" }, "Fill in"),
    );
  }

  /** Opens the form of a world that came with the page. */
  async preloaded(world: string): Promise<void> {
    const pasted = await this.engine.ask("readPasted", world);
    const again = el("button", { type: "button", onclick: () => this.show("The world", false, this.world(pasted, world)) }, "World");
    byId("open-examples").before(again);
    this.show("The world", false, el("p", { class: "none" }, `${pasted.principals.length} principals and ${pasted.resources.length} resources are known. Who asks for what?`), this.world(pasted, world));
  }

  /** Opens the manual's page about a code. */
  async code(code: string): Promise<void> {
    const page = await this.engine.ask("explainCode", code);
    const body = page ? markdown(page) : [el("p", {}, `The manual has no page about ${code}.`)];
    this.show(`What ${code} means`, false, ...body, el("p", { class: "none" }, ...prose(`On the command line: \`portcullis explain ${code}\``)));
  }

  private async share(): Promise<void> {
    const address = await this.store.address();
    const { question, refused } = toQuestion(this.store.state);
    const length = address.length > 8_000 ? `The link is ${Math.round(address.length / 1000)} KB long; some programs cut long links.` : "The link holds everything on this page: policies, request, switches. It is stored nowhere else.";
    const cli = el("div", {}, el("p", {}, "…"));
    const scenario = el("div", {}, el("p", {}, "…"));
    this.show(
      "Share",
      true,
      el("h3", {}, "As a link"),
      el("p", { class: "none" }, length),
      copyable("Link", address, 2),
      el("h3", {}, "As a command line"),
      cli,
      el("h3", {}, "As a scenario for “portcullis test”"),
      scenario,
    );
    for (const [host, method, label] of [[cli, "toCli", "Command"], [scenario, "toScenario", "Scenario"]] as const) {
      try {
        if (refused) throw new Error(refused);
        const { text, notes, problems } = await this.engine.ask(method, question);
        fill(
          host,
          ...notes.map((note) => el("p", { class: "none" }, ...prose(note))),
          ...problems.map(({ message }) => el("p", { class: "bad" }, ...prose(message))),
          text === null ? (problems.length ? null : el("p", { class: "bad" }, "A policy has a problem; see its tab.")) : copyable(label, text, 8),
        );
      } catch (error) {
        fill(host, el("p", { class: "bad" }, error instanceof Error ? error.message : String(error)));
      }
    }
  }
}

/** What a pasted text would fill, in a few lines. */
function summary({ fill: filled }: Pasted): HTMLElement {
  const lines: [string, string][] = [];
  if (filled.principal) lines.push(["Principal", filled.principal.arn ?? filled.principal.kind]);
  if (filled.action) lines.push(["Action", filled.action]);
  if (filled.resource) lines.push(["Resource", filled.resource]);
  for (const [key, values] of Object.entries(filled.context)) lines.push([key, values.join(", ")]);
  for (const { kind, policy } of filled.policies) lines.push([`${kind} policy`, policy.name]);
  if (filled.bucket) lines.push(["Bucket settings", Object.keys(filled.bucket).join(", ")]);
  return el("dl", { class: "fills" }, ...lines.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, el("code", {}, value))]));
}

function copyable(label: string, text: string, rows: number): HTMLElement {
  const area = el("textarea", { class: "code", rows, readonly: true, "aria-label": label, value: text });
  const button = el(
    "button",
    {
      type: "button",
      onclick: async () => {
        try {
          await navigator.clipboard.writeText(text);
          button.textContent = "Copied";
        } catch {
          area.select();
          button.textContent = "Selected: copy it with the keyboard";
        }
        setTimeout(() => (button.textContent = `Copy ${label.toLowerCase()}`), 2_500);
      },
    },
    `Copy ${label.toLowerCase()}`,
  );
  return el("div", { class: "copyable" }, area, button);
}
