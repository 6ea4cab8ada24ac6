import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import express from 'express';
import { answerErrors, nothingHere } from '../../src/http/error-handler.js';
import type { Listener } from '../../src/http/listener.js';
import { nameRequest } from '../../src/http/request-id.js';
import { secureAnswers } from '../../src/http/security-headers.js';
import { listen } from '../../src/http/server.js';
import { verifyRoutes } from '../../src/http/verify-routes.js';
import { capturedLog } from '../support/captured-log.js';
import { CANARY, expectEnvelope } from '../support/envelope.js';
import { sendRaw } from '../support/raw-http.js';

const COMPILED_WEB = fileURLToPath(new URL('../../dist/web/', import.meta.url));
const OLD = 'lethe.example.com/log+0a1b2c3d+AQID';
const NEW = 'lethe.example.com/log+4e5f6071+AQIE';
const listeners: Listener[] = [];

async function serve({ webDir = COMPILED_WEB, vkeys = [OLD, NEW] } = {}): Promise<string> {
  const keys = vkeys.map((vkey, index) => ({ generation: index + 1, vkey, createdAtMs: 0 }));
  const app = express();
  app.use(secureAnswers());
  app.use(nameRequest());
  app.use(verifyRoutes({ webDir, operations: { log: { keys: async () => keys } } }));
  app.use(nothingHere());
  app.use(answerErrors(capturedLog().watch));
  const listener = await listen(app, { host: '127.0.0.1', port: 0 });
  listeners.push(listener);
  return `http://127.0.0.1:${String(listener.port)}`;
}

afterAll(async () => {
  await Promise.all(listeners.map((listener) => listener.close(100)));
});

describe('the page', () => {
  let url: string;

  beforeAll(async () => {
    url = await serve();
  });

  test('when it is asked for, then it holds the keys of the log, newest first, and is kept by no cache', async () => {
    const answer = await fetch(`${url}/verify`);
    const html = await answer.text();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(html).toContain(`>\n${NEW}\n${OLD}</textarea>`);
  });

  test('when it is sent, then its policy lets it send nothing, post nothing and be framed by nobody', async () => {
    const { headers } = await fetch(`${url}/verify`);
    const policy = headers.get('content-security-policy')?.split('; ');
    expect(policy).toEqual([
      "default-src 'none'",
      "base-uri 'none'",
      "connect-src 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "img-src 'self'",
      "require-trusted-types-for 'script'",
      "script-src 'self'",
      "style-src 'self'",
      "trusted-types 'none'",
    ]);
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  });

  test('when it is read, then it has no script, style or handler inside', async () => {
    const html = await (await fetch(`${url}/verify`)).text();
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style|style=|\son[a-z]+=/i);
  });

  test('when the name of a key could be markup, then it stays text', async () => {
    const hostile = await serve({ vkeys: ['</textarea><img src=x>&amp;+0a1b2c3d+AQID'] });
    const html = await (await fetch(`${hostile}/verify`)).text();
    expect(html).toContain('&lt;/textarea>&lt;img src=x>&amp;amp;+0a1b2c3d+AQID</textarea>');
    expect(html).not.toContain('<img');
  });

  test('when the log has no key yet, then the page comes with an empty field', async () => {
    const empty = await serve({ vkeys: [] });
    expect(await (await fetch(`${empty}/verify`)).text()).toContain('>\n</textarea>');
  });

  test('when HEAD asks for it, then only the head comes', async () => {
    const answer = await fetch(`${url}/verify`, { method: 'HEAD' });
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])(
    'when %s comes to it, then it is a 405 that names GET',
    async (method) => {
      const answer = await fetch(`${url}/verify`, { method });
      expect(answer.headers.get('allow')).toBe('GET');
      expect(expectEnvelope({ status: answer.status, text: await answer.text() })).toBe(
        'METHOD_NOT_ALLOWED',
      );
    },
  );

  test.each(['/Verify', '/verify/x', '/verify-assets', '/verify-assets/'])(
    'when %s is asked for, then it is a 404',
    async (path) => {
      const answer = await fetch(`${url}${path}`);
      expect(expectEnvelope({ status: answer.status, text: await answer.text() })).toBe(
        'NOT_FOUND',
      );
    },
  );
});

