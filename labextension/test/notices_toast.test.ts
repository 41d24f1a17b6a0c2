import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { LONGEST } from '../src/lab/notices/toast';
import { ARMED_AFTER_MS, Toaster } from '../src/lab/notices/toaster';
import type { Reply } from '../src/port';
import type { AnswerCommand } from '../src/protocol';
import { makeStrings } from '../src/strings';
import { clockTime } from '../src/view/time';
import { FakeFeed, FakePlace, question, session, stateOf } from './notices_fakes';

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});

afterEach(() => {
  vi.useRealTimers();
});

function toasted() {
  const place = new FakePlace();
  const seen = new Set<string>();
  const opened: (string | undefined)[] = [];
  const answers: { readonly sessionId: string; readonly command: AnswerCommand }[] = [];
  const told = { turnedOff: 0, reply: { ok: true } as Reply };
  const toaster = new Toaster({
    place,
    actions: {
      answer: (sessionId, command) => {
        answers.push({ sessionId, command });
        return Promise.resolve(told.reply);
      }
    },
    strings: makeStrings(),
    isSeen: sessionId => seen.has(sessionId),
    open: sessionId => opened.push(sessionId),
    turnOff: () => (told.turnedOff += 1)
  });
  const feed = new FakeFeed(news => toaster.tell(news));
  /** The page has been there for a while, and nothing waits. */
  const begin = () => feed.now();
  /** Long enough to take a click. */
  const rest = () => vi.advanceTimersByTime(ARMED_AFTER_MS);
  return { place, seen, opened, answers, told, toaster, feed, begin, rest };
}

describe('a new question', () => {
  test('brings one toast with what is asked', () => {
    const { place, feed, begin } = toasted();
    begin();
    feed.now(session('a', [question('r', { message: 'Send the\nreport?' })]));
    expect(place.only).toMatchObject({ message: 'Task a: Send the report?', isQuiet: false });
    expect(place.labels).toEqual(['Don’t show again', 'Open', 'Approve']);
  });

  test('is named by its task where the session has no title', () => {
    const { place, feed, begin } = toasted();
    begin();
    feed.now(session('a', [question('r')], { title: '' }));
    expect(place.only.message).toBe('module:task: r?');
  });

  test('is told once, however often the session is heard of', () => {
    const { place, feed, begin } = toasted();
    begin();
    feed.now(session('a', [question('r')]));
    feed.now(session('a', [question('r')], { streams: 7 }));
    expect(place.count).toBe(1);
  });

  test('brings no toast while somebody looks at it', () => {
    const { place, feed, begin, seen } = toasted();
    begin();
    seen.add('a');
    feed.now(session('a', [question('r')]));
    expect(place.count).toBe(0);
  });

  test('has no toast any more as soon as somebody comes to look at it', () => {
    const { place, feed, begin, seen } = toasted();
    begin();
    feed.now(session('a', [question('r')]));
    seen.add('a');
    vi.advanceTimersByTime(1000);
    expect(place.messages).toEqual([]);
    seen.clear();
    vi.advanceTimersByTime(5000);
    expect(place.messages).toEqual([]);
  });

  test('is gone from the toast at once when anybody answers', () => {
    const { place, feed, begin } = toasted();
    begin();
    feed.now(session('a', [question('r')]));
    feed.now(session('a'));
    expect(place.messages).toEqual([]);
  });

  test('opens in the inbox', () => {
    const { place, feed, begin, opened } = toasted();
    begin();
    feed.now(session('a', [question('r')]));
    expect(place.click('Open')).toBe(true);
    expect(opened).toEqual(['a']);
  });

  test('can be the last that is told so', () => {
    const { place, feed, begin, told } = toasted();
    begin();
    feed.now(session('a', [question('r')]));
    place.click('Don’t show again');
    expect(told.turnedOff).toBe(1);
  });
});

describe('several questions', () => {
  const two = [session('a', [question('r')]), session('b', [question('q')])];

  test('share one toast, which answers none of them', () => {
    const { place, feed, begin, opened } = toasted();
    begin();
    feed.now(...two);
    expect(place.only.message).toBe('2 questions wait for you');
    expect(place.labels).toEqual(['Don’t show again', 'Open inbox']);
    place.click('Open inbox');
    expect(opened).toEqual([undefined]);
  });

  test('that waited when the page came share one too', () => {
    const { place, feed } = toasted();
    feed.become(stateOf(two, false));
    expect(place.count).toBe(0);
    feed.now(...two);
    expect(place.only.message).toBe('2 questions wait for you');
  });

  test('of one session count each', () => {
    const { place, feed, begin } = toasted();
    begin();
    feed.now(session('a', [question('r'), question('q')]));
    expect(place.only.message).toBe('2 questions wait for you');
  });

  test('never stand in a toast that was there before: it is a new one', () => {
    const { place, feed, begin } = toasted();
    begin();
    feed.now(two[0]!);
    const first = place.only;
    feed.now(...two);
    expect(place.only).not.toBe(first);
    expect(place.count).toBe(2);
  });

  test('become one again when the other is settled', () => {
    const { place, feed, begin } = toasted();
    begin();
    feed.now(...two);
    feed.now(two[1]!);
    expect(place.only).toMatchObject({ message: 'Task b: q?', isQuiet: false });
  });

  test('do not come back up when one is settled after a person closed the toast', () => {
    const { place, feed, begin } = toasted();
    begin();
    feed.now(...two);
    place.close();
    feed.now(two[1]!);
    expect(place.only).toMatchObject({ message: 'Task b: q?', isQuiet: true });
  });

  test('that a person has done with are not counted with the next', () => {
    const { place, feed, begin } = toasted();
    begin();
    feed.now(...two);
    place.click('Open inbox');
    feed.now(...two, session('c', [question('s')]));
    expect(place.only.message).toBe('Task c: s?');
  });
});

