// @vitest-environment jsdom
// A click never hits what has only just come under the pointer.

import { useRef } from 'react';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { GUARD_MS } from '../src/view/card';
import { useSteady } from '../src/view/steady';
import { TestPage } from './page_fakes';

let page: TestPage;
let clicked: string[];

beforeEach(() => {
  page = new TestPage();
  clicked = [];
});

afterEach(() => page.close());

/** Rows 100 pixels high, as a browser would lay them out. */
function Rows({ names }: { readonly names: readonly string[] }) {
  const root = useRef<HTMLDivElement>(null);
  const { onClickCapture } = useSteady(root, names.join());
  const laidOut = (element: HTMLElement | null) => {
    if (element !== null) {
      element.getBoundingClientRect = () =>
        new DOMRect(0, 100 * Array.from(root.current?.children ?? []).indexOf(element), 300, 100);
    }
  };
  return (
    <div ref={root} onClickCapture={onClickCapture}>
      {names.map(name => (
        <div key={name} ref={laidOut} data-place="">
          <button onClick={() => clicked.push(name)}>{name}</button>
        </div>
      ))}
    </div>
  );
}

/** Where the pointer rests, whatever is under it. */
function clickAt(y: number, detail = 1): Promise<void> {
  const rows = page.all('[data-place] > button');
  return page.do(() =>
    rows[Math.floor(y / 100)].dispatchEvent(
      new MouseEvent('click', { clientX: 20, clientY: y, detail, bubbles: true, cancelable: true })
    )
  );
}

test('a row that jumps up is not clicked in the place of another', async () => {
  await page.show(<Rows names={['a', 'b', 'c']} />);
  await page.rerender(<Rows names={['a', 'c']} />);
  await clickAt(150);
  expect(clicked).toEqual([]);
  await page.pass(GUARD_MS);
  await clickAt(150);
  expect(clicked).toEqual(['c']);
});

test('a row that stays, and a key, are not held up', async () => {
  await page.show(<Rows names={['a', 'b', 'c']} />);
  await page.rerender(<Rows names={['a', 'c']} />);
  await clickAt(50);
  await clickAt(150, 0);
  expect(clicked).toEqual(['a', 'c']);
});
