import { describe, expect, test } from 'vitest';

import { SortedList } from '../src/sorted_list';
import { randomFrom } from './fakes';

interface Item {
  readonly name: string;
  readonly rank: number;
}

function make(): SortedList<Item> {
  return new SortedList<Item>(
    ({ rank }) => rank,
    ({ name }) => name
  );
}

/** As a plain sort would put them. */
function sorted(items: Iterable<Item>): readonly Item[] {
  return [...items].sort((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : 1));
}

describe.each([1, 2, 3, 4, 5])('in whatever order things happen (%i)', seed => {
  test('it holds what was put in and not taken out, as sorting would order it', () => {
    const random = randomFrom(seed);
    const list = make();
    const known = new Map<string, Item>();
    for (let step = 0; step < 400; step += 1) {
      const name = `n${Math.floor(random() * 30)}`;
      const before = known.get(name);
      if (random() < 0.3 && before !== undefined) {
        list.remove(before);
        known.delete(name);
      } else {
        // Few ranks, so that many are equal.
        const item = { name, rank: Math.floor(random() * 6) };
        list.put(item, before);
        known.set(name, item);
      }
      expect(list.items).toEqual(sorted(known.values()));
    }
  });
});

test('what is not in it is not removed, and what was before elsewhere is not replaced', () => {
  const list = make();
  list.put({ name: 'a', rank: 1 }, undefined);
  const { items } = list;
  list.remove({ name: 'b', rank: 1 });
  list.remove({ name: 'a', rank: 2 });
  expect(list.items).toBe(items);
  list.put({ name: 'b', rank: 1 }, { name: 'b', rank: 0 });
  expect(list.items.map(({ name }) => name)).toEqual(['a', 'b']);
});

test('each change makes a new array, and the old one stays as it was', () => {
  const list = make();
  const item = { name: 'a', rank: 1 };
  list.put(item, undefined);
  const { items } = list;
  list.put({ name: 'a', rank: 1 }, item);
  expect(list.items).not.toBe(items);
  expect(items).toEqual([item]);
  expect(items[0]).toBe(item);
});
