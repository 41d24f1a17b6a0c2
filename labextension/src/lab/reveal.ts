// The way from a session to the cell that started it.

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Origin } from '../protocol';

/** The notebook, opened if it is not, with that cell active and in the middle. */
export async function revealCell(
  app: JupyterFrontEnd,
  tracker: INotebookTracker | null,
  origin: Origin,
  trans: TranslationBundle
): Promise<void> {
  const path = origin.notebook;
  if (path == null) {
    return;
  }
  const panel = openPanel(tracker, path) ?? (await openNotebook(app, path));
  if (panel === undefined) {
    Notification.warning(
      trans.__(
        '%1 could not be opened. It was moved, or lies outside of the server’s folder.',
        path
      ),
      { autoClose: 5000 }
    );
    return;
  }
  if (panel.isDisposed) {
    return; // Notebook 7 opens it in a browser tab of its own
  }
  app.shell.activateById(panel.id);
  await panel.revealed;
  await panel.context.ready;
  if (origin.cell_id != null && !(await scrollToCell(panel, origin.cell_id))) {
    Notification.info(trans.__('The cell that started it is not in the notebook any more.'), {
      autoClose: 5000
    });
  }
}

function openPanel(tracker: INotebookTracker | null, path: string): NotebookPanel | undefined {
  return tracker?.find(panel => panel.context.path === path);
}

async function openNotebook(
  app: JupyterFrontEnd,
  path: string
): Promise<NotebookPanel | undefined> {
  try {
    const opened: unknown = await app.commands.execute('docmanager:open', { path });
    return opened == null ? undefined : (opened as NotebookPanel);
  } catch {
    return undefined;
  }
}

/** Whether the notebook has that cell. */
async function scrollToCell({ content }: NotebookPanel, cellId: string): Promise<boolean> {
  const index = content.widgets.findIndex(cell => cell.model.id === cellId);
  if (index < 0) {
    return false;
  }
  content.activeCellIndex = index;
  await content.scrollToCell(content.widgets[index], 'center');
  return true;
}
