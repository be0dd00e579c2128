// A text field with a list of completions, after the ARIA pattern “editable combobox with list autocomplete”.

import { debounce, el, fill, newId } from "../dom";

/** Names that complete a prefix. */
export type Complete = (prefix: string) => Promise<readonly { label: string; detail: string }[]>;

/** More rows than this nobody reads. */
const ROWS = 40;

/** Makes `input` a combobox; the element to place. */
export function combobox(input: HTMLInputElement, complete: Complete): HTMLElement {
  const list = el("ul", { role: "listbox", id: newId("completions"), class: "completions", hidden: true, "aria-label": "Completions" });
  for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id })) {
    input.setAttribute(name, value);
  }
  let at = -1;
  let asked = 0;

  const close = (): void => {
    asked += 1;
    list.hidden = true;
    at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const take = (label: string): void => {
    input.value = label;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    // A service alone is only half of a name.
    if (!label.endsWith(":")) close();
    input.focus();
  };
  const mark = (to: number): void => {
    const rows = [...list.children];
    if (!rows.length) return;
    at = (to + rows.length) % rows.length;
    rows.forEach((row, index) => row.setAttribute("aria-selected", String(index === at)));
    const row = rows[at];
    if (row) input.setAttribute("aria-activedescendant", row.id);
    row?.scrollIntoView({ block: "nearest" });
  };
  const show = async (): Promise<void> => {
    asked += 1;
    const mine = asked;
    const prefix = input.value;
    const items = await complete(prefix).catch(() => []);
    if (mine !== asked || document.activeElement !== input) return;
    if (!items.length || (items.length === 1 && items[0]?.label === prefix)) return close();
    const rows = items.slice(0, ROWS).map(({ label, detail }) =>
      el(
        "li",
        { role: "option", id: newId("completion"), "aria-selected": "false", "data-label": label },
        el("span", { class: "completion" }, label),
        el("small", {}, detail),
      ),
    );
    at = -1;
    fill(list, ...rows);
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
  };
  const showSoon = debounce(() => void show(), 60);

  list.addEventListener("pointerdown", (event) => {
    // The field keeps the focus.
    event.preventDefault();
    const row = (event.target as Element).closest("li");
    if (row?.dataset["label"]) take(row.dataset["label"]);
  });
  input.addEventListener("input", () => showSoon());
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" && list.hidden) void show();
    else if (event.key === "ArrowDown") mark(at + 1);
    else if (event.key === "ArrowUp" && !list.hidden) mark(at < 0 ? -1 : at - 1);
    else if (event.key === "Escape" && !list.hidden) close();
    else if (event.key === "Enter" && !list.hidden && at >= 0) take((list.children[at] as HTMLElement).dataset["label"] ?? input.value);
    else return;
    event.preventDefault();
  });
  return el("div", { class: "combobox" }, input, list);
}
