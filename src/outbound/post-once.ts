import type { Dispatcher } from 'undici';

/** What is sent, over a connection that the dispatcher chooses. */
export interface Post {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface PostLimits {
  /** For everything, from the call on. */
  readonly deadlineMs: number;
  /** How much of an answer's body is read, and for how long, before its connection is given up. */
  readonly bodyBytes: number;
  readonly bodyMs: number;
}

/** The head of an answer; its body is read past and not kept. */
export interface PostAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** No head of an answer came in time. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/**
 * POSTs once and follows nothing. Resolves when the answer has ended or its connection was given up, so
 * that one connection carries one exchange at a time. Rejects with {@link DeadlineError} or what the
 * dispatcher reports.
 *
 * Works on the dispatcher itself: its `request` makes a stream and two abort signals for each answer,
 * which cost more than sending does.
 */
export async function postOnce(
  dispatcher: Dispatcher,
  post: Post,
  limits: PostLimits,
): Promise<PostAnswer> {
  return await new Promise<PostAnswer>((resolve, reject) => {
    const exchange = new Exchange(limits, { resolve, reject });
    try {
      dispatcher.dispatch({ ...post, method: 'POST' }, exchange);
    } catch (error) {
      exchange.onResponseError(undefined, error as Error);
    }
  });
}

interface Settle {
  readonly resolve: (answer: PostAnswer) => void;
  readonly reject: (error: Error) => void;
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly #limits: PostLimits;
  readonly #settle: Settle;
  readonly #beganAtMs = performance.now();
  #timer: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;
  #failure: Error | undefined;
  #answer: PostAnswer | undefined;
  #bytesRead = 0;

  constructor(limits: PostLimits, settle: Settle) {
    this.#limits = limits;
    this.#settle = settle;
    this.#timer = setTimeout(() => {
      this.#giveUp(new DeadlineError());
    }, limits.deadlineMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#failure !== undefined) controller.abort(this.#failure);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: PostAnswer['headers'],
  ): void {
    // An interim answer is not the answer.
    if (status < 200) return;
    this.#answer = { status, headers };
    clearTimeout(this.#timer);
    const leftMs = this.#beganAtMs + this.#limits.deadlineMs - performance.now();
    this.#timer = setTimeout(
      () => {
        this.#giveUp(new DeadlineError());
      },
      Math.min(this.#limits.bodyMs, leftMs),
    );
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#bytesRead += chunk.byteLength;
    if (this.#bytesRead > this.#limits.bodyBytes) this.#giveUp(new DeadlineError());
  }

  onResponseEnd(): void {
    this.#end();
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#failure ??= error;
    this.#end();
  }

  /** Ends the connection, now or as soon as there is one. */
  #giveUp(failure: Error): void {
    this.#failure ??= failure;
    this.#end();
    this.#controller?.abort(failure);
  }

  /** The status alone is the answer: what became of the rest does not matter. */
  #end(): void {
    clearTimeout(this.#timer);
    if (this.#answer !== undefined) this.#settle.resolve(this.#answer);
    else this.#settle.reject(this.#failure ?? new Error('the exchange ended without an answer'));
  }
}
