// What is in sight, as the browser's observer tells it.

import { afterEach, expect, test, vi } from 'vitest';

import { watchSeen } from '../src/seen';

class FakeObserver {
  static latest: FakeObserver | undefined;
  readonly observed: unknown[] = [];
  connected = true;

  constructor(readonly tell: (entries: readonly { readonly isIntersecting: boolean }[]) => void) {
    FakeObserver.latest = this;
  }

  observe(element: unknown): void {
    this.observed.push(element);
  }

  disconnect(): void {
    this.connected = false;
  }
}

const element = {} as Element;

afterEach(() => {
  vi.unstubAllGlobals();
});

test('each change is told, of several at once the last', () => {
  vi.stubGlobal('IntersectionObserver', FakeObserver);
  const told: boolean[] = [];
  watchSeen(element, visible => told.push(visible));
  const observer = FakeObserver.latest;
  expect([observer?.observed, told]).toEqual([[element], []]);
  observer?.tell([{ isIntersecting: true }]);
  observer?.tell([{ isIntersecting: true }, { isIntersecting: false }]);
  observer?.tell([]);
  expect(told).toEqual([true, false]);
});

test('it can be stopped', () => {
  vi.stubGlobal('IntersectionObserver', FakeObserver);
  watchSeen(element, () => {})();
  expect(FakeObserver.latest?.connected).toBe(false);
});

test('where a browser cannot tell, it counts as seen', () => {
  vi.stubGlobal('IntersectionObserver', undefined);
  const told: boolean[] = [];
  watchSeen(element, visible => told.push(visible))();
  expect(told).toEqual([true]);
});
