// @vitest-environment jsdom
// What is told beside toasts: the title's mark, what is read out, the browser's notifications; and the choices.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { DesktopNotices } from '../src/lab/notices/desktop';
import type { Desktop, DesktopNotice } from '../src/lab/notices/desktop';
import { Notices } from '../src/lab/notices/notices';
import { LiveRegion } from '../src/lab/notices/read_out';
import { NoticeSettings } from '../src/lab/notices/settings';
import type { NoticeChoices } from '../src/lab/notices/settings';
import { TitleMark } from '../src/lab/notices/title_mark';
import { Toaster } from '../src/lab/notices/toaster';
import { desktopIsOn, toggleDesktop } from '../src/lab/notices/toggle';
import { makeStrings } from '../src/strings';
import { FakeFeed, FakePlace, question, session, stateOf } from './notices_fakes';

const strings = makeStrings();

/** The settings as JupyterLab would store them. */
class FakeStored {
  private listener: () => void = () => {};
  readonly changed = { connect: (listener: () => void) => (this.listener = listener) };

  constructor(private values: Readonly<Record<string, unknown>>) {}

  get(key: string): { readonly composite: unknown } {
    return { composite: this.values[key] };
  }

  set(key: string, value: boolean): Promise<void> {
    this.values = { ...this.values, [key]: value };
    this.listener();
    return Promise.resolve();
  }
}

class FakeDesktop implements Desktop {
  allowed: NotificationPermission | 'missing' = 'granted';
  /** What the person says when asked. */
  says: NotificationPermission = 'granted';
  asked = 0;
  hidden = true;
  readonly shown: DesktopNotice[] = [];
  readonly closed: string[] = [];

  permission(): NotificationPermission | 'missing' {
    return this.allowed;
  }

  askPermission(): Promise<NotificationPermission> {
    this.asked += 1;
    this.allowed = this.says;
    return Promise.resolve(this.says);
  }

  isHidden(): boolean {
    return this.hidden;
  }

  show(notice: DesktopNotice): () => void {
    this.shown.push(notice);
    return () => this.closed.push(notice.tag);
  }
}

/** Take what is told back: the page is the same for all tests. */
let leave = () => {};

function told(chosen: Partial<NoticeChoices> = {}) {
  const stored = new FakeStored(chosen);
  const settings = new NoticeSettings();
  settings.follow(stored);
  const desktop = new FakeDesktop();
  const place = new FakePlace();
  const seen = new Set<string>();
  const opened: (string | undefined)[] = [];
  const isSeen = (sessionId: string) => seen.has(sessionId);
  const open = (sessionId?: string) => opened.push(sessionId);
  const notices = new Notices({
    settings,
    toaster: new Toaster({
      place,
      actions: { answer: () => Promise.resolve({ ok: true }) },
      strings,
      isSeen,
      open,
      turnOff: () => void settings.set('toasts', false)
    }),
    titleMark: new TitleMark(document),
    desktop: new DesktopNotices(desktop, strings, open),
    liveRegion: new LiveRegion(document, strings.announce.news),
    strings,
    isSeen
  });
  const feed = new FakeFeed(news => notices.tell(news));
  leave = () => feed.now();
  return { stored, settings, desktop, place, seen, opened, feed };
}

/** Observers have been told of what changed in the page. */
const observed = () => Promise.resolve();

function readOut(): readonly (string | null)[] {
  return [...document.querySelectorAll('[role="log"] p')].map(line => line.textContent);
}

beforeEach(() => {
  document.title = 'a.ipynb';
});

afterEach(() => {
  leave();
  document.body.replaceChildren();
});

describe('the title', () => {
  test('counts the sessions that wait, and is as it was when none does', () => {
    const { feed } = told();
    feed.now(session('a', [question('r'), question('q')]), session('b', [question('s')]));
    expect(document.title).toBe('(2) a.ipynb');
    feed.now(session('a'), session('b', [question('s')]));
    expect(document.title).toBe('(1) a.ipynb');
    feed.now(session('a'), session('b'));
    expect(document.title).toBe('a.ipynb');
  });

  test('has its mark again when the page has written it anew', async () => {
    const { feed } = told();
    feed.now(session('a', [question('r')]));
    document.title = 'b.ipynb';
    await observed();
    expect(document.title).toBe('(1) b.ipynb');
    feed.now();
    await observed();
    expect(document.title).toBe('b.ipynb');
  });

  test('may be written around by somebody else', async () => {
    const { feed } = told();
    feed.now(session('a', [question('r')]));
    document.title = `* ${document.title}`;
    await observed();
    expect(document.title).toBe('* (1) a.ipynb');
    feed.now();
    expect(document.title).toBe('* a.ipynb');
  });

  test('keeps a number of its own', async () => {
    document.title = '(2) a.ipynb';
    const { feed } = told();
    feed.now(session('a', [question('r')]));
    expect(document.title).toBe('(1) (2) a.ipynb');
    feed.now();
    expect(document.title).toBe('(2) a.ipynb');
  });

  test('may be the mark alone', () => {
    document.title = '';
    const { feed } = told();
    feed.now(session('a', [question('r')]));
    feed.now(session('a', [question('r')]), session('b', [question('s')]));
    expect(document.title).toBe('(2)');
    feed.now();
    expect(document.title).toBe('');
  });

  test('loses and gets the mark with the setting', async () => {
    const { feed, stored } = told();
    feed.now(session('a', [question('r')]));
    await stored.set('titleMark', false);
    expect(document.title).toBe('a.ipynb');
    document.title = 'b.ipynb';
    await observed();
    expect(document.title).toBe('b.ipynb');
    await stored.set('titleMark', true);
    expect(document.title).toBe('(1) b.ipynb');
  });
});

