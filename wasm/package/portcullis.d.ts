// Made from the library's wire types by `UPDATE=1 cargo test --lib typescript`; do not edit.

/** Loads the module. In Node it is read from the package; in a browser it is fetched from beside the package's own
 * script, or from where `source` says. May be called again: the module is loaded once. */
export function load(source?: string | URL | Request | Response | BufferSource | WebAssembly.Module): Promise<Portcullis>;

/** The functions of the decision core. None throws on bad input: what is wrong is part of the answer. */
export interface Portcullis {
  /** The version of the library. */
  version(): string;
  /** The answer in short. */
  decide(question: Question): Decided;
  /** The answer with everything that led to it, and the places in the texts. */
  explain(question: Question): Explained;
  /** Everything that is wrong or questionable in a policy; `bucket` is the name of the bucket it is attached to. */
  check(text: string, kind: PolicyKindWord, bucket?: string): Checked;
  /** The context keys that the policies read. Policies that are broken or off read none. */
  keysRead(question: Question): KeysRead;
  /** Actions, or services, that start with what was typed. */
  complete(prefix: string): Completions;
  /** Adds the other services' action names: the text of `vocabulary-other.txt`. */
  addVocabulary(text: string): void;
  /** What a pasted text is, and what it fills. */
  readPasted(text: string): Pasted;
  /** A question about a pasted world, an account's dump, or the world that `portcullis playground` serves. */
  fromWorld(world: string, question: WorldQuestion): WorldAsked;
  /** The question as a shell snippet for the command line. */
  toCli(question: Question): Exported;
  /** The question as a scenario file that `portcullis test` runs; it expects the answer of today. */
  toScenario(question: Question, id?: string): Exported;
  /** Runs a scenario file. */
  runScenarios(text: string): ScenariosRun;
  /** The manual's page about a code such as `D201`, Markdown; empty for an unknown one. */
  explainCode(code: string): string;
}

export type DecisionWord = "allow" | "explicit-deny" | "implicit-deny";

export type PolicyKindWord = "identity" | "boundary" | "session" | "scp" | "rcp" | "bucket" | "key" | "trust" | "vpce";

/** Which policies are accepted; see `Acceptance`. */
export type Accepted = "stored" | "evaluable";

/** A grant of an ACL. */
export type AclGrantShown = {
  /** The list. */
  of: AclOf,
  /** Its number in the list, from 1; `null` for what the owner always keeps. */
  number: number | null,
};

/** Which list a grant stands in. */
export type AclOf = "bucket" | "object";

/** The answer to one question with its explanation. */
export type Answer = {
  /** `VERSION`. */
  version: number,
  /** `allow`, `explicit-deny` or `implicit-deny`. */
  decision: DecisionWord,
  /** A layer that was not given would decide. */
  undecided: boolean,
  /** The reason's code. */
  code: string,
  /** The reason in half a sentence. */
  reason: string,
  /** The layer that decided, or whose missing Allow did. */
  layer: Layer,
  /** The request as understood. */
  request: RequestShown,
  /** The statement that decided. */
  deciding: StatementShown | null,
  /** Every statement that was looked at. */
  statements: Array<StatementShown>,
  /** Of an implicit denial: what came closest, closest first. */
  near_misses: Array<StatementShown>,
  /** What each layer said. */
  verdicts: Array<VerdictShown>,
  /** `same-account`, `same-account-in-custody` or `cross-account`. */
  relation: "same-account" | "same-account-in-custody" | "cross-account",
  /** The ACL grant that met the request. */
  acl_grant: AclGrantShown | null,
  /** The number of the KMS grant that met the request, from 1. */
  key_grant: number | null,
  /** The object belongs to another account than the bucket. */
  foreign_object: boolean,
  /** Context keys that were asked for and are absent. */
  missing_keys: Array<MissingKeyShown>,
  /** Layers that were not given. */
  gaps: Array<Gap>,
  /** Changes that would turn the answer, evaluated. */
  remedies: Array<Remedy>,
};

