// @vitest-environment jsdom
// The inbox as a person meets it: what is listed, opened, answered, and what happens meanwhile.

import axe from 'axe-core';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import type { NewEvent } from '../dev/fake_port';
import { sendQuestion } from '../dev/questions';
import { failure, status } from '../dev/scenarios';
import { World, ago, born } from '../dev/world';
import { Actions } from '../src/actions';
import { Inbox } from '../src/inbox';
import { SessionPool } from '../src/session_pool';
import type { Schedule } from '../src/store';
import { makeStrings } from '../src/strings';
import { GUARD_MS } from '../src/view/card';
import { InboxView } from '../src/view/inbox_view';
import type { InboxHost } from '../src/view/inbox_view';
import { TestPage } from './page_fakes';

const strings = makeStrings();
const atOnce: Schedule = flush => flush();

function asking(title: string, message: string, since: number, notebook?: string): NewEvent[] {
  return [
    ...born(since + 60, { title, task: 'a:task', notebook }),
    ago(since, { ...sendQuestion, message }),
    ago(since, status('waiting'))
  ];
}

function running(title: string): NewEvent[] {
  return [
    ...born(100, { title, task: 'a:task' }),
    ago(50, { type: 'progress', progress_id: 'p', label: 'epochs', done: 18, total: 50 })
  ];
}

function ended(title: string, since = 10): NewEvent[] {
  return [
    ...born(since + 20, { title, task: 'a:task' }),
    ago(since, { type: 'task_completed', values: null }),
    ago(since, status('completed'))
  ];
}

let page: TestPage;
let world: World;
let inbox: Inbox;
let pool: SessionPool;
let opened: string[];

beforeEach(() => {
  page = new TestPage();
  world = new World();
  opened = [];
});

afterEach(() => page.close());

async function show(more: Partial<InboxHost> = {}): Promise<void> {
  const actions = new Actions(world, strings.connection);
  inbox = new Inbox(world, actions, atOnce);
  pool = new SessionPool(id => world.port(id), { schedule: atOnce });
  await page.show(
    <InboxView
      inbox={inbox}
      pool={pool}
      actions={actions}
      strings={strings}
      sanitize={html => html}
      openSession={id => opened.push(id)}
      revealCell={({ session_id: id }) => opened.push(id)}
      {...more}
    />
  );
}

const row = (id: string) => page.get(`[data-session="${id}"]`);
const head = (id: string) => page.get(`[data-session="${id}"] [data-roving]`);
const titles = () => page.all('[data-roving]').map(button => button.title);

async function open(id: string): Promise<void> {
  await page.click(head(id));
  await page.pass(GUARD_MS);
}

describe('the list', () => {
  test('tells of what waits, runs and has ended, and opens nothing by itself', async () => {
    world.add(asking('Newer', 'Drop these 12 rows?\nThey are odd.', 12));
    world.add(asking('Older', 'Send it?', 190, 'work/mail/letters.ipynb'));
    world.add(running('Train'));
    world.add(ended('Done'));
    await show();
    expect(page.all('h3').map(section => section.textContent)).toEqual([
      'Waiting for you2',
      'Running1',
      'Ended1'
    ]);
    expect(titles()).toEqual(['Older', 'Newer', 'Train', 'Done']);
    expect(page.text).toContain('waiting for 3 min');
    expect(page.text).toContain('waiting for 12 s');
    expect(page.text).toContain('Drop these 12 rows?');
    expect(page.text).not.toContain('They are odd.');
    expect(page.get('[title="work/mail/letters.ipynb"]').textContent).toBe('letters.ipynb');
    expect(page.text).toContain('36 %');
    expect(page.all('[data-open="true"], .jp-hitl-Card')).toEqual([]);
  });

  test('says how to begin where there is nothing', async () => {
    await show();
    expect(page.text).toContain('hitl.start(task)');
  });

  test('narrows to what is typed, and "/" and Escape do as they do elsewhere', async () => {
    const letters = world.add(asking('Letters', 'Send it?', 10, 'work/mail/letters.ipynb'));
    world.add(asking('Rows', 'Drop these 12 rows?', 20));
    world.add(ended('Done'));
    await show();
    await page.do(() => head(letters).focus());
    await page.key('/');
    const box = page.all<HTMLInputElement>('input[type=search]')[0];
    expect(document.activeElement).toBe(box);
    await page.type(box, 'MAIL send');
    expect(titles()).toEqual(['Letters']);
    expect(page.text).toContain('1 of 2');
    await page.type(box, '12 rows');
    expect(titles()).toEqual(['Rows']);
    await page.type(box, 'nowhere');
    expect(page.text).toContain('No session matches “nowhere”');
    await page.key('Escape');
    expect(titles()).toEqual(['Rows', 'Letters', 'Done']);
  });

  test('what is opened from elsewhere is shown, whatever the filter and the folds', async () => {
    world.add(asking('Letters', 'Send it?', 10));
    const done = world.add(ended('Done'));
    await show();
    await page.click(page.all('h3[data-section=ended] button')[0]);
    expect(titles()).toEqual(['Letters']);
    await page.type(page.all<HTMLInputElement>('input[type=search]')[0], 'letters');
    await page.do(() => inbox.select(done));
    expect(row(done).dataset['open']).toBe('true');
  });

  test('draws no more ended sessions than are read, and more when asked', async () => {
    Array.from({ length: 130 }, (_, i) => world.add(ended(`Batch ${i}`, i + 1)));
    await show();
    expect(titles()).toHaveLength(100);
    await page.click(page.button('Show older'));
    expect(titles()).toHaveLength(130);
  });

  test('says when it may be out of date, and tries again', async () => {
    world.add(running('Train'));
    await show();
    await page.do(() => world.connection('offline'));
    expect(page.text).toContain('Offline. What is shown may be out of date.');
    await page.click(page.button('Retry'));
    expect(page.text).toContain('Reconnecting');
    await page.pass(1000);
    expect(page.text).not.toContain('out of date');
  });
});