describe('a screen reader', () => {
  test('is told of questions and endings', () => {
    const { feed } = told();
    const live = ['a', 'b', 'c'].map(id => session(id));
    feed.now(...live);
    feed.now(session('a', [question('r', { message: 'Send it?' })]), ...live.slice(1));
    const ended = (['completed', 'failed', 'cancelled'] as const).map((status, index) =>
      session(['a', 'b', 'c'][index]!, [], { status, ended_at: 2 })
    );
    feed.now(...ended);
    expect(readOut()).toEqual([
      'Question from Task a: Send it?',
      'Task a completed',
      'Task b failed',
      'Task c was cancelled'
    ]);
  });

  test('is not told what its own view tells', () => {
    const { feed, seen } = told();
    feed.now(session('a'));
    seen.add('a');
    feed.now(session('a', [question('r')]));
    feed.now(session('a', [], { status: 'completed', ended_at: 2 }));
    expect(readOut()).toEqual([]);
  });

  test('is not told what was there when the page came, nor of older sessions that are loaded', () => {
    const { feed } = told();
    feed.now(session('a', [question('r')]));
    feed.now(
      session('a', [question('r')]),
      session('old', [], { status: 'completed', ended_at: 1 })
    );
    expect(readOut()).toEqual([]);
  });

  test('finds the last lines only', () => {
    const { feed } = told();
    feed.now();
    const asking = Array.from({ length: 8 }, (_, index) =>
      session(`${index}`, [question(`r${index}`)])
    );
    feed.now(...asking);
    expect(readOut()).toHaveLength(5);
    expect(readOut().at(-1)).toBe('Question from Task 7: r7?');
  });

  test('finds one polite region in the page', () => {
    told();
    const regions = document.querySelectorAll('body > [aria-live="polite"]');
    expect(regions).toHaveLength(1);
  });
});

describe('the browser', () => {
  const on = { browserNotifications: true };

  test('notifies of a question while the page is hidden, and a click shows it', () => {
    const { feed, desktop, opened } = told(on);
    feed.now();
    feed.now(session('a', [question('r')]));
    expect(desktop.shown).toMatchObject([{ title: 'Question from Task a', body: 'r?', tag: 'r' }]);
    desktop.shown[0]?.onClick();
    expect(opened).toEqual(['a']);
  });

  test('closes the notification when the question is settled', () => {
    const { feed, desktop } = told(on);
    feed.now();
    feed.now(session('a', [question('r')]));
    feed.now(session('a'));
    expect(desktop.closed).toEqual(['r']);
  });

  test.each([
    ['by default', {}, 'granted', true],
    ['while the page can be seen', on, 'granted', false],
    ['without permission', on, 'default', true],
    ['where it cannot', on, 'missing', true]
  ] as const)('notifies of nothing %s', (_when, chosen, allowed, hidden) => {
    const { feed, desktop } = told(chosen);
    Object.assign(desktop, { allowed, hidden });
    feed.now();
    feed.now(session('a', [question('r')]));
    expect(desktop.shown).toEqual([]);
    expect(desktop.asked).toBe(0);
  });

  test('notifies of nothing that was there when the page came', () => {
    const { feed, desktop } = told(on);
    feed.become(stateOf([session('a', [question('r')])], false));
    feed.now(session('a', [question('r')]));
    expect(desktop.shown).toEqual([]);
  });

  test('asks for permission when it is turned on, and only then', async () => {
    const { settings, desktop } = told();
    desktop.allowed = 'default';
    expect(await toggleDesktop(settings, desktop, strings.notices.desktop)).toBeNull();
    expect([desktop.asked, desktopIsOn(settings, desktop)]).toEqual([1, true]);
    expect(await toggleDesktop(settings, desktop, strings.notices.desktop)).toBeNull();
    expect([desktop.asked, desktopIsOn(settings, desktop)]).toEqual([1, false]);
  });

  test('asks for permission where the setting is on but this browser was never asked', async () => {
    const { settings, desktop } = told(on);
    desktop.allowed = 'default';
    expect(desktopIsOn(settings, desktop)).toBe(false);
    await toggleDesktop(settings, desktop, strings.notices.desktop);
    expect(desktopIsOn(settings, desktop)).toBe(true);
  });

  test.each([
    ['denied', 'blocked'],
    ['missing', 'unsupported']
  ] as const)('stays off and says why where notifications are %s', async (allowed, why) => {
    const { settings, desktop } = told();
    Object.assign(desktop, { allowed, says: 'denied' });
    const words = strings.notices.desktop;
    expect(await toggleDesktop(settings, desktop, words)).toBe(words[why]);
    expect(settings.current.browserNotifications).toBe(false);
  });
});

describe('toasts', () => {
  test('that are turned off in one go from every page, and stay off', () => {
    const { feed, place, settings } = told();
    feed.now(session('a', [question('r')]));
    place.click('Don’t show again');
    expect(settings.current.toasts).toBe(false);
    feed.now(session('a', [question('r')]), session('b', [question('q')]));
    expect(place.messages).toEqual([]);
  });

  test('go when the setting is turned off elsewhere, and come for what is new once it is on', async () => {
    const { feed, place, stored } = told();
    feed.now(session('a', [question('r')]));
    await stored.set('toasts', false);
    expect(place.messages).toEqual([]);
    await stored.set('toasts', true);
    feed.now(session('a', [question('r')]), session('b', [question('q')]));
    expect(place.only.message).toBe('Task b: q?');
  });
});

test('without settings all is as it is by default, and can be changed for this page', async () => {
  const settings = new NoticeSettings();
  expect(settings.current).toEqual({
    toasts: true,
    titleMark: true,
    browserNotifications: false
  });
  await settings.set('toasts', false);
  expect(settings.current.toasts).toBe(false);
});
