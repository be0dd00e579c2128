// The tabs without a policy text: ACLs, Block Public Access, ownership, KMS grants.

import { byId, el, fill } from "../dom";
import { BLOCKS } from "../state/model";
import type { AclGrant, Blocks, State, Tab, UnknownSetting } from "../state/model";
import type { Store } from "../state/store";

const GROUPS: readonly [string, string][] = [
  ["http://acs.amazonaws.com/groups/global/AllUsers", "Everyone"],
  ["http://acs.amazonaws.com/groups/global/AuthenticatedUsers", "Every AWS user"],
  ["http://acs.amazonaws.com/groups/s3/LogDelivery", "Log delivery"],
];

const PERMISSIONS = ["READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"] as const;

const BLOCK_WORDS: Record<(typeof BLOCKS)[number], string> = {
  BlockPublicAcls: "refuses requests that set a public ACL",
  IgnorePublicAcls: "public ACLs do not count",
  BlockPublicPolicy: "refuses a public bucket policy",
  RestrictPublicBuckets: "a public policy counts for the owner's account and AWS services alone",
};

/** The forms of the settings. */
export class SettingsView {
  private host = byId("settings");
  private shape = "";

  constructor(private store: Store) {}

  /** Brings the open tab's form up to the state; it is made anew only when its rows or another writer changed it. */
  sync(state: State, replaced: boolean): void {
    const forms: Partial<Record<Tab, (state: State) => (HTMLElement | null)[]>> = {
      acl: (s) => this.acl(s),
      bpa: (s) => this.bpa(s),
      ownership: (s) => this.ownership(s),
      grants: (s) => this.grants(s),
    };
    const form = forms[state.tab];
    this.host.hidden = !form;
    if (!form) {
      this.shape = "";
      return;
    }
    const shape = shapeOf(state);
    if (shape === this.shape && !replaced) return;
    this.shape = shape;
    const focus = this.host.contains(document.activeElement) ? document.activeElement?.getAttribute("data-focus") : null;
    fill(this.host, ...form(state));
    if (focus) this.host.querySelector<HTMLElement>(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
  }

  private step(change: (state: State) => void): void {
    this.store.change("step", change);
  }

  private type(change: (state: State) => void): void {
    this.store.change("typing", change);
  }

  private acl(state: State): HTMLElement[] {
    const known = !state.unknown.includes("acl");
    return [
      this.known("acl", "The ACLs", known),
      el("fieldset", { disabled: !known }, el("legend", {}, "Bucket ACL"), ...this.aclRows("bucket", state.bucket.acl)),
      el(
        "fieldset",
        { disabled: !known },
        el("legend", {}, "Object ACL"),
        ...(state.object ? this.aclRows("object", state.object.acl) : [el("p", { class: "none" }, "Nothing exists at the key. "), this.objectToggle(state)]),
      ),
      el("p", { class: "none" }, "Where Object Ownership is “bucket owner enforced”, the default, ACLs do not count."),
    ];
  }

  private aclRows(of: "bucket" | "object", acl: AclGrant[] | null): HTMLElement[] {
    const edit = (kind: "step" | "type", change: (acl: AclGrant[]) => void): void =>
      this[kind]((state) => {
        const target = of === "bucket" ? state.bucket : (state.object ??= { owner_canonical: "", acl: null, tags: [] });
        target.acl ??= [];
        change(target.acl);
        if (target.acl.length === 0) target.acl = null;
      });
    const rows = (acl ?? []).map((grant, at) => {
      const grantee = grant.grantee.type === "Group" ? grant.grantee.id : grant.grantee.type;
      const who = el(
        "select",
        {
          "aria-label": `Grantee ${at + 1}`,
          "data-focus": `${of}-who-${at}`,
          onchange: (event: Event) => {
            const { value } = event.target as HTMLSelectElement;
            edit("step", (list) => {
              const one = list[at];
              if (one) one.grantee = value.startsWith("http") ? { type: "Group", id: value } : { type: value as "CanonicalUser" | "Email", id: "" };
            });
          },
        },
        ...GROUPS.map(([id, label]) => el("option", { value: id, selected: grantee === id }, label)),
        el("option", { value: "CanonicalUser", selected: grantee === "CanonicalUser" }, "Canonical user"),
        el("option", { value: "Email", selected: grantee === "Email" }, "E-mail"),
      );
      const id =
        grant.grantee.type === "Group"
          ? null
          : el("input", {
              "aria-label": `Id of grantee ${at + 1}`,
              class: "code",
              spellcheck: "false",
              placeholder: grant.grantee.type === "Email" ? "name@example.com" : "64 hexadecimal digits",
              value: grant.grantee.id,
              oninput: (event: Event) => edit("type", (list) => list[at] && (list[at].grantee.id = (event.target as HTMLInputElement).value)),
            });
      const permission = el(
        "select",
        {
          "aria-label": `Permission ${at + 1}`,
          "data-focus": `${of}-permission-${at}`,
          onchange: (event: Event) =>
            edit("step", (list) => list[at] && (list[at].permission = (event.target as HTMLSelectElement).value as AclGrant["permission"])),
        },
        ...PERMISSIONS.map((name) => el("option", { value: name, selected: grant.permission === name }, name)),
      );
      const remove = el("button", { type: "button", class: "icon", "aria-label": `Remove grant ${at + 1}`, onclick: () => edit("step", (list) => list.splice(at, 1)) }, "×");
      return el("div", { class: "acl-row" }, who, id, permission, remove);
    });
    const add = (): void => edit("step", (list) => list.push({ grantee: { type: "Group", id: GROUPS[0]?.[0] ?? "" }, permission: "READ" }));
    return [
      ...(rows.length ? rows : [el("p", { class: "none" }, "Not given: the owner holds everything.")]),
      el("button", { type: "button", class: "link", "data-focus": `${of}-add`, onclick: add }, "+ Add a grant"),
    ];
  }

  private bpa(state: State): HTMLElement[] {
    const known = !state.unknown.includes("block_public_access");
    const group = (of: "block_public_access" | "account_block_public_access", title: string): HTMLElement => {
      const blocks = state.bucket[of];
      return el(
        "fieldset",
        { disabled: !known },
        el("legend", {}, title),
        ...BLOCKS.map((name) =>
          el(
            "label",
            { class: "check" },
            el("input", {
              type: "checkbox",
              checked: blocks?.[name] ?? false,
              "data-focus": `${of}-${name}`,
              onchange: (event: Event) =>
                this.step((s) => {
                  const off = Object.fromEntries(BLOCKS.map((block) => [block, false])) as Blocks;
                  s.bucket[of] = { ...off, ...s.bucket[of], [name]: (event.target as HTMLInputElement).checked };
                }),
            }),
            el("span", {}, el("b", {}, name), " ", el("small", {}, BLOCK_WORDS[name])),
          ),
        ),
      );
    };
    return [
      this.known("block_public_access", "Block Public Access", known),
      group("block_public_access", "Of the bucket"),
      group("account_block_public_access", "Of the account"),
      el("p", { class: "none" }, "The stricter of the two holds. New buckets have all four on."),
    ];
  }

  private ownership(state: State): (HTMLElement | null)[] {
    const { bucket, object } = state;
    const field = (label: string, value: string, placeholder: string, set: (s: State, value: string) => void): HTMLElement =>
      el(
        "label",
        { class: "field" },
        el("span", {}, label),
        el("input", { class: "code", spellcheck: "false", value, placeholder, oninput: (event: Event) => this.type((s) => set(s, (event.target as HTMLInputElement).value)) }),
      );
    const ownership: [string, string][] = [
      ["", "Bucket owner enforced (the default)"],
      ["BucketOwnerEnforced", "Bucket owner enforced"],
      ["BucketOwnerPreferred", "Bucket owner preferred"],
      ["ObjectWriter", "Object writer"],
    ];
    return [
      el(
        "fieldset",
        {},
        el("legend", {}, "Bucket"),
        field("Name", bucket.name, "taken from the resource", (s, v) => (s.bucket.name = v)),
        field("Owner's account", bucket.owner_account, "12 digits; decides same account or cross-account", (s, v) => (s.bucket.owner_account = v)),
        field("Owner's canonical id", bucket.owner_canonical, "where ACLs matter", (s, v) => (s.bucket.owner_canonical = v)),
        el(
          "label",
          { class: "field" },
          el("span", {}, "Object Ownership"),
          el(
            "select",
            { "data-focus": "ownership", onchange: (event: Event) => this.step((s) => (s.bucket.object_ownership = (event.target as HTMLSelectElement).value as typeof bucket.object_ownership)) },
            ...ownership.map(([value, label]) => el("option", { value, selected: bucket.object_ownership === value }, label)),
          ),
        ),
      ),
      el(
        "fieldset",
        {},
        el("legend", {}, "Object"),
        this.objectToggle(state),
        object ? field("Owner's canonical id", object.owner_canonical, "the bucket's owner", (s, v) => s.object && (s.object.owner_canonical = v)) : null,
        ...(object ? this.tags(object.tags) : []),
      ),
    ];
  }

  private objectToggle({ object }: State): HTMLElement {
    return el(
      "label",
      { class: "check" },
      el("input", {
        type: "checkbox",
        checked: object !== null,
        "data-focus": "object",
        onchange: (event: Event) =>
          this.step((s) => {
            s.object = (event.target as HTMLInputElement).checked ? { owner_canonical: "", acl: null, tags: [] } : null;
          }),
      }),
      el("span", {}, "The object exists"),
    );
  }

  private tags(tags: [string, string][]): HTMLElement[] {
    const part = (at: number, side: 0 | 1, label: string): HTMLElement =>
      el("input", {
        class: "code",
        "aria-label": `${label} of tag ${at + 1}`,
        placeholder: label,
        value: tags[at]?.[side] ?? "",
        oninput: (event: Event) =>
          this.type((s) => {
            const tag = s.object?.tags[at];
            if (tag) tag[side] = (event.target as HTMLInputElement).value;
          }),
      });
    const rows = tags.map((_, at) =>
      el(
        "div",
        { class: "acl-row" },
        part(at, 0, "key"),
        part(at, 1, "value"),
        el("button", { type: "button", class: "icon", "aria-label": `Remove tag ${at + 1}`, onclick: () => this.step((s) => s.object?.tags.splice(at, 1)) }, "×"),
      ),
    );
    return [
      ...rows,
      el("button", { type: "button", class: "link", "data-focus": "add-tag", onclick: () => this.step((s) => s.object?.tags.push(["", ""])) }, "+ Add a tag"),
    ];
  }

  private grants(state: State): HTMLElement[] {
    const known = !state.unknown.includes("grants");
    return [
      this.known("grants", "The grants", known),
      el(
        "label",
        { class: "field tall" },
        el("span", {}, "Grants of the key, a JSON list"),
        el("textarea", {
          class: "code",
          rows: 14,
          spellcheck: "false",
          disabled: !known,
          placeholder: '[{ "grantee": "arn:aws:iam::111122223333:role/app", "operations": ["Decrypt"] }]',
          value: state.grants,
          oninput: (event: Event) => this.type((s) => (s.grants = (event.target as HTMLTextAreaElement).value)),
        }),
      ),
    ];
  }

  private known(name: UnknownSetting, what: string, known: boolean): HTMLElement {
    return el(
      "label",
      { class: "check" },
      el("input", {
        type: "checkbox",
        checked: !known,
        "data-focus": `unknown-${name}`,
        onchange: (event: Event) =>
          this.step((s) => {
            s.unknown = s.unknown.filter((one) => one !== name);
            if ((event.target as HTMLInputElement).checked) s.unknown.push(name);
          }),
      }),
      el("span", {}, `${what} exist, but I do not know them`),
    );
  }
}

/** What decides which rows a form has: not what is typed into them. */
function shapeOf({ tab, bucket, object, unknown }: State): string {
  const acl = (list: AclGrant[] | null | undefined): unknown => list?.map(({ grantee, permission }) => [grantee.type === "Group" ? grantee.id : grantee.type, permission]);
  return JSON.stringify([
    tab,
    acl(bucket.acl),
    acl(object?.acl),
    object ? object.tags.length : null,
    bucket.object_ownership,
    bucket.block_public_access,
    bucket.account_block_public_access,
    unknown,
  ]);
}
