// The Jupyter page around us: where its server is, and whether our half is installed there.

import { PROTOCOL_VERSION } from './protocol';

export interface Page {
  /** `http(s)://…/` with the base path, ending in a slash. */
  readonly baseUrl: string;
  readonly wsUrl: string;
  /** Empty where cookies do it. */
  readonly token: string;
}

export type ServerFetch = (path: string, init?: RequestInit) => Promise<Response>;

const PROBE_TIMEOUT_MS = 5_000;

/** Read the page's own configuration; null where this is not a page of a Jupyter server. */
export function readPage(document: Document, location: Location): Page | null {
  const text = document.getElementById('jupyter-config-data')?.textContent;
  const config = text ? parsedConfig(text) : {};
  const base = config['baseUrl'] ?? document.body.dataset['baseUrl'];
  if (base === undefined) {
    return null;
  }
  const baseUrl = new URL(withSlash(base), location.href);
  const wsUrl = new URL(withSlash(config['wsUrl'] || baseUrl.href), baseUrl);
  wsUrl.protocol = wsUrl.protocol.replace(/^http/, 'ws');
  return { baseUrl: baseUrl.href, wsUrl: wsUrl.href, token: config['token'] ?? '' };
}

function parsedConfig(text: string): Readonly<Record<string, string | undefined>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, string | undefined>>;
  } catch {
    return {};
  }
}

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}

function isElsewhere(url: string, location: Location): boolean {
  return new URL(url).host !== location.host;
}

/**
 * Requests to `hitl/…` on the page's server. On its own host the login cookie speaks, so that an answer is attributed
 * to the person; the token only where the server is another host.
 */
export function serverFetch(page: Page, document: Document, location: Location): ServerFetch {
  return (path, init = {}) => {
    const headers = new Headers(init.headers);
    const xsrf = /(?:^|;\s*)_xsrf=([^;]*)/.exec(document.cookie)?.[1];
    if (xsrf !== undefined) {
      headers.set('X-XSRFToken', xsrf);
    }
    if (page.token && isElsewhere(page.baseUrl, location)) {
      headers.set('Authorization', `token ${page.token}`);
    }
    const url = new URL(`hitl/${path}`, page.baseUrl);
    return fetch(url, { ...init, headers, credentials: 'same-origin', cache: 'no-store' });
  };
}

/** The address of a socket of ours; the token is in it only where the server is another host. */
export function socketUrl(
  page: Page,
  location: Location,
  path: string,
  query: URLSearchParams
): string {
  const url = new URL(`hitl/${path}`, page.wsUrl);
  url.search = query.toString();
  if (page.token && isElsewhere(page.wsUrl, location)) {
    url.searchParams.set('token', page.token);
  }
  return url.href;
}

/** Whether our server half answers there, in the protocol we speak. */
export async function speaksOurProtocol(request: ServerFetch): Promise<boolean> {
  try {
    const response = await request('health', { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    // 503 is a degraded server of ours: it is there, and says what is wrong by itself.
    if (response.status !== 200 && response.status !== 503) {
      return false;
    }
    const health = (await response.json()) as { readonly protocol?: unknown };
    return health.protocol === PROTOCOL_VERSION;
  } catch {
    return false;
  }
}

/** Whether that server has this session for us. */
export async function hasSession(request: ServerFetch, sessionId: string): Promise<boolean> {
  try {
    const response = await request(`session-info/${encodeURIComponent(sessionId)}`);
    return response.ok;
  } catch {
    return false;
  }
}
