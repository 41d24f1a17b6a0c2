// Notifications of the browser itself, for questions that come while the page is hidden.

import type { InboxState } from '../../inbox';
import type { Strings } from '../../strings';
import { titleOf } from './news';
import type { Asked, News } from './news';
import { plainLine } from './toast';

export interface DesktopNotice {
  readonly title: string;
  readonly body: string;
  /** A notice with the same tag takes the place of an earlier one, whichever tab it came from. */
  readonly tag: string;
  readonly onClick: () => void;
}

/** The browser, as far as it is needed. */
export interface Desktop {
  /** `missing` where the browser has no notifications for this page. */
  permission(): NotificationPermission | 'missing';
  /** Has the browser ask, which it does only on a click. */
  askPermission(): Promise<NotificationPermission>;
  /** Returns how to close it; null where it could not be shown. */
  show(notice: DesktopNotice): (() => void) | null;
  isHidden(): boolean;
}

export class DesktopNotices {
  private readonly shown = new Map<string, () => void>();

  constructor(
    private readonly desktop: Desktop,
    private readonly strings: Strings,
    private readonly open: (sessionId: string) => void
  ) {}

  tell({ asked, isFirst, state }: News): void {
    this.closeSettled(state);
    if (!isFirst && this.desktop.isHidden() && this.desktop.permission() === 'granted') {
      asked.forEach(each => this.show(each));
    }
  }

  /** What is settled needs nobody any more. */
  closeSettled({ waiting }: InboxState): void {
    const open = new Set(
      waiting.flatMap(({ open_requests }) => open_requests.map(({ request_id }) => request_id))
    );
    for (const [requestId, close] of [...this.shown]) {
      if (!open.has(requestId)) {
        close();
        this.shown.delete(requestId);
      }
    }
  }

  private show({ session, request }: Asked): void {
    const close = this.desktop.show({
      title: this.strings.notices.desktop.question(plainLine(titleOf(session))),
      body: plainLine(request.message),
      tag: request.request_id,
      onClick: () => this.open(session.session_id)
    });
    if (close !== null) {
      this.shown.set(request.request_id, close);
    }
  }
}
