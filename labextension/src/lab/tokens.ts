// The names of this extension's parts: what its plugins give each other, and what a page may ask them to do.

import { Token } from '@lumino/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Actions } from '../actions';
import type { PageRenderers } from '../drawing';
import type { Inbox } from '../inbox';
import type { Server } from '../server';
import type { SessionPool } from '../session_pool';
import type { Strings } from '../strings';

/** The npm package's name, which begins every plugin's id. */
export const EXTENSION = 'hitl-jupyter';

/** The translation domain of all words of ours. */
export const DOMAIN = 'hitl_jupyter';

/** What the kernel's half gives a cell's output; the session's id stands in the output's metadata under the same name. */
export const SESSION_MIME = 'application/vnd.hitl-jupyter.session+json';

/** The widget that stands beside it, for pages without this extension. */
export const WIDGET_MIME = 'application/vnd.jupyter.widget-view+json';

export const CommandIDs = {
  showInbox: 'hitl:show-inbox',
  startTask: 'hitl:start-task',
  openSession: 'hitl:open-session',
  revealCell: 'hitl:reveal-cell',
  nextRequest: 'hitl:next-request',
  cancelSession: 'hitl:cancel-session',
  forgetSession: 'hitl:forget-session',
  toggleToasts: 'hitl:toggle-toasts',
  toggleBrowserNotifications: 'hitl:toggle-browser-notifications'
} as const;

/** Why sessions of this page's server cannot be reached, as a sentence that ends with the next step. */
export type Problem = string;

/** This page's Jupyter server, and whether our half is there. */
export interface IHitlServer extends Server {
  /** Asked once: null where all is well. Never rejects. */
  readonly problem: Promise<Problem | null>;
}

export const IHitlServer = new Token<IHitlServer>(
  `${EXTENSION}:IHitlServer`,
  'Requests and sockets of hitl_jupyter on this page’s server.'
);

/** What every part that shows sessions needs. */
export interface ISessions {
  /** One connection per shown session, shared by all that show it. */
  readonly pool: SessionPool;
  readonly actions: Actions;
  readonly strings: Strings;
  readonly trans: TranslationBundle;
  /** HTML of a task in, inert HTML out. */
  readonly sanitize: (html: string) => string;
  /** The page's own renderers of charts and formulas, where it has any. */
  readonly page?: PageRenderers;
}

export const ISessions = new Token<ISessions>(
  `${EXTENSION}:ISessions`,
  'The sessions that this page shows, and what can be done to any.'
);

/** All sessions of this person, kept up to date by the feed. Null while our server half is missing. */
export type IInbox = Inbox;

export const IInbox = new Token<IInbox>(
  `${EXTENSION}:IInbox`,
  'All sessions of this person: those that wait, that run, that have ended.'
);

/** The inbox's panel at the side. */
export interface IInboxPanel {
  /** Show the panel, with this session's row open, or as it was. */
  show(sessionId?: string): void;
  /** Show the panel with the form that starts a task. */
  showStart(): void;
  /** Whether the list can be seen now. */
  readonly isVisible: boolean;
  /** Whether the row of that session can be seen in it. */
  shows(sessionId: string): boolean;
}

export const IInboxPanel = new Token<IInboxPanel>(
  `${EXTENSION}:IInboxPanel`,
  'The side panel with all sessions of this person.'
);
