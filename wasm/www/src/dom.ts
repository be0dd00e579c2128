// The few helpers that stand in for a UI framework. No text ever becomes markup here: every string is a text node.

type Child = Node | string | number | null | undefined | false;
type Props = Record<string, unknown>;

/** An element with attributes, `on…` listeners and children; `class` and `data-…` as written. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) setProp(element, name, value);
  append(element, children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element. */
export function svg(tag: string, props: Props = {}, ...children: Child[]): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) setProp(element, name, value);
  append(element, children);
  return element;
}

function setProp(element: Element, name: string, value: unknown): void {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on") && typeof value === "function") {
    element.addEventListener(name.slice(2), value as EventListener);
  } else if (name === "value" && "value" in element) {
    (element as HTMLInputElement).value = String(value);
  } else {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

function append(element: Element, children: Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    element.append(typeof child === "number" ? String(child) : child);
  }
}

/** Replaces the children of `element`. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren();
  append(element, children);
}

/** A sentence of the core: what stands in backticks becomes code. */
export function prose(text: string): (HTMLElement | string)[] {
  return text.split("`").map((part, index) => (index % 2 ? el("code", {}, part) : part));
}

/** The element of the page with this id. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element as T;
}

/** Sets a field's value unless it has it already: the caret stays where it is. */
export function setValue(field: HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement, value: string): void {
  if (field.value !== value) field.value = value;
}

/** Calls `run` once, `wait` milliseconds after the last call. */
export function debounce(run: () => void, wait: number): () => void {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(run, wait) as unknown as number;
  };
}

let ids = 0;

/** A new id for an element. */
export function newId(prefix: string): string {
  ids += 1;
  return `${prefix}-${ids}`;
}

/** Shows a short message at the page's edge; screen readers hear it. */
export function toast(message: string, action?: { label: string; run: () => void }): void {
  const host = byId("toasts");
  const note = el("div", { class: "toast" }, el("span", {}, message));
  const close = (): void => note.remove();
  if (action) {
    note.append(
      el("button", { type: "button", class: "link", onclick: () => (close(), action.run()) }, action.label),
    );
  }
  host.replaceChildren(note);
  setTimeout(close, action ? 12_000 : 5_000);
}
