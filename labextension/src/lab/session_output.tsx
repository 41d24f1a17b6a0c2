// A cell's output: finds its session on the server by the id in its metadata, whatever became of the kernel.

import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Panel } from '@lumino/widgets';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';
import type { Root } from 'react-dom/client';

import type { MimeBundle } from '../protocol';
import { hasEnded } from '../snapshot';
import type { SessionStore } from '../store';
import { isUuid4 } from '../uuid';
import { useLease } from '../view/lease';
import { SavedOutput } from '../view/saved_output';
import { SessionView } from '../view/session_view';
import { SESSION_MIME } from './tokens';
import type { IHitlServer, ISessions } from './tokens';

/** A final output that could not be had is asked for again so often, after twice as long each time. */
const FINAL_TRIES = 5;
const FINAL_WAIT_MS = 2_000;

/** What an output needs from the page around it. */
export interface OutputHost {
  readonly server: IHitlServer;
  readonly sessions: ISessions;
  /** The output stands in the page now, and its session lives. */
  appeared(output: SessionOutput, sessionId: string): void;
  /** The session has ended while this output shows it. */
  ended(output: SessionOutput, model: IRenderMime.IMimeModel, final: MimeBundle): void;
  /** The server does not know the session; a kernel may: its widget, if it lives. */
  widgetFor(
    output: SessionOutput,
    model: IRenderMime.IMimeModel
  ): Promise<IRenderMime.IRenderer | null>;
}

export class SessionOutput extends Panel implements IRenderMime.IRenderer {
  private readonly root: Root;
  private widget: IRenderMime.IRenderer | null = null;

  constructor(private readonly host: OutputHost) {
    super();
    this.addClass('jp-hitl-SessionOutput');
    const place = document.createElement('div');
    this.node.append(place);
    this.root = createRoot(place);
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.root.render(
      <Output
        host={this.host}
        output={this}
        model={model}
        sessionId={sessionIdOf(model)}
        data={model.data as MimeBundle}
        trusted={model.trusted}
      />
    );
    return Promise.resolve();
  }

  /** Show the widget of a kernel's own session; false where there is none. */
  async showWidget(model: IRenderMime.IMimeModel): Promise<boolean> {
    const widget = this.widget ?? (await this.host.widgetFor(this, model));
    if (widget === null || this.isDisposed) {
      return false;
    }
    if (this.widget === null) {
      this.widget = widget;
      this.addWidget(widget);
    }
    await widget.renderModel(model);
    return true;
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.root.unmount();
      super.dispose();
    }
  }
}

/** Null for anything but a uuid4: it becomes part of an address. */
function sessionIdOf(model: IRenderMime.IMimeModel): string | null {
  const ours = model.metadata[SESSION_MIME] as { readonly session_id?: unknown } | undefined;
  return isUuid4(ours?.session_id) ? ours.session_id : null;
}

interface OutputProps {
  readonly host: OutputHost;
  readonly output: SessionOutput;
  readonly model: IRenderMime.IMimeModel;
  readonly sessionId: string | null;
  readonly data: MimeBundle;
  readonly trusted: boolean;
}

function Output({ sessionId, ...rest }: OutputProps) {
  const { server, sessions } = rest.host;
  const problem = useProblem(server);
  if (sessionId === null) {
    return <Saved {...rest} why={sessions.strings.host.noSession} />;
  }
  return problem === null ? (
    <Live {...rest} sessionId={sessionId} />
  ) : (
    <ByKernel {...rest} why={problem} />
  );
}

/** Why the server cannot be asked at all; null as long as that is not known. */
function useProblem(server: IHitlServer): string | null {
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    let gone = false;
    void server.problem.then(found => {
      if (!gone) {
        setProblem(found);
      }
    });
    return () => {
      gone = true;
    };
  }, [server]);
  return problem;
}

type ByKernelProps = Omit<OutputProps, 'sessionId' | 'trusted'> & { readonly why: string };

function Saved({ host, data, why }: Pick<OutputProps, 'host' | 'data'> & { readonly why: string }) {
  const { strings, sanitize } = host.sessions;
  return (
    <SavedOutput
      html={textOf(data['text/html'])}
      text={textOf(data['text/plain']) ?? ''}
      why={why}
      strings={strings}
      sanitize={sanitize}
    />
  );
}

/** The server cannot show the session: its kernel's widget does, where it lives, else what was saved is shown. */
function ByKernel({ host, output, model, data, why }: ByKernelProps) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    void output.showWidget(model).then(setShown);
  }, [output, model]);
  return shown ? null : <Saved host={host} data={data} why={why} />;
}

/** A MIME value as text: notebooks also keep it as a list of lines. */
function textOf(value: MimeBundle[string] | undefined): string | null {
  if (Array.isArray(value)) {
    return value.join('');
  }
  return typeof value === 'string' ? value : null;
}

type LiveProps = OutputProps & { readonly sessionId: string };

function Live(props: LiveProps) {
  const { host, output, sessionId, trusted } = props;
  const store = useLease(host.sessions.pool, sessionId, output.node);
  useEffect(() => {
    if (trusted) {
      host.appeared(output, sessionId);
    }
  }, [trusted, host, output, sessionId]);
  return store === null ? null : <Watched {...props} store={store} />;
}

function Watched({ store, ...props }: LiveProps & { readonly store: SessionStore }) {
  const { host, output, model, trusted, sessionId } = props;
  const { strings, sanitize, page, actions } = host.sessions;
  const state = useSyncExternalStore(store.subscribe, store.getState);
  const unknown = state.connection === 'refused' && state.refusal?.code === 'not_found';
  const ended = hasEnded(state.snapshot) && !state.replaying;
  const [tries, setTries] = useState(0);
  useEffect(() => {
    if (!ended || !trusted) {
      return;
    }
    let gone = false;
    let later: ReturnType<typeof setTimeout> | undefined;
    void actions.output(sessionId).then(final => {
      if (gone) {
        return;
      }
      if (final !== null) {
        host.ended(output, model, final);
      } else if (tries < FINAL_TRIES) {
        later = setTimeout(() => setTries(tries + 1), FINAL_WAIT_MS * 2 ** tries);
      }
    });
    return () => {
      gone = true;
      clearTimeout(later);
    };
  }, [ended, trusted, tries, actions, sessionId, host, output, model]);
  if (unknown) {
    return <ByKernel {...props} why={strings.host.gone} />;
  }
  return (
    <SessionView
      store={store}
      strings={strings}
      sanitize={sanitize}
      page={page}
      viewOnly={!trusted}
    />
  );
}
