// JupyterLab's and Notebook's part: says once, clearly, when the server half is missing or does not fit.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';

import { PROTOCOL_VERSION } from '../protocol';

/** The translation domain of all words of ours. */
const DOMAIN = 'hitl_jupyter';

interface Health {
  readonly version?: string;
  readonly protocol?: number;
}

/** What stands in the way of a session on this server, as one sentence; null if nothing does. */
async function problem(
  settings: ServerConnection.ISettings,
  trans: TranslationBundle
): Promise<string | null> {
  const url = URLExt.join(settings.baseUrl, 'hitl', 'health');
  const response = await ServerConnection.makeRequest(url, {}, settings);
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

const serverCheck: JupyterFrontEndPlugin<void> = {
  id: 'hitl-jupyter:server-check',
  description: 'Checks that the server half of hitl_jupyter is there and fits.',
  autoStart: true,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const check = async () => {
      const found = await problem(app.serviceManager.serverSettings, trans);
      if (found !== null) {
        Notification.warning(found, { autoClose: false });
      }
    };
    check().catch((reason: unknown) => {
      // A server that cannot be reached says so by itself.
      console.warn('hitl-jupyter: the server could not be asked.', reason);
    });
  }
};

export default [serverCheck];
