// All sessions of a person, as the feed tells of them.

import { beforeEach, describe, expect, test } from 'vitest';

import { newRequests } from '../src/inbox';
import type { InboxState } from '../src/inbox';
import { LISTED, TestInbox, changed, ended, forgotten, running, waiting } from './inbox_fakes';
import { question, session } from './notices_fakes';

let all: TestInbox;

beforeEach(() => {
  // A list names two ended sessions at the most.
  all = new TestInbox(2);
});

describe('the sections', () => {
  test('hold what waits longest first, what runs newest first, and what ended last first', () => {
    all.feed.list(
      running('old', 1),
      running('new', 2),
      waiting('late', 20),
      waiting('early', 10),
      ended('before', 5),
      ended('after', 6)
    );
    expect(all.ids('waiting')).toEqual(['early', 'late']);
    expect(all.ids('running')).toEqual(['new', 'old']);
    expect(all.ids('ended')).toEqual(['after', 'before']);
  });

  test('a session goes from one to the next as its state does', () => {
    all.feed.list(running('a'), running('b'));
    all.feed.say(changed(waiting('a'), 2));
    expect([all.ids('waiting'), all.ids('running')]).toEqual([['a'], ['b']]);
    all.feed.say(changed(running('a'), 3));
    expect([all.ids('waiting'), all.ids('running')]).toEqual([[], ['a', 'b']]);
    all.feed.say(changed(ended('a', 9), 4));
    expect([all.ids('running'), all.ids('ended')]).toEqual([['b'], ['a']]);
  });

  test('of one with several questions the oldest counts', () => {
    const two = session('two', [question('x', { opened_at: 30 }), question('y', { opened_at: 5 })]);
    all.feed.list(waiting('one', 10), two);
    expect(all.ids('waiting')).toEqual(['two', 'one']);
    all.feed.say(changed(session('two', [question('x', { opened_at: 30 })]), 2));
    expect(all.ids('waiting')).toEqual(['one', 'two']);
  });

  test('those in which nothing changed are the same arrays as before', () => {
    all.feed.list(running('a'), waiting('b'), ended('c', 1));
    const before = all.drawn();
    all.feed.say(changed({ ...running('a'), streams: 7 }, 2));
    const after = all.drawn();
    expect(after.running).not.toBe(before.running);
    expect(after.waiting).toBe(before.waiting);
    expect(after.ended).toBe(before.ended);
  });
});

describe('what is newer', () => {
  test('wins over what is older, in whatever order they come', () => {
    all.feed.list(running('a'));
    all.feed.say(changed({ ...running('a'), title: 'newer' }, 5));
    all.feed.say(changed({ ...running('a'), title: 'older' }, 4));
    expect(all.drawn().running[0].title).toBe('newer');
    expect(all.inbox.find('a')?.title).toBe('newer');
    all.feed.say(changed({ ...running('a'), title: 'newest' }, 6));
    expect(all.drawn().running[0].title).toBe('newest');
  });

  test('is what a new list says, though its server may count anew', () => {
    all.feed.list(running('a'));
    all.feed.say(changed({ ...running('a'), title: 'before' }, 50));
    all.feed.list({ ...running('a'), title: 'after' });
    expect(all.drawn().running[0].title).toBe('after');
  });
});

describe('all parts of the state', () => {
  test('appear together: none is listed before its sessions are there', () => {
    const seen: (readonly [boolean, number])[] = [];
    all.inbox.subscribe(() => {
      const { listed, waiting: asked } = all.inbox.getState();
      seen.push([listed, asked.length]);
    });
    all.feed.list(waiting('a'));
    all.feed.handler?.connection('live');
    expect(all.inbox.getState()).toMatchObject({
      listed: false,
      waiting: [],
      connection: 'connecting'
    });
    expect(all.drawn()).toMatchObject({ listed: true, connection: 'live' });
    expect(seen).toEqual([[true, 1]]);
  });

  test('change once a frame, however much is told', () => {
    let changes = 0;
    all.inbox.subscribe(() => (changes += 1));
    all.feed.list(running('a'), running('b'));
    all.feed.say(changed(waiting('a'), 2));
    all.feed.handler?.connection('reconnecting');
    expect(all.flushes).toHaveLength(1);
    all.drawn();
    expect(changes).toBe(1);
  });

  test('but the row that is open changes at once, and stays through what comes', () => {
    all.feed.list(running('a'));
    all.inbox.select('a');
    expect(all.inbox.getState()).toMatchObject({ selected: 'a', listed: false });
    expect(all.drawn()).toMatchObject({ selected: 'a', listed: true });
    let changes = 0;
    all.inbox.subscribe(() => (changes += 1));
    all.inbox.select('a');
    expect(changes).toBe(0);
    all.inbox.select(null);
    expect([changes, all.inbox.getState().selected]).toEqual([1, null]);
  });

  test('tell of the connection, and why it was refused', () => {
    all.feed.handler?.connection('refused', { code: 'forbidden', message: 'No.' });
    expect(all.drawn()).toMatchObject({ connection: 'refused', refusal: { message: 'No.' } });
    all.feed.handler?.connection('connecting');
    expect(all.drawn()).toMatchObject({ connection: 'connecting', refusal: null });
    all.inbox.reconnect();
    expect(all.feed.reconnects).toBe(1);
  });

  test('change no more once it is disposed', () => {
    let changes = 0;
    all.inbox.subscribe(() => (changes += 1));
    all.inbox.dispose();
    expect(all.feed.handler).toBeNull();
    all.inbox.select('a');
    expect(changes).toBe(0);
  });
});

