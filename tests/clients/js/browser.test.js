// A page in a real browser: a POST form sent as forms are, and a PUT across origins after a preflight.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  CreateBucketCommand, GetObjectCommand, PutBucketCorsCommand, PutObjectCommand, S3Client,
} from "@aws-sdk/client-s3";
import { createPresignedPost } from "@aws-sdk/s3-presigned-post";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { chromium } from "playwright-core";

const Bucket = "browser";
const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--no-proxy-server",
];
const s3 = new S3Client({ forcePathStyle: true, maxAttempts: 1 });
let folder, site, origin, page, browser;
let html = "";

before(async () => {
  await s3.send(new CreateBucketCommand({ Bucket }));
  folder = await mkdtemp(join(tmpdir(), "portcullis-browser-"));
  site = createServer((_, answer) => answer.setHeader("content-type", "text/html; charset=utf-8").end(html));
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${site.address().port}`;
  browser = await chromium.launchPersistentContext(join(folder, "profile"), {
    executablePath: process.env.CHROMIUM, args: FLAGS,
  });
  page = browser.pages()[0] ?? (await browser.newPage());
});

after(async () => {
  await browser?.close();
  site?.close();
  await rm(folder, { recursive: true, force: true });
});

const text = async (Key) => (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body.transformToString();
const escaped = (value) => value.replaceAll("&", "&amp;").replaceAll('"', "&quot;");

/** Opens a page with the form of a presigned POST, and sends a file with it. */
async function sendForm(post, more, content) {
  const fields = Object.entries({ ...post.fields, ...more });
  const input = ([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`;
  html = `<!doctype html><form method="post" enctype="multipart/form-data" action="${escaped(post.url)}">
    ${fields.map(input).join("\n")}<input type="file" name="file"><button>send</button></form>`;
  const file = join(folder, "naïve file.txt");
  await writeFile(file, content);
  await page.goto(origin);
  await page.setInputFiles("input[type=file]", file);
  const [answer] = await Promise.all([
    page.waitForResponse((r) => r.request().method() === "POST" && r.url().startsWith(post.url)),
    page.click("button"),
  ]);
  return answer;
}

test("a POST form", async () => {
  const done = `${origin}/done?a=b`;
  const success = { success_action_redirect: done };
  const Conditions = [["content-length-range", 1, 100], ["eq", "$success_action_redirect", done]];
  const post = await createPresignedPost(s3, { Bucket, Key: "forms/${filename}", Conditions });
  const answer = await sendForm(post, success, "from a page");
  assert.equal(answer.status(), 303);
  await page.waitForURL(`${origin}/done?**`);
  const shown = new URL(page.url()).searchParams;
  assert.deepEqual([shown.get("a"), shown.get("bucket"), shown.get("key")], ["b", Bucket, "forms/naïve file.txt"]);
  assert.equal(await text("forms/naïve file.txt"), "from a page");

  const long = await sendForm(post, success, "x".repeat(101));
  assert.equal(long.status(), 400);
  assert.match(await page.content(), /EntityTooLarge/);
  const other = await sendForm({ ...post, fields: { ...post.fields, key: "elsewhere" } }, success, "x");
  assert.equal(other.status(), 403);
  await assert.rejects(text("elsewhere"), { name: "NoSuchKey" });
});

test("a PUT across origins, allowed by the bucket's CORS rules", async () => {
  const url = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: "put" }), { expiresIn: 60 });
  html = "<!doctype html>";
  await page.goto(origin);
  const send = () => page.evaluate(async (url) => {
    try {
      const answer = await fetch(url, { method: "PUT", body: "across", headers: { "content-type": "text/x-own" } });
      return [answer.status, Boolean(answer.headers.get("etag"))];
    } catch (error) {
      return error.name;
    }
  }, url);
  assert.equal(await send(), "TypeError", "no rule allows it");
  const rule = {
    AllowedOrigins: [origin], AllowedMethods: ["PUT"], AllowedHeaders: ["content-type"], ExposeHeaders: ["ETag"],
  };
  await s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: [rule] } }));
  assert.deepEqual(await send(), [200, true]);
  assert.equal(await text("put"), "across");
});
