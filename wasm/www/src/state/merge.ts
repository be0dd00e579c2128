// What a pasted text says, laid over the state: what it says nothing about stays as it is.

import type { Fill, PolicyKindWord } from "../engine/api";
import { LEVELLED, SINGLE, emptyPrincipal, nextId } from "./model";
import type { AclGrant, Policy, PolicyLayer, State } from "./model";

/** The tab of a kind of policy. */
export function layerOf(kind: PolicyKindWord): PolicyLayer {
  return kind === "bucket" || kind === "key" || kind === "trust" ? "resource" : kind;
}

/** The state with a pasted text's parts in it. */
export function merge(before: State, filled: Fill): State {
  const state = structuredClone(before);
  const { principal, action, resource, context, policies, bucket } = filled;
  if (principal) {
    const { service_linked, ...fields } = principal;
    state.request.principal = { ...emptyPrincipal(principal.kind), ...fields, service_linked: service_linked ?? false };
  }
  if (action) state.request.action = action;
  if (resource) state.request.resource = resource;
  // Another event's circumstances do not belong to this one.
  if (principal || action || resource) state.request.context = {};
  for (const [key, values] of Object.entries(context)) state.request.context[key] = [...values];
  for (const { kind, policy } of policies) put(state, layerOf(kind), policy.name, policy.text);
  if (bucket) {
    if (bucket.name) state.bucket.name = bucket.name;
    if (bucket.owner_canonical) state.bucket.owner_canonical = bucket.owner_canonical;
    if (bucket.acl) state.bucket.acl = bucket.acl as AclGrant[];
    if (bucket.object_ownership) state.bucket.object_ownership = bucket.object_ownership as State["bucket"]["object_ownership"];
    if (bucket.block_public_access) state.bucket.block_public_access = bucket.block_public_access;
    state.tab = bucket.acl ? "acl" : bucket.block_public_access ? "bpa" : "ownership";
  }
  const [first] = policies;
  if (first) state.tab = layerOf(first.kind);
  return state;
}

/** Puts a policy into its layer: in the place of the one that stands there, where there is one place. */
function put(state: State, layer: PolicyLayer, name: string, text: string): void {
  const last = state.policies.filter((policy) => policy.layer === layer).at(-1);
  if (last && SINGLE.includes(layer)) {
    Object.assign(last, { name, text, state: "on" } satisfies Partial<Policy>);
    return;
  }
  const level = LEVELLED.includes(layer) ? (last?.level ?? 0) : 0;
  state.policies.push({ id: nextId(state), layer, level, name, text, state: "on" });
}
