// One session in the list: what it is, what it waits for, how long, where it came from, how far it is.

import { memo, useId, useMemo } from 'react';
import type { ReactNode } from 'react';

import type { OpenRequestSummary, ProgressState, Summary } from '../protocol';
import { timelineOfSummary } from '../timeline';
import { useArmed } from './card';
import { useHost } from './context';
import { ActionIcon, KindIcon, StatusIcon } from './icons';
import { leadingBar, notebookName, shareOf, titleOf } from './inbox_rows';
import type { SectionName } from './inbox_rows';
import { clockTime, duration, shortMoment, shortNumber } from './time';
import { TimelineStrip } from './timeline';

export interface RowProps {
  readonly summary: Summary;
  readonly section: SectionName;
  /** The present in epoch seconds; of an ended session, which does not change, any time. */
  readonly now: number;
  readonly open: boolean;
  /** The one row that the Tab key reaches; arrows reach the others. */
  readonly reachable: boolean;
  readonly onToggle: (sessionId: string) => void;
  /** What stands under the row while it is open. */
  readonly children: ReactNode;
}

export const InboxRow = memo(function InboxRow(props: RowProps) {
  const { summary, section, now, open, reachable, onToggle, children } = props;
  const { strings } = useHost();
  const armed = useArmed();
  const detailsId = useId();
  const lineId = useId();
  const title = titleOf(summary);
  const line = section === 'waiting' && !open ? <Question summary={summary} /> : null;
  const error = section === 'ended' && !open ? summary.error : null;
  return (
    <div
      className="jp-hitl-Entry"
      data-session={summary.session_id}
      data-section={section}
      data-status={summary.status}
      data-open={open}
      data-place=""
    >
      <div className="jp-hitl-Entry-head" onClick={() => armed && onToggle(summary.session_id)}>
        <RowIcon summary={summary} section={section} />
        <div className="jp-hitl-Entry-body">
          <div className="jp-hitl-Entry-line">
            <h4 className="jp-hitl-Entry-heading">
              <button
                type="button"
                className="jp-hitl-Entry-title"
                title={title}
                data-roving=""
                tabIndex={reachable ? 0 : -1}
                aria-expanded={open}
                aria-controls={open ? detailsId : undefined}
                aria-describedby={line !== null || error !== null ? lineId : undefined}
                aria-disabled={!armed}
              >
                <span className="jp-hitl-Hidden">{strings.status[summary.status]}: </span>
                {title}
              </button>
            </h4>
            <Age summary={summary} section={section} now={now} />
          </div>
          {line !== null && (
            <div className="jp-hitl-Entry-question" id={lineId}>
              {line}
            </div>
          )}
          {error !== null && (
            <div className="jp-hitl-Entry-error" id={lineId} title={error}>
              {error.split('\n', 1)[0]}
            </div>
          )}
          <div className="jp-hitl-Entry-line">
            <Place summary={summary} />
            {section !== 'ended' && !open && <Figure summary={summary} />}
            {!open && <MiniTimeline summary={summary} now={now} />}
          </div>
          {section !== 'ended' && !open && <RowProgress summary={summary} />}
        </div>
      </div>
      {open && (
        <div className="jp-hitl-Entry-details" id={detailsId}>
          {children}
        </div>
      )}
    </div>
  );
});

/** What is asked of one, or how it stands. */
function RowIcon({
  summary,
  section
}: {
  readonly summary: Summary;
  readonly section: SectionName;
}) {
  const request = section === 'waiting' ? oldest(summary.open_requests) : undefined;
  return request === undefined ? (
    <StatusIcon status={summary.status} />
  ) : (
    <KindIcon kind={request.kind} />
  );
}

function oldest(requests: readonly OpenRequestSummary[]): OpenRequestSummary | undefined {
  return [...requests].sort((a, b) => a.opened_at - b.opened_at)[0];
}

/** The first line of what has been asked longest. */
function Question({ summary }: { readonly summary: Summary }) {
  const words = useHost().strings.inbox;
  const request = oldest(summary.open_requests);
  if (request === undefined) {
    return null;
  }
  const others = summary.open_requests.length - 1;
  return (
    <>
      <span className="jp-hitl-Entry-text" title={request.message}>
        {request.message.split('\n', 1)[0]}
      </span>
      {others > 0 && (
        <span className="jp-hitl-Badge" title={words.moreQuestions(others)}>
          <span aria-hidden="true">+{others}</span>
          <span className="jp-hitl-Hidden">{words.moreQuestions(others)}</span>
        </span>
      )}
    </>
  );
}

