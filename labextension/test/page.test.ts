// @vitest-environment jsdom
import { afterEach, expect, test, vi } from 'vitest';

import { hasSession, readPage, serverFetch, socketUrl, speaksOurProtocol } from '../src/page';
import { PROTOCOL_VERSION } from '../src/protocol';

const here = new URL('https://hub.example.org/user/ada/lab') as unknown as Location;

function configured(config: object): Document {
  document.body.innerHTML = `<script id="jupyter-config-data">${JSON.stringify(config)}</script>`;
  return document;
}

afterEach(() => {
  document.body.innerHTML = '';
  vi.unstubAllGlobals();
});

test('a page without a configuration is no page of a Jupyter server', () => {
  expect(readPage(document, here)).toBeNull();
});

test('addresses follow the base path, as under JupyterHub', () => {
  const page = readPage(configured({ baseUrl: '/user/ada/' }), here);
  expect(page).toEqual({
    baseUrl: 'https://hub.example.org/user/ada/',
    wsUrl: 'wss://hub.example.org/user/ada/',
    token: ''
  });
});

test('on the page’s own host the cookie speaks: no token in the address or the header', async () => {
  const page = readPage(configured({ baseUrl: '/', token: 'secret' }), here);
  const fetched = vi.fn().mockResolvedValue(new Response());
  vi.stubGlobal('fetch', fetched);
  document.cookie = '_xsrf=2|abc';
  await serverFetch(page!, document, here)('health');
  const [url, init] = fetched.mock.calls[0] as [URL, RequestInit];
  expect(url.href).toBe('https://hub.example.org/hitl/health');
  expect((init.headers as Headers).get('X-XSRFToken')).toBe('2|abc');
  expect((init.headers as Headers).has('Authorization')).toBe(false);
  expect(socketUrl(page!, here, 'ws/x', new URLSearchParams({ after: '3' }))).toBe(
    'wss://hub.example.org/hitl/ws/x?after=3'
  );
});

test('a server on another host gets the token', () => {
  const page = readPage(configured({ baseUrl: 'https://far.example.org/', token: 't' }), here);
  expect(socketUrl(page!, here, 'ws/x', new URLSearchParams())).toBe(
    'wss://far.example.org/hitl/ws/x?token=t'
  );
});

test.each([
  [200, { protocol: PROTOCOL_VERSION }, true],
  [503, { protocol: PROTOCOL_VERSION, status: 'degraded' }, true],
  [200, { protocol: PROTOCOL_VERSION + 1 }, false],
  [404, { message: 'Not Found' }, false],
  [403, {}, false]
])('a health reply of %i %j means our server: %s', async (status, body, ours) => {
  const request = () => Promise.resolve(new Response(JSON.stringify(body), { status }));
  expect(await speaksOurProtocol(request)).toBe(ours);
});

test('a server that does not answer is none of ours', async () => {
  const request = () => Promise.reject(new TypeError('network'));
  expect(await speaksOurProtocol(request)).toBe(false);
  expect(await hasSession(request, 's')).toBe(false);
});
