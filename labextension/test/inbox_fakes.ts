// An inbox with a feed that the test speaks through, and sessions for it.

import { Actions } from '../src/actions';
import type { Feed, FeedHandler } from '../src/feed_port';
import { Inbox } from '../src/inbox';
import type { InboxState } from '../src/inbox';
import type { FeedMessage, SessionPage, Summary } from '../src/protocol';
import { FakeServer, words } from './fakes';
import { question, session } from './notices_fakes';

export class ManualFeed implements Feed {
  handler: FeedHandler | null = null;
  reconnects = 0;

  constructor(readonly ended?: number) {}

  subscribe(handler: FeedHandler): () => void {
    this.handler = handler;
    handler.begins();
    return () => {
      this.handler = null;
    };
  }

  reconnect(): void {
    this.reconnects += 1;
  }

  say(...messages: readonly FeedMessage[]): void {
    this.handler?.messages(messages);
  }

  /** A new connection, which lists these. */
  list(...summaries: readonly Summary[]): void {
    this.handler?.begins();
    this.say(...summaries.map(summary => changed(summary)), LISTED);
  }
}

export const LISTED: FeedMessage = { type: 'sessions_listed', count: 0, rev: 0 };

export function changed(summary: Summary, rev = 1): FeedMessage {
  return { type: 'session', session_id: summary.session_id, rev, summary, forgotten: false };
}

export function forgotten(sessionId: string, rev = 9): FeedMessage {
  return { type: 'session', session_id: sessionId, rev, summary: null, forgotten: true };
}

export function running(id: string, created_at = 1): Summary {
  return session(id, [], { created_at });
}

export function waiting(id: string, opened_at = 1): Summary {
  return session(id, [question(`${id}-r`, { opened_at })]);
}

/** Ended at `at`, and begun then too unless it is said otherwise. */
export function ended(id: string, at: number, created_at = at): Summary {
  return session(id, [], { status: 'completed', created_at, ended_at: at });
}

type Section = 'waiting' | 'running' | 'ended';

/** `listed` is how many ended sessions a list names at the most. */
export class TestInbox {
  readonly feed: ManualFeed;
  readonly server = new FakeServer();
  readonly flushes: (() => void)[] = [];
  readonly inbox: Inbox;

  constructor(listed?: number) {
    this.feed = new ManualFeed(listed);
    const actions = new Actions(this.server, words);
    this.inbox = new Inbox(this.feed, actions, flush => this.flushes.push(flush));
  }

  /** As it is after the next frame. */
  drawn(): InboxState {
    this.flushes.splice(0).forEach(flush => flush());
    return this.inbox.getState();
  }

  ids(section: Section): readonly string[] {
    return this.drawn()[section].map(({ session_id: id }) => id);
  }

  /** What the next pages of older sessions hold. */
  pages(...all: readonly (SessionPage | Error)[]): void {
    const left = [...all];
    this.server.reply = () => {
      const page = left.shift() ?? { sessions: [], cursor: null };
      return page instanceof Error ? page : Response.json(page);
    };
  }

  /** With what older sessions were asked for. */
  get queries(): readonly URLSearchParams[] {
    return this.server.paths.map(path => new URLSearchParams(path.split('?')[1]));
  }

  get cursors(): readonly (string | null)[] {
    return this.queries.map(query => query.get('cursor'));
  }
}
