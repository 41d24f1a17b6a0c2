// Puts the parts of the notices together, once the page has come to rest.

import type { JupyterFrontEnd } from '@jupyterlab/application';

import { CommandIDs } from '../tokens';
import type { IInbox, IInboxPanel, ISessions } from '../tokens';
import { DesktopNotices } from './desktop';
import type { Desktop } from './desktop';
import { LabToasts } from './lab_toasts';
import { watchNews } from './news';
import { Notices } from './notices';
import { LiveRegion } from './read_out';
import type { NoticeSettings } from './settings';
import { TitleMark } from './title_mark';
import { Toaster } from './toaster';

export interface NoticesParts {
  readonly app: JupyterFrontEnd;
  readonly inbox: IInbox;
  readonly sessions: ISessions;
  readonly settings: NoticeSettings;
  readonly desktop: Desktop;
  readonly panel: IInboxPanel | null;
}

export function startNotices(parts: NoticesParts): void {
  const { inbox, sessions, settings, desktop, panel } = parts;
  const { pool, actions, strings } = sessions;
  const open = opener(parts);
  const isShown = (sessionId: string) => pool.isSeen(sessionId);
  const isListed = (sessionId: string) =>
    panel !== null && panel.shows(sessionId) && !desktop.isHidden();
  const notices = new Notices({
    settings,
    toaster: new Toaster({
      place: new LabToasts(),
      actions,
      strings,
      isSeen: sessionId => isShown(sessionId) || isListed(sessionId),
      open,
      turnOff: () => void settings.set('toasts', false)
    }),
    titleMark: new TitleMark(document),
    desktop: new DesktopNotices(desktop, strings, open),
    liveRegion: new LiveRegion(document, strings.announce.news),
    strings,
    isSeen: isShown
  });
  watchNews(inbox, news => notices.tell(news));
}

/** Shows a session, or the whole inbox, by whatever part of ours is there. */
function opener({ app, panel }: NoticesParts): (sessionId?: string) => void {
  const { commands } = app;
  return sessionId => {
    if (panel !== null) {
      panel.show(sessionId);
    } else if (sessionId !== undefined && commands.hasCommand(CommandIDs.openSession)) {
      void commands.execute(CommandIDs.openSession, { sessionId });
    }
  };
}
