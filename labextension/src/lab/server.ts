// This page's Jupyter server, by JupyterLab's own settings: token, XSRF proof, base URL and sockets.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';

import { PROTOCOL_VERSION } from '../protocol';
import type { Socket } from '../server';
import { DOMAIN, EXTENSION, IHitlServer } from './tokens';
import type { Problem } from './tokens';

interface Health {
  readonly version?: string;
  readonly protocol?: number;
}

class LabServer implements IHitlServer {
  readonly problem: Promise<Problem | null>;

  constructor(
    private readonly settings: ServerConnection.ISettings,
    trans: TranslationBundle
  ) {
    this.problem = this.findProblem(trans).catch((reason: unknown) => {
      // A server that cannot be reached says so by itself, and whatever is shown here tries again.
      console.warn('hitl-jupyter: the server could not be asked.', reason);
      return null;
    });
  }

  request(path: string, init: RequestInit = {}): Promise<Response> {
    const url = URLExt.join(this.settings.baseUrl, 'hitl', path);
    return ServerConnection.makeRequest(url, { cache: 'no-store', ...init }, this.settings);
  }

  open(path: string, query: URLSearchParams, protocols: readonly string[]): Socket {
    const { WebSocket, appendToken, token, wsUrl } = this.settings;
    const asked = new URLSearchParams(query);
    if (appendToken && token !== '') {
      asked.set('token', token);
    }
    const url = URLExt.join(wsUrl, 'hitl', path);
    // A WebSocket's handlers are declared with a wider event than is used.
    return new WebSocket(`${url}?${asked}`, [...protocols]) as unknown as Socket;
  }

  private async findProblem(trans: TranslationBundle): Promise<Problem | null> {
    const response = await this.request('health');
    if (response.status === 404) {
      return trans.__(
        'hitl_jupyter is not active on this server. Install it in the server’s environment and restart: pip install hitl-jupyter'
      );
    }
    if (response.status !== 200 && response.status !== 503) {
      return null;
    }
    const health = (await response.json()) as Health;
    if (health.protocol === PROTOCOL_VERSION) {
      return null;
    }
    return trans.__(
      'The server runs hitl_jupyter %1, which does not fit this page. Restart the server, then reload.',
      health.version ?? '?'
    );
  }
}

export const serverPlugin: JupyterFrontEndPlugin<IHitlServer> = {
  id: `${EXTENSION}:server`,
  description: 'Reaches hitl_jupyter on this page’s server.',
  autoStart: true,
  provides: IHitlServer,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null) =>
    new LabServer(app.serviceManager.serverSettings, (translator ?? nullTranslator).load(DOMAIN))
};

export const serverCheckPlugin: JupyterFrontEndPlugin<void> = {
  id: `${EXTENSION}:server-check`,
  description:
    'Says once, clearly, when the server half of hitl_jupyter is missing or does not fit.',
  autoStart: true,
  requires: [IHitlServer],
  activate: (_app: JupyterFrontEnd, server: IHitlServer) => {
    void server.problem.then(problem => {
      if (problem !== null) {
        Notification.warning(problem, { autoClose: false });
      }
    });
  }
};
