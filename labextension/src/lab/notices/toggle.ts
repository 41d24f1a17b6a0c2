// Turning the browser's notifications on, which takes the person's permission, and off.

import type { Strings } from '../../strings';
import type { Desktop } from './desktop';
import type { NoticeSettings } from './settings';

/** Whether the browser's notifications are on here: wanted, and allowed. */
export function desktopIsOn(settings: NoticeSettings, desktop: Desktop): boolean {
  return settings.current.browserNotifications && desktop.permission() === 'granted';
}

/** Turn them on, which asks the person, or off. Returns what stands in the way, if anything does. */
export async function toggleDesktop(
  settings: NoticeSettings,
  desktop: Desktop,
  words: Strings['notices']['desktop']
): Promise<string | null> {
  if (desktopIsOn(settings, desktop)) {
    await settings.set('browserNotifications', false);
    return null;
  }
  if (desktop.permission() === 'missing') {
    return words.unsupported;
  }
  if ((await desktop.askPermission()) !== 'granted') {
    return words.blocked;
  }
  await settings.set('browserNotifications', true);
  return null;
}
