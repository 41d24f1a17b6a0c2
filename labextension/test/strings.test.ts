import { expect, test } from 'vitest';

import { makeStrings, settledPhrase } from '../src/strings';

const words = makeStrings().settled;

test.each([
  [{ kind: 'confirm', value: true, by: 'Ada' }, 'Confirmed by Ada'],
  [{ kind: 'confirm', value: false, by: 'Ada' }, 'Declined by Ada'],
  [{ kind: 'user_input', value: {}, by: null, via: 'kernel' }, 'Answered by the notebook'],
  [{ kind: 'retry', value: true, by: null, via: 'browser' }, 'Retry granted'],
  [{ kind: 'retry', value: false, by: 'Ada' }, 'Given up by Ada'],
  [{ kind: 'confirm', value: true, by: null, outcome: 'defaulted' }, words.byDefault]
] as const)('what became of %j is said as “%s”', (settled, phrase) => {
  expect(settledPhrase(words, { outcome: 'answered', via: 'browser', ...settled })).toBe(phrase);
});

test('a translator is asked for every sentence', () => {
  const translated = makeStrings({ __: text => `<${text}>`, _n: (_, many) => `<${many}>` });
  expect(translated.question.confirm).toBe('<Confirm>');
  expect(translated.output.lines(3)).toContain('<');
});
