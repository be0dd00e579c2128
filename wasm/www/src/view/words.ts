// The words of answers.

import type { Answer, Layer, StatementShown } from "../engine/api";

/** A layer as people call it. */
export const LAYERS: Record<Layer, string> = {
  "service-control": "service control policy",
  "resource-control": "resource control policy",
  "vpc-endpoint": "VPC endpoint policy",
  "public-access-block": "Block Public Access",
  resource: "resource policy",
  acl: "access control list",
  grant: "KMS grant",
  identity: "identity policy",
  boundary: "permissions boundary",
  session: "session policy",
};

/** The verdict's word. */
export function verdictWord(decision: string, undecided: boolean): string {
  if (undecided) return "It depends";
  return decision === "allow" ? "Allowed" : "Denied";
}

/** The kind of verdict, in words. */
export function verdictKind(answer: Answer): string {
  if (answer.undecided) return "something that was not given would decide";
  if (answer.decision === "explicit-deny") return "explicit deny";
  return answer.decision === "implicit-deny" ? "implicit deny: nothing allows it" : "";
}

/** A decision in one word, for a sentence. */
export function decided(word: string): string {
  if (word === "allow") return "allowed";
  return word === "explicit-deny" ? "denied explicitly" : "denied";
}

/** A statement's title: its id, or its number. */
export function statementTitle({ sid, number }: StatementShown): string {
  return sid ? sid : `statement ${number}`;
}