describe('what the page loads', () => {
  test('when its imports are followed, then each comes from here as JavaScript and none is of Node', async () => {
    const url = await serve();
    const html = await (await fetch(`${url}/verify`)).text();
    const [, entry = ''] = /<script type="module" src="([^"]+)">/.exec(html) ?? [];
    const waiting = [new URL(entry, url).href];
    const seen = new Set<string>();
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      const answer = await fetch(next);
      expect([next, answer.status]).toEqual([next, 200]);
      expect(answer.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
      expect(answer.headers.get('cache-control')).toBe('no-cache');
      for (const name of importsIn(await answer.text())) {
        expect(name).toMatch(/^\.\.?\//);
        waiting.push(new URL(name, next).href);
      }
    }
    const paths = [...seen].map((address) => new URL(address).pathname);
    expect(paths).toContain('/verify-assets/web/verify.js');
    expect(paths).toContain('/verify-assets/audit/offline/verify-receipt.js');
    expect(paths).toContain('/verify-assets/lib/canonical-json.js');
    expect(paths.filter((path) => path.includes('node'))).toEqual([]);
  });

  test('when its styles and its icon are asked for, then they come', async () => {
    const url = await serve();
    const html = await (await fetch(`${url}/verify`)).text();
    const links = [...html.matchAll(/<link [^>]*href="([^"]+)"/g)].map(([, href = '']) => href);
    expect(links).toHaveLength(3);
    for (const link of links) expect([link, (await fetch(url + link)).status]).toEqual([link, 200]);
  });
});

describe('what else lies beside the compiled files', () => {
  let outside: string;
  let url: string;

  beforeAll(async () => {
    outside = mkdtempSync(join(tmpdir(), 'lethe-verify-'));
    for (const folder of ['web', 'audit/offline', 'lib', 'vault'])
      mkdirSync(join(outside, folder), { recursive: true });
    for (const secret of ['main.js', 'audit/sequencer.js', 'lib/ids.js', 'vault/vault.js'])
      writeFileSync(join(outside, secret), CANARY);
    writeFileSync(join(outside, 'audit/offline/.hidden'), CANARY);
    writeFileSync(join(outside, 'audit/offline/note.js'), 'export {};');
    writeFileSync(join(outside, 'lib/canonical-json.js'), 'export {};');
    url = await serve({ webDir: join(outside, 'web') });
  });
  afterAll(() => {
    rmSync(outside, { recursive: true });
  });

  const ask = async (path: string, ...headers: string[]) => {
    const head = [
      `GET /verify-assets/${path} HTTP/1.1`,
      'Host: a',
      'Connection: close',
      ...headers,
    ];
    return await sendRaw(url, `${head.join('\r\n')}\r\n\r\n`);
  };

  test.each(['audit/offline/note.js', 'lib/canonical-json.js'])(
    'when %s is asked for, then it comes',
    async (path) => {
      expect(await ask(path)).toMatchObject({ status: 200, body: 'export {};' });
    },
  );

  test.each([
    'main.js',
    'vault/vault.js',
    'lib/ids.js',
    'lib/',
    'lib/canonical-json.js/',
    'lib/canonical-json.js/../ids.js',
    'lib/canonical-json.js/%2e%2e/ids.js',
    'lib/canonical-json.js%00',
    'audit/sequencer.js',
    'audit/offline/',
    'audit/offline',
    'audit/offline/.hidden',
    'audit/offline/../sequencer.js',
    'audit/offline/..%2fsequencer.js',
    'audit/offline/%2e%2e/sequencer.js',
    'audit/offline/..%5csequencer.js',
    'web/../main.js',
    'web/%2e%2e/%2e%2e/main.js',
  ])('when %s is asked for, then it is a 404', async (path) => {
    const { status, body } = await ask(path);
    expect(expectEnvelope({ status, text: body })).toBe('NOT_FOUND');
  });

  test.each(['Range: bytes=900-', 'If-Match: "x"'])(
    'when a file is asked for with %s, then it comes all the same',
    async (header) => {
      expect(await ask('lib/canonical-json.js', header)).toMatchObject({ status: 200 });
    },
  );
});

function importsIn(script: string): readonly string[] {
  return [...script.matchAll(/\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map(
    ([, name = '']) => name,
  );
}
