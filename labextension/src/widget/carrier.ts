// Which way this page reaches a session: the server where it can, else the widget's comm.

import { CommPort } from '../comm_port';
import type { Comm } from '../comm_port';
import { hasSession, readPage, serverFetch, socketUrl, speaksOurProtocol } from '../page';
import type { Page } from '../page';
import type { Port } from '../port';
import type { Server, Socket } from '../server';
import { SocketPort } from '../socket_port';
import type { Strings } from '../strings';

function serverOf(page: Page): Server {
  return {
    request: serverFetch(page, document, location),
    // A WebSocket's handlers are declared with a wider event than is used.
    open: (path, query, protocols) =>
      new WebSocket(socketUrl(page, location, path, query), [...protocols]) as unknown as Socket
  };
}

async function findServer(): Promise<Server | null> {
  const page = readPage(document, location);
  if (page === null) {
    return null;
  }
  const found = serverOf(page);
  return (await speaksOurProtocol(found.request)) ? found : null;
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

/** A session that the server does not know may still live in the kernel, where it hosts its own. */
export async function findPort(sessionId: string, comm: Comm, strings: Strings): Promise<Port> {
  const found = await theServer();
  return found !== null && (await hasSession(found.request, sessionId))
    ? new SocketPort({ sessionId, server: found, words: strings.connection })
    : new CommPort(comm, strings.connection);
}
