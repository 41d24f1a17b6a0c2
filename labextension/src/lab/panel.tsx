// The inbox at the side, with the number of sessions that wait on its tab.

import { ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ReactWidget, Toolbar, ToolbarButton, addIcon } from '@jupyterlab/ui-components';
import { Panel, Widget } from '@lumino/widgets';
import type { Message } from '@lumino/messaging';
import type { JSX } from 'react';

import type { Summary } from '../protocol';
import { InboxView } from '../view/inbox_view';
import { StartView } from '../view/start_view';
import { inboxIcon } from './icons';
import { CommandIDs, EXTENSION, IInbox, IInboxPanel, ISessions } from './tokens';

/** Among third parties' panels: 501 to 899. */
const RANK = 600;
const PANEL_ID = 'hitl-inbox';

class InboxBody extends ReactWidget {
  private starting = false;

  /** Whether a form that starts a task was begun, and is kept while the list is looked at. */
  private begun = false;

  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly inbox: IInbox,
    private readonly sessions: ISessions
  ) {
    super();
    this.addClass('jp-hitl-InboxBody');
  }

  /** Whether the list stands there, and not the form that starts a task. */
  get showsList(): boolean {
    return !this.starting;
  }

  /** Whether the session's row is drawn: its section may be folded, or the list filtered. */
  showsRow(sessionId: string): boolean {
    const row = `[data-session="${CSS.escape(sessionId)}"]`;
    return this.showsList && this.node.querySelector(row) !== null;
  }

  showStart(starting: boolean): void {
    this.starting = starting;
    this.begun ||= starting;
    this.update();
  }

  private endStart(): void {
    this.begun = false;
    this.showStart(false);
  }

  protected override onActivateRequest(msg: Message): void {
    super.onActivateRequest(msg);
    // What was asked for may not be drawn yet.
    void Promise.resolve(this.renderPromise).then(() => this.focusRow());
  }

  /** The keyboard goes where the open row is, else where it was. */
  private focusRow(): void {
    const { selected } = this.inbox.getState();
    const heading = (row: string) => this.node.querySelector<HTMLElement>(`${row}[data-roving]`);
    const open =
      selected === null || !this.showsList
        ? null
        : heading(`[data-session="${CSS.escape(selected)}"] `);
    const row = open ?? this.node.querySelector<HTMLElement>('[data-roving][tabindex="0"]');
    (row ?? this.node.querySelector<HTMLElement>('input, button'))?.focus();
  }

  protected render(): JSX.Element {
    return (
      <>
        {this.begun && (
          <div style={{ display: this.starting ? 'contents' : 'none' }}>{this.start()}</div>
        )}
        {this.showsList && this.list()}
      </>
    );
  }

  private start(): JSX.Element {
    const { strings, sanitize, actions } = this.sessions;
    return (
      <StartView
        actions={actions}
        strings={strings}
        sanitize={sanitize}
        onStarted={sessionId => {
          if (this.starting) {
            this.inbox.select(sessionId);
          }
          this.endStart();
        }}
        onClose={() => this.endStart()}
      />
    );
  }

  private list(): JSX.Element {
    const { app, inbox, sessions } = this;
    const { strings, sanitize, page, actions, pool } = sessions;
    const run = (command: string, args: Readonly<Record<string, string>>) =>
      void app.commands.execute(command, args);
    const canOpen = app.commands.hasCommand(CommandIDs.openSession);
    return (
      <InboxView
        inbox={inbox}
        pool={pool}
        actions={actions}
        strings={strings}
        sanitize={sanitize}
        page={page}
        openSession={
          canOpen ? (sessionId: string) => run(CommandIDs.openSession, { sessionId }) : undefined
        }
        revealCell={
          app.commands.hasCommand(CommandIDs.revealCell)
            ? (summary: Summary) => run(CommandIDs.revealCell, { sessionId: summary.session_id })
            : undefined
        }
      />
    );
  }
}

/** Whoever shows the panel by a command goes on in it with the keyboard. */
class InboxPanel extends Panel {
  constructor(private readonly body: InboxBody) {
    super();
  }

  protected override onActivateRequest(msg: Message): void {
    super.onActivateRequest(msg);
    this.body.activate();
  }
}

function makePanel(body: InboxBody, { trans }: ISessions): Panel {
  const panel = new InboxPanel(body);
  const toolbar = new Toolbar();
  panel.id = PANEL_ID;
  panel.addClass('jp-hitl-InboxPanel');
  panel.title.icon = inboxIcon;
  const heading = new Widget({ node: document.createElement('h2') });
  heading.addClass('jp-hitl-InboxPanel-heading');
  heading.node.textContent = trans.__('Human in the loop');
  toolbar.addItem('heading', heading);
  toolbar.addItem(
    'start',
    new ToolbarButton({
      icon: addIcon,
      label: trans.__('Start…'),
      tooltip: trans.__('Start one of the registered tasks'),
      onClick: () => body.showStart(true)
    })
  );
  panel.addWidget(toolbar);
  panel.addWidget(body);
  return panel;
}

/** The tab's mark and words follow the number of sessions that wait. */
function counted(panel: Panel, inbox: IInbox, { trans }: ISessions): void {
  const count = () => {
    const waiting = inbox.getState().waiting.length;
    panel.title.caption =
      waiting === 0
        ? trans.__('Human in the loop')
        : trans._n(
            'Human in the loop: %1 session waits for you',
            'Human in the loop: %1 sessions wait for you',
            waiting
          );
    panel.title.dataset =
      waiting === 0 ? {} : { 'hitl-waiting': waiting > 99 ? '99+' : `${waiting}` };
  };
  count();
  panel.disposed.connect(inbox.subscribe(count));
}

export const panelPlugin: JupyterFrontEndPlugin<IInboxPanel> = {
  id: `${EXTENSION}:inbox-panel`,
  description:
    'Lists all sessions at the side: those that wait for a person, that run, that have ended.',
  autoStart: true,
  provides: IInboxPanel,
  requires: [IInbox, ISessions],
  optional: [ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    inbox: IInbox,
    sessions: ISessions,
    restorer: ILayoutRestorer | null
  ) => {
    const body = new InboxBody(app, inbox, sessions);
    const panel = makePanel(body, sessions);
    counted(panel, inbox, sessions);
    app.shell.add(panel, 'left', { rank: RANK, type: 'Human in the loop' });
    restorer?.add(panel, PANEL_ID);
    void app.started.then(() => body.update());
    const show = () => app.shell.activateById(panel.id);
    return {
      show: (sessionId?: string) => {
        if (sessionId !== undefined) {
          inbox.select(sessionId);
        }
        body.showStart(false);
        show();
      },
      showStart: () => {
        body.showStart(true);
        show();
      },
      get isVisible() {
        return panel.isVisible && body.showsList;
      },
      shows: sessionId => panel.isVisible && body.showsRow(sessionId)
    };
  }
};
