// The context keys: one typed row for each that the policies read, and for each that the request has besides.

import { el, fill, newId, setValue } from "../dom";
import type { KeyRead, KeyShown } from "../engine/api";
import type { State } from "../state/model";
import type { Store } from "../state/store";

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

const HINTS: Record<string, string> = {
  string: "text",
  number: "42",
  date: "2026-11-22T09:00:00Z",
  boolean: "",
  ip: "203.0.113.7",
  arn: "arn:aws:…",
  binary: "base64",
};

/** The rows of the context keys. */
export class ContextView {
  private keys: readonly KeyRead[] = [];
  private derived = new Map<string, string>();
  private shape = "";
  private rows = el("div", { class: "keys" });
  private name = el("input", { class: "code", spellcheck: "false", "aria-label": "Name of another context key", placeholder: "aws:RequestTag/team" });
  private note = el("p", { class: "none" });

  constructor(private store: Store, host: HTMLElement) {
    const add = (): void => this.add(this.name.value.trim());
    this.name.addEventListener("keydown", (event) => {
      if (event.key === "Enter") add();
    });
    fill(
      host,
      el("h3", {}, "Context"),
      this.note,
      this.rows,
      el("div", { class: "add-key" }, this.name, el("button", { type: "button", onclick: add }, "Add key")),
    );
  }

  /** Takes over which keys the policies read and which values the request got by itself. */
  learn(keys: readonly KeyRead[], context: readonly KeyShown[]): void {
    this.keys = keys;
    this.derived = new Map(context.filter(({ origin }) => origin === "derived").map(({ key, values }) => [key.toLowerCase(), values.join(", ")]));
    this.sync(this.store.state);
  }

  /** Puts the caret into the row of a key. */
  focus(key: string): void {
    this.rows.querySelector<HTMLElement>(`[data-key="${CSS.escape(key.toLowerCase())}"] .value`)?.focus();
  }

  /** Brings the rows up to the state. */
  sync(state: State): void {
    const { context } = state.request;
    const read = new Set(this.keys.map(({ key }) => key.toLowerCase()));
    const others: KeyRead[] = Object.keys(context)
      .filter((key) => !read.has(key.toLowerCase()))
      .map((key) => ({ key, kind: "string", multivalued: (context[key]?.length ?? 0) !== 1, derived: false, readers: [], suggestions: [] }));
    const shown = [...this.keys, ...others];
    this.note.textContent = shown.length ? "The keys that the policies read. Empty means: not in the request." : "The policies read no context keys.";
    const shape = JSON.stringify(shown.map(({ key, kind, multivalued, suggestions, readers }) => [key, kind, multivalued, suggestions, readers.length]));
    if (shape !== this.shape) {
      this.shape = shape;
      this.build(shown);
    }
    for (const row of this.rows.children as HTMLCollectionOf<HTMLElement>) this.syncRow(row, context);
  }

  private build(keys: readonly KeyRead[]): void {
    const active = document.activeElement;
    const focused = active instanceof HTMLElement && this.rows.contains(active) ? active : null;
    const kept = focused?.closest<HTMLElement>("[data-key]");
    // The row that is being typed into stays as it is: a new one would take the caret away.
    const rows = keys.map((key) => (kept?.dataset["key"] === key.key.toLowerCase() ? kept : this.row(key)));
    for (const row of [...this.rows.children]) if (row !== kept) row.remove();
    const at = kept ? rows.indexOf(kept) : -1;
    if (kept && at >= 0) {
      kept.before(...rows.slice(0, at));
      kept.after(...rows.slice(at + 1));
    } else {
      fill(this.rows, ...rows);
    }
  }

  private row(key: KeyRead): HTMLElement {
    const id = newId("key");
    const hint = key.readers.length
      ? `read by ${[...new Set(key.readers.map(({ name, operator }) => (operator ? `${name} (${operator})` : `${name} (variable)`)))].join(", ")}`
      : "no policy reads it";
    const field = this.field(key, id);
    return el(
      "div",
      { class: "key", "data-key": key.key.toLowerCase(), "data-name": key.key },
      el("label", { for: id, title: hint }, key.key, el("small", {}, key.multivalued ? `${key.kind}, one per line` : key.kind)),
      field,
      key.kind === "date" ? el("button", { type: "button", class: "link", onclick: () => this.set(key.key, [now()], "step") }, "now") : null,
      el("button", { type: "button", class: "icon clear", "aria-label": `Take ${key.key} out of the request`, title: "Not in the request", onclick: () => this.set(key.key, null, "step") }, "×"),
    );
  }

  private field({ key, kind, multivalued, suggestions }: KeyRead, id: string): HTMLElement {
    const common = { id, class: "value code", spellcheck: "false", autocapitalize: "off" };
    if (kind === "boolean" && !multivalued) {
      const select = el("select", { ...common, onchange: () => this.set(key, select.value ? [select.value] : null, "step") }, el("option", { value: "" }, "absent"), el("option", { value: "true" }, "true"), el("option", { value: "false" }, "false"));
      return select;
    }
    if (multivalued) {
      const area = el("textarea", { ...common, rows: 2, oninput: () => this.set(key, area.value === "" ? null : area.value.split("\n"), "typing") });
      return area;
    }
    const list = el("datalist", { id: `${id}-list` }, ...suggestions.map((value) => el("option", { value })));
    const input = el("input", {
      ...common,
      list: suggestions.length ? list.id : null,
      inputmode: kind === "number" ? "decimal" : "text",
      "data-hint": HINTS[kind] ?? "",
      oninput: () => this.set(key, input.value === "" ? null : [input.value], "typing"),
    });
    return el("span", { class: "with-list" }, input, list);
  }

  private syncRow(row: HTMLElement, context: Record<string, string[]>): void {
    const name = row.dataset["name"] ?? "";
    const values = own(context, name);
    const field = row.querySelector<Field>(".value");
    if (!field) return;
    row.classList.toggle("given", values !== undefined);
    const text = (values ?? []).join("\n");
    setValue(field, text);
    const derived = this.derived.get(name.toLowerCase());
    const hint = field.dataset["hint"];
    if (!(field instanceof HTMLSelectElement)) {
      field.placeholder = values ? (text === "" ? "present, without a value" : "") : derived ? `derived: ${derived}` : hint ? `absent, e.g. ${hint}` : "absent";
    } else if (field.options[0]) {
      field.options[0].text = derived ? `derived: ${derived}` : "absent";
    }
  }

  private set(key: string, values: string[] | null, how: "typing" | "step"): void {
    this.store.change(how, ({ request }) => {
      for (const name of Object.keys(request.context)) if (name.toLowerCase() === key.toLowerCase()) delete request.context[name];
      if (values) request.context[key] = values;
    });
  }

  private add(key: string): void {
    if (!key || key === "__proto__") return;
    this.name.value = "";
    if (own(this.store.state.request.context, key) === undefined && !this.keys.some((read) => read.key.toLowerCase() === key.toLowerCase())) {
      this.set(key, [""], "step");
    }
    this.focus(key);
  }
}

function own(context: Record<string, string[]>, key: string): string[] | undefined {
  const name = Object.keys(context).find((one) => one.toLowerCase() === key.toLowerCase());
  return name === undefined ? undefined : context[name];
}

function now(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}
