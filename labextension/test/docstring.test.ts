import { expect, test } from 'vitest';

import { proseOf } from '../src/docstring';

test('the paragraphs before numpy’s first section are the prose', () => {
  const doc =
    'Train a model.\n\nIt takes long.\n\nParameters\n----------\nrounds : int\n    How many.\n';
  expect(proseOf(doc)).toBe('Train a model.\n\nIt takes long.');
});

test('so are those before Google’s', () => {
  expect(proseOf('Train a model.\n\nArgs:\n    rounds: How many.\n')).toBe('Train a model.');
});

test('a text without sections stays whole, dashes and colons included', () => {
  const doc = 'Train: a model - slowly.\nReturns nothing.';
  expect(proseOf(doc)).toBe(doc);
});

test('of a docstring that is only sections nothing is left', () => {
  expect(proseOf('Returns\n-------\nint\n')).toBe('');
});
