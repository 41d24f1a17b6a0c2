// Tells a person who looks elsewhere that a task waits: by toast, title, browser and screen reader.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';

import { CommandIDs, EXTENSION, IInbox, IInboxPanel, ISessions } from '../tokens';
import { BrowserDesktop } from './browser_desktop';
import type { Desktop } from './desktop';
import { NoticeSettings } from './settings';
import { desktopIsOn, toggleDesktop } from './toggle';

const PLUGIN = `${EXTENSION}:notices`;

/** What a page opens with is told after so long: the outputs that show it are drawn by then, and need no toast. */
const SETTLED_MS = 2000;

function addCommands(
  { commands }: JupyterFrontEnd,
  settings: NoticeSettings,
  desktop: Desktop,
  { strings }: ISessions,
  palette: ICommandPalette | null
): void {
  const words = strings.notices.toggle;
  const describedBy = { args: { type: 'object', properties: {} } } as const;
  commands.addCommand(CommandIDs.toggleToasts, {
    label: words.toasts,
    caption: words.toastsHint,
    describedBy,
    isToggleable: true,
    isToggled: () => settings.current.toasts,
    execute: () => settings.set('toasts', !settings.current.toasts)
  });
  commands.addCommand(CommandIDs.toggleBrowserNotifications, {
    label: words.desktop,
    caption: words.desktopHint,
    describedBy,
    isToggleable: true,
    isToggled: () => desktopIsOn(settings, desktop),
    execute: async () => {
      const obstacle = await toggleDesktop(settings, desktop, strings.notices.desktop);
      if (obstacle !== null) {
        Notification.warning(obstacle, { autoClose: 10_000 });
      }
    }
  });
  settings.onChange(() => {
    commands.notifyCommandChanged(CommandIDs.toggleToasts);
    commands.notifyCommandChanged(CommandIDs.toggleBrowserNotifications);
  });
  for (const command of [CommandIDs.toggleToasts, CommandIDs.toggleBrowserNotifications]) {
    palette?.addItem({ command, category: strings.notices.product });
  }
}

async function followStored(settings: NoticeSettings, registry: ISettingRegistry | null) {
  try {
    if (registry !== null) {
      settings.follow(await registry.load(PLUGIN));
    }
  } catch (reason) {
    console.warn('hitl-jupyter: the settings of notices could not be read.', reason);
  }
}

export const noticesPlugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN,
  description: 'Tells of new questions by toast, title, browser notification and screen reader.',
  autoStart: true,
  requires: [IInbox, ISessions],
  optional: [ISettingRegistry, IInboxPanel, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    inbox: IInbox,
    sessions: ISessions,
    registry: ISettingRegistry | null,
    panel: IInboxPanel | null,
    palette: ICommandPalette | null
  ) => {
    const settings = new NoticeSettings();
    const desktop = new BrowserDesktop(window);
    addCommands(app, settings, desktop, sessions, palette);
    const settled = app.restored.then(
      () => new Promise(resolve => setTimeout(resolve, SETTLED_MS))
    );
    void Promise.all([followStored(settings, registry), settled]).then(async () => {
      const { startNotices } = await import('./start');
      startNotices({ app, inbox, sessions, settings, desktop, panel });
    });
  }
};
