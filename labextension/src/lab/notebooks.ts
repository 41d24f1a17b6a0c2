// The notebook around one of our outputs, in JupyterLab and in Notebook 7.

import { CodeCell } from '@jupyterlab/cells';
import type { Cell } from '@jupyterlab/cells';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';

/**
 * The open notebook of whose cells this element is an output, even one that is folded or not drawn yet. An output shown
 * elsewhere (a console, a view of its own) has none.
 */
export function notebookAround(
  element: Node,
  tracker: INotebookTracker | null
): NotebookPanel | null {
  const isOutputOf = (cell: Cell) =>
    cell instanceof CodeCell && cell.outputArea.node.contains(element);
  return tracker?.find(panel => panel.content.widgets.some(isOutputOf)) ?? null;
}

/** Whether it is for this page to write: of several that edit a notebook together, one does, and all have it. */
export function isOursToWrite(panel: NotebookPanel): boolean {
  const { model } = panel.context;
  const { awareness } = model.sharedModel as { readonly awareness?: Awareness };
  return (
    isWritable(panel) &&
    (!model.collaborative ||
      awareness === undefined ||
      Math.min(...awareness.getStates().keys()) === awareness.clientID)
  );
}

/** What is asked of a document's list of those who edit it. */
interface Awareness {
  readonly clientID: number;
  getStates(): ReadonlyMap<number, unknown>;
}

export function isWritable(panel: NotebookPanel): boolean {
  return panel.context.contentsModel?.writable !== false && !panel.context.model.readOnly;
}

/** Write the notebook, if it has anything to write that is ours to write: collaboration saves by itself. */
export async function saveIfChanged(panel: NotebookPanel): Promise<void> {
  const { context } = panel;
  await context.ready;
  if (context.model.dirty && isWritable(panel) && !context.model.collaborative) {
    await context.save();
  }
}