/** S3's four flags. */
export type BlockPublicAccess = {
  /** Requests that set a public ACL are refused. */
  BlockPublicAcls: boolean,
  /** Public ACLs do not count. */
  IgnorePublicAcls: boolean,
  /** Requests that set a public policy are refused. */
  BlockPublicPolicy: boolean,
  /** A public policy is for the owner's account and services only. */
  RestrictPublicBuckets: boolean,
};

/** A policy that is refused. */
export type BrokenPolicy = {
  /** The policy. */
  policy: PolicyPlace,
  /** Its name. */
  name: string,
  /** Everything that is wrong or questionable. */
  diagnostics: Array<Diagnostic>,
};

/** What a text says about a bucket. */
export type BucketFill = {
  /** Its name. */
  name?: string,
  /** The canonical user id of its owner. */
  owner_canonical?: string,
  /** Its ACL. */
  acl?: Array<QuestionGrant>,
  /** Its Object Ownership. */
  object_ownership?: string,
  /** Its Block Public Access. */
  block_public_access?: BlockPublicAccess,
};

/** What `check`(super::check) found. */
export type Checked = {
  /** `VERSION`. */
  version: number,
  /** The policy is refused. */
  refused: boolean,
  /** At most `MAX_DIAGNOSTICS`, in the order of the text. */
  diagnostics: Array<Diagnostic>,
  /** How many more there are. */
  more: number,
};

/** Somebody or something of a world. */
export type Choice = {
  /** How it is named in a question: `user/alice@111122223333`, `s3://reports`. */
  name: string,
  /** `user`, `role`, `root`, `bucket`, `key`. */
  kind: string,
  /** Its ARN. */
  arn: string,
};

/** A name. */
export type Completion = {
  /** The text: `s3:GetObject`, or a service's prefix with its colon. */
  label: string,
  /** The access level of an action, or the name of a service. */
  detail: string,
};

/** Names that complete what was typed. */
export type Completions = {
  /** At most `MAX_COMPLETIONS`, best first. */
  items: Array<Completion>,
  /** The service is not among those that are known without the other services' names. */
  wants_vocabulary: boolean,
};

/** The places of a condition. */
export type ConditionMark = {
  /** The operator's name. */
  operator: Mark,
  /** The key. */
  key: Mark,
  /** The wanted values. */
  values: Mark,
};

/** A condition. */
export type ConditionShown = {
  /** The operator's name. */
  operator: string,
  /** The key. */
  key: string,
  /** What the policy wants, variables expanded. */
  wanted: Array<string>,
  /** What the request has; `null` where the key is absent. */
  actual: Array<string> | null,
  /** Whether it held. */
  met: boolean,
  /** Where its operands stand. */
  place: Place,
};

/** The answer to a question, in short. */
export type Decided = {
  /** `VERSION`. */
  version: number,
  /** The verdict; `null` where the question could not be asked. */
  verdict: Verdict | null,
  /** The policies that are refused. */
  broken: Array<BrokenPolicy>,
  /** What else is wrong with the question. */
  problems: Array<QuestionProblem>,
};

/** A finding about a text. */
export type Diagnostic = {
  /** The code. */
  code: string,
  /** What the code means, in half a sentence. */
  title: string,
  /** Error or warning. */
  severity: Severity,
  /** A plain sentence. */
  message: string,
  /** Where. */
  mark: Mark,
  /** The line of its start, from 1. */
  line: number,
  /** The column of its start in characters, from 1. */
  column: number,
};

/** `Allow` or `Deny`. */
export type Effect = "Allow" | "Deny";

/** The answer to a question, with everything that led to it. */
export type Explained = {
  /** `VERSION`. */
  version: number,
  /** The answer; `null` where the question could not be asked. */
  view: View | null,
  /** Where unknown policies leave the answer open: the answer if they said nothing. */
  known: View | null,
  /** The policies whose state is unknown, and whether each could change the answer. */
  unknown: Array<UnknownPolicy>,
  /** The policies that are refused. */
  broken: Array<BrokenPolicy>,
  /** What else is wrong with the question. */
  problems: Array<QuestionProblem>,
};

