// @vitest-environment jsdom
// What stands beside a question: while it is open, and once it is settled.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { FakePort } from '../dev/fake_port';
import { sendQuestion } from '../dev/questions';
import type { Drawing, PageRenderers } from '../src/drawing';
import type { MimeBundle } from '../src/protocol';
import { SessionStore } from '../src/store';
import { makeStrings } from '../src/strings';
import { SessionCards } from '../src/view/session_cards';
import { TestPage } from './page_fakes';

const PLOTLY = 'application/vnd.plotly.v1+json';
const strings = makeStrings();
let page: TestPage;
let port: FakePort;

beforeEach(() => {
  page = new TestPage();
  port = new FakePort((_, at) => {
    at.emit({
      type: 'request_resolved',
      request_id: sendQuestion.request_id,
      outcome: 'answered',
      value: true,
      by: 'Ada',
      via: 'browser',
      at: 2,
      comment: null
    });
    return { ok: true };
  });
});

afterEach(() => page.close());

function note(text: string): MimeBundle {
  return { 'text/plain': text };
}

/** A page that draws plotly, as far as a test lets it. */
class FakeRenderers implements PageRenderers {
  readonly drawn: { readonly place: HTMLElement; disposed: boolean }[] = [];
  outcome: Promise<void> = Promise.resolve();

  canDraw(mimeType: string): boolean {
    return mimeType === PLOTLY;
  }

  draw(place: HTMLElement): Drawing {
    const one = { place, disposed: false };
    this.drawn.push(one);
    return { done: this.outcome, dispose: () => void (one.disposed = true) };
  }
}

async function show(evidence: readonly MimeBundle[], renderers?: PageRenderers): Promise<void> {
  port.emit({ ...sendQuestion, evidence });
  const store = new SessionStore(port, flush => flush());
  await page.show(
    <SessionCards store={store} strings={strings} sanitize={html => html} page={renderers} />
  );
}

const settle = () => page.click(page.button('Confirm'));

test('of many objects three are shown until all are asked for', async () => {
  await show(Array.from({ length: 9 }, (_, n) => note(`object ${n}`)));
  expect(page.all('.jp-hitl-Mime')).toHaveLength(3);
  const more = page.button('Show all 9');
  expect(more.getAttribute('aria-expanded')).toBe('false');
  await page.click(more);
  expect(page.all('.jp-hitl-Mime')).toHaveLength(9);
  await page.click(page.button('Show fewer'));
  expect(page.all('.jp-hitl-Mime')).toHaveLength(3);
});

test('four are four', async () => {
  await show([1, 2, 3, 4].map(n => note(`object ${n}`)));
  expect(page.all('.jp-hitl-Mime')).toHaveLength(4);
  expect(page.hasButton('Show all 4')).toBe(false);
});

test('the page draws a chart, which has the words that describe it, and goes with its card', async () => {
  const renderers = new FakeRenderers();
  await show([{ [PLOTLY]: { data: [] }, 'text/plain': 'Plotly figure: 1 bar' }], renderers);
  const drawn = page.get('.jp-hitl-Drawn');
  expect(renderers.drawn.map(({ place }) => place)).toEqual([drawn]);
  expect(drawn.getAttribute('aria-label')).toBe('Plotly figure: 1 bar');
  expect(drawn.dataset['ready']).toBe('true');
  await settle();
  expect(renderers.drawn.map(({ disposed }) => disposed)).toEqual([true]);
});

test('a chart that cannot be drawn after all is told in words', async () => {
  const renderers = new FakeRenderers();
  renderers.outcome = Promise.reject(new Error('no WebGL'));
  const warned = vi.spyOn(console, 'warn').mockReturnValue();
  await show([{ [PLOTLY]: { data: [] }, 'text/plain': 'Plotly figure: 1 bar' }], renderers);
  expect(page.get('.jp-hitl-Mime').textContent).toContain('Plotly figure: 1 bar');
  expect(page.text).toContain(strings.output.notDrawn.failed);
  expect(warned).toHaveBeenCalledOnce();
});

test('without a renderer a sentence says what can draw it', async () => {
  await show([{ [PLOTLY]: { data: [] }, 'text/plain': 'Plotly figure: 1 bar' }]);
  expect(page.text).toContain(strings.output.notDrawn.plotly);
});

test('what was seen can be seen again once the question is settled', async () => {
  await show([note('three outliers')]);
  await settle();
  expect(page.text).not.toContain('three outliers');
  const button = page.button('Show what was seen');
  await page.click(button);
  expect(page.text).toContain('three outliers');
  expect(button.getAttribute('aria-expanded')).toBe('true');
  await page.click(page.button('Hide what was seen'));
  expect(page.text).not.toContain('three outliers');
});

test('nothing is offered where nothing was shown', async () => {
  await show([]);
  await settle();
  expect(page.text).toContain('Confirmed');
  expect(page.hasButton('Show what was seen')).toBe(false);
});

test('what is no longer kept, or cannot be had, is said', async () => {
  await show([note('three outliers')]);
  await settle();
  port.history = () => Promise.resolve([]);
  await page.click(page.button('Show what was seen'));
  expect(page.text).toContain(strings.question.seenGone);
  await page.click(page.button('Hide what was seen'));
  port.history = () => Promise.reject(new Error('The server is gone.'));
  await page.click(page.button('Show what was seen'));
  expect(page.text).toContain('It could not be loaded. The server is gone.');
});
