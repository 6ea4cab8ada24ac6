import { lstatSync, rmSync } from 'node:fs';
import { connect, type Server } from 'node:net';

/** A unix socket cannot be listened on; the message names it and the remedy. */
class SocketError extends Error {
  override readonly name = 'SocketError';
}

const PROBE_MS = 1_000;

/**
 * Listens on a unix socket that only this user may connect to (mode 0600). A socket file that a
 * killed process left behind is removed, unless somebody answers on it. Throws {@link SocketError}.
 */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  const first = await tryListen(server, path);
  if (first === undefined) return;
  if (first.code !== 'EADDRINUSE') throw refused(path, first);
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket())
    throw new SocketError(`${path} is not a socket; remove it or choose another path`);
  if (await isAnswered(path))
    throw new SocketError(`another process listens on ${path}; end it or choose another path`);
  rmSync(path, { force: true });
  const second = await tryListen(server, path);
  if (second !== undefined) throw refused(path, second);
}

function refused(path: string, cause: NodeJS.ErrnoException): SocketError {
  const code = cause.code ?? 'unknown error';
  return new SocketError(
    `${path} cannot be listened on (${code}); its directory must exist and be writable`,
    { cause },
  );
}

/** The error when it does not listen. */
async function tryListen(server: Server, path: string): Promise<NodeJS.ErrnoException | undefined> {
  return await new Promise((resolve) => {
    const done = (error?: NodeJS.ErrnoException): void => {
      server.off('error', done);
      server.off('listening', done);
      resolve(error);
    };
    server.once('error', done);
    server.once('listening', done);
    // The file is made within this call; a chmod afterwards would leave it open for an instant.
    const umask = process.umask(0o177);
    try {
      server.listen(path);
    } finally {
      process.umask(umask);
    }
  });
}

/** Anything but a refusal counts as an answer: the file is removed only when nobody can be there. */
async function isAnswered(path: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(path);
    socket.setTimeout(PROBE_MS);
    const done = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => {
      done(true);
    });
    socket.once('timeout', () => {
      done(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      done(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}
