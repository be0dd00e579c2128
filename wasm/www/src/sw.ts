// Keeps the page for visits without a network. What it holds is named by its version, so a new page never mixes with an old one.

declare const CACHE: string;
declare const FILES: readonly string[];

const worker = globalThis as unknown as ServiceWorkerGlobalScope;

/** Never kept: it is another one with every start of `portcullis playground`. */
const FRESH = "world.json";

worker.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(FILES.map((file) => new Request(file, { cache: "reload" }))))
      .then(() => worker.skipWaiting()),
  );
});

worker.addEventListener("activate", (event) => {
  const old = caches.keys().then((names) => names.filter((name) => name.startsWith("portcullis-") && name !== CACHE));
  event.waitUntil(old.then((names) => Promise.all(names.map((name) => caches.delete(name)))).then(() => worker.clients.claim()));
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin || url.pathname.endsWith(FRESH)) return;
  event.respondWith(request.mode === "navigate" ? newest(request) : kept(request));
});

/** The page itself: from the network while there is one. */
async function newest(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch {
    return (await caches.match("./", { cacheName: CACHE })) ?? Response.error();
  }
}

/** Everything else carries its version in its address. */
async function kept(request: Request): Promise<Response> {
  const found = await caches.match(request, { cacheName: CACHE });
  if (found) return found;
  const response = await fetch(request);
  if (response.ok) await (await caches.open(CACHE)).put(request, response.clone());
  return response;
}
