// The left pane: a tab for every layer, the layer's policies with their switches, and the editor.

import { byId, el, fill, newId, setValue } from "../dom";
import { LEVELLED, POLICY_LAYERS, SINGLE, TABS, nextId, ofLayer, resourceKind, template } from "../state/model";
import type { Policy, PolicyLayer, PolicyState, State, Tab } from "../state/model";
import type { Store } from "../state/store";
import type { Verdicts } from "./path";
import { sign } from "./icons";

const STATES: readonly [PolicyState, string, string][] = [
  ["on", "On", "It counts"],
  ["off", "Off", "Left out, as if it were removed"],
  ["unknown", "Unknown", "It counts, but nobody knows what it says"],
];

const RESOURCE_LABELS = { bucket: "Bucket", key: "Key", trust: "Trust" };

/** Whether a tab holds policies. */
export function isPolicyLayer(tab: Tab): tab is PolicyLayer {
  return (POLICY_LAYERS as readonly string[]).includes(tab);
}

/** The pane's tabs and the list of policies of the open one. */
export class PoliciesView {
  /** The policy that the editor shows, per layer. */
  private chosen = new Map<PolicyLayer, number>();
  private tabs = byId("tabs");
  private list = byId("policy-list");
  private shape = "";
  private broken = new Set<number>();
  private verdicts: Verdicts = {};

  constructor(private store: Store, private onOpen: () => void) {
    for (const { id, label } of TABS) {
      const tab = el("button", {
        type: "button",
        role: "tab",
        id: `tab-${id}`,
        "aria-controls": "panel",
        onclick: () => this.open(id),
      });
      tab.append(el("span", { class: "tab-label" }, label), el("span", { class: "tab-note" }));
      this.tabs.append(tab);
    }
    this.tabs.addEventListener("keydown", (event) => this.onArrow(event));
  }

  /** The policy in the editor. */
  current(): Policy | null {
    const { tab } = this.store.state;
    if (!isPolicyLayer(tab)) return null;
    const policies = ofLayer(this.store.state, tab);
    return policies.find(({ id }) => id === this.chosen.get(tab)) ?? policies[0] ?? null;
  }

