import type { ServerResponse } from 'node:http';
import type { Fate } from './destinations.js';

/** Connections that hang: each entry lets go of one. */
export type Pending = Set<() => void>;

/** Where a request is answered. */
export interface Stage {
  readonly response: ServerResponse;
  readonly ref: string;
  readonly pending: Pending;
}

/** Writes the log; the status is the one that the sender will be told, if any. */
type Note = (answered?: number) => void;

const MOST_BYTES = 2 ** 30;
const CHUNK = Buffer.alloc(65_536, '.');
const LATE_MS = 700;
const DRIP_MS = 200;
const CUT_AFTER_MS = 10;

const STATUSES: Partial<Record<Fate, number>> = {
  'answer 200': 200,
  'answer 302': 302,
  'answer 410': 410,
  'answer 429': 429,
  'answer 500': 500,
  'answer 503': 503,
};

/** Lets a request that was read meet its fate; the log is written before a byte of the answer. */
export function answerAs(fate: Fate, stage: Stage, note: Note): void {
  const status = STATUSES[fate];
  if (status === undefined) {
    (MISDEEDS[fate] ?? hang)(stage, note);
    return;
  }
  note(status);
  stage.response.writeHead(status, headersOf(status, stage.ref)).end('ok');
}

function headersOf(status: number, ref: string): Record<string, string> {
  if (status === 302) return { location: `/followed/${ref}` };
  return status === 429 || status === 503 ? { 'retry-after': '1' } : {};
}

type Misdeed = (stage: Stage, note: Note) => void;

const MISDEEDS: Partial<Record<Fate, Misdeed>> = {
  'answer 200 late': ({ response }, note) => {
    note(200);
    setTimeout(() => response.writeHead(200).end(), LATE_MS);
  },
  'answer 200, then cut': ({ response }, note) => {
    note(200);
    response.writeHead(200, { 'content-length': '100' }).write('half');
    setTimeout(() => response.socket?.resetAndDestroy(), CUT_AFTER_MS);
  },
  'answer 200, 1 GB': ({ response }, note) => {
    note(200);
    pour(response.writeHead(200));
  },
  'answer 500, 1 GB': ({ response }, note) => {
    note(500);
    pour(response.writeHead(500));
  },
  'answer 200, dripping': (stage, note) => {
    note(200);
    stage.response.writeHead(200);
    drip((byte) => stage.response.write(byte), stage);
  },
  'drip the head': (stage, note) => {
    note();
    drip((byte) => stage.response.socket?.write(byte), stage);
  },
  garbage: ({ response }, note) => {
    note();
    response.socket?.end('no HTTP at all\r\n\r\n');
  },
  'reset midway': ({ response }, note) => {
    note();
    response.socket?.write('HTTP/1.1 20');
    setTimeout(() => response.socket?.resetAndDestroy(), CUT_AFTER_MS);
  },
  'reset after reading': ({ response }, note) => {
    note();
    response.socket?.resetAndDestroy();
  },
};

function hang(stage: Stage, note: Note): void {
  note();
  hold(() => stage.response.socket?.destroy(), stage);
}

/** As much as is read, up to 1 GB. */
function pour(response: ServerResponse): void {
  let bytes = 0;
  const more = (): void => {
    while (!response.destroyed && bytes < MOST_BYTES) {
      bytes += CHUNK.length;
      if (!response.write(CHUNK)) return;
    }
    response.end();
  };
  response.on('drain', more);
  more();
}

/** A letter at a time, without an end. */
function drip(write: (byte: string) => void, stage: Stage): void {
  const timer = setInterval(() => {
    write('H');
  }, DRIP_MS);
  hold(() => {
    clearInterval(timer);
    stage.response.socket?.destroy();
  }, stage);
}

/** Until the sender gives up, or the receiver is told to let go. */
function hold(letGo: () => void, { response, pending }: Stage): void {
  pending.add(letGo);
  response.on('close', () => {
    pending.delete(letGo);
    letGo();
  });
}
