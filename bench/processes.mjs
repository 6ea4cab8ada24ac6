// Child processes that answer questions over IPC.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ANSWER_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 15_000;

/** In the child: answers each question by the function of its name, for as long as anybody can ask. */
export function answerQuestions(answers) {
  process.on('disconnect', () => process.exit());
  process.on('message', async ({ id, name, question }) => {
    try {
      process.send({ id, answer: await answers[name](question) });
    } catch (error) {
      process.send({ id, failure: error instanceof Error ? error.message : String(error) });
    }
  });
}

/** Starts a module of this folder, or of `dist/`, as a process; `stop` it at the end. */
export function startProcess(path, { args = [], preload = [], env = {}, stdout = 'ignore' } = {}) {
  const modules = preload.map((name) => new URL(name, import.meta.url).href);
  const child = fork(fileURLToPath(new URL(path, import.meta.url)), args, {
    env: { ...process.env, ...env },
    execArgv: modules.flatMap((url) => ['--import', url]),
    stdio: ['ignore', stdout, 'inherit', 'ipc'],
  });
  const waiting = new Map();
  const exited = new Promise((resolve) => child.once('exit', resolve));
  exited.then((code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${path} ended (${code})`));
  });
  child.on('message', ({ id, answer, failure }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (failure === undefined) resolve(answer);
    else reject(new Error(`${path}: ${failure}`));
  });

  let questions = 0;
  async function ask(name, question = {}) {
    const id = (questions += 1);
    const answered = new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
    child.send({ id, name, question });
    return await withLimit(answered, ANSWER_LIMIT_MS, `${path} did not answer ${name}`);
  }

  return {
    ask,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    stop: async () => {
      child.kill('SIGTERM');
      await withLimit(exited, STOP_LIMIT_MS, `${path} did not end`).catch(() => {
        child.kill('SIGKILL');
      });
    },
  };
}

async function withLimit(promise, limitMs, message) {
  let timer;
  const limit = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(message)), limitMs);
  });
  return await Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}
