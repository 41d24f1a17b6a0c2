// @vitest-environment jsdom
// A run at a glance, for the eye, the keyboard and a reader; and sessions that are only shown.

import { afterEach, beforeEach, expect, test } from 'vitest';

import { eventful } from '../dev/sessions';
import { FakePort } from '../dev/fake_port';
import { compose, sendQuestion } from '../dev/questions';
import { failure, status } from '../dev/scenarios';
import { ago, born } from '../dev/world';
import { fold } from '../src/snapshot';
import { SessionStore } from '../src/store';
import { makeStrings } from '../src/strings';
import { timelineOfSnapshot } from '../src/timeline';
import { SavedOutput } from '../src/view/saved_output';
import { SessionView } from '../src/view/session_view';
import { TimelineStrip } from '../src/view/timeline';
import { TestPage } from './page_fakes';

const strings = makeStrings();
let page: TestPage;

beforeEach(() => {
  page = new TestPage();
});

afterEach(() => page.close());

async function strip(compact = false): Promise<HTMLElement> {
  const port = new FakePort();
  port.emit(...eventful);
  const timeline = timelineOfSnapshot(fold(port.events), Date.now() / 1000);
  if (timeline === null) {
    throw new Error('It has begun.');
  }
  await page.show(<TimelineStrip timeline={timeline} strings={strings} compact={compact} />);
  return page.get('.jp-hitl-Timeline-strip');
}

const tip = () => page.element.querySelector('.jp-hitl-Tip')?.textContent ?? null;

test('its name tells the whole, its totals the shares', async () => {
  const name = 'Timeline: 1:02 queued, 15:48 computing, 13:00 waiting, 2 attempts, Completed';
  expect((await strip()).getAttribute('aria-label')).toBe(name);
  expect(page.text).toContain('13:00 waiting');
});

test('each part is told to the keyboard and to a reader', async () => {
  await strip();
  const parts = page.all('[data-part]');
  expect(parts.filter(part => part.tabIndex === 0)).toEqual([parts[0]]);
  await page.do(() => parts[0].focus());
  await page.key('ArrowRight');
  await page.key('ArrowRight');
  expect(tip()).toMatch(/^Waiting for a person · 2:00.* to /);
  expect(document.activeElement?.getAttribute('aria-label')).toMatch(
    /^Waiting for a person · 2:00/
  );
  await page.key('ArrowRight');
  expect(tip()).toMatch(/^Confirmed by Grace Hopper · .*Drop these 12 rows\?$/);
  await page.key('End');
  expect(tip()).toMatch(/^Completed/);
  await page.key('Escape');
  expect(tip()).toBe(null);
});

test('a pointer is told of what it points at', async () => {
  const element = await strip();
  element.getBoundingClientRect = () => new DOMRect(0, 0, 1000, 20);
  const pointAt = (x: number) =>
    page.do(() =>
      element.dispatchEvent(new MouseEvent('pointermove', { clientX: x, bubbles: true }))
    );
  await pointAt(10);
  expect(tip()).toMatch(/^Computing · 3:58/);
  await pointAt(1000);
  expect(tip()).toMatch(/^Completed/);
  await page.do(() => document.dispatchEvent(new Event('scroll')));
  expect(tip()).toBe(null);
});

test('a small one is one picture', async () => {
  const element = await strip(true);
  expect(element.getAttribute('role')).toBe('img');
  expect(page.all('[tabindex]')).toEqual([]);
});

test('a view of an untrusted notebook shows all, says why, and does nothing', async () => {
  const port = new FakePort();
  port.emit(
    ...born(60, { title: 'Letters', task: 'a:task', maxRetries: 2 }),
    ago(30, compose),
    ago(30, { ...sendQuestion, message: 'Send it?' }),
    ago(30, failure),
    ago(30, status('waiting'))
  );
  const store = new SessionStore(port, flush => flush());
  await page.show(<SessionView store={store} strings={strings} sanitize={html => html} viewOnly />);
  expect(page.text).toContain('Send it?');
  expect(page.text).toContain('not trusted');
  const acting = ['Confirm', 'Decline', 'Submit', 'Retry', 'Give up', 'Cancel', 'Add a comment'];
  expect(acting.filter(text => page.hasButton(text))).toEqual([]);
  const fields = page.all<HTMLInputElement>('form :is(input, textarea)');
  expect(fields.length).toBeGreaterThan(2);
  expect(fields.every(field => field.disabled)).toBe(true);
  await page.do(() => page.all<HTMLFormElement>('form')[0].requestSubmit());
  expect(port.commands).toEqual([]);
});

test('what was saved passes the sanitizer, below a sentence that says why', async () => {
  await page.show(
    <SavedOutput
      html="<b>done</b><script>alert(1)</script>"
      text="done"
      why="It was forgotten."
      strings={strings}
      sanitize={html => html.replace(/<script.*<\/script>/, '')}
    />
  );
  expect(page.get('b').textContent).toBe('done');
  expect(page.all('script')).toEqual([]);
  expect(page.text).toBe('It was forgotten.done');
});
