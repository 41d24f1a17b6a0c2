import { expect, test } from 'vitest';

import type { OpenRequest, Settled } from '../src/protocol';
import type { Values } from '../src/drafts';
import { makeStrings } from '../src/strings';
import { clockTime } from '../src/view/time';
import { noticeText } from '../src/view/settled_notice';
import { confirmation } from './fakes';

const words = makeStrings().settled;
const time = clockTime(2);

function text(settled: Partial<Settled>, field?: Values): string {
  const schema = { type: 'object', properties: { value: field ?? {} } };
  const request = { ...confirmation(1, 'r'), type: 'request_user_input', schema } as OpenRequest;
  const answered = { kind: 'user_input', outcome: 'answered', by: 'Bob', via: 'browser', at: 2 };
  return noticeText(words, { request, settled: { ...answered, ...settled } as Settled });
}

const colours = { oneOf: [{ const: 'r', title: 'Red' }, { const: 'b' }] };

test.each([
  [{ kind: 'confirm', value: false }, undefined, `Declined by Bob at ${time}`],
  [{ value: { value: 'r' } }, colours, `Answered by Bob at ${time}: Red`],
  [{ value: { value: ['r', 'b'] } }, { items: colours }, `Answered by Bob at ${time}: Red, b`],
  [{ value: { value: 3 } }, { type: 'integer' }, `Answered by Bob at ${time}: 3`],
  [{ value: { value: '***' } }, { writeOnly: true }, `Answered by Bob at ${time}`],
  [{ value: { value: 'a', other: 'b' } }, {}, `Answered by Bob at ${time}`],
  [{ value: { value: 'r' }, outcome: 'defaulted' }, colours, `${words.byDefault} at ${time}`]
] as const)('%j is told in a sentence', (settled, field, sentence) => {
  expect(text(settled as never, field as never)).toBe(sentence);
});

test('a long answer is shortened', () => {
  expect(text({ value: { value: 'x'.repeat(500) } }, {}).length).toBeLessThan(200);
});
