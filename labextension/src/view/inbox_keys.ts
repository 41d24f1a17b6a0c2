// Keys in the list of sessions, and a focus that is not lost when its row goes.

import { useEffect, useLayoutEffect, useRef } from 'react';
import type { KeyboardEvent, RefObject } from 'react';

export function rowOf(list: HTMLElement | null, sessionId: string): HTMLElement | undefined {
  const rows = Array.from(list?.querySelectorAll<HTMLElement>('[data-session]') ?? []);
  return rows.find(row => row.dataset['session'] === sessionId);
}

function focusRow(list: HTMLElement | null, sessionId: string | undefined): void {
  if (sessionId !== undefined) {
    rowOf(list, sessionId)?.querySelector<HTMLElement>('[data-roving]')?.focus();
  }
}

const FOCUSABLE = 'button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]';

interface ListKeys {
  readonly list: RefObject<HTMLElement>;
  /** The rows that can be seen, in order. */
  readonly ids: readonly string[];
  readonly selected: string | null;
  readonly toggle: (sessionId: string) => void;
}

/**
 * Up, Down, Home and End go from row to row; Enter, Space and Right open one, Right then goes into it, Left and Escape
 * close it. From within a row Escape first leads back to its head: whoever types a form does not lose it by one key.
 */
export function useListKeys({ list, ids, selected, toggle }: ListKeys) {
  return (event: KeyboardEvent<HTMLElement>) => {
    const target = event.target as HTMLElement;
    const row = target.closest<HTMLElement>('[data-session]');
    const id = row?.dataset['session'];
    if (row === null || id === undefined || event.defaultPrevented) {
      return;
    }
    const at = ids.indexOf(id);
    const isOpen = id === selected;
    const onHead = target.matches('[data-roving]');
    const open = () =>
      isOpen
        ? row.querySelector<HTMLElement>(`.jp-hitl-Entry-details :is(${FOCUSABLE})`)?.focus()
        : toggle(id);
    const action = onHead
      ? {
          ArrowDown: () => focusRow(list.current, ids[at + 1]),
          ArrowUp: () => focusRow(list.current, ids[at - 1]),
          Home: () => focusRow(list.current, ids[0]),
          End: () => focusRow(list.current, ids.at(-1)),
          ArrowRight: open,
          ArrowLeft: isOpen ? () => toggle(id) : undefined,
          Escape: isOpen ? () => toggle(id) : undefined
        }[event.key]
      : event.key === 'Escape'
        ? () => focusRow(list.current, id)
        : undefined;
    if (action !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      action();
    }
  };
}

/** When the row that has the focus goes, the one that takes its place gets it. */
export function useKeptFocus(list: RefObject<HTMLElement>, ids: readonly string[]): void {
  const held = useRef<{ readonly id: string } | null>(null);
  useEffect(() => {
    const element = list.current;
    const take = ({ target }: FocusEvent) => {
      const row = target instanceof Element ? target.closest<HTMLElement>('[data-session]') : null;
      held.current = row === null ? null : { id: row.dataset['session'] ?? '' };
    };
    // A window that is left keeps its focus. What is taken out of the page tells nobody, while React does so.
    const leave = () => {
      if (document.hasFocus()) {
        held.current = null;
      }
    };
    element?.addEventListener('focusin', take);
    element?.addEventListener('focusout', leave);
    return () => {
      element?.removeEventListener('focusin', take);
      element?.removeEventListener('focusout', leave);
    };
  }, [list]);
  const places = useRef<readonly string[]>(ids);
  useLayoutEffect(() => {
    const { current } = held;
    const before = places.current;
    places.current = ids;
    if (current === null || ids.includes(current.id)) {
      return;
    }
    held.current = null;
    const active = document.activeElement;
    if (active === null || active === document.body) {
      const at = Math.min(before.indexOf(current.id), ids.length - 1);
      focusRow(list.current, ids[at]);
    }
  });
}