describe('a forgotten session', () => {
  test('goes, and the row that is open stays open', () => {
    all.feed.list(ended('a', 1), ended('b', 2));
    all.inbox.select('b');
    all.feed.say(forgotten('a'));
    expect(all.ids('ended')).toEqual(['b']);
    expect(all.inbox.find('a')).toBeUndefined();
    expect(all.drawn().selected).toBe('b');
    all.feed.say(forgotten('b'));
    expect([all.ids('ended'), all.drawn().selected]).toEqual([[], 'b']);
  });

  test('is not brought back by a page of older ones that was on its way', async () => {
    all.feed.list(ended('a', 9), ended('b', 8));
    all.pages({ sessions: [ended('c', 1), ended('d', 2)], cursor: null });
    const loading = all.inbox.loadOlder();
    all.feed.say(forgotten('c'));
    await loading;
    expect(all.ids('ended')).toEqual(['a', 'b', 'd']);
  });

  test('comes back where it may be seen again', () => {
    all.feed.list(running('a'));
    all.feed.say(forgotten('a'));
    all.feed.say(changed(running('a'), 10));
    expect(all.ids('running')).toEqual(['a']);
  });
});

describe('a list that is told anew', () => {
  beforeEach(() => all.feed.list(running('a'), waiting('b'), ended('c', 3)));

  test('takes no row away until it is whole, then all that it did not name', () => {
    all.feed.handler?.connection('reconnecting');
    all.feed.handler?.begins();
    all.feed.say(changed(running('a')));
    expect([all.ids('running'), all.ids('waiting'), all.ids('ended')]).toEqual([
      ['a'],
      ['b'],
      ['c']
    ]);
    all.feed.say(LISTED);
    expect([all.ids('running'), all.ids('waiting'), all.ids('ended')]).toEqual([['a'], [], []]);
    expect(all.drawn().listed).toBe(true);
  });

  test('counts what it named itself, not what one before it named that was cut off', () => {
    all.feed.handler?.begins();
    all.feed.say(changed(running('a')));
    all.feed.list(waiting('b'));
    expect([all.ids('running'), all.ids('waiting')]).toEqual([[], ['b']]);
  });

  test('keeps the row that is open, even if it is gone', () => {
    all.inbox.select('a');
    all.feed.list(waiting('b'));
    expect(all.drawn().selected).toBe('a');
  });

  test('keeps ended ones that are older than all it named, for it names only the newest', () => {
    all.feed.list(ended('e', 5), ended('d', 4));
    expect(all.ids('ended')).toEqual(['e', 'd', 'c']);
  });

  test('keeps none that it would have named', () => {
    all.feed.list(ended('e', 5), ended('d', 2));
    expect(all.ids('ended')).toEqual(['e', 'd']);
  });

  test('keeps none where it named all', () => {
    all.feed.list(ended('e', 5));
    expect(all.ids('ended')).toEqual(['e']);
  });

  test('keeps no live one, however old', () => {
    all.feed.list(ended('e', 5), ended('d', 4));
    expect([all.ids('running'), all.ids('waiting')]).toEqual([[], []]);
  });
});

describe('new requests', () => {
  const asked = (before: InboxState, after: InboxState) =>
    newRequests(before, after).map(({ session: { session_id: id }, request }) => [
      id,
      request.request_id
    ]);

  test('are none of those that there were at first', () => {
    const before = all.drawn();
    all.feed.list(waiting('a'));
    expect(asked(before, all.drawn())).toEqual([]);
  });

  test('are those that are open now and were not', () => {
    all.feed.list(waiting('a'), running('b'), running('c'));
    const before = all.drawn();
    all.feed.say(changed(session('a', [question('a-r'), question('more')]), 2));
    all.feed.say(changed(waiting('b', 5), 2));
    all.feed.say(changed({ ...running('c'), streams: 9 }, 2));
    expect(asked(before, all.drawn())).toEqual([
      ['a', 'more'],
      ['b', 'b-r']
    ]);
  });

  test('are none where a list is told anew', () => {
    all.feed.list(waiting('a'));
    const before = all.drawn();
    all.feed.list(waiting('a'));
    expect(asked(before, all.drawn())).toEqual([]);
  });
});

test('a change among ten thousand sessions costs a fraction of sorting them', () => {
  const many = Array.from({ length: 10_000 }, (_, i) =>
    waiting(`s${(i * 7919) % 10_000}`, i % 977)
  );
  all.feed.list(...many);
  const sorting = time(() => {
    many.toSorted((a, b) => a.open_requests[0].opened_at - b.open_requests[0].opened_at);
  });
  let rev = 10;
  const changing = time(() => {
    rev += 1;
    all.feed.say(changed(waiting('s42', (rev * 131) % 977), rev));
    all.drawn();
  });
  expect(changing).toBeLessThan(sorting / 10);
});

/** The median of several runs, in milliseconds. */
function time(run: () => void): number {
  const times = Array.from({ length: 31 }, () => {
    const before = performance.now();
    run();
    return performance.now() - before;
  });
  return times.sort((a, b) => a - b)[15];
}
