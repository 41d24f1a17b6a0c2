// @vitest-environment jsdom
// Starting a task from a form made from its parameters.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { World } from '../dev/world';
import { Actions } from '../src/actions';
import { makeStrings } from '../src/strings';
import { StartView } from '../src/view/start_view';
import { TestPage } from './page_fakes';

const strings = makeStrings();
let page: TestPage;
let world: World;
const started = vi.fn<(sessionId: string) => void>();
const closed = vi.fn<() => void>();

beforeEach(() => {
  page = new TestPage();
  world = new World();
  started.mockClear();
  closed.mockClear();
});

afterEach(() => page.close());

async function show(): Promise<void> {
  await page.show(
    <StartView
      actions={new Actions(world, strings.connection)}
      strings={strings}
      sanitize={html => html}
      onStarted={started}
      onClose={closed}
    />
  );
}

const choose = (name: string) => page.click(page.get(`[data-task="${name}"]`));
const submit = () => page.click(page.all('button[type=submit]')[0]);

test('lists the registered tasks, and says which modules could not be read', async () => {
  await show();
  expect(page.all('[data-task]')).toHaveLength(4);
  expect(page.text).toContain('Compose an e-mail, look at it, send it.');
  expect(page.text).toContain('1 module could not be read');
  expect(document.activeElement).toBe(page.get('[data-task]'));
});

test('starts what was chosen with what was filled in', async () => {
  const request = vi.spyOn(world, 'request');
  await show();
  await choose('hitl_jupyter.demo:send_email');
  const steps = page.all<HTMLInputElement>('input[type=number]')[0];
  expect(steps.value).toBe('5');
  await page.type(steps, '7');
  await submit();
  const body = JSON.parse(String(request.mock.lastCall?.[1]?.body)) as object;
  expect(body).toMatchObject({
    task: 'hitl_jupyter.demo:send_email',
    params: { steps: 7, fail: false }
  });
  expect(started).toHaveBeenCalledExactlyOnceWith([...world.ports.keys()][0]);
});

test('a refused value has its reason at its field, and nothing is lost', async () => {
  await show();
  await choose('train:train');
  const name = page.all<HTMLInputElement>('form input')[0];
  await page.type(name, 'taken');
  await submit();
  await page.pass(100);
  expect(started).not.toHaveBeenCalled();
  expect(page.get('.jp-hitl-FieldError').textContent).toContain('exists already');
  expect(page.get('[role=alert]').textContent).toContain('check the marked fields');
  expect(name.getAttribute('aria-invalid')).toBe('true');
  await page.type(name, 'free');
  expect(page.all('.jp-hitl-FieldError')).toEqual([]);
  await submit();
  expect(started).toHaveBeenCalledOnce();
});

test('a task without parameters has its button, one that no form can start has a word', async () => {
  await show();
  await choose('report:nightly');
  expect(page.text).toContain('takes no parameters');
  await submit();
  expect(started).toHaveBeenCalledOnce();
  await page.click(page.button('All tasks'));
  await choose('frames:merge');
  expect(page.text).toContain('Start it from a notebook');
  expect(page.all('button[type=submit]')).toEqual([]);
});

test('Escape goes back step by step', async () => {
  await show();
  await choose('report:nightly');
  await page.key('Escape', page.get('button[type=submit]'));
  expect(page.all('[data-task]')).toHaveLength(4);
  expect(closed).not.toHaveBeenCalled();
  await page.key('Escape', page.get('[data-task]'));
  expect(closed).toHaveBeenCalledOnce();
});

test('a list that did not come is asked for again', async () => {
  const { request } = world;
  world.request = () => Promise.reject(new Error('gone'));
  await show();
  expect(page.get('[role=alert]').textContent).toContain('could not be listed');
  world.request = request;
  await page.click(page.button('Try again'));
  expect(page.all('[data-task]')).toHaveLength(4);
});
