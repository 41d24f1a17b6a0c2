import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import type { JournalEvent, Snapshot } from '../src/protocol';
import { EMPTY, apply, fold } from '../src/snapshot';

const GOLDEN = join(__dirname, '..', '..', 'tests', 'golden');
const names = readdirSync(GOLDEN).filter(name => name.endsWith('.json'));

interface Golden {
  readonly events: readonly JournalEvent[];
  readonly snapshot: Snapshot;
}

function golden(name: string): Golden {
  return JSON.parse(readFileSync(join(GOLDEN, name), 'utf-8')) as Golden;
}

test('there are golden files to hold this fold to', () => {
  expect(names.length).toBeGreaterThan(0);
});

describe.each(names)('%s', name => {
  const { events, snapshot } = golden(name);

  test('folds to the very snapshot that Python folds to', () => {
    expect(wire(fold(events))).toStrictEqual(snapshot);
  });

  test('folds the same in any two parts', () => {
    const whole = fold(events);
    for (let cut = 0; cut <= events.length; cut += 1) {
      expect(fold(events.slice(cut), fold(events.slice(0, cut)))).toStrictEqual(whole);
    }
  });

  test('folds the same one event at a time', () => {
    expect(events.reduce(apply, EMPTY)).toStrictEqual(fold(events));
  });
});

test('an event of a kind that this version does not know only moves the place', () => {
  const unknown = { type: 'telepathy', session_id: 's', seq: 3, timestamp: 5, attempt: 1 };
  const after = apply(EMPTY, unknown as unknown as JournalEvent);
  expect(after).toStrictEqual({ ...EMPTY, session_id: 's', last_seq: 3, updated_at: 5 });
});

/** As it would travel. */
function wire(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
