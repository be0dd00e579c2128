// From the state to the question that the core reads, and back from its places to policies.

import type { PolicyPlace, PolicyText, Question, QuestionBucket, QuestionPrincipal } from "../engine/api";
import type { BucketSettings, Policy, PolicyLayer, Principal, State } from "./model";
import { LEVELLED, SINGLE, emptyState, ofLayer } from "./model";

/** A question, and which policy of the state stands at which of its places. */
export interface Asked {
  question: Question;
  /** The policy's id at a place. */
  at: (place: PolicyPlace) => number | undefined;
  /** What of the state is not a question yet: a sentence, or nothing. */
  refused: string | null;
}

/** The core's names of the layers. */
const LAYER_NAMES: Record<PolicyLayer, PolicyPlace["layer"]> = {
  identity: "identity",
  resource: "resource",
  boundary: "boundary",
  session: "session",
  scp: "service-control",
  rcp: "resource-control",
  vpce: "vpc-endpoint",
};

/** The question that the state asks. */
export function toQuestion(state: State): Asked {
  const places = new Map<string, number>();
  const layers: Question["layers"] = {};
  const place = (layer: PolicyLayer, level: number, policies: Policy[]): PolicyText[] =>
    policies.map((policy, index) => {
      places.set(`${LAYER_NAMES[layer]} ${level} ${index}`, policy.id);
      return { name: policy.name || "unnamed", text: policy.text, state: policy.state };
    });
  const { identity, session, scp, rcp } = {
    identity: ofLayer(state, "identity"),
    session: ofLayer(state, "session"),
    scp: byLevel(ofLayer(state, "scp")),
    rcp: byLevel(ofLayer(state, "rcp")),
  };
  if (identity.length) layers.identity = place("identity", 0, identity);
  if (session.length) layers.session = place("session", 0, session);
  if (scp.length) layers.scp = scp.map((policies, level) => place("scp", level, policies));
  if (rcp.length) layers.rcp = rcp.map((policies, level) => place("rcp", level, policies));
  for (const layer of ["resource", "boundary", "vpce"] as const) {
    const [one] = place(layer, 0, ofLayer(state, layer).slice(0, 1));
    if (one) layers[layer] = one;
  }
  const bucket = toBucket(state.bucket);
  if (bucket) layers.bucket = bucket;
  if (state.object) {
    const { owner_canonical, acl, tags } = state.object;
    layers.object = {
      ...given("owner_canonical", owner_canonical),
      ...(acl ? { acl } : {}),
      ...(tags.length ? { tags: Object.fromEntries(tags) } : {}),
    };
  }
  if (state.unknown.length) layers.unknown = [...state.unknown];
  const refused = readGrants(state.grants, layers);
  const request: Question["request"] = {
    principal: toPrincipal(state.request.principal),
    action: state.request.action.trim(),
    resource: toArn(state.request.resource.trim()),
    context: state.request.context,
    derive_context: state.request.derive_context,
  };
  return {
    question: { layers, request },
    at: ({ layer, level, index }) => places.get(`${layer} ${level} ${index}`),
    refused,
  };
}

/** The control policies by their levels, without the gaps that removing left. */
function byLevel(policies: Policy[]): Policy[][] {
  const levels = [...new Set(policies.map(({ level }) => level))].sort((a, b) => a - b);
  return levels.map((level) => policies.filter((policy) => policy.level === level));
}

function toBucket(bucket: BucketSettings): QuestionBucket | null {
  if (JSON.stringify(bucket) === JSON.stringify(emptyState().bucket)) return null;
  return {
    name: bucket.name,
    owner_account: bucket.owner_account,
    ...given("owner_canonical", bucket.owner_canonical),
    ...given("object_ownership", bucket.object_ownership),
    ...(bucket.acl ? { acl: bucket.acl } : {}),
    ...(bucket.block_public_access ? { block_public_access: bucket.block_public_access } : {}),
    ...(bucket.account_block_public_access ? { account_block_public_access: bucket.account_block_public_access } : {}),
  };
}

