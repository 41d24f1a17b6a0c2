// Progress bars: the unfinished ones in full, the finished ones folded into a count.

import type { ProgressState } from '../protocol';
import { useHost } from './context';
import { duration, shortNumber } from './time';

function isFinished(bar: ProgressState): boolean {
  return bar.total !== null && bar.done >= bar.total;
}

/** The last bar stays in full when all are done, so that a task's only bar is seen to reach its end. */
export function ProgressBars({
  bars,
  moving
}: {
  readonly bars: readonly ProgressState[];
  readonly moving: boolean;
}) {
  const words = useHost().strings.progress;
  const open = bars.filter(bar => !isFinished(bar));
  const finished = bars.filter(isFinished);
  const shown = open.length > 0 ? open : finished.slice(-1);
  const folded = finished.filter(bar => !shown.includes(bar));
  if (shown.length === 0) {
    return null;
  }
  return (
    <section className="jp-hitl-Progress" aria-label={words.progress}>
      {shown.map(bar => (
        <Bar key={bar.progress_id} bar={bar} moving={moving} />
      ))}
      {folded.length > 0 && (
        <details>
          <summary>{words.finished(folded.length)}</summary>
          {folded.map(bar => (
            <Bar key={bar.progress_id} bar={bar} moving={false} />
          ))}
        </details>
      )}
    </section>
  );
}

function Bar({ bar, moving }: { readonly bar: ProgressState; readonly moving: boolean }) {
  const { done, total } = bar;
  const share = total === null || total <= 0 ? null : Math.min(1, Math.max(0, done / total));
  return (
    <div className="jp-hitl-Bar">
      <span className="jp-hitl-Bar-label" title={bar.label}>
        {bar.label}
      </span>
      <div
        className="jp-hitl-Bar-track"
        role="progressbar"
        aria-label={bar.label}
        aria-valuemin={0}
        aria-valuemax={total ?? undefined}
        aria-valuenow={total === null ? undefined : done}
        aria-valuetext={share === null ? shortNumber(done) : `${Math.floor(share * 100)} %`}
      >
        <div
          className={
            share === null && moving ? 'jp-hitl-Bar-fill jp-mod-unknown' : 'jp-hitl-Bar-fill'
          }
          data-full={share === 1}
          style={{ width: share === null ? undefined : `${share * 100}%` }}
        />
      </div>
      <span className="jp-hitl-Bar-figures">
        <Figures bar={bar} share={share} moving={moving} />
      </span>
    </div>
  );
}

function Figures({
  bar,
  share,
  moving
}: {
  readonly bar: ProgressState;
  readonly share: number | null;
  readonly moving: boolean;
}) {
  const words = useHost().strings.progress;
  const spent = bar.updated_at - bar.started_at;
  const rate = spent > 0 ? bar.done / spent : 0;
  const parts = [
    share === null ? shortNumber(bar.done) : `${count(bar.done)} / ${count(bar.total ?? 0)}`
  ];
  if (share !== null) {
    parts.push(`${Math.floor(share * 100)} %`);
  }
  if (rate > 0 && moving) {
    parts.push(rate >= 1 ? words.rate(shortNumber(rate)) : words.perItem(duration(1 / rate)));
    if (bar.total !== null && bar.done < bar.total) {
      parts.push(words.left(duration((bar.total - bar.done) / rate)));
    }
  }
  return <>{parts.join(' · ')}</>;
}

function count(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString() : shortNumber(value);
}
