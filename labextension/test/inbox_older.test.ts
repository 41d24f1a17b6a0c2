// Ended sessions that the list does not name: they are loaded when they are asked for, and none is passed over.

import { beforeEach, describe, expect, test } from 'vitest';

import { TestInbox, changed, ended, forgotten, running } from './inbox_fakes';
import { words } from './fakes';

let all: TestInbox;

beforeEach(() => {
  // A list names two ended sessions at the most.
  all = new TestInbox(2);
});

describe('older sessions', () => {
  test('are all there where the list was not full, or has no bound', async () => {
    all.feed.list(ended('a', 1));
    expect(all.drawn().older).toBe('all');
    await all.inbox.loadOlder();
    expect(all.server.requests).toEqual([]);
    const unbounded = new TestInbox();
    unbounded.feed.list(ended('a', 1), ended('b', 2), ended('c', 3));
    expect(unbounded.drawn().older).toBe('all');
  });

  test('are loaded from where the list ended, page by page, to the end', async () => {
    all.feed.list(ended('a', 9), ended('b', 8.5));
    expect(all.drawn().older).toBe('more');
    all.pages(
      { sessions: [ended('c', 7), ended('d', 6)], cursor: '6.0,d' },
      { sessions: [ended('e', 5)], cursor: null }
    );
    const loading = all.inbox.loadOlder();
    expect(all.drawn().older).toBe('loading');
    await loading;
    expect([all.ids('ended'), all.drawn().older]).toEqual([['a', 'b', 'c', 'd'], 'more']);
    await all.inbox.loadOlder();
    expect([all.ids('ended'), all.drawn().older]).toEqual([['a', 'b', 'c', 'd', 'e'], 'all']);
    expect(all.cursors).toEqual(['8.5,b', '6.0,d']);
    expect(all.queries[0].get('status')?.split(',').sort()).toEqual([
      'cancelled',
      'completed',
      'failed'
    ]);
  });

  test('are not passed over because one that ran for long has ended', async () => {
    all.feed.list(running('long', 1), ended('a', 9), ended('b', 8));
    all.feed.say(changed(ended('long', 10, 1), 2));
    all.pages({ sessions: [ended('c', 7)], cursor: null });
    await all.inbox.loadOlder();
    expect(all.cursors).toEqual(['8,b']);
    expect(all.ids('ended')).toEqual(['long', 'a', 'b', 'c']);
  });

  test('are those that began before all that the list named, in whatever order these ended', async () => {
    all.feed.list(ended('a', 9), ended('b', 30, 8));
    await all.inbox.loadOlder();
    expect(all.cursors).toEqual(['8,b']);
  });

  test('are asked for once at a time', async () => {
    all.feed.list(ended('a', 9), ended('b', 8));
    all.pages({ sessions: [ended('c', 7)], cursor: '7,c' });
    await Promise.all([all.inbox.loadOlder(), all.inbox.loadOlder()]);
    expect(all.server.requests).toHaveLength(1);
  });

  test('that could not be had say why, and can be asked for again', async () => {
    all.feed.list(ended('a', 9), ended('b', 8));
    all.pages(new Error('down'), { sessions: [ended('c', 7)], cursor: null });
    await all.inbox.loadOlder();
    expect(all.drawn().older).toEqual({ error: words.notConnected });
    const again = all.inbox.loadOlder();
    expect(all.drawn().older).toBe('loading');
    await again;
    expect([all.ids('ended'), all.drawn().older]).toEqual([['a', 'b', 'c'], 'all']);
  });

  test('do not take the place of what the feed told', async () => {
    all.feed.list(ended('a', 9), ended('b', 8));
    all.feed.say(changed({ ...ended('c', 7), title: 'by the feed' }, 2));
    all.pages({ sessions: [ended('c', 7), ended('d', 6)], cursor: null });
    await all.inbox.loadOlder();
    expect(all.drawn().ended.find(({ session_id: id }) => id === 'c')?.title).toBe('by the feed');
  });

  test('that ended unseen, between the list and those loaded before, are found', async () => {
    all.feed.list(ended('a', 9), ended('b', 8));
    all.pages({ sessions: [ended('c', 7)], cursor: null });
    await all.inbox.loadOlder();
    all.feed.list(ended('z', 20), ended('y', 19));
    expect([all.ids('ended'), all.drawn().older]).toEqual([['z', 'y', 'a', 'b', 'c'], 'more']);
    all.pages(
      { sessions: [ended('a', 9), ended('b', 8)], cursor: '8.0,b' },
      { sessions: [ended('bb', 7.5), ended('c', 7)], cursor: null }
    );
    await all.inbox.loadOlder();
    expect(all.ids('ended')).toEqual(['z', 'y', 'a', 'b', 'bb', 'c']);
    expect(all.cursors).toEqual(['8,b', '19,y', '8.0,b']);
    expect(all.drawn().older).toBe('all');
  });

  test('go on from a list that was told anew while a page was on its way', async () => {
    all.feed.list(ended('a', 9), ended('b', 8));
    all.pages({ sessions: [ended('c', 7)], cursor: '7.0,c' });
    const loading = all.inbox.loadOlder();
    all.feed.list(ended('z', 20), ended('y', 19));
    await loading;
    expect(all.ids('ended')).toEqual(['z', 'y', 'a', 'b', 'c']);
    all.pages({ sessions: [ended('x', 18)], cursor: null });
    await all.inbox.loadOlder();
    expect(all.cursors).toEqual(['8,b', '19,y']);
  });

  test('of somebody who lent them again are loaded, though they were gone for a while', async () => {
    all.feed.list(running('lent'), ended('a', 9), ended('b', 8));
    all.feed.say(forgotten('lent'), changed(running('lent'), 10));
    all.feed.list(ended('a', 9), ended('b', 8));
    all.pages({ sessions: [ended('lent', 10, 1)], cursor: null });
    await all.inbox.loadOlder();
    expect(all.ids('ended')).toEqual(['lent', 'a', 'b']);
  });
});
