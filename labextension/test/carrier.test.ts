// @vitest-environment jsdom
// Which way a widget reaches its session.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Comm } from '../src/comm_port';
import type { Port } from '../src/port';
import { PROTOCOL_VERSION } from '../src/protocol';
import { makeStrings } from '../src/strings';

const comm: Comm = { send: () => {}, onMessage: () => () => {} };

let requests: string[];
let isThere: boolean;
let known: readonly string[];
let findPort: (sessionId: string) => Promise<Port>;

beforeEach(async () => {
  [requests, isThere, known] = [[], true, ['s']];
  document.body.innerHTML = '<script id="jupyter-config-data">{"baseUrl": "/"}</script>';
  vi.stubGlobal('fetch', (url: URL) => {
    const path = url.pathname.replace('/hitl/', '');
    requests.push(path);
    if (!isThere) {
      return Promise.reject(new TypeError('network'));
    }
    const isKnown = path === 'health' || known.includes(path.replace('session-info/', ''));
    return Promise.resolve(
      Response.json({ protocol: PROTOCOL_VERSION }, { status: isKnown ? 200 : 404 })
    );
  });
  // What a page has found is kept by the module; each test is a page of its own.
  vi.resetModules();
  const carrier = await import('../src/widget/carrier');
  findPort = sessionId => carrier.findPort(sessionId, comm, makeStrings());
});

afterEach(() => {
  vi.unstubAllGlobals();
  document.body.innerHTML = '';
});

test('a session that the page’s server knows is reached there', async () => {
  expect((await findPort('s')).route).toBe('server');
});

test('one that it does not know is the kernel’s own', async () => {
  expect((await findPort('another')).route).toBe('kernel');
});

test('where there is no Jupyter page the kernel carries it, and nothing is asked of a server', async () => {
  document.body.innerHTML = '';
  expect((await findPort('s')).route).toBe('kernel');
  expect(requests).toEqual([]);
});

test('a server is looked for once for all sessions of a page', async () => {
  await Promise.all([findPort('s'), findPort('another'), findPort('s')]);
  expect(requests.filter(path => path === 'health')).toHaveLength(1);
});

test('one that was down is looked for again by the next output', async () => {
  isThere = false;
  expect((await findPort('s')).route).toBe('kernel');
  isThere = true;
  expect((await findPort('s')).route).toBe('server');
});
