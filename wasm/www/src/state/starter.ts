// What the page shows before anything is typed: a denial that one change turns.

import { emptyState } from "./model";
import type { State } from "./model";

const READ_REPORTS = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "ReadFromOffice",
      "Effect": "Allow",
      "Action": ["s3:GetObject", "s3:ListBucket"],
      "Resource": ["arn:aws:s3:::reports", "arn:aws:s3:::reports/*"],
      "Condition": {
        "IpAddress": { "aws:SourceIp": "198.51.100.0/24" }
      }
    }
  ]
}
`;

const REPORTS_BUCKET = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "OnlyEncrypted",
      "Effect": "Deny",
      "Principal": "*",
      "Action": "s3:*",
      "Resource": ["arn:aws:s3:::reports", "arn:aws:s3:::reports/*"],
      "Condition": { "Bool": { "aws:SecureTransport": "false" } }
    },
    {
      "Sid": "Auditors",
      "Effect": "Allow",
      "Principal": { "AWS": "arn:aws:iam::111122223333:role/auditor" },
      "Action": "s3:GetObject",
      "Resource": "arn:aws:s3:::reports/*"
    }
  ]
}
`;

/** The first question. */
export function starter(): State {
  const state = emptyState();
  state.policies = [
    { id: 1, layer: "identity", level: 0, name: "read-reports", text: READ_REPORTS, state: "on" },
    { id: 2, layer: "resource", level: 0, name: "reports-bucket", text: REPORTS_BUCKET, state: "on" },
  ];
  state.bucket.name = "reports";
  state.bucket.owner_account = "111122223333";
  state.request.principal.arn = "arn:aws:iam::111122223333:user/alice";
  state.request.action = "s3:GetObject";
  state.request.resource = "arn:aws:s3:::reports/2024/q1.csv";
  state.request.context = { "aws:SourceIp": ["203.0.113.7"], "aws:SecureTransport": ["true"] };
  return state;
}
