// Sessions in tabs of the main area, where there is one, open again after a reload.

import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { MainAreaWidget, ReactWidget, WidgetTracker } from '@jupyterlab/apputils';
import type { JSX } from 'react';

import type { Summary } from '../protocol';
import { isUuid4 } from '../uuid';
import { useLease } from '../view/lease';
import { SessionView } from '../view/session_view';
import { inboxIcon } from './icons';
import { CommandIDs, EXTENSION, IInbox, ISessions } from './tokens';

class SessionTab extends ReactWidget {
  constructor(
    private readonly sessions: ISessions,
    readonly sessionId: string
  ) {
    super();
    this.addClass('jp-hitl-SessionTab');
  }

  protected render(): JSX.Element {
    return <Session sessions={this.sessions} sessionId={this.sessionId} element={this.node} />;
  }
}

interface SessionProps {
  readonly sessions: ISessions;
  readonly sessionId: string;
  readonly element: Element;
}

function Session({ sessions, sessionId, element }: SessionProps) {
  const store = useLease(sessions.pool, sessionId, element);
  return store === null ? null : (
    <SessionView
      store={store}
      strings={sessions.strings}
      sanitize={sessions.sanitize}
      page={sessions.page}
    />
  );
}

type Tab = MainAreaWidget<SessionTab>;

/** The tab's title is the session's, also where that is known only later. */
function titled(tab: Tab, inbox: IInbox, sessions: ISessions): void {
  const name = () => {
    const summary: Summary | undefined = inbox.find(tab.content.sessionId);
    tab.title.label = summary?.title || summary?.task || sessions.strings.header.untitled;
  };
  name();
  tab.disposed.connect(inbox.subscribe(name));
}

function makeTab(sessionId: string, inbox: IInbox, sessions: ISessions): Tab {
  const tab = new MainAreaWidget({ content: new SessionTab(sessions, sessionId) });
  tab.id = `hitl-session-${sessionId}`;
  tab.title.icon = inboxIcon;
  tab.title.closable = true;
  titled(tab, inbox, sessions);
  return tab;
}

export const tabsPlugin: JupyterFrontEndPlugin<void> = {
  id: `${EXTENSION}:tabs`,
  description: 'Opens sessions in tabs of the main area.',
  autoStart: true,
  requires: [ISessions, IInbox],
  optional: [ILabShell, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    sessions: ISessions,
    inbox: IInbox,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null
  ) => {
    if (labShell === null) {
      return;
    }
    const { trans } = sessions;
    const tracker = new WidgetTracker<Tab>({ namespace: 'hitl-session' });
    app.commands.addCommand(CommandIDs.openSession, {
      label: trans.__('Open Session in a Tab'),
      caption: trans.__('Open a session in a tab of the main area'),
      icon: inboxIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: { sessionId: { type: 'string', description: trans.__('The session’s id') } }
        }
      },
      isEnabled: args => isUuid4(args['sessionId'] ?? inbox.getState().selected),
      execute: async args => {
        const sessionId = args['sessionId'] ?? inbox.getState().selected;
        if (!isUuid4(sessionId)) {
          return;
        }
        const open = tracker.find(tab => tab.content.sessionId === sessionId);
        const tab = open ?? makeTab(sessionId, inbox, sessions);
        if (open === undefined) {
          await tracker.add(tab);
          labShell.add(tab, 'main');
        }
        labShell.activateById(tab.id);
      }
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openSession,
      args: tab => ({ sessionId: tab.content.sessionId }),
      name: tab => tab.content.sessionId
    });
  }
};
