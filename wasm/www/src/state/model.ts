// What the page holds: the policies, the settings and the request. It is what a link carries.

/** A layer whose text is a policy. */
export type PolicyLayer = "identity" | "resource" | "boundary" | "session" | "scp" | "rcp" | "vpce";

/** A tab of the left pane. */
export type Tab = PolicyLayer | "acl" | "bpa" | "ownership" | "grants";

/** `unknown`: the policy exists, its text is not known; the answer says whether it could change it. */
export type PolicyState = "on" | "off" | "unknown";

/** One policy as it was typed. */
export interface Policy {
  id: number;
  layer: PolicyLayer;
  /** Of control policies: 0 is the organization's root, the last level the account. */
  level: number;
  name: string;
  text: string;
  state: PolicyState;
}

/** A grant of an access control list. */
export interface AclGrant {
  grantee: { type: "CanonicalUser" | "Group" | "Email"; id: string };
  permission: "READ" | "WRITE" | "READ_ACP" | "WRITE_ACP" | "FULL_CONTROL";
}

/** The four settings of Block Public Access, in AWS's order. */
export const BLOCKS = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"] as const;

/** Which of the four settings are on. */
export type Blocks = Record<(typeof BLOCKS)[number], boolean>;

/** S3's own settings. A `null` setting was not given. */
export interface BucketSettings {
  name: string;
  owner_account: string;
  owner_canonical: string;
  object_ownership: "" | "BucketOwnerEnforced" | "BucketOwnerPreferred" | "ObjectWriter";
  acl: AclGrant[] | null;
  block_public_access: Blocks | null;
  account_block_public_access: Blocks | null;
}

/** What is known of the object that is asked for. */
export interface ObjectFacts {
  owner_canonical: string;
  acl: AclGrant[] | null;
  tags: [string, string][];
}

/** The fields of a principal; which of them count is its kind's matter. */
export interface Principal {
  kind: string;
  arn: string;
  account: string;
  canonical: string;
  role_arn: string;
  id: string;
  issuer_arn: string;
  service_linked: boolean;
}

/** The request. A context key that is not in `context` is absent. */
export interface RequestFields {
  principal: Principal;
  action: string;
  resource: string;
  context: Record<string, string[]>;
  derive_context: boolean;
}

/** A setting that exists but was not given. */
export type UnknownSetting = "acl" | "block_public_access" | "grants";

/** Everything that a link carries. */
export interface State {
  policies: Policy[];
  bucket: BucketSettings;
  /** `null`: nothing exists at the key. */
  object: ObjectFacts | null;
  /** KMS grants as JSON text; empty: none. */
  grants: string;
  unknown: UnknownSetting[];
  request: RequestFields;
  tab: Tab;
}

/** The tabs of the left pane, in the order in which people meet them. */
export const TABS: readonly { id: Tab; label: string; long: string }[] = [
  { id: "identity", label: "Identity", long: "Identity-based policies: of the user and its groups, or of the role" },
  { id: "resource", label: "Bucket", long: "The resource's own policy: a bucket policy, key policy or trust policy" },
  { id: "boundary", label: "Boundary", long: "The permissions boundary: the most that identity policies can give" },
  { id: "session", label: "Session", long: "Session policies: passed when the session was made, they only take away" },
  { id: "scp", label: "SCP", long: "Service control policies: of the organization's root, its units and the account" },
  { id: "rcp", label: "RCP", long: "Resource control policies: what the organization allows on its resources" },
  { id: "vpce", label: "Endpoint", long: "The policy of the VPC endpoint that the request comes through" },
  { id: "acl", label: "ACL", long: "Access control lists of the bucket and of the object" },
  { id: "bpa", label: "Public access", long: "Block Public Access of the bucket and of its account" },
  { id: "ownership", label: "Ownership", long: "The bucket's owner, Object Ownership, and the object's tags" },
  { id: "grants", label: "KMS grants", long: "Grants of the KMS key" },
];

/** The layers with policies, in the order of [`TABS`]. */
export const POLICY_LAYERS: readonly PolicyLayer[] = ["identity", "resource", "boundary", "session", "scp", "rcp", "vpce"];

/** A layer that holds one policy at most. */
export const SINGLE: readonly PolicyLayer[] = ["resource", "boundary", "vpce"];

/** A layer whose policies stand on levels. */
export const LEVELLED: readonly PolicyLayer[] = ["scp", "rcp"];

/** The kinds of principal, with the words of the form. */
export const PRINCIPAL_KINDS: readonly [string, string][] = [
  ["user", "IAM user"],
  ["role-session", "Role session"],
  ["root", "Account root"],
  ["anonymous", "Anyone (anonymous)"],
  ["service", "AWS service"],
  ["oai", "CloudFront identity (OAI)"],
  ["federated", "Federated"],
  ["canonical", "Canonical user"],
];

/** An empty page. */
export function emptyState(): State {
  return {
    policies: [],
    bucket: {
      name: "",
      owner_account: "",
      owner_canonical: "",
      object_ownership: "",
      acl: null,
      block_public_access: null,
      account_block_public_access: null,
    },
    object: null,
    grants: "",
    unknown: [],
    request: {
      principal: emptyPrincipal("user"),
      action: "",
      resource: "",
      context: {},
      derive_context: true,
    },
    tab: "identity",
  };
}

/** A principal of a kind with nothing filled in. */
export function emptyPrincipal(kind: string): Principal {
  return { kind, arn: "", account: "", canonical: "", role_arn: "", id: "", issuer_arn: "", service_linked: false };
}

/** An id that no policy of the state has. */
export function nextId(state: State): number {
  return state.policies.reduce((most, policy) => Math.max(most, policy.id), 0) + 1;
}

/** The policies of a layer, in order. */
export function ofLayer(state: State, layer: PolicyLayer): Policy[] {
  return state.policies.filter((policy) => policy.layer === layer);
}

/** What a fresh policy of a layer says: it is a template to type into, not an answer. */
export function template(layer: PolicyLayer): string {
  const principal = layer === "resource" ? `      "Principal": { "AWS": "arn:aws:iam::111122223333:user/alice" },\n` : "";
  const open = layer === "scp" || layer === "vpce" || layer === "boundary";
  const [effect, action, resource] =
    layer === "rcp" ? ["Deny", "s3:*", "*"] : open ? ["Allow", "*", "*"] : ["Allow", "s3:GetObject", "arn:aws:s3:::amzn-demo-bucket/*"];
  const anyone = layer === "vpce" || layer === "rcp" ? `      "Principal": "*",\n` : principal;
  return `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "${layer === "rcp" ? "Perimeter" : "Statement1"}",
      "Effect": "${effect}",
${anyone}      "Action": "${action}",
      "Resource": "${resource}"${layer === "rcp" ? ',\n      "Condition": { "Bool": { "aws:SecureTransport": "false" } }' : ""}
    }
  ]
}
`;
}

/** What kind of policy the resource has: told by what is asked for. */
export function resourceKind({ request }: State): "bucket" | "key" | "trust" {
  const { resource, action } = request;
  if (/^arn:[^:]*:kms:/.test(resource) || action.startsWith("kms:")) return "key";
  if (/^arn:[^:]*:iam:.*:role\//.test(resource) || action.startsWith("sts:Assume")) return "trust";
  return "bucket";
}

/** The bucket that is asked for; empty: none. */
export function bucketName({ bucket, request }: State): string {
  return bucket.name || (/^(?:arn:[^:]*:s3:::|s3:\/\/)([^/*]+)/.exec(request.resource)?.[1] ?? "");
}
