// What can be done, as commands: in the palette, in menus, by shortcut, and by other extensions.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification, showDialog, Dialog } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { Reply } from '../port';
import { ENDED } from '../protocol';
import type { Summary } from '../protocol';
import { inboxIcon } from './icons';
import { revealCell } from './reveal';
import { CommandIDs, EXTENSION, IInbox, IInboxPanel, ISessions } from './tokens';

/** Arguments of a command about one session; without them it is about the inbox's open row. */
interface About {
  readonly args: {
    readonly type: 'object';
    readonly properties: {
      readonly sessionId: { readonly type: 'string'; readonly description: string };
    };
  };
}

class SessionCommands {
  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly inbox: IInbox,
    private readonly sessions: ISessions,
    private readonly panel: IInboxPanel,
    private readonly tracker: INotebookTracker | null
  ) {}

  add(): void {
    this.addPanelCommands();
    this.addSessionCommands();
  }

  private addPanelCommands(): void {
    const { commands } = this.app;
    const { trans } = this.sessions;
    commands.addCommand(CommandIDs.showInbox, {
      label: trans.__('Show the Inbox'),
      caption: trans.__('Show all sessions: those that wait for you, that run, that have ended'),
      icon: inboxIcon,
      describedBy: this.about(),
      execute: args =>
        this.panel.show(typeof args['sessionId'] === 'string' ? args['sessionId'] : undefined)
    });
    commands.addCommand(CommandIDs.startTask, {
      label: trans.__('Start a Task…'),
      caption: trans.__('Start one of the registered tasks'),
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => this.panel.showStart()
    });
    commands.addCommand(CommandIDs.nextRequest, {
      label: trans.__('Go to the Next Question'),
      caption: trans.__('Open the question that has waited longest, or the one after it'),
      describedBy: { args: { type: 'object', properties: {} } },
      isEnabled: () => this.inbox.getState().waiting.length > 0,
      execute: () => this.goToNext()
    });
  }

  private addSessionCommands(): void {
    const { commands } = this.app;
    const { trans, actions } = this.sessions;
    const describedBy = this.about();
    commands.addCommand(CommandIDs.revealCell, {
      label: trans.__('Show the Cell'),
      caption: trans.__('Show the cell that started the session'),
      describedBy,
      isEnabled: args => this.meant(args)?.origin?.notebook != null,
      execute: args => {
        const origin = this.meant(args)?.origin;
        return origin == null ? undefined : revealCell(this.app, this.tracker, origin, trans);
      }
    });
    commands.addCommand(CommandIDs.cancelSession, {
      label: trans.__('Cancel the Session'),
      caption: trans.__('Ask the task to stop; it is ended within ten seconds'),
      describedBy,
      isEnabled: args => this.meant(args, summary => !ENDED.has(summary.status)) !== undefined,
      execute: args => this.carryOut(args, summary => actions.cancel(summary.session_id))
    });
    commands.addCommand(CommandIDs.forgetSession, {
      label: trans.__('Forget the Session…'),
      caption: trans.__('Delete an ended session with all its events'),
      describedBy,
      isEnabled: args => this.meant(args, summary => ENDED.has(summary.status)) !== undefined,
      execute: async args => {
        const summary = this.meant(args);
        if (summary !== undefined && (await this.isMeant(summary))) {
          await this.carryOut(args, () => actions.forget(summary.session_id));
        }
      }
    });
  }

  private about(): About {
    const description = this.sessions.trans.__('The session’s id; else the inbox’s open row');
    return { args: { type: 'object', properties: { sessionId: { type: 'string', description } } } };
  }

  /** The session that a command is about, if it is one of which that holds. */
  private meant(
    args: ReadonlyPartialJSONObject,
    holds: (summary: Summary) => boolean = () => true
  ): Summary | undefined {
    const given = args['sessionId'];
    const { selected } = this.inbox.getState();
    const sessionId = typeof given === 'string' ? given : this.panel.isVisible ? selected : null;
    const summary = sessionId === null ? undefined : this.inbox.find(sessionId);
    return summary !== undefined && holds(summary) ? summary : undefined;
  }

  private async carryOut(
    args: ReadonlyPartialJSONObject,
    action: (summary: Summary) => Promise<Reply>
  ): Promise<void> {
    const summary = this.meant(args);
    const reply = summary === undefined ? { ok: true as const } : await action(summary);
    if (!reply.ok) {
      Notification.error(reply.refusal.message, { autoClose: 5000 });
    }
  }

  private async isMeant(summary: Summary): Promise<boolean> {
    const { trans } = this.sessions;
    const { button } = await showDialog({
      title: trans.__('Forget %1?', summary.title || summary.task),
      body: trans.__('The session and all its events are deleted for good.'),
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Forget') })]
    });
    return button.accept;
  }

  private goToNext(): void {
    const { waiting, selected } = this.inbox.getState();
    const at = waiting.findIndex(summary => summary.session_id === selected);
    const next = waiting[(at + 1) % waiting.length];
    if (next !== undefined) {
      this.panel.show(next.session_id);
    }
  }
}

/** Calls only when what the commands look at has changed: the feed tells of every step of every progress bar. */
function onChange(inbox: IInbox, then: () => void): () => void {
  const looked = () => {
    const { waiting, selected } = inbox.getState();
    const status = selected === null ? undefined : inbox.find(selected)?.status;
    return `${waiting.length > 0} ${selected} ${status}`;
  };
  let before = looked();
  return () => {
    const now = looked();
    if (now !== before) {
      before = now;
      then();
    }
  };
}

export const commandsPlugin: JupyterFrontEndPlugin<void> = {
  id: `${EXTENSION}:commands`,
  description: 'Adds what can be done with sessions to the palette and the menus.',
  autoStart: true,
  requires: [IInbox, ISessions, IInboxPanel],
  optional: [INotebookTracker, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    inbox: IInbox,
    sessions: ISessions,
    panel: IInboxPanel,
    tracker: INotebookTracker | null,
    palette: ICommandPalette | null
  ) => {
    new SessionCommands(app, inbox, sessions, panel, tracker).add();
    inbox.subscribe(onChange(inbox, () => app.commands.notifyCommandChanged()));
    const category = sessions.trans.__('Human in the loop');
    const listed = [
      CommandIDs.showInbox,
      CommandIDs.startTask,
      CommandIDs.nextRequest,
      CommandIDs.openSession,
      CommandIDs.revealCell,
      CommandIDs.cancelSession,
      CommandIDs.forgetSession
    ];
    for (const command of listed) {
      palette?.addItem({ command, category });
    }
  }
};
