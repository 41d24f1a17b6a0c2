// All ways of telling together: each hears the same news, and does what the choices say.

import type { Strings } from '../../strings';
import type { DesktopNotices } from './desktop';
import { linesOf } from './read_out';
import type { LiveRegion } from './read_out';
import type { News } from './news';
import type { NoticeSettings } from './settings';
import type { TitleMark } from './title_mark';
import type { Toaster } from './toaster';

export interface NoticesOptions {
  readonly settings: NoticeSettings;
  readonly toaster: Toaster;
  readonly titleMark: TitleMark;
  readonly desktop: DesktopNotices;
  readonly liveRegion: LiveRegion;
  readonly strings: Strings;
  readonly isSeen: (sessionId: string) => boolean;
}

export class Notices {
  private waiting = 0;

  constructor(private readonly options: NoticesOptions) {
    options.settings.onChange(() => this.choose());
  }

  tell(news: News): void {
    const { settings, toaster, desktop, liveRegion, strings, isSeen } = this.options;
    this.waiting = news.state.waiting.length;
    if (settings.current.toasts) {
      toaster.tell(news);
    }
    if (settings.current.browserNotifications) {
      desktop.tell(news);
    } else {
      desktop.closeSettled(news.state);
    }
    liveRegion.say(linesOf(news, strings.notices.readOut, isSeen));
    this.mark();
  }

  private choose(): void {
    if (!this.options.settings.current.toasts) {
      this.options.toaster.clear();
    }
    this.mark();
  }

  private mark(): void {
    const { settings, titleMark } = this.options;
    titleMark.show(settings.current.titleMark ? this.waiting : 0);
  }
}
