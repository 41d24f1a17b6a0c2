// Keys typed into our views are ours.

import type { FocusEvent } from 'react';

/**
 * In a notebook's command mode JupyterLab acts on keys wherever the focus is: `D D` on a focused button of ours would
 * delete the cell. Lumino leaves out an element with this attribute, which has to be on the very one with the focus.
 * Outside of a notebook there is no such mode, and the application's own shortcuts go on.
 */
export function keepShortcutsAway({ target }: FocusEvent<HTMLElement>): void {
  if (target.closest('.jp-Notebook') !== null) {
    target.setAttribute('data-lm-suppress-shortcuts', 'true');
  }
}
