// The state of the page in the URL fragment: `#1:<base64url of deflate(JSON)>`.

/** The version that this page writes. */
export const VERSION = 1;

/** A link may not unfold to more than this: a hostile one would fill the memory. In bytes. */
const LARGEST = 8_000_000;

/** Why a link cannot be read, in a sentence for people. */
export class LinkError extends Error {}

/** The fragment of a state, without `#`. */
export async function encode(state: unknown): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(state));
  const packed = await through(bytes, new CompressionStream("deflate-raw"), Infinity);
  return `${VERSION}:${toBase64Url(packed)}`;
}

/** The state of a fragment; the caller checks its shape. */
export async function decode(fragment: string): Promise<unknown> {
  const text = fragment.replace(/^#/, "");
  const cut = text.indexOf(":");
  const version = cut < 0 ? "" : text.slice(0, cut);
  if (!/^\d{1,6}$/.test(version)) throw new LinkError("The link is not one of this page.");
  if (Number(version) !== VERSION) {
    throw new LinkError(`The link is of version ${version}; this page reads version ${VERSION}. Reload to get the newest page.`);
  }
  try {
    const packed = fromBase64Url(text.slice(cut + 1));
    const bytes = await through(packed, new DecompressionStream("deflate-raw"), LARGEST);
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof LinkError) throw error;
    throw new LinkError("The link is broken: it was cut or changed on its way.");
  }
}

async function through(bytes: Uint8Array<ArrayBuffer>, stream: GenericTransformStream, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const reader = (new Blob([bytes]).stream().pipeThrough(stream) as ReadableStream<Uint8Array>).getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > limit) {
      void reader.cancel();
      throw new LinkError("The link unfolds to more than 8 MB and was not read.");
    }
    parts.push(value as Uint8Array<ArrayBuffer>);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function toBase64Url(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}