/** A text to copy. */
export type Exported = {
  /** The text; `null` where the question could not be asked. */
  text: string | null,
  /** What people should know about it. */
  notes: Array<string>,
  /** Why there is none. */
  problems: Array<QuestionProblem>,
};

/** The parts of a question that a text says something about; what it says nothing about stays as it is. */
export type Fill = {
  /** Who. */
  principal?: QuestionPrincipal,
  /** The action. */
  action?: string,
  /** The resource. */
  resource?: string,
  /** Context keys. */
  context: { [key in string]: Array<string> },
  /** Policies with the kind that each seems to be. */
  policies: Array<FilledPolicy>,
  /** Settings of the bucket. */
  bucket?: BucketFill,
};

/** A policy and the tab it belongs to. */
export type FilledPolicy = {
  /** `identity`, `boundary`, `session`, `scp`, `rcp`, `bucket`, `key`, `trust` or `vpce`. */
  kind: PolicyKindWord,
  /** The policy. */
  policy: PolicyText,
};

/** A finding about an input. */
export type FindingShown = {
  /** Its code. */
  code: string,
  /** Error or warning. */
  severity: Severity,
  /** The sentence. */
  message: string,
  /** Where. */
  place: Place,
};

/** A layer that exists and was not given, with the command that would fetch it. */
export type Gap = {
  /** The layer's name, as `--absent` takes it. */
  layer: string,
  /** What is not known. */
  about: string,
  /** The `aws` command that would fetch it. */
  command: string,
};

/** The type of a key's values. */
export type KeyKind = "string" | "number" | "date" | "boolean" | "ip" | "arn" | "binary";

/** A context key that policies read. */
export type KeyRead = {
  /** Its name as AWS spells it, or else as the first policy does. */
  key: string,
  /** The type of its values. */
  kind: KeyKind,
  /** It can have several values. */
  multivalued: boolean,
  /** It follows from principal and resource, unless the request gives it. */
  derived: boolean,
  /** Who reads it. */
  readers: Array<KeyReader>,
  /** Values that conditions compare it with, and values that would meet them. */
  suggestions: Array<string>,
};

/** Who reads a key. */
export type KeyReader = {
  /** The policy. */
  policy: PolicyPlace,
  /** Its name. */
  name: string,
  /** The operator; `null` where it is a variable such as `${aws:username}`. */
  operator: string | null,
};

/** A context key. */
export type KeyShown = {
  /** Its name. */
  key: string,
  /** Its values. */
  values: Array<string>,
  /** `given` or `derived`. */
  origin: "given" | "derived",
};

/** The context keys that a question's policies read. */
export type KeysRead = {
  /** `VERSION`. */
  version: number,
  /** The keys, sorted by name. */
  keys: Array<KeyRead>,
};

/** Which kind of policy or setting. */
export type Layer = "service-control" | "resource-control" | "vpc-endpoint" | "public-access-block" | "resource" | "acl" | "grant" | "identity" | "boundary" | "session";

/** A place in a policy's text, in UTF-16 code units as JavaScript counts. */
export type Mark = {
  /** The first unit. */
  from: number,
  /** The unit behind the last. */
  to: number,
};

/** A key that is absent. */
export type MissingKeyShown = {
  /** Its name. */
  key: string,
  /** Whether a value could turn the answer. */
  decisive: boolean,
};

/** The places of a part. */
export type PartMark = {
  /** The element's value. */
  element: Mark,
  /** The pattern that met. */
  matched: Mark | null,
};

/** A part of a statement. */
export type PartShown = {
  /** Whether it met. */
  met: boolean,
  /** What the policy wants, variables expanded. */
  wanted: Array<string>,
  /** The pattern that met. */
  matched: string | null,
};

