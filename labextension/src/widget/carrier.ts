// Which way this page reaches a session: the server where it can, else the widget's comm.

import { CommPort } from '../comm_port';
import type { Comm } from '../comm_port';
import { hasSession, readPage, serverFetch, socketUrl, speaksOurProtocol } from '../page';
import type { Page, ServerFetch } from '../page';
import type { Port } from '../port';
import { SocketPort } from '../socket_port';
import type { Socket } from '../socket_port';
import type { Strings } from '../strings';

interface Server {
  readonly page: Page;
  readonly request: ServerFetch;
}

async function findServer(): Promise<Server | null> {
  const page = readPage(document, location);
  if (page === null) {
    return null;
  }
  const request = serverFetch(page, document, location);
  return (await speaksOurProtocol(request)) ? { page, request } : null;
}

let server: Promise<Server | null> | undefined;

/** The page's server, asked for once; one that was not there (it restarts, say) is looked for again. */
async function theServer(): Promise<Server | null> {
  server ??= findServer();
  const found = await server;
  if (found === null) {
    server = undefined;
  }
  return found;
}

function socketPort({ page, request }: Server, sessionId: string, strings: Strings): Port {
  return new SocketPort({
    sessionId,
    request,
    words: strings.connection,
    // A WebSocket's handlers are declared with a wider event than is used.
    open: (path, query, protocols) =>
      new WebSocket(socketUrl(page, location, path, query), [...protocols]) as unknown as Socket
  });
}

/** A session that the server does not know may still live in the kernel, where it hosts its own. */
export async function findPort(sessionId: string, comm: Comm, strings: Strings): Promise<Port> {
  const found = await theServer();
  return found !== null && (await hasSession(found.request, sessionId))
    ? socketPort(found, sessionId, strings)
    : new CommPort(comm, strings.connection);
}
