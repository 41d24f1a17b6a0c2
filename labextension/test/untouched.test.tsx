// @vitest-environment jsdom
// A person never sends a choice they did not make. The forms are real ones, written by tests/forms/make.py.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { getDefaultFormState } from '@rjsf/utils';
import { act } from 'react';
import { createRoot } from 'react-dom/client';
import type { Root } from 'react-dom/client';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import type { Values } from '../src/drafts';
import type { Json, RequestUserInput } from '../src/protocol';
import { SessionStore } from '../src/store';
import { makeStrings } from '../src/strings';
import { GUARD_MS } from '../src/view/card';
import { ONLY_WRITTEN_DEFAULTS, asRjsf, drawable } from '../src/view/form/schema';
import { validator } from '../src/view/form/validator';
import { SessionView } from '../src/view/session_view';
import { ManualPort, base, replayComplete, replayStart, status } from './fakes';

interface DrawnForm {
  readonly schema: Values;
  readonly ui_schema: Values;
  readonly initial: Values | null;
  readonly filled: Values;
}

const file = resolve(import.meta.dirname, '../../tests/forms/drawn.json');
const forms = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, DrawnForm>>;

Object.assign(globalThis, {
  IS_REACT_ACT_ENVIRONMENT: true,
  ResizeObserver: class {
    observe() {}
    disconnect() {}
  }
});

/** Without what is absent: `undefined` in an object is no value. */
function present(values: unknown): unknown {
  return JSON.parse(JSON.stringify(values));
}

/** Without objects in which nothing is. */
function withoutEmpty(values: Json): Json {
  return values !== null && typeof values === 'object' && !Array.isArray(values)
    ? Object.fromEntries(
        Object.entries(values)
          .map(([name, value]): [string, Json] => [name, withoutEmpty(value)])
          .filter(([, value]) => JSON.stringify(value) !== '{}')
      )
    : values;
}

describe.each(Object.entries(forms))('%s', (_, form) => {
  test('holds, untouched, what the author wrote as a default and nothing else', () => {
    const schema = asRjsf(drawable(form.schema) as Values);
    const state: unknown = getDefaultFormState(
      validator,
      schema,
      {},
      schema,
      false,
      ONLY_WRITTEN_DEFAULTS
    );
    expect(withoutEmpty(present(state) as Json)).toEqual(form.filled);
  });
});

function question({ schema, ui_schema, initial }: DrawnForm): RequestUserInput {
  return {
    ...base,
    type: 'request_user_input',
    seq: 2,
    request_id: 'r',
    key: null,
    message: 'What do you choose?',
    deadline: null,
    on_deadline: 'keep',
    evidence: [],
    assignees: [],
    default: null,
    fields: [],
    schema,
    ui_schema,
    initial
  } as RequestUserInput;
}

describe('in the page', () => {
  let root: Root;
  let page: HTMLElement;
  let port: ManualPort;

  beforeEach(() => {
    vi.useFakeTimers();
    page = document.createElement('div');
    document.body.append(page);
    root = createRoot(page);
    port = new ManualPort();
  });

  afterEach(() => {
    act(() => root.unmount());
    page.remove();
    vi.useRealTimers();
  });

  function show(name: string): void {
    const store = new SessionStore(port, flush => flush());
    const strings = makeStrings();
    act(() => {
      root.render(<SessionView store={store} strings={strings} sanitize={html => html} />);
    });
    act(() => {
      port.say(replayStart(1, 0), replayComplete(0), status(1, 'waiting'), question(forms[name]));
    });
    act(() => {
      vi.advanceTimersByTime(GUARD_MS);
    });
  }

  function all<E extends HTMLElement>(selector: string): readonly E[] {
    return Array.from(page.querySelectorAll<E>(selector));
  }

  async function click(element: HTMLElement): Promise<void> {
    await act(async () => element.click());
  }

  const submit = () => click(all('button[type=submit]')[0]);
  const answers = () => port.commands.filter(command => command.type === 'user_input');
  const answered = () => answers().map(command => 'values' in command && command.values);
  const labelled = (text: string) =>
    all<HTMLLabelElement>('label').filter(label => label.textContent === text)[0];

  test.each(Object.entries(forms).filter(([, form]) => JSON.stringify(form.filled) === '{}'))(
    '%s shows no choice as made, and is not sent without one',
    async name => {
      show(name);
      expect(all('input, select').length).toBeGreaterThan(0);
      expect(all('input:checked')).toEqual([]);
      expect(all<HTMLSelectElement>('select').map(select => select.value)).toEqual(
        all('select').map(() => '')
      );
      await submit();
      expect(answered()).toEqual([]);
      expect(page.textContent).toContain('Required');
    }
  );

  test('a choice that was made is sent', async () => {
    show('one of few');
    await click(labelled('train again'));
    await submit();
    expect(answered()).toEqual([{ value: 'train again' }]);
  });

  test('"no" is an answer, when it was given', async () => {
    show('yes or no');
    await click(labelled('No'));
    await submit();
    expect(answered()).toEqual([{ value: false }]);
  });

  test('none of several can be sent', async () => {
    show('several of many');
    await submit();
    expect(answered()).toEqual([{ value: [] }]);
  });

  test('what was chosen by default can be cleared and sent', async () => {
    show('several, with a default');
    await click(labelled('b'));
    await submit();
    expect(answered()).toEqual([{ value: [] }]);
  });

  test('where one at least is wanted, none is not sent', async () => {
    show('several, one at least');
    await submit();
    expect(answered()).toEqual([]);
    await click(labelled('b'));
    await click(labelled('a'));
    await submit();
    expect(answered()).toEqual([{ value: ['a', 'b'] }]);
  });

  test('of many the number chosen is said, and all or none are one click', async () => {
    show('several of many');
    expect(all('select')).toEqual([]);
    await click(labelled('sample 16'));
    await click(labelled('sample 2'));
    expect(page.textContent).toContain('2 of 16 chosen');
    await submit();
    await click(all('[aria-label="Choose all"]')[0]);
    expect(page.textContent).toContain('16 of 16 chosen');
    await click(all('[aria-label="Choose none"]')[0]);
    await submit();
    expect(answered()).toEqual([{ value: ['sample 2', 'sample 16'] }, { value: [] }]);
  });

  test('a question that was asked is one group of boxes with its label', () => {
    show('several enum members');
    const group = all('[role=group]').filter(element => element.querySelector('input'))[0];
    const label = document.getElementById(group.getAttribute('aria-labelledby') ?? '');
    expect(label?.textContent).toContain('Your answer');
  });
});
