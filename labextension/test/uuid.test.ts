import { expect, test } from 'vitest';

import { isUuid4 } from '../src/uuid';

const GOOD = '1b4e28ba-2fa1-4d3b-a3f5-0c1d2e3f4a5b';

test('a version 4 UUID is one', () => {
  expect(isUuid4(GOOD)).toBe(true);
});

test.each([
  ['another version', GOOD.replace('-4d', '-1d')],
  ['another variant', GOOD.replace('-a3', '-c3')],
  ['capitals, which the server never writes', GOOD.toUpperCase()],
  ['a line after it', `${GOOD}\n`],
  ['a path after it', `${GOOD}/../kernels`],
  ['space before it', ` ${GOOD}`],
  ['no dashes', GOOD.replaceAll('-', '')],
  ['nothing', ''],
  ['no text', null],
  ['a list with one in it', [GOOD]],
  ['a number', 4]
])('%s is none', (_, value) => {
  expect(isUuid4(value)).toBe(false);
});
