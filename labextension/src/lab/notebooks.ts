// The notebook around one of our outputs, in JupyterLab and in Notebook 7.

import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';

/** The open notebook that this element stands in. An output shown elsewhere (a console, a view of its own) has none. */
export function notebookAround(
  element: Node,
  tracker: INotebookTracker | null
): NotebookPanel | null {
  return tracker?.find(panel => panel.content.node.contains(element)) ?? null;
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
