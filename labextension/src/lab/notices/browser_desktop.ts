// The browser's notifications, behind the one name that JupyterLab uses for its own.

import type { Desktop, DesktopNotice } from './desktop';

export class BrowserDesktop implements Desktop {
  constructor(private readonly page: Window & typeof globalThis) {}

  permission(): NotificationPermission | 'missing' {
    return 'Notification' in this.page ? this.page.Notification.permission : 'missing';
  }

  askPermission(): Promise<NotificationPermission> {
    return this.page.Notification.requestPermission();
  }

  isHidden(): boolean {
    return this.page.document.hidden;
  }

  show({ title, body, tag, onClick }: DesktopNotice): (() => void) | null {
    try {
      const notification = new this.page.Notification(title, { body, tag });
      notification.onclick = () => {
        this.page.focus();
        notification.close();
        onClick();
      };
      return () => notification.close();
    } catch (reason) {
      // Browsers of phones have the name, and refuse to make one for a page.
      console.warn('hitl-jupyter: the browser showed no notification.', reason);
      return null;
    }
  }
}
