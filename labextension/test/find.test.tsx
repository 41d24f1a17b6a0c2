import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';

import type { Row } from '../src/transcript';
import { AnsiText } from '../src/view/ansi';
import { matching } from '../src/view/find';
import { Sought } from '../src/view/marked';

function lines(...contents: readonly string[]): readonly Row[] {
  return contents.map((content, index) => ({
    kind: 'line',
    seq: index + 1,
    place: index + 1,
    source: 'task',
    level: undefined,
    content
  }));
}

function drawn(text: string, query: string): string {
  return renderToStaticMarkup(
    <Sought.Provider value={query}>
      <AnsiText text={text} />
    </Sought.Provider>
  ).replaceAll(' class="jp-hitl-Found"', '');
}

test('what is found is what can be read, whatever its case', () => {
  const rows = lines('Loss 0.31', '\u001b[31mloss\u001b[0m', 'epoch 31', 'old\rnew');
  expect(matching(rows, 'LOSS')).toEqual([0, 1]);
  expect(matching(rows, '[31m')).toEqual([]);
  expect(matching(rows, '31')).toEqual([0, 2]);
  expect(matching(rows, 'old')).toEqual([]);
  expect(matching(rows, '')).toEqual([]);
});

test('it is marked where it stands, also in colours', () => {
  expect(drawn('a loss, a Loss', 'loss')).toBe(
    '<span>a <mark>loss</mark></span><span>, a <mark>Loss</mark></span><span></span>'
  );
  expect(drawn('\u001b[1mloss 1\u001b[0m', 'loss')).toContain('<mark>loss</mark>');
  expect(drawn('a loss', '')).toBe('a loss');
});

test('words with a meaning in patterns are words', () => {
  expect(drawn('f(x)[0] + 1', '(x)[0] +')).toContain('<mark>(x)[0] +</mark>');
});