function readGrants(text: string, layers: Question["layers"]): string | null {
  if (!text.trim()) return null;
  try {
    const grants: unknown = JSON.parse(text);
    if (!Array.isArray(grants)) return "The KMS grants are not a JSON list.";
    layers.grants = grants as NonNullable<Question["layers"]["grants"]>;
    return null;
  } catch (error) {
    return `The KMS grants are not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The fields of a principal that its kind has, with what follows from its ARN where nothing was typed. */
export function toPrincipal(principal: Principal): QuestionPrincipal {
  const { kind } = principal;
  if (kind === "anonymous") return { kind, ...given("canonical", principal.canonical) };
  const implied = impliedByArn(principal);
  const account = principal.account || implied.account;
  const issuer = kind === "federated" ? given("issuer_arn", principal.issuer_arn) : {};
  return {
    kind,
    ...(kind === "canonical" ? {} : given("arn", principal.arn.trim())),
    ...(kind === "service" || kind === "oai" ? {} : given("account", account)),
    ...given("canonical", principal.canonical),
    ...(kind === "role-session" ? given("role_arn", principal.role_arn || implied.role_arn) : {}),
    ...given("id", principal.id),
    ...issuer,
    ...(principal.service_linked ? { service_linked: true } : {}),
  };
}

/** The account and the role that a principal's ARN names. */
export function impliedByArn({ arn }: Principal): { account: string; role_arn: string } {
  const [, partition = "", , , account = "", path = ""] = /^(arn):([^:]*):([^:]*):([^:]*):([^:]*):(.*)$/.exec(arn.trim())?.slice(1) ?? [];
  const role = /^assumed-role\/([^/]+)\//.exec(path)?.[1];
  return { account, role_arn: role ? `arn:${partition}:iam::${account}:role/${role}` : "" };
}

/** An ARN as it is; `s3://bucket/key` as people write it becomes one. */
export function toArn(resource: string): string {
  return resource.startsWith("s3://") ? `arn:aws:s3:::${resource.slice(5)}` : resource;
}

function given<K extends string>(name: K, value: string): { [P in K]?: string } {
  return (value ? { [name]: value } : {}) as { [P in K]?: string };
}

/** The state that a question fills; names and texts as they come. */
export function fromQuestion(question: Question): State {
  const state = emptyState();
  const { layers, request } = question;
  let id = 0;
  const put = (layer: PolicyLayer, level: number, policies: readonly PolicyText[]): void => {
    for (const { name, text, state: how } of policies) {
      id += 1;
      state.policies.push({ id, layer, level, name, text, state: how ?? "on" });
    }
  };
  put("identity", 0, layers.identity ?? []);
  for (const layer of SINGLE) put(layer, 0, one(layers[layer as "resource" | "boundary" | "vpce"]));
  put("session", 0, layers.session ?? []);
  for (const layer of LEVELLED) {
    (layers[layer as "scp" | "rcp"] ?? []).forEach((policies, level) => put(layer, level, policies));
  }
  const { bucket } = layers;
  if (bucket) {
    state.bucket = {
      ...state.bucket,
      name: bucket.name ?? "",
      owner_account: bucket.owner_account ?? "",
      owner_canonical: bucket.owner_canonical ?? "",
      object_ownership: (bucket.object_ownership ?? "") as BucketSettings["object_ownership"],
      acl: (bucket.acl ?? null) as BucketSettings["acl"],
      block_public_access: bucket.block_public_access ?? null,
      account_block_public_access: bucket.account_block_public_access ?? null,
    };
  }
  if (layers.object) {
    const { owner_canonical, acl, tags } = layers.object;
    state.object = {
      owner_canonical: owner_canonical ?? "",
      acl: (acl ?? null) as BucketSettings["acl"],
      tags: Object.entries(tags ?? {}) as [string, string][],
    };
  }
  if (layers.grants) state.grants = JSON.stringify(layers.grants, null, 2);
  takeUnknown(state, layers.unknown ?? []);
  const { principal } = request;
  state.request = {
    principal: {
      kind: principal.kind,
      arn: principal.arn ?? "",
      account: principal.account ?? "",
      canonical: principal.canonical ?? "",
      role_arn: principal.role_arn ?? "",
      id: principal.id ?? "",
      issuer_arn: principal.issuer_arn ?? "",
      service_linked: principal.service_linked ?? false,
    },
    action: request.action,
    resource: request.resource,
    context: { ...(request.context as Record<string, string[]>) },
    derive_context: request.derive_context ?? true,
  };
  const first = state.policies.find(({ layer }) => layer === "identity") ?? state.policies[0];
  state.tab = first ? first.layer : state.bucket.acl ? "acl" : "identity";
  return state;
}

/** An unknown layer of policies becomes a policy that nobody knows. */
function takeUnknown(state: State, names: readonly string[]): void {
  for (const name of names) {
    if (name === "acl" || name === "block_public_access" || name === "grants") state.unknown.push(name);
    else if (name === "bucket") takeUnknown(state, ["resource", "acl", "block_public_access"]);
    else {
      const layer = (Object.keys(LAYER_NAMES) as PolicyLayer[]).find((id) => id === name);
      const id = state.policies.length + 1;
      if (layer) state.policies.push({ id, layer, level: 0, name: `unknown ${name}`, text: "", state: "unknown" });
    }
  }
}

function one<T>(value: T | null | undefined): T[] {
  return value === null || value === undefined ? [] : [value];
}
