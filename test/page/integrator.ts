import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The attributes that the contract's iframe flow sets: no allow-top-navigation. */
const FRAME_ATTRIBUTES =
  'sandbox="allow-same-origin allow-scripts allow-forms allow-popups" allow="camera; microphone"';

/** A site of an integrator, on another site than the service (localhost, not 127.0.0.1). */
export interface Integrator {
  readonly origin: string;
  /** Addresses of the requests so far. */
  readonly visits: readonly string[];
  /** A page of the site that shows `url` in the contract's frame. */
  framing(url: string): string;
  close(): Promise<void>;
}

export async function startIntegrator(): Promise<Integrator> {
  const visits: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname !== '/favicon.ico') visits.push(request.url ?? '');
    const framed = url.searchParams.get('frame');
    const content =
      framed === null
        ? '<p id="arrived">Back at the shop</p>'
        : `<iframe title="Lethe" width="600" height="700" ${FRAME_ATTRIBUTES} src="${framed}"></iframe>`;
    response.writeHead(url.pathname === '/favicon.ico' ? 204 : 200, {
      'content-type': 'text/html; charset=utf-8',
    });
    response.end(`<!doctype html><title>Shop</title><h1>Shop</h1>${content}`);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    visits,
    framing: (url) => `${origin}/embed?frame=${encodeURIComponent(url)}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
