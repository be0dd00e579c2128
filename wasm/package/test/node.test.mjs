// The package in Node: every function, and what a page must survive.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { load } from "portcullis";
import { answer, expected, question } from "./question.mjs";

const portcullis = await load();

test("answers", () => {
  assert.equal(answer(portcullis), expected);
  assert.equal(portcullis.decide(question).verdict.decision, "allow");
  assert.match(portcullis.version(), /^\d+\.\d+\.\d+$/);
  assert.match(portcullis.explainCode("D201"), /^D201/);
});

test("half a surrogate pair is replaced, and what only looks like one stays", () => {
  const named = (name) => {
    const [policy] = question.layers.identity;
    const asked = { ...question, layers: { ...question.layers, identity: [{ ...policy, name }] } };
    return portcullis.explain(asked).view.answer.deciding.policy;
  };
  assert.equal(named("a\ud800b"), "a\ufffdb");
  assert.equal(named("\\ud800 \u{1d11e}"), "\\ud800 \u{1d11e}");
});

test("the module is loaded once", async () => assert.equal(await load(), portcullis));

test("a question is kept as a command and as a scenario", () => {
  assert.match(portcullis.toCli(question).text, /^portcullis can arn:aws:iam::111122223333:user\/alice s3:GetObject/m);
  const { text } = portcullis.toScenario(question, "kept");
  assert.deepEqual(portcullis.runScenarios(text).results, [{ id: "kept", expect: "allow", got: "allow", pass: true }]);
});

test("other services complete once their names are there", async () => {
  assert.deepEqual(portcullis.complete("ec2:RunI"), { items: [], wants_vocabulary: true });
  portcullis.addVocabulary(await readFile(new URL(import.meta.resolve("portcullis/vocabulary-other.txt")), "utf8"));
  assert.deepEqual(portcullis.complete("ec2:RunI").items.map((item) => item.label), ["ec2:RunInstances"]);
});

const policy = (text, state) => ({
  ...question,
  layers: { ...question.layers, identity: [{ name: "p", text, state }] },
});
const statement = (sid, more = "") =>
  `{"Sid":"${sid}","Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::*${sid}*/x*"${more}}`;
const statements = (count, more) =>
  `{"Version":"2012-10-17","Statement":[${Array.from({ length: count }, (_, i) => statement(`S${i}`, more?.(i))).join(",")}]}`;

const hostile = {
  empty: "",
  "a megabyte of blanks": " ".repeat(1 << 20),
  "a megabyte of brackets": "[".repeat(1 << 20),
  "a megabyte of braces": '{"a":'.repeat(1 << 18),
  "a megabyte of one string": `"${"é".repeat(1 << 19)}"`,
  "a megabyte of quotes": '"'.repeat(1 << 20),
  "a megabyte of wrong elements": `{"Statement":[${Array(60000).fill('{"a":"𝄞"}').join(",")}]}`,
  "a megabyte of members": `{${Array.from({ length: 80000 }, (_, i) => `"m${i}":1`).join(",")}}`,
  "a megabyte of statements": statements(12000),
  "a megabyte of keys": statements(6000, (i) => `,"Condition":{"StringEquals":{"my:key${i}":"\${aws:username}v${i}"}}`),
  "a megabyte of stars": `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${"*a".repeat(1 << 19)}"}}`,
  "half a pair": '{"Statement":"\\ud800"}',
  "a lone half": "\ud800",
  "nul and controls": '{"\u0000":"\u0001"}',
  "numbers beyond all": `{"Version":1e99999,"Statement":{"Effect":-0,"Action":${"9".repeat(5000)}}}`,
  "a prototype": '{"__proto__":{"Statement":1},"constructor":[]}',
  "a scenario of nothing": '[{"expect":"allow"}]',
  "events of nothing": '{"Records":[{"eventName":"x","userIdentity":{}}]}',
  "a bundle of nothing": '{"sources":[{"name":"","text":"{\\"version\\":1,\\"accounts\\":[{}]}"}]}',
  "a dump of nothing": '{"UserDetailList":[{}],"RoleDetailList":[[]],"GroupDetailList":"x"}',
  "a sentence of nothing": "User:  is not authorized to perform:  on resource: ",
};

for (const [name, text] of Object.entries(hostile)) {
  test(`hostile: ${name}`, { timeout: 120_000 }, () => {
    const started = performance.now();
    for (const kind of ["identity", "bucket"]) assert.ok(portcullis.check(text, kind, "b").diagnostics.length <= 200);
    assert.ok(portcullis.readPasted(text));
    assert.ok(portcullis.fromWorld(text, { principal: "alice", action: "s3:GetObject", resource: "s3://b/k" }));
    assert.ok(portcullis.fromWorld("{}", { principal: text, action: text, resource: text, circumstances: text }));
    assert.ok(portcullis.runScenarios(text));
    assert.ok(portcullis.complete(text));
    assert.ok(portcullis.explain(policy(text, "on")));
    assert.ok(portcullis.explain({ ...policy(text, "unknown"), acceptance: "evaluable" }));
    const typed = policy(text, "on");
    assert.ok(portcullis.keysRead(typed));
    assert.ok(portcullis.toScenario(typed, text));
    const request = { principal: { kind: text, arn: text, account: text }, action: text, resource: text, context: { [text]: [text] } };
    for (const kind of text.length > 1000 ? ["user"] : [text, "user", "role-session", "service", "oai", "federated", "canonical", "anonymous", "root"]) {
      const principal = { ...request.principal, kind, role_arn: text, canonical: text };
      assert.ok(portcullis.explain({ layers: question.layers, request: { ...request, principal } }));
    }
    // The module lives on.
    assert.equal(answer(portcullis), expected);
    if (process.env.SHOW_TIMES) console.log(`${name}: ${Math.round(performance.now() - started)} ms`);
  });
}

test("a question of the wrong shape is refused with a message, and the module lives on", () => {
  for (const wrong of [null, 1, [], { layer: {} }, { layers: { identity: [{ name: 1 }] } }, { request: [] }]) {
    assert.throws(() => portcullis.explain(wrong), Error);
  }
  assert.equal(answer(portcullis), expected);
});
