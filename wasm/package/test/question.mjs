// A question with a known answer, for every way in which the package is used.
export const question = {
  layers: {
    identity: [
      { name: "read", text: '{"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}' },
    ],
    bucket: { name: "b", owner_account: "111122223333" },
  },
  request: {
    principal: { kind: "user", arn: "arn:aws:iam::111122223333:user/alice", account: "111122223333" },
    action: "s3:GetObject",
    resource: "arn:aws:s3:::b/k",
  },
};

/** "allow A101 8" for `question`: the verdict, its code, and where the deciding statement starts. */
export function answer(portcullis) {
  const { view } = portcullis.explain(question);
  return `${view.answer.decision} ${view.answer.code} ${view.marks[view.deciding].statement.from}`;
}

export const expected = "allow A101 14";
