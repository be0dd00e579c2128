// A state from outside (a link, a draft) made sure of: every field has its type, nothing unknown is taken over.

import { BLOCKS, POLICY_LAYERS, PRINCIPAL_KINDS, TABS, emptyState } from "./model";
import type { AclGrant, Blocks, Policy, PolicyLayer, PolicyState, State, Tab, UnknownSetting } from "./model";

/** More policies than this are not a link of this page. */
const MOST = 500;

/** The state of what a link carried. Throws a sentence where it is not one. */
export function readState(from: unknown): State {
  const given = object(from, "the state");
  const state = emptyState();
  state.policies = list(given["policies"], "policies").map(readPolicy);
  const bucket = object(given["bucket"] ?? {}, "bucket");
  state.bucket.name = text(bucket["name"]);
  state.bucket.owner_account = text(bucket["owner_account"]);
  state.bucket.owner_canonical = text(bucket["owner_canonical"]);
  const ownership = text(bucket["object_ownership"]);
  if (ownership === "BucketOwnerEnforced" || ownership === "BucketOwnerPreferred" || ownership === "ObjectWriter") {
    state.bucket.object_ownership = ownership;
  }
  state.bucket.acl = readAcl(bucket["acl"]);
  state.bucket.block_public_access = readBlocks(bucket["block_public_access"]);
  state.bucket.account_block_public_access = readBlocks(bucket["account_block_public_access"]);
  if (given["object"] !== null && given["object"] !== undefined) {
    const facts = object(given["object"], "object");
    const tags = list(facts["tags"] ?? [], "tags").map((tag): [string, string] => {
      const pair = list(tag, "a tag");
      return [text(pair[0]), text(pair[1])];
    });
    state.object = { owner_canonical: text(facts["owner_canonical"]), acl: readAcl(facts["acl"]), tags };
  }
  state.grants = text(given["grants"]);
  state.unknown = list(given["unknown"] ?? [], "unknown").filter(
    (name): name is UnknownSetting => name === "acl" || name === "block_public_access" || name === "grants",
  );
  readRequest(state, object(given["request"] ?? {}, "request"));
  const tab = TABS.find(({ id }) => id === given["tab"]);
  state.tab = tab ? tab.id : ("identity" satisfies Tab);
  return state;
}

function readRequest(state: State, given: Record<string, unknown>): void {
  const principal = object(given["principal"] ?? {}, "principal");
  const target = state.request.principal;
  const kind = text(principal["kind"]);
  if (PRINCIPAL_KINDS.some(([id]) => id === kind)) target.kind = kind;
  for (const field of ["arn", "account", "canonical", "role_arn", "id", "issuer_arn"] as const) {
    target[field] = text(principal[field]);
  }
  target.service_linked = principal["service_linked"] === true;
  state.request.action = text(given["action"]);
  state.request.resource = text(given["resource"]);
  for (const [key, values] of Object.entries(object(given["context"] ?? {}, "context"))) {
    // A key of this name would be the object's own prototype.
    if (key !== "__proto__") state.request.context[key] = list(values, "a context key").map(text);
  }
  state.request.derive_context = given["derive_context"] !== false;
}

function readPolicy(given: unknown, index: number): Policy {
  const policy = object(given, "a policy");
  const layer = POLICY_LAYERS.find((id): id is PolicyLayer => id === policy["layer"]);
  if (!layer) throw new Error("a policy has no layer that this page knows");
  const state: PolicyState = policy["state"] === "off" || policy["state"] === "unknown" ? policy["state"] : "on";
  const level = Number(policy["level"]);
  return {
    id: index + 1,
    layer,
    level: Number.isInteger(level) && level >= 0 && level < 16 ? level : 0,
    name: text(policy["name"]).slice(0, 200),
    text: text(policy["text"]),
    state,
  };
}

function readAcl(given: unknown): AclGrant[] | null {
  if (given === null || given === undefined) return null;
  return list(given, "an ACL").map((item) => {
    const grant = object(item, "a grant");
    const grantee = object(grant["grantee"], "a grantee");
    const type = text(grantee["type"]);
    const permission = text(grant["permission"]);
    return {
      grantee: { type: type === "Group" || type === "Email" ? type : "CanonicalUser", id: text(grantee["id"]) },
      permission: (["WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"] as const).find((p) => p === permission) ?? "READ",
    };
  });
}

function readBlocks(given: unknown): Blocks | null {
  if (given === null || given === undefined) return null;
  const blocks = object(given, "Block Public Access");
  return Object.fromEntries(BLOCKS.map((name) => [name, blocks[name] === true])) as Blocks;
}

function object(given: unknown, what: string): Record<string, unknown> {
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw new Error(`${what} is not an object`);
  return given as Record<string, unknown>;
}

function list(given: unknown, what: string): unknown[] {
  if (!Array.isArray(given) || given.length > MOST) throw new Error(`${what} is not a list of at most ${MOST}`);
  return given;
}

function text(given: unknown): string {
  return typeof given === "string" ? given : "";
}