describe('an open row', () => {
  test('is answered right there, moves, and stays the same open row with the focus in it', async () => {
    const id = world.add(asking('Letters', 'Send it?', 10));
    const other = world.add(running('Train'));
    await show();
    await open(id);
    const before = row(id);
    const confirm = page.button('Confirm', before);
    await page.do(() => confirm.focus());
    await page.click(confirm);
    expect(world.port(id).commands).toMatchObject([
      { type: 'confirm', value: true, request_id: 'send' }
    ]);
    expect(row(id)).toBe(before);
    expect(before.dataset).toMatchObject({ section: 'running', open: 'true' });
    expect(before.textContent).toContain('Confirmed by Ada Lovelace');
    expect(before.contains(document.activeElement)).toBe(true);
    expect(row(other).dataset['open']).toBe('false');
    await page.pass(4000);
    expect(before.dataset).toMatchObject({ section: 'ended', open: 'true' });
    expect(before.textContent).toContain('Result');
  });

  test('says who was quicker', async () => {
    const id = world.add(asking('Letters', 'Send it?', 10));
    await show();
    await open(id);
    await page.do(() =>
      world.port(id).emit(
        ago(0, {
          type: 'request_resolved',
          request_id: 'send',
          outcome: 'answered',
          value: true,
          by: 'Bob',
          via: 'browser',
          at: Date.now() / 1000,
          comment: null
        }),
        ago(0, status('running'))
      )
    );
    expect(row(id).textContent).toMatch(/Confirmed by Bob at \d/);
    expect(row(id).dataset).toMatchObject({ section: 'running', open: 'true' });
  });

  test('guards a question that takes the place of another, and answers only the one shown', async () => {
    const id = world.add(asking('Letters', 'Send it?', 10));
    await show();
    await open(id);
    const first = page.get('.jp-hitl-Card');
    await page.do(() =>
      world.port(id).emit(
        ago(0, {
          type: 'request_resolved',
          request_id: 'send',
          outcome: 'superseded',
          value: null,
          by: null,
          via: 'task',
          at: Date.now() / 1000,
          comment: null
        }),
        ago(0, { ...sendQuestion, request_id: 'delete', message: 'Delete all?' })
      )
    );
    const second = page.get('.jp-hitl-Card');
    expect(second).not.toBe(first);
    await page.click(page.button('Confirm', second));
    expect(world.port(id).commands).toEqual([]);
    await page.pass(GUARD_MS);
    await page.click(page.button('Confirm', second));
    expect(world.port(id).commands).toMatchObject([{ request_id: 'delete' }]);
  });

  test('is one at a time, and only it is connected', async () => {
    const [a, b] = [world.add(asking('A', 'A?', 20)), world.add(asking('B', 'B?', 10))];
    await show();
    await open(a);
    expect([pool.isSeen(a), pool.isSeen(b)]).toEqual([true, false]);
    await open(b);
    expect([pool.isSeen(a), pool.isSeen(b)]).toEqual([false, true]);
    await open(b);
    expect([pool.isSeen(a), pool.isSeen(b)]).toEqual([false, false]);
  });

  test('leads to the tab and to the cell, where there are such', async () => {
    const id = world.add(asking('Letters', 'Send it?', 10, 'letters.ipynb'));
    const bare = world.add(running('Train'));
    await show();
    await open(id);
    await page.click(page.button('Open'));
    await page.click(page.button('Show cell'));
    expect(opened).toEqual([id, id]);
    await open(bare);
    expect(page.hasButton('Show cell')).toBe(false);
    await show({ openSession: undefined });
    expect(page.hasButton('Open')).toBe(false);
  });

  test('in view-only mode shows all and acts on nothing', async () => {
    const id = world.add(asking('Letters', 'Send it?', 10));
    await show({ viewOnly: true });
    await open(id);
    expect(row(id).textContent).toContain('Send it?');
    expect(['Confirm', 'Decline', 'Cancel'].filter(text => page.hasButton(text))).toEqual([]);
  });

  test('cancels by a double click, and does not kill', async () => {
    const id = world.add(running('Train'));
    await show();
    await open(id);
    await page.click(page.button('Cancel'));
    expect(page.hasButton('Force')).toBe(true);
    await page.click(page.button('Force'));
    expect(world.port(id).commands).toMatchObject([{ type: 'cancel', force: false }]);
    await page.pass(GUARD_MS);
    await page.click(page.button('Force'));
    expect(world.port(id).commands.at(-1)).toMatchObject({ force: true });
  });

  test('is forgotten when asked twice, not by a double click, and the focus goes to its neighbour', async () => {
    const [id, next] = [world.add(ended('Done', 10)), world.add(ended('Older', 20))];
    await show();
    await open(id);
    await page.do(() => page.button('Forget').focus());
    await page.click(page.button('Forget'));
    await page.click(page.button('Forget for good?'));
    expect(titles()).toEqual(['Done', 'Older']);
    await page.pass(GUARD_MS);
    await page.click(page.button('Forget for good?'));
    expect(titles()).toEqual(['Older']);
    expect(document.activeElement).toBe(head(next));
  });

  test('says why something was refused', async () => {
    const id = world.add(ended('Done'));
    await show();
    await open(id);
    world.request = () =>
      Promise.resolve(Response.json({ code: 'busy', message: 'Try later.' }, { status: 503 }));
    await page.click(page.button('Forget'));
    await page.pass(GUARD_MS);
    await page.click(page.button('Forget for good?'));
    expect(page.get('[role=alert]').textContent).toBe('Try later.');
  });
});

