// The AWS SDK for JavaScript: keys, region and endpoint come from the environment that `served.py` makes.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { before, test } from "node:test";
import {
  CopyObjectCommand, CreateBucketCommand, DeleteObjectCommand, DeleteObjectsCommand, GetObjectCommand,
  GetObjectTaggingCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client, paginateListObjectsV2,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const Bucket = "js-sdk";
// Nothing is tried twice: a second try would hide a fault.
const s3 = new S3Client({ forcePathStyle: true, maxAttempts: 1 });

before(() => s3.send(new CreateBucketCommand({ Bucket })));

const put = (Key, Body, more = {}) => s3.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));
const get = (Key, more = {}) => s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
const text = async (Key) => (await get(Key)).Body.transformToString();

test("put, get, head, delete", async () => {
  const { ETag } = await put("k", "hello", { ContentType: "text/plain", Metadata: { a: "1" }, Tagging: "t=1" });
  assert.equal(await text("k"), "hello");
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "k" }));
  assert.deepEqual([head.ContentLength, head.ContentType, head.ETag], [5, "text/plain", ETag]);
  assert.deepEqual(head.Metadata, { a: "1" });
  const { TagSet } = await s3.send(new GetObjectTaggingCommand({ Bucket, Key: "k" }));
  assert.deepEqual(TagSet, [{ Key: "t", Value: "1" }]);
  const part = await get("k", { Range: "bytes=-2" });
  assert.equal(await part.Body.transformToString(), "lo");
  await s3.send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/k` }));
  assert.equal(await text("copy"), "hello");
  await assert.rejects(put("k", "x", { IfNoneMatch: "*" }), { name: "PreconditionFailed" });
  await s3.send(new DeleteObjectCommand({ Bucket, Key: "k" }));
  await assert.rejects(get("k"), { name: "NoSuchKey" });
  await put("empty", "");
  assert.equal(await text("empty"), "");
});

test("odd keys", async () => {
  const keys = ["a//b", "../x", "a b+c%", "%2F", "k?q=1#f", "<&'\">", "naïve/ключ", "🪟"].map((k) => `odd/${k}`);
  for (const key of keys) {
    await put(key, key);
    assert.equal(await text(key), key);
  }
  const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "odd/" }));
  assert.deepEqual(new Set(Contents.map((o) => o.Key)), new Set(keys));
});

for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]) {
  test(`checksum ${ChecksumAlgorithm}, of a buffer and in a stream's trailer`, async () => {
    const field = `Checksum${ChecksumAlgorithm}`;
    const whole = await put("sum", "123456789", { ChecksumAlgorithm });
    const stream = Readable.from([Buffer.from("12345"), Buffer.from("6789")]);
    const pieces = await put("sum", stream, { ChecksumAlgorithm, ContentLength: 9 });
    assert.ok(whole[field]);
    assert.equal(pieces[field], whole[field]);
    const got = await get("sum", { ChecksumMode: "ENABLED" });
    assert.equal(got[field], whole[field]);
    // Reading the body to its end checks it.
    assert.equal(await got.Body.transformToString(), "123456789");
  });
}

test("100 MB in parts", async () => {
  const large = randomBytes(100 * 1024 * 1024);
  await new Upload({ client: s3, params: { Bucket, Key: "large", Body: large }, partSize: 8 * 1024 * 1024 }).done();
  const { Body, ETag } = await get("large");
  assert.match(ETag, /-13"$/);
  const hash = createHash("sha256");
  for await (const piece of Body) hash.update(piece);
  assert.equal(hash.digest("hex"), createHash("sha256").update(large).digest("hex"));
});

test("presigned GET and PUT", async () => {
  const where = { Bucket, Key: "a b/ö+%" };
  const to = await getSignedUrl(s3, new PutObjectCommand(where), { expiresIn: 60 });
  assert.equal((await fetch(to, { method: "PUT", body: "by URL" })).status, 200);
  const from = await getSignedUrl(s3, new GetObjectCommand(where), { expiresIn: 60 });
  const answer = await fetch(from);
  assert.deepEqual([answer.status, await answer.text()], [200, "by URL"]);
  assert.equal((await fetch(from.replace("X-Amz-Expires=60", "X-Amz-Expires=600"))).status, 403);
});

test("pages and batches", async () => {
  const keys = Array.from({ length: 25 }, (_, n) => `page/${String(n).padStart(2, "0")}`);
  await Promise.all(keys.map((key) => put(key, "x")));
  const listed = [];
  for await (const page of paginateListObjectsV2({ client: s3, pageSize: 10 }, { Bucket, Prefix: "page/" })) {
    listed.push(...page.Contents.map((o) => o.Key));
  }
  assert.deepEqual(listed, keys);
  const Objects = keys.map((Key) => ({ Key }));
  const { Deleted, Errors } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  assert.deepEqual([Deleted.length, Errors], [25, undefined]);
});