  /** Opens a tab. */
  open(tab: Tab): void {
    this.store.change("typing", (state) => {
      state.tab = tab;
    });
    this.onOpen();
    byId(`tab-${tab}`).scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** Opens the tab of a policy and shows it. */
  show(id: number): void {
    const policy = this.store.state.policies.find((one) => one.id === id);
    if (!policy) return;
    this.chosen.set(policy.layer, id);
    this.open(policy.layer);
  }

  /** Takes over what the answer says of the layers and policies. */
  mark(broken: Set<number>, verdicts: Verdicts): void {
    this.broken = broken;
    this.verdicts = verdicts;
    this.sync(this.store.state);
  }

  /** Brings the pane up to the state; rows are made anew only when policies came or went. */
  sync(state: State): void {
    for (const { id, label, long } of TABS) this.syncTab(state, id, id === "resource" ? RESOURCE_LABELS[resourceKind(state)] : label, long);
    const { tab } = state;
    byId("layer-note").textContent = `${TABS.find(({ id }) => id === tab)?.long ?? ""}.`;
    this.list.hidden = !isPolicyLayer(tab);
    if (!isPolicyLayer(tab)) return;
    const policies = ofLayer(state, tab);
    const shape = `${tab}:${policies.map(({ id, level }) => `${id}/${level}`).join()}`;
    if (shape !== this.shape) {
      this.shape = shape;
      this.build(tab, policies);
    }
    const current = this.current();
    for (const policy of policies) this.syncRow(policy, policy.id === current?.id);
  }

  private syncTab(state: State, id: Tab, label: string, long: string): void {
    const tab = byId<HTMLButtonElement>(`tab-${id}`);
    const open = state.tab === id;
    tab.setAttribute("aria-selected", String(open));
    tab.tabIndex = open ? 0 : -1;
    tab.title = long;
    tab.hidden = !open && !inUse(state, id);
    if (open) byId("panel").setAttribute("aria-labelledby", tab.id);
    const count = countOf(state, id);
    const problem = isPolicyLayer(id) && ofLayer(state, id).some((policy) => this.broken.has(policy.id));
    tab.classList.toggle("empty", count === 0);
    const verdict = this.verdicts[id];
    const [labelBox, note] = tab.children as unknown as [HTMLElement, HTMLElement];
    labelBox.textContent = label;
    const says = problem ? "has a problem" : verdict === "allow" ? "allows" : verdict === "deny" ? "denies" : verdict === "unknown" ? "unknown" : "";
    fill(
      note,
      count > 1 || (count && !isPolicyLayer(id)) ? el("span", { class: "count", "aria-hidden": "true" }, count) : null,
      problem ? el("span", { class: "warn", "aria-hidden": "true" }, "!") : verdict === "allow" ? sign(true) : verdict === "deny" ? sign(false) : verdict === "unknown" ? el("span", { class: "open-mark", "aria-hidden": "true" }, "?") : null,
      says ? el("span", { class: "hidden" }, `, ${says}`) : null,
    );
  }

  private build(layer: PolicyLayer, policies: Policy[]): void {
    const levels = LEVELLED.includes(layer);
    const rows = policies.map((policy) => this.row(policy, levels));
    const full = SINGLE.includes(layer) && policies.length > 0;
    const add = full
      ? null
      : el(
          "div",
          { class: "add" },
          el("button", { type: "button", class: "link", onclick: () => this.add(layer, "on") }, "+ Add a policy"),
          el("button", { type: "button", class: "link", onclick: () => this.add(layer, "unknown") }, "+ One that I do not know"),
        );
    fill(this.list, rows.length ? el("ul", { class: "rows" }, ...rows) : el("p", { class: "none" }, absence(layer)), add);
  }

  private row(policy: Policy, levels: boolean): HTMLElement {
    const { id } = policy;
    const group = newId("state");
    const choice = STATES.map(([value, label, title]) =>
      el(
        "label",
        { title },
        el("input", { type: "radio", name: group, value, onchange: () => this.edit(id, "step", (p) => (p.state = value)) }),
        el("span", {}, label),
      ),
    );
    const level = levels
      ? el(
          "select",
          { "aria-label": "Level", class: "level", onchange: (event: Event) => this.edit(id, "step", (p) => (p.level = Number((event.target as HTMLSelectElement).value))) },
          ...["Root", "Level 2", "Level 3", "Level 4", "Level 5", "Level 6"].map((label, index) => el("option", { value: index }, label)),
        )
      : null;
    return el(
      "li",
      { class: "row", "data-id": id },
      el("button", { type: "button", class: "pick", onclick: () => this.show(id), "aria-label": "Show in the editor" }, sign(null)),
      el("input", {
        class: "name",
        "aria-label": "Policy name",
        spellcheck: "false",
        onfocus: () => this.current()?.id !== id && this.show(id),
        oninput: (event: Event) => this.edit(id, "typing", (p) => (p.name = (event.target as HTMLInputElement).value)),
      }),
      level,
      el("fieldset", { class: "switch" }, el("legend", { class: "hidden" }, "Whether it counts"), ...choice),
      el("button", { type: "button", class: "icon remove", title: "Remove", onclick: () => this.remove(id) }, "×"),
    );
  }

  private syncRow(policy: Policy, current: boolean): void {
    const row = this.list.querySelector<HTMLElement>(`[data-id="${policy.id}"]`);
    if (!row) return;
    row.classList.toggle("current", current);
    row.classList.toggle("broken", this.broken.has(policy.id));
    row.classList.toggle("off", policy.state === "off");
    const name = row.querySelector<HTMLInputElement>(".name");
    if (name) setValue(name, policy.name);
    const pick = row.querySelector(".pick");
    pick?.setAttribute("aria-pressed", String(current));
    pick?.setAttribute("aria-label", `Show ${policy.name} in the editor`);
    row.querySelector(".remove")?.setAttribute("aria-label", `Remove ${policy.name}`);
    const level = row.querySelector<HTMLSelectElement>(".level");
    if (level) setValue(level, String(policy.level));
    for (const radio of row.querySelectorAll<HTMLInputElement>("input[type=radio]")) radio.checked = radio.value === policy.state;
  }

  private edit(id: number, kind: "typing" | "step", change: (policy: Policy) => void): void {
    this.store.change(kind, (state) => {
      const policy = state.policies.find((one) => one.id === id);
      if (policy) change(policy);
    });
  }

  private add(layer: PolicyLayer, how: PolicyState): void {
    const id = nextId(this.store.state);
    this.store.change("step", (state) => {
      const number = ofLayer(state, layer).length + 1;
      const levels = ofLayer(state, layer).map(({ level }) => level);
      const name = `${how === "unknown" ? "unknown-" : ""}${layer}${number > 1 ? `-${number}` : ""}`;
      const text = how === "unknown" ? "" : template(layer);
      state.policies.push({ id, layer, level: LEVELLED.includes(layer) ? Math.max(0, ...levels) : 0, name, text, state: how });
    });
    this.show(id);
  }

  private remove(id: number): void {
    this.store.change("step", (state) => {
      state.policies = state.policies.filter((policy) => policy.id !== id);
    });
    this.onOpen();
    const next = this.list.querySelector<HTMLElement>(".name, .add button");
    next?.focus();
  }

  private onArrow(event: KeyboardEvent): void {
    const tabs = TABS.filter(({ id }) => !byId(`tab-${id}`).hidden);
    const at = tabs.findIndex(({ id }) => id === this.store.state.tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const tab = tabs[(to + tabs.length) % tabs.length];
    if (!tab) return;
    this.open(tab.id);
    byId(`tab-${tab.id}`).focus();
  }
}

/** How much a tab holds. */
function countOf(state: State, tab: Tab): number {
  if (isPolicyLayer(tab)) return ofLayer(state, tab).length;
  const { bucket, object } = state;
  if (tab === "acl") return (bucket.acl?.length ?? 0) + (object?.acl?.length ?? 0) + (state.unknown.includes("acl") ? 1 : 0);
  if (tab === "bpa") {
    const on = [bucket.block_public_access, bucket.account_block_public_access].flatMap((blocks) => Object.values(blocks ?? {}));
    return on.filter(Boolean).length + (state.unknown.includes("block_public_access") ? 1 : 0);
  }
  if (tab === "ownership") return bucket.name || bucket.object_ownership || object ? 1 : 0;
  return state.grants.trim() ? 1 : 0;
}

/** Whether a tab can matter: only KMS keys have grants. */
function inUse(state: State, tab: Tab): boolean {
  return tab !== "grants" || resourceKind(state) === "key" || countOf(state, tab) > 0 || state.unknown.includes("grants");
}

/** What it means that a layer has no policy. */
function absence(layer: PolicyLayer): string {
  switch (layer) {
    case "identity":
      return "No identity-based policy: the resource's policy alone can allow.";
    case "resource":
      return "No policy on the resource: an identity-based policy alone can allow, in the same account.";
    case "boundary":
      return "No permissions boundary: nothing limits the identity policies.";
    case "session":
      return "No session policy was passed.";
    case "scp":
      return "No service control policies: the account is in no organization, or is its management account.";
    case "rcp":
      return "No resource control policies beside the full access that every organization has.";
    case "vpce":
      return "The request does not come through a VPC endpoint with a policy.";
  }
}
