// What the development page can show beside single sessions.

import type { JSX } from 'react';

import { Actions } from '../src/actions';
import { Inbox } from '../src/inbox';
import { SessionPool } from '../src/session_pool';
import { SessionStore } from '../src/store';
import { makeStrings } from '../src/strings';
import { InboxView } from '../src/view/inbox_view';
import { SavedOutput } from '../src/view/saved_output';
import { SessionView } from '../src/view/session_view';
import { StartView } from '../src/view/start_view';
import { makeSanitizer } from '../src/sanitize';
import { FakePort } from './fake_port';
import { TABLE_HTML } from './evidence';
import { busyWorld, eventful } from './sessions';
import { scenarios } from './scenarios';
import { World } from './world';

const strings = makeStrings();
const host = { strings, sanitize: makeSanitizer(window) };

interface InboxOptions {
  readonly world?: World;
  readonly open?: number;
  readonly notebook7?: boolean;
}

function inbox({ world = busyWorld(), open, notebook7 = false }: InboxOptions = {}): JSX.Element {
  const actions = new Actions(world, strings.connection);
  const state = new Inbox(world, actions);
  const pool = new SessionPool(sessionId => world.port(sessionId));
  if (open !== undefined) {
    state.select([...world.ports.keys()][open]);
  }
  Object.assign(window, { hitlWorld: world, hitlInbox: state });
  return (
    <InboxView
      {...host}
      inbox={state}
      pool={pool}
      actions={actions}
      openSession={notebook7 ? undefined : id => console.warn(`open ${id}`)}
      revealCell={({ session_id: id }) => console.warn(`reveal ${id}`)}
    />
  );
}

function unreachable(state: 'offline' | 'reconnecting'): JSX.Element {
  const world = busyWorld();
  setTimeout(() => world.connection(state), 50);
  return inbox({ world });
}

function start(world = new World()): JSX.Element {
  return (
    <StartView
      {...host}
      actions={new Actions(world, strings.connection)}
      onStarted={id => console.warn(`started ${id}`)}
      onClose={() => console.warn('closed')}
    />
  );
}

function session(port: FakePort, viewOnly = false): JSX.Element {
  const store = new SessionStore(port);
  Object.assign(window, { hitlPort: port, hitlStore: store });
  return <SessionView {...host} store={store} viewOnly={viewOnly} />;
}

function timeline(): JSX.Element {
  const port = new FakePort();
  port.emit(...eventful);
  return session(port);
}

function throughKernel(): JSX.Element {
  const port = scenarios['form']();
  port.route = 'kernel';
  return session(port);
}

/** These stand in a panel: as high as it is. */
export const panels: Readonly<Record<string, () => JSX.Element>> = {
  inbox: () => inbox(),
  inbox_confirm: () => inbox({ open: 0 }),
  inbox_form: () => inbox({ open: 1 }),
  inbox_retry: () => inbox({ open: 2 }),
  inbox_running: () => inbox({ open: 3, notebook7: true }),
  inbox_ended: () => inbox({ open: 5 }),
  inbox_empty: () => inbox({ world: new World() }),
  inbox_offline: () => unreachable('offline'),
  inbox_reconnecting: () => unreachable('reconnecting'),
  start: () => start()
};

export const outputs: Readonly<Record<string, () => JSX.Element>> = {
  timeline,
  view_only: () => session(scenarios['form'](), true),
  view_only_confirm: () => session(scenarios['confirm'](), true),
  through_kernel: throughKernel,
  saved: () => (
    <SavedOutput
      {...host}
      html={`<p><b>Clean the housing data</b>: completed, 1 attempt, 214 lines</p>${TABLE_HTML}`}
      text=""
      why="The server does not know this session: it was forgotten, or ran on another server. This is what was saved."
    />
  ),
  saved_text: () => (
    <SavedOutput
      {...host}
      html={null}
      text={'Clean the housing data: completed\nresult: {"rows": 20628}'}
      why="This output names no session. Run the cell again."
    />
  )
};
