// The core behind a worker: the page never waits for it, and a question that takes too long is given up.

import type { Ask, Methods, Told } from "./messages";

declare const WORKER_URL: string;

/** A question that takes longer than this is given up and the worker made anew. In milliseconds. */
const PATIENCE = 10_000;

interface Waiting {
  resolve: (value: never) => void;
  reject: (error: Error) => void;
  timer: number;
}

/** The core. */
export class Engine {
  private worker!: Worker;
  private waiting = new Map<number, Waiting>();
  private last = 0;
  /** Settles when the worker has loaded the core. */
  ready!: Promise<void>;

  constructor() {
    this.begin();
  }

  /** Asks the core. */
  async ask<M extends keyof Methods>(method: M, given?: Parameters<Methods[M]>[0]): Promise<ReturnType<Methods[M]>> {
    await this.ready;
    return this.send(method, given) as Promise<ReturnType<Methods[M]>>;
  }

  private send(method: keyof Methods, given: unknown): Promise<unknown> {
    this.last += 1;
    const id = this.last;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.giveUp(), PATIENCE) as unknown as number;
      this.waiting.set(id, { resolve, reject, timer });
      this.worker.postMessage({ id, method, given } satisfies Ask);
    });
  }

  private begin(): void {
    this.worker = new Worker(new URL(WORKER_URL, import.meta.url), { type: "module", name: "portcullis" });
    this.ready = new Promise((resolve, reject) => {
      this.waiting.set(0, { resolve: resolve as (value: never) => void, reject, timer: 0 });
    });
    this.ready.catch(() => undefined);
    this.worker.addEventListener("message", ({ data }: MessageEvent<Told>) => this.settle(data));
    this.worker.addEventListener("error", (event) => {
      this.settle({ id: 0, error: event.message || "The core could not be loaded." });
    });
  }

  private settle(told: Told): void {
    const waiting = this.waiting.get(told.id);
    if (!waiting) return;
    this.waiting.delete(told.id);
    clearTimeout(waiting.timer);
    if ("error" in told) waiting.reject(new Error(told.error));
    else waiting.resolve(told.ok as never);
  }

  private giveUp(): void {
    this.worker.terminate();
    const left = [...this.waiting.values()];
    this.waiting.clear();
    for (const { reject, timer } of left) {
      clearTimeout(timer);
      reject(new Error("The question took more than ten seconds and was given up."));
    }
    this.begin();
  }
}

/** Runs one task at a time and of those that come meanwhile only the newest. */
export function newestOnly<T>(task: (of: T) => Promise<void>): (of: T) => void {
  let running = false;
  let next: { of: T } | null = null;
  const run = async (of: T): Promise<void> => {
    running = true;
    await task(of);
    running = false;
    const queued = next;
    next = null;
    if (queued) void run(queued.of);
  };
  return (of) => {
    if (running) next = { of };
    else void run(of);
  };
}
