// Sessions among what runs, beside terminals and kernels.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { IRunningSessionManagers } from '@jupyterlab/running';
import type { IRunningSessions } from '@jupyterlab/running';
import { Signal } from '@lumino/signaling';

import type { Summary } from '../protocol';
import { inboxIcon } from './icons';
import { CommandIDs, EXTENSION, IInbox, ISessions } from './tokens';

class RunningTasks implements IRunningSessions.IManager {
  readonly name: string;
  readonly shutdownLabel: string;
  readonly shutdownAllLabel: string;
  readonly shutdownAllConfirmationText: string;
  readonly supportsMultipleViews = false;
  readonly runningChanged = new Signal<this, void>(this);
  private known: string;

  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly inbox: IInbox,
    private readonly sessions: ISessions
  ) {
    const words = sessions.strings.notices;
    this.name = words.product;
    this.shutdownLabel = words.running.cancel;
    this.shutdownAllLabel = words.running.cancelAll;
    this.shutdownAllConfirmationText = words.running.cancelAllSure;
    this.known = this.digest();
    inbox.subscribe(() => this.compare());
  }

  running(): IRunningSessions.IRunningItem[] {
    return this.live().map(summary => this.item(summary));
  }

  shutdownAll(): void {
    this.live().forEach(summary => void this.cancel(summary));
  }

  /** The list is always as it is: the feed tells of each change. */
  refreshRunning(): void {}

  private live(): readonly Summary[] {
    const { waiting, running } = this.inbox.getState();
    return [...waiting, ...running];
  }

  private item(summary: Summary): IRunningSessions.IRunningItem {
    const { strings } = this.sessions;
    const title = summary.title || summary.task;
    const notebook = summary.origin?.notebook ?? null;
    return {
      context: 'hitl-session',
      icon: () => inboxIcon,
      label: () => title,
      labelTitle: () =>
        notebook === null ? title : strings.notices.running.startedFrom(title, notebook),
      detail: () => strings.status[summary.status],
      open: () => this.open(summary),
      shutdown: () => void this.cancel(summary)
    };
  }

  /** In a tab, or, where there are none, in the inbox. */
  private open({ session_id: sessionId }: Summary): void {
    const { commands } = this.app;
    const command = [CommandIDs.openSession, CommandIDs.showInbox].find(id =>
      commands.hasCommand(id)
    );
    if (command !== undefined) {
      void commands.execute(command, { sessionId });
    }
  }

  private async cancel({ session_id: sessionId }: Summary): Promise<void> {
    const reply = await this.sessions.actions.cancel(sessionId);
    if (!reply.ok) {
      Notification.error(reply.refusal.message, { autoClose: 5000 });
    }
  }

  /** What the list shows. The feed tells of every step of every progress bar, which it does not. */
  private digest(): string {
    return JSON.stringify(
      this.live().map(({ session_id, title, status }) => [session_id, title, status])
    );
  }

  private compare(): void {
    const now = this.digest();
    if (now !== this.known) {
      this.known = now;
      this.runningChanged.emit();
    }
  }
}

export const runningPlugin: JupyterFrontEndPlugin<void> = {
  id: `${EXTENSION}:running`,
  description: 'Lists sessions that run or wait among the running terminals and kernels.',
  autoStart: true,
  requires: [IInbox, ISessions],
  optional: [IRunningSessionManagers],
  activate: (
    app: JupyterFrontEnd,
    inbox: IInbox,
    sessions: ISessions,
    managers: IRunningSessionManagers | null
  ) => {
    managers?.add(new RunningTasks(app, inbox, sessions));
  }
};