describe('approval from the toast', () => {
  test('says yes to the request that was shown, and to no other', async () => {
    const { place, feed, begin, rest, answers } = toasted();
    begin();
    feed.now(session('a', [question('r')]));
    rest();
    expect(place.click('Approve')).toBe(true);
    await vi.runAllTimersAsync();
    expect(answers).toEqual([
      { sessionId: 'a', command: { type: 'confirm', value: true, request_id: 'r' } }
    ]);
    expect(place.said).toEqual([]);
  });

  test('is not live while the toast is fresh, and the toast stays', () => {
    const { place, feed, begin, answers } = toasted();
    begin();
    feed.now(session('a', [question('r')]));
    vi.advanceTimersByTime(ARMED_AFTER_MS - 1);
    expect(place.click('Approve')).toBe(false);
    expect(place.messages).toEqual(['Task a: r?']);
    expect(answers).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(place.click('Approve')).toBe(true);
  });

  test('counts that time from when the toast could be seen', () => {
    const { place, feed, begin, rest } = toasted();
    begin();
    feed.now(session('a', [question('r')]));
    vi.advanceTimersByTime(900);
    place.only.onUp();
    expect(place.click('Approve')).toBe(false);
    rest();
    expect(place.click('Approve')).toBe(true);
  });

  test('is not taken by a toast that is on its way out', () => {
    const { place, feed, begin, rest, answers } = toasted();
    begin();
    feed.now(session('a', [question('r')]));
    const leaving = place.only;
    feed.now(session('b', [question('q')]));
    rest();
    leaving.actions.find(({ label }) => label === 'Approve')?.run();
    expect(answers).toEqual([]);
  });

  test('that came second tells who was first', async () => {
    const { place, feed, begin, rest, told } = toasted();
    begin();
    feed.now(session('a', [question('r')]));
    rest();
    const at = new Date(2026, 0, 1, 12, 3).getTime() / 1000;
    vi.setSystemTime(at * 1000);
    told.reply = {
      ok: false,
      refusal: {
        code: 'already_settled',
        message: 'It has been settled.',
        details: { outcome: 'answered', value: false, by: 'Ada', via: 'browser', at }
      }
    };
    place.click('Approve');
    await vi.runAllTimersAsync();
    expect(place.said).toEqual([
      { message: `Task a: Declined by Ada at ${clockTime(at)}`, isFailure: false }
    ]);
  });

  test('that did not arrive is said, and stays said', async () => {
    const { place, feed, begin, rest, told } = toasted();
    begin();
    feed.now(session('a', [question('r')]));
    rest();
    told.reply = { ok: false, refusal: { code: 'offline', message: 'Not connected.' } };
    place.click('Approve');
    await vi.runAllTimersAsync();
    expect(place.said).toEqual([
      { message: 'Task a: your approval did not arrive. Not connected.', isFailure: true }
    ]);
  });

  test('after the deadline shows the question instead', () => {
    const { place, feed, begin, answers, opened } = toasted();
    begin();
    feed.now(session('a', [question('r', { deadline: 1001 })]));
    expect(place.labels).toContain('Approve');
    vi.advanceTimersByTime(2000);
    place.click('Approve');
    expect([answers, opened]).toEqual([[], ['a']]);
  });

  test.each([
    ['a form', { kind: 'user_input' }],
    ['a retry', { kind: 'retry' }],
    ['a question with evidence to look at', { has_evidence: true }],
    ['a question for somebody named', { assignees: ['Ada'] }],
    ['a question whose deadline has passed', { deadline: 999 }],
    ['an overdue question', { overdue: true }],
    ['a question that does not fit', { message: 'word '.repeat(40) }]
  ] as const)('is not offered for %s', (_what, rest) => {
    const { place, feed, begin } = toasted();
    begin();
    feed.now(session('a', [question('r', rest)]));
    expect(place.labels).toEqual(['Don’t show again', 'Open']);
  });

  test('is not offered where characters that cannot be seen would hide what is asked', () => {
    const { place, feed, begin } = toasted();
    begin();
    feed.now(session('a', [question('r', { message: 'Delete \u202Egpj.exe\u0007 now?' })]));
    expect(place.only.message).toBe('Task a: Delete gpj.exe now?');
    expect(place.labels).not.toContain('Approve');
  });
});

test('what does not fit is cut to what JupyterLab shows', () => {
  const { place, feed, begin } = toasted();
  begin();
  feed.now(session('a', [question('r', { message: 'word '.repeat(40) })]));
  expect(place.only.message.length).toBeLessThanOrEqual(LONGEST);
  expect(place.only.message.endsWith('…')).toBe(true);
});

test('toasts that are turned off go, and nothing watches any more', () => {
  const { place, feed, begin, toaster } = toasted();
  begin();
  feed.now(session('a', [question('r')]));
  toaster.clear();
  expect(place.messages).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});
