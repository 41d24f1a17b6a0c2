// The sessions this page shows, and the inbox: what all other plugins are built on.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Sanitizer } from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';

import { Actions } from '../actions';
import { FeedPort } from '../feed_port';
import { Inbox } from '../inbox';
import { makeSanitizer } from '../sanitize';
import { SessionPool } from '../session_pool';
import { SocketPort } from '../socket_port';
import { makeStrings } from '../strings';
import type { Translator } from '../strings';
import { LabRenderers } from './renderers';
import { DOMAIN, EXTENSION, IHitlServer, IInbox, ISessions } from './tokens';

/** How many ended sessions the inbox begins with; older ones are loaded when they are asked for. */
const ENDED_AT_FIRST = 200;

/** The bundle's methods, which `makeStrings` takes apart, bound to it. The words themselves stand in strings.ts. */
function translatorOf(trans: TranslationBundle): Translator {
  return {
    __: (text, ...args) => trans.__(text, ...args),
    _n: (one, many, count, ...args) => trans._n(one, many, count, ...args)
  };
}

/** JupyterLab's own sanitizer with its command links off, whatever its settings say; then ours, which is stricter. */
function labSanitizer(): (html: string) => string {
  const labs = new Sanitizer();
  labs.setAllowCommandLinker(false);
  labs.setAllowNamedProperties(false);
  const ours = makeSanitizer(window);
  return html => ours(labs.sanitize(html));
}

export const sessionsPlugin: JupyterFrontEndPlugin<ISessions> = {
  id: `${EXTENSION}:sessions`,
  description: 'Holds one connection for each session that this page shows.',
  autoStart: true,
  provides: ISessions,
  requires: [IHitlServer],
  optional: [ITranslator, IRenderMimeRegistry],
  activate: (
    _app: JupyterFrontEnd,
    server: IHitlServer,
    translator: ITranslator | null,
    rendermime: IRenderMimeRegistry | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const strings = makeStrings(translatorOf(trans));
    const words = strings.connection;
    return {
      pool: new SessionPool(sessionId => new SocketPort({ sessionId, server, words })),
      actions: new Actions(server, words),
      strings,
      trans,
      sanitize: labSanitizer(),
      ...(rendermime !== null && { page: new LabRenderers(rendermime) })
    };
  }
};

export const inboxPlugin: JupyterFrontEndPlugin<IInbox> = {
  id: `${EXTENSION}:inbox`,
  description: 'Keeps the list of all sessions of this person, by one socket.',
  autoStart: true,
  provides: IInbox,
  requires: [IHitlServer, ISessions],
  activate: (_app: JupyterFrontEnd, server: IHitlServer, sessions: ISessions) => {
    const words = sessions.strings.connection;
    return new Inbox(new FeedPort({ server, words, ended: ENDED_AT_FIRST }), sessions.actions);
  }
};