interface AgeProps {
  readonly summary: Summary;
  readonly section: SectionName;
  readonly now: number;
}

/** How long it waits or runs, or when it ended; the shortest time left where there is a deadline. */
function Age({ summary, section, now }: AgeProps) {
  const words = useHost().strings.inbox;
  if (section === 'ended') {
    const at = summary.ended_at ?? summary.updated_at ?? now;
    return <Told short={shortMoment(at)} whole={words.endedAt(clockTime(at))} />;
  }
  const deadlines = summary.open_requests.flatMap(({ deadline }) => deadline ?? []);
  if (deadlines.length > 0) {
    const left = Math.min(...deadlines) - now;
    const isLate = left <= 0 || summary.open_requests.some(request => request.overdue);
    const short = isLate ? words.overdue : duration(left);
    return (
      <Told short={short} whole={isLate ? short : words.closesIn(short)} late={isLate || left < 60}>
        <ActionIcon name="clock" />
      </Told>
    );
  }
  const waits = section === 'waiting';
  const since = waits ? oldest(summary.open_requests)?.opened_at : summary.started_at;
  const from = since ?? summary.created_at ?? now;
  const age = words.age(now - from);
  const what = waits ? words.waitingFor(age) : words.runningFor(age);
  return <Told short={age} whole={what} hint={words.since(what, clockTime(from))} />;
}

interface ToldProps {
  readonly short: string;
  readonly whole: string;
  readonly hint?: string;
  readonly late?: boolean;
  readonly children?: ReactNode;
}

/** A few letters for the eye, the whole for a pointer that rests on it and for a reader. */
function Told({ short, whole, hint = whole, late = false, children }: ToldProps) {
  return (
    <span className="jp-hitl-Entry-age" title={hint} data-late={late}>
      {children}
      <span aria-hidden="true">{short}</span>
      <span className="jp-hitl-Hidden">{whole}</span>
    </span>
  );
}

function Place({ summary }: { readonly summary: Summary }) {
  const words = useHost().strings.inbox;
  const parts = [
    notebookName(summary) ?? summary.task,
    ...(summary.attempt > 1 ? [words.attempt(summary.attempt)] : [])
  ];
  return (
    <span className="jp-hitl-Entry-place" title={summary.origin?.notebook ?? summary.task}>
      {parts.join(' · ')}
    </span>
  );
}

/** How far it is, in the figures that take the least place. */
function Figure({ summary }: { readonly summary: Summary }) {
  const bar = leadingBar(summary.progress);
  return bar === null ? null : (
    <span className="jp-hitl-Entry-figure" title={progressText(bar)}>
      {figureOf(bar)}
    </span>
  );
}

function figureOf(bar: ProgressState): string {
  const share = shareOf(bar);
  return share === null ? shortNumber(bar.done) : `${Math.floor(share * 100)} %`;
}

function progressText(bar: ProgressState): string {
  return `${bar.label} ${figureOf(bar)}`;
}

function MiniTimeline({ summary, now }: { readonly summary: Summary; readonly now: number }) {
  const { strings } = useHost();
  const timeline = useMemo(() => timelineOfSummary(summary, now), [summary, now]);
  return timeline === null ? null : (
    <TimelineStrip timeline={timeline} strings={strings} label={titleOf(summary)} compact />
  );
}

function RowProgress({ summary }: { readonly summary: Summary }) {
  const bar = leadingBar(summary.progress);
  const share = bar === null ? null : shareOf(bar);
  return bar === null || share === null ? null : (
    <div
      className="jp-hitl-Bar-track jp-hitl-Entry-progress"
      role="progressbar"
      aria-label={bar.label}
      aria-valuenow={Math.floor(share * 100)}
      aria-valuetext={progressText(bar)}
    >
      <div
        className="jp-hitl-Bar-fill"
        data-full={share === 1}
        style={{ width: `${share * 100}%` }}
      />
    </div>
  );
}
