// The renderer of our output type, and what the page does for the notebook around it.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { ISettingRegistry } from '@jupyterlab/settingregistry';

import { writeFinalOutput } from './final_output';
import { isOursToWrite, notebookAround, saveIfChanged } from './notebooks';
import { SessionOutput } from './session_output';
import type { OutputHost } from './session_output';
import { EXTENSION, IHitlServer, ISessions, SESSION_MIME, WIDGET_MIME } from './tokens';

const ID = `${EXTENSION}:output`;

/** Before ipywidgets' -10: of a bundle with both, this is shown. */
const RANK = -20;

/** After a reload the widgets of a living kernel are made anew, which takes a while. */
const WIDGET_TRIES = 20;
const WIDGET_WAIT_MS = 500;

interface Settings {
  saveOnFirstOutput: boolean;
  writeFinalOutput: boolean;
}

/** The settings as they are now; all on where there is no registry. */
function liveSettings(registry: ISettingRegistry | null): Settings {
  const settings: Settings = { saveOnFirstOutput: true, writeFinalOutput: true };
  const read = ({ composite }: ISettingRegistry.ISettings) => Object.assign(settings, composite);
  registry
    ?.load(ID)
    .then(loaded => {
      read(loaded);
      loaded.changed.connect(read);
    })
    .catch((reason: unknown) => console.warn(`${ID}: no settings.`, reason));
  return settings;
}

class NotebookOutputs implements OutputHost {
  /** Sessions whose output is in its file already, or was put there by us. */
  private readonly saved = new Set<string>();

  constructor(
    readonly server: IHitlServer,
    readonly sessions: ISessions,
    private readonly tracker: INotebookTracker | null,
    private readonly settings: Settings
  ) {}

  /** A reload must find the output, so the notebook is saved when it first appears. */
  appeared(output: SessionOutput, sessionId: string): void {
    const panel = notebookAround(output.node, this.tracker);
    if (panel === null || this.saved.has(sessionId)) {
      return;
    }
    this.saved.add(sessionId);
    if (this.settings.saveOnFirstOutput) {
      saveIfChanged(panel).catch((reason: unknown) => {
        console.warn('hitl-jupyter: the notebook could not be saved.', reason);
      });
    }
  }

  ended(...[output, model, final]: Parameters<OutputHost['ended']>): void {
    const panel = notebookAround(output.node, this.tracker);
    if (this.settings.writeFinalOutput && panel !== null && isOursToWrite(panel)) {
      writeFinalOutput(model, final);
    }
  }

  async widgetFor(
    output: SessionOutput,
    model: IRenderMime.IMimeModel
  ): Promise<IRenderMime.IRenderer | null> {
    const view = model.data[WIDGET_MIME] as { readonly model_id?: unknown } | undefined;
    if (typeof view?.model_id !== 'string' || !model.trusted) {
      return null;
    }
    for (let tries = 0; tries < WIDGET_TRIES && !output.isDisposed; tries += 1) {
      const panel = notebookAround(output.node, this.tracker);
      const kernel = panel?.sessionContext.session?.kernel;
      if (panel !== null && kernel?.hasComm(view.model_id) === true) {
        return panel.content.rendermime.createRenderer(WIDGET_MIME);
      }
      await new Promise(resolve => setTimeout(resolve, WIDGET_WAIT_MS));
    }
    return null;
  }
}

export const outputPlugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Shows sessions in the outputs of cells, from the server alone.',
  autoStart: true,
  requires: [IRenderMimeRegistry, IHitlServer, ISessions],
  optional: [INotebookTracker, ISettingRegistry],
  activate: (
    _app: JupyterFrontEnd,
    rendermime: IRenderMimeRegistry,
    server: IHitlServer,
    sessions: ISessions,
    tracker: INotebookTracker | null,
    registry: ISettingRegistry | null
  ) => {
    const host = new NotebookOutputs(server, sessions, tracker, liveSettings(registry));
    rendermime.addFactory(
      {
        // What it shows in an untrusted notebook it only shows, so such a notebook may choose it.
        safe: true,
        mimeTypes: [SESSION_MIME],
        createRenderer: () => new SessionOutput(host)
      },
      RANK
    );
  }
};