/** What a pasted text is, and what it fills. */
export type Pasted = {
  /** `VERSION`(super::VERSION). */
  version: number,
  /** What it is. */
  kind: PastedKind,
  /** What it is, in words. */
  what: string,
  /** What it says about request, policies and bucket. */
  fill: Fill,
  /** Of a scenario file: its scenarios, at most `MAX_PASTED`. */
  scenarios: Array<PastedScenario>,
  /** Of a world or an account's dump: who can ask; see `from_world`(super::from_world). At most `MAX_PASTED`. */
  principals: Array<Choice>,
  /** Of a world or an account's dump: what can be asked for, at most `MAX_PASTED`. */
  resources: Array<Choice>,
  /** What people should know about it. */
  notes: Array<string>,
  /** Why it could not be read. */
  problems: Array<QuestionProblem>,
};

/** What a pasted text is. */
export type PastedKind = "nothing" | "access-denied" | "cloudtrail" | "policy" | "bucket-acl" | "public-access-block" | "ownership-controls" | "scenarios" | "world";

/** A scenario as a question. */
export type PastedScenario = {
  /** Its id. */
  id: string,
  /** What it pins down. */
  why: string,
  /** The answer it expects. */
  expect: string,
  /** The question. */
  question: Question,
};

/** A place in a file. */
export type Place = {
  /** The file. */
  file: string,
  /** Its line, from 1. */
  line: number,
  /** Its column in characters, from 1. */
  column: number,
  /** The line behind the end. */
  end_line: number,
  /** The column behind the end. */
  end_column: number,
};

/** Which policy of the question. */
export type PolicyPlace = {
  /** Its layer. */
  layer: Layer,
  /** The level of control policies, from 0 as the question lists them. */
  level: number,
  /** Its number in the question's list, from 0; policies that are off are counted. */
  index: number,
};

/** Whether a policy counts. */
export type PolicyState = "on" | "off" | "unknown";

/** A policy as it was typed. */
export type PolicyText = {
  /** What answers call it. */
  name: string,
  /** The document, JSON. */
  text: string,
  /** Whether it counts. */
  state?: PolicyState,
};

/** One authorization question with everything that applies to it. The fields are those of a scenario; policies are
 * texts, so that every place in an answer is a place in what was typed. */
export type Question = {
  /** What applies. */
  layers: QuestionLayers,
  /** The request. */
  request: QuestionRequest,
  /** Which policies are accepted. */
  acceptance?: Accepted,
};

/** S3's settings of a bucket. */
export type QuestionBucket = {
  /** Its name. */
  name: string,
  /** The account that owns it. */
  owner_account: string,
  /** The canonical user id of that account, where ACLs matter. */
  owner_canonical?: string,
  /** Its region. */
  region?: string,
  /** Its ACL; without one the owner holds everything. */
  acl?: Array<QuestionGrant>,
  /** `BucketOwnerEnforced` (the default), `BucketOwnerPreferred` or `ObjectWriter`. */
  object_ownership?: string,
  /** Its own Block Public Access. */
  block_public_access?: BlockPublicAccess,
  /** The account's Block Public Access; the stricter of the two holds. */
  account_block_public_access?: BlockPublicAccess,
};

/** The constraints of a KMS grant. */
export type QuestionConstraints = {
  /** The encryption context is exactly this. */
  EncryptionContextEquals?: { [key in string]: string },
  /** The encryption context includes this. */
  EncryptionContextSubset?: { [key in string]: string },
};

/** A grant of an ACL. */
export type QuestionGrant = {
  /** To whom. */
  grantee: QuestionGrantee,
  /** `READ`, `WRITE`, `READ_ACP`, `WRITE_ACP` or `FULL_CONTROL`. */
  permission: string,
};

/** A grantee of an ACL. */
export type QuestionGrantee = {
  /** `CanonicalUser`, `Group` or `Email`. */
  type: string,
  /** The canonical user id, the group's URI or the address. */
  id: string,
};

