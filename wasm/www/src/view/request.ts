// The request form: who, what, on what.

import { byId, el, fill, setValue } from "../dom";
import { PRINCIPAL_KINDS } from "../state/model";
import type { Principal, State } from "../state/model";
import { impliedByArn } from "../state/question";
import type { Store } from "../state/store";
import { combobox } from "./combobox";
import type { Complete } from "./combobox";
import { ContextView } from "./context";

type TextField = "arn" | "account" | "canonical" | "role_arn" | "id" | "issuer_arn";

/** The fields of a kind of principal: the first is always in sight, the others under “More”. */
const FIELDS: Record<string, readonly TextField[]> = {
  user: ["arn", "account", "canonical", "id"],
  "role-session": ["arn", "role_arn", "account", "canonical", "id"],
  root: ["arn", "account", "canonical"],
  anonymous: [],
  service: ["arn"],
  oai: ["arn", "canonical"],
  federated: ["arn", "account", "issuer_arn", "id"],
  canonical: ["canonical", "account"],
};

const LABELS: Record<TextField, string> = {
  arn: "ARN",
  account: "Account",
  canonical: "Canonical user id",
  role_arn: "Role behind the session",
  id: "Unique id",
  issuer_arn: "Issuing user's ARN",
};

const EXAMPLES: Record<string, string> = {
  user: "arn:aws:iam::111122223333:user/alice",
  "role-session": "arn:aws:sts::111122223333:assumed-role/deploy/session",
  root: "arn:aws:iam::111122223333:root",
  service: "cloudfront.amazonaws.com",
  oai: "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1ABC",
  federated: "arn:aws:sts::111122223333:federated-user/carol",
};

/** The request form. */
export class RequestView {
  readonly context: ContextView;
  private kind = el("select", { id: "principal-kind", onchange: () => this.changeKind() }, ...PRINCIPAL_KINDS.map(([id, label]) => el("option", { value: id }, label)));
  private main = el("div", { class: "principal-main" });
  private more = el("details", { class: "more" }, el("summary", {}, "More about the principal"));
  private moreFields = el("div", { class: "more-fields" });
  private fields = new Map<TextField, HTMLInputElement>();
  private linked = el("input", { type: "checkbox", onchange: () => this.principal("step", (p) => (p.service_linked = this.linked.checked)) });
  private action: HTMLInputElement;
  private resource: HTMLInputElement;
  private derive = el("input", {
    type: "checkbox",
    onchange: () => this.store.change("step", (s) => (s.request.derive_context = this.derive.checked)),
  });
  private shown = "";

  constructor(readonly store: Store, complete: Complete) {
    this.action = el("input", {
      id: "action",
      class: "code",
      spellcheck: "false",
      autocapitalize: "off",
      placeholder: "s3:GetObject",
      oninput: () => store.change("typing", (s) => (s.request.action = this.action.value)),
    });
    this.resource = el("input", {
      id: "resource",
      class: "code",
      spellcheck: "false",
      autocapitalize: "off",
      placeholder: "arn:aws:s3:::bucket/key or s3://bucket/key",
      oninput: () => store.change("typing", (s) => (s.request.resource = this.resource.value)),
    });
    const form = byId<HTMLFormElement>("request");
    form.addEventListener("submit", (event) => event.preventDefault());
    this.more.append(this.moreFields);
    const contextHost = el("div", { id: "context" });
    fill(
      form,
      el("div", { class: "line" }, el("label", { for: "principal-kind" }, "Principal"), el("div", { class: "principal" }, this.kind, this.main)),
      this.more,
      el("div", { class: "line" }, el("label", { for: "action" }, "Action"), combobox(this.action, complete)),
      el("div", { class: "line" }, el("label", { for: "resource" }, "Resource"), this.resource),
      contextHost,
      el(
        "label",
        { class: "check derive", title: "aws:PrincipalArn, aws:ResourceAccount and their like follow from principal and resource" },
        this.derive,
        el("span", {}, "Add the keys that follow from principal and resource"),
      ),
    );
    this.context = new ContextView(store, contextHost);
  }

  /** Brings the form up to the state. */
  sync(state: State): void {
    const { principal, action, resource, derive_context } = state.request;
    setValue(this.kind, principal.kind);
    if (this.shown !== principal.kind) this.build(principal.kind);
    for (const [name, field] of this.fields) setValue(field, principal[name]);
    const implied = impliedByArn(principal);
    this.fields.get("account")?.setAttribute("placeholder", implied.account || "12 digits");
    this.fields.get("role_arn")?.setAttribute("placeholder", implied.role_arn || "arn:aws:iam::111122223333:role/deploy");
    this.linked.checked = principal.service_linked;
    setValue(this.action, action);
    setValue(this.resource, resource);
    this.derive.checked = derive_context;
    this.context.sync(state);
  }

  private build(kind: string): void {
    this.shown = kind;
    this.fields.clear();
    const [first, ...others] = FIELDS[kind] ?? [];
    fill(this.main, first ? this.field(first, kind) : null);
    fill(
      this.moreFields,
      ...others.map((name) => el("label", { class: "field" }, el("span", {}, LABELS[name]), this.field(name, kind))),
      kind === "role-session" ? el("label", { class: "check" }, this.linked, el("span", {}, "The role is service-linked")) : null,
    );
    this.more.hidden = others.length === 0;
  }

  private field(name: TextField, kind: string): HTMLInputElement {
    const field = el("input", {
      class: "code",
      spellcheck: "false",
      autocapitalize: "off",
      "aria-label": `Principal: ${name === "arn" && kind === "service" ? "service name" : LABELS[name]}`,
      placeholder: name === "arn" ? (EXAMPLES[kind] ?? "") : name === "canonical" ? "64 hexadecimal digits" : "",
      oninput: () => this.principal("typing", (p) => (p[name] = field.value)),
    });
    this.fields.set(name, field);
    return field;
  }

  private changeKind(): void {
    this.principal("step", (p) => (p.kind = this.kind.value));
  }

  private principal(how: "typing" | "step", change: (principal: Principal) => void): void {
    this.store.change(how, (s) => change(s.request.principal));
  }
}