describe('by keys', () => {
  test('rows are walked, opened, entered, left and closed', async () => {
    const ids = [world.add(asking('A', 'A?', 20)), world.add(running('B')), world.add(ended('C'))];
    await show();
    expect(page.all('[data-roving][tabindex="0"]')).toEqual([head(ids[0])]);
    await page.do(() => head(ids[0]).focus());
    await page.key('ArrowDown');
    expect(document.activeElement).toBe(head(ids[1]));
    await page.key('End');
    expect(document.activeElement).toBe(head(ids[2]));
    expect(page.all('[data-roving][tabindex="0"]')).toEqual([head(ids[2])]);
    await page.key('Home');
    await page.key('ArrowRight');
    await page.pass(GUARD_MS);
    expect(inbox.getState().selected).toBe(ids[0]);
    await page.key('ArrowRight');
    expect(document.activeElement?.textContent).toBe('Confirm');
    await page.key('Escape');
    expect(document.activeElement).toBe(head(ids[0]));
    expect(inbox.getState().selected).toBe(ids[0]);
    await page.key('Escape');
    expect(inbox.getState().selected).toBe(null);
  });

  test('the page’s own shortcuts go on at the side; only a notebook has keys that would delete a cell', async () => {
    const id = world.add(running('B'));
    await show();
    await page.do(() => head(id).focus());
    expect(head(id).hasAttribute('data-lm-suppress-shortcuts')).toBe(false);
    head(id).blur();
    head(id).closest('section')?.classList.add('jp-Notebook');
    await page.do(() => head(id).focus());
    expect(head(id).getAttribute('data-lm-suppress-shortcuts')).toBe('true');
  });
});

test('axe finds no fault in a list with an open row', async () => {
  const id = world.add(asking('Letters', 'Send it?', 10, 'letters.ipynb'));
  world.add([
    ...born(90, { title: 'Crawl', task: 'a:task' }),
    ago(40, failure),
    ago(40, status('waiting'))
  ]);
  world.add(running('Train'));
  world.add(ended('Done'));
  await show();
  await open(id);
  vi.useRealTimers();
  const found = await axe.run(page.element, { rules: { 'color-contrast': { enabled: false } } });
  expect(found.violations.map(({ id: rule, nodes }) => [rule, nodes[0].html])).toEqual([]);
});