/** A KMS grant. */
export type QuestionKeyGrant = {
  /** The grantee principal's ARN, account id or service. */
  grantee: string,
  /** The operations it permits, such as `Decrypt`. */
  operations: Array<string>,
  /** What the request's encryption context must be. */
  constraints?: QuestionConstraints,
};

/** The layers of a question. */
export type QuestionLayers = {
  /** Identity-based policies, a union. */
  identity?: Array<PolicyText>,
  /** The permissions boundary. */
  boundary?: PolicyText,
  /** Session policies, a union. */
  session?: Array<PolicyText>,
  /** Service control policies, level by level: root, units, account. A level without a policy allows nothing. */
  scp?: Array<Array<PolicyText>>,
  /** Resource control policies, level by level. */
  rcp?: Array<Array<PolicyText>>,
  /** The policy of the bucket, the key or the role. */
  resource?: PolicyText,
  /** The policy of the VPC endpoint that the request came through. */
  vpce?: PolicyText,
  /** S3's settings of the bucket. */
  bucket?: QuestionBucket,
  /** The KMS key's grants. */
  grants?: Array<QuestionKeyGrant>,
  /** What is known of the object; without it nothing exists at the key. */
  object?: QuestionObject,
  /** Layers that exist and were not given: `identity`, `boundary`, `session`, `scp`, `rcp`, `resource`, `vpce`,
  * `grants`, `acl`, `block_public_access`, `bucket`. */
  unknown?: Array<string>,
};

/** What is known of an existing object. */
export type QuestionObject = {
  /** The canonical user id of its owner; without it the bucket's owner. */
  owner_canonical?: string,
  /** Its ACL. */
  acl?: Array<QuestionGrant>,
  /** Its tags. */
  tags?: { [key in string]: string },
};

/** The principal of a question; see `OwnedPrincipal`(crate::simulate::scenario::OwnedPrincipal). */
export type QuestionPrincipal = {
  /** `user`, `role-session`, `root`, `anonymous`, `service`, `oai`, `federated`, `canonical`. */
  kind: string,
  /** The ARN, or a service's name. */
  arn?: string,
  /** Its account. */
  account?: string,
  /** Its canonical user id, where ACLs matter. */
  canonical?: string,
  /** The role behind a session. */
  role_arn?: string,
  /** Its unique id. */
  id?: string,
  /** The user behind a federation token. */
  issuer_arn?: string,
  /** A service-linked role. */
  service_linked?: boolean,
};

/** A problem of the question beside its policies. */
export type QuestionProblem = {
  /** The code. */
  code: string,
  /** A plain sentence. */
  message: string,
  /** What may have been meant. */
  candidates: Array<string>,
};

/** The request of a question. */
export type QuestionRequest = {
  /** Who. */
  principal: QuestionPrincipal,
  /** The action's full name. */
  action: string,
  /** The resource's ARN. */
  resource: string,
  /** The context keys with their values; a key without values is present without values. */
  context?: { [key in string]: Array<string> },
  /** Add the keys that follow from principal and resource. */
  derive_context?: boolean,
};

/** One change that was evaluated and allows the request. */
export type Remedy = {
  /** The change in words, to follow "allowed when" or "allowed with". */
  change: string,
  /** The context keys to set, with their values; `None` takes the key away. */
  context: Array<[string, string | null]>,
};

/** A request. */
export type RequestShown = {
  /** The principal's ARN or name; `anonymous`. */
  principal: string,
  /** The action. */
  action: string,
  /** The resource. */
  resource: string,
  /** The context. */
  context: Array<KeyShown>,
};

/** What came of a scenario file: results, or what is wrong with it. */
export type ScenariosRun = {
  /** `VERSION`. */
  version: number,
  /** One result for each scenario. */
  results?: Array<TestResult>,
  /** What is wrong with the file. */
  problems?: Array<FindingShown>,
};

