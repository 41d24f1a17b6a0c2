// How many sessions wait and run, in the status bar. Nothing stands there while there are none.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { GroupItem, IStatusBar, TextItem } from '@jupyterlab/statusbar';
import { ReactWidget } from '@jupyterlab/ui-components';
import { Signal } from '@lumino/signaling';
import { useSyncExternalStore } from 'react';
import type { JSX, KeyboardEvent } from 'react';

import type { Strings } from '../strings';
import { inboxIcon } from './icons';
import { CommandIDs, EXTENSION, IInbox, IInboxPanel, ISessions } from './tokens';

/** After JupyterLab's own items at the left. */
const RANK = 10;

/** Pixels between icon and text, as in JupyterLab's own items. */
const SPACING = 4;

type Words = Strings['notices']['statusItem'];

/** "2 waiting · 1 running"; empty where there is neither. */
function countsOf(inbox: IInbox, words: Words): string {
  const { waiting, running } = inbox.getState();
  if (waiting.length > 0 && running.length > 0) {
    return words.both(words.waiting(waiting.length), words.running(running.length));
  }
  if (waiting.length > 0) {
    return words.waiting(waiting.length);
  }
  return running.length > 0 ? words.running(running.length) : '';
}

interface CountsProps {
  readonly inbox: IInbox;
  readonly words: Words;
  readonly onOpen: () => void;
}

function Counts({ inbox, words, onOpen }: CountsProps) {
  const counts = useSyncExternalStore(inbox.subscribe, () => countsOf(inbox, words));
  const hint = words.hint(counts);
  const openByKey = (event: KeyboardEvent) => {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      event.stopPropagation();
      onOpen();
    }
  };
  return (
    <GroupItem
      role="button"
      tabIndex={0}
      spacing={SPACING}
      title={hint}
      aria-label={hint}
      onClick={onOpen}
      onKeyDown={openByKey}
    >
      <inboxIcon.react tag="span" top="2px" stylesheet="statusBar" />
      <TextItem source={counts} />
    </GroupItem>
  );
}

class CountsWidget extends ReactWidget {
  constructor(private readonly props: CountsProps) {
    super();
    this.addClass('jp-mod-highlighted');
    this.addClass('jp-hitl-StatusItem');
  }

  protected render(): JSX.Element {
    return <Counts {...this.props} />;
  }
}

export const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: `${EXTENSION}:status`,
  description: 'Tells in the status bar how many sessions wait and run.',
  autoStart: true,
  requires: [IInbox, ISessions],
  optional: [IStatusBar, IInboxPanel],
  activate: (
    app: JupyterFrontEnd,
    inbox: IInbox,
    sessions: ISessions,
    statusBar: IStatusBar | null,
    panel: IInboxPanel | null
  ) => {
    if (statusBar === null) {
      return;
    }
    const words = sessions.strings.notices.statusItem;
    const isActive = () => countsOf(inbox, words) !== '';
    const activeStateChanged = new Signal<IInbox, void>(inbox);
    let wasActive = isActive();
    inbox.subscribe(() => {
      if (wasActive !== isActive()) {
        wasActive = !wasActive;
        activeStateChanged.emit();
      }
    });
    const onOpen = () => {
      if (panel !== null) {
        panel.show();
      } else if (app.commands.hasCommand(CommandIDs.showInbox)) {
        void app.commands.execute(CommandIDs.showInbox);
      }
    };
    statusBar.registerStatusItem(`${EXTENSION}:status`, {
      item: new CountsWidget({ inbox, words, onOpen }),
      align: 'left',
      rank: RANK,
      priority: 1,
      isActive,
      activeStateChanged
    });
  }
};