/** How much a `Problem` weighs. */
export type Severity = "warning" | "error";

/** The places of a statement. */
export type StatementMarks = {
  /** Its policy. */
  policy: PolicyPlace,
  /** The whole statement. */
  statement: Mark,
  /** The value of `Effect`. */
  effect: Mark,
  /** `Action` or `NotAction`. */
  action: PartMark,
  /** `Principal` or `NotPrincipal`. */
  principal: PartMark | null,
  /** `Resource` or `NotResource`. */
  resource: PartMark | null,
  /** The conditions, in the order of `conditions`. */
  conditions: Array<ConditionMark>,
};

/** A statement. */
export type StatementShown = {
  /** Its layer. */
  layer: Layer,
  /** The level of control policies, from 0. */
  level: number,
  /** Its policy. */
  policy: string,
  /** Its id. */
  sid: string | null,
  /** Its number, from 1. */
  number: number,
  /** Where it stands. */
  place: Place,
  /** `Allow` or `Deny`. */
  effect: Effect,
  /** Whether it applies to the request. */
  met: boolean,
  /** The action part. */
  action: PartShown,
  /** The principal part. */
  principal: PartShown,
  /** The resource part. */
  resource: PartShown,
  /** The conditions. */
  conditions: Array<ConditionShown>,
};

/** What came of one scenario or one line of policy unit tests. */
export type TestResult = {
  /** The scenario's id; the line, or the table's name and the combination. */
  id: string,
  /** The answer it expects. */
  expect: string,
  /** The answer it got. */
  got: string,
  /** Whether they agree. */
  pass: boolean,
};

/** What a policy that nobody knows could do. Every other unknown policy is taken to allow. */
export type UnknownPolicy = {
  /** The policy. */
  policy: PolicyPlace,
  /** Its name. */
  name: string,
  /** The answer if it allowed the request. */
  if_allows: DecisionWord,
  /** The answer if it said nothing about the request. */
  if_silent: DecisionWord,
  /** The answer if it denied the request. */
  if_denies: DecisionWord,
  /** Whether the request is allowed depends on it. */
  matters: boolean,
};

/** A verdict. */
export type Verdict = {
  /** `allow`, `explicit-deny` or `implicit-deny`. */
  decision: DecisionWord,
  /** The reason's code. */
  code: string,
  /** The layer that decided, or whose missing Allow did. */
  layer: Layer,
  /** Something that was not given would decide. */
  undecided: boolean,
};

/** What a layer said. */
export type VerdictShown = {
  /** The layer. */
  layer: Layer,
  /** `absent`, `no-match`, `allow`, `deny` or `unknown`. */
  verdict: "absent" | "no-match" | "allow" | "deny" | "unknown",
};

/** An answer with the places in the texts that were typed. */
export type View = {
  /** The answer, in the shape of the command line's `--format json`. */
  answer: Answer,
  /** The index of the deciding statement in `answer.statements`. */
  deciding: number | null,
  /** The indexes of the near misses in `answer.statements`, closest first. */
  near_misses: Array<number>,
  /** The places of each of `answer.statements`, in their order. */
  marks: Array<StatementMarks>,
};

/** A question about a world with the policies that apply. */
export type WorldAsked = {
  /** `VERSION`(super::VERSION). */
  version: number,
  /** The question; `null` where it could not be asked. */
  question: Question | null,
  /** Layers that the world does not hold, with the command that would fetch each. */
  gaps: Array<Gap>,
  /** Why it could not be asked. */
  problems: Array<QuestionProblem>,
};

/** A question about a world, in the words of the command line. */
export type WorldQuestion = {
  /** Who: a name of `Pasted::principals`, an ARN, `anyone`, … */
  principal: string,
  /** The action. */
  action: string,
  /** The resource: `s3://bucket/key`, an ARN, … */
  resource: string,
  /** Circumstances as options: `--from 203.0.113.7 --mfa`. */
  circumstances: string,
};
