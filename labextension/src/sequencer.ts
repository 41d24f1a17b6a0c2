// Lets each event through once and in order, whatever the carrier repeats.

import type { ServerMessage, StateReplayStart, Truncated } from './protocol';

/**
 * The place of one viewer in a session's history.
 *
 * A comm is heard by every page that shows the widget, so one page's replay reaches the others too; and a socket that
 * reconnects may be told again what it knows. Nothing passes before a replay that goes on from this place.
 */
export class Sequencer {
  private begun: boolean;
  /** Retention took all events up to this one. */
  private truncated = 0;

  constructor(public lastSeq: number) {
    this.begun = lastSeq > 0;
  }

  /** The epoch under which `lastSeq` was seen. */
  epoch: number | null = null;

  /** Let nothing pass until a replay goes on from here: what another page is told may begin further on. */
  pause(): void {
    this.begun = false;
  }

  /** The messages of this frame that are news. */
  accept(frame: readonly ServerMessage[]): readonly ServerMessage[] {
    return frame.filter(message => this.isNews(message));
  }

  private isNews(message: ServerMessage): boolean {
    switch (message.type) {
      case 'reset':
        this.epoch = message.epoch;
        this.lastSeq = this.truncated = 0;
        this.begun = true;
        return true;
      case 'state_replay_start':
        return this.begins(message);
      case 'truncated':
        return this.isNewGap(message);
      case 'error':
        return true;
      case 'state_replay_complete':
      case 'draft':
        return this.begun;
      default:
        return this.begun && this.isNewEvent(message.seq);
    }
  }

  private begins({ epoch, first_seq: first, snapshot }: StateReplayStart): boolean {
    const goesOn = snapshot !== undefined || first <= Math.max(this.lastSeq, this.truncated) + 1;
    this.begun ||= goesOn;
    this.epoch = this.begun ? epoch : this.epoch;
    return this.begun;
  }

  /** Events that are gone count as seen, if they join what is known; another page may be told of some further on. */
  private isNewGap({ first_seq: first, last_seq: last }: Truncated): boolean {
    const known = Math.max(this.lastSeq, this.truncated);
    if (last <= known || !(this.begun || first <= known + 1)) {
      return false;
    }
    if (this.begun) {
      this.lastSeq = last;
    } else {
      this.truncated = last;
    }
    return true;
  }

  private isNewEvent(seq: number | undefined): boolean {
    if (seq === undefined) {
      return true;
    }
    if (seq <= this.lastSeq) {
      return false;
    }
    this.lastSeq = seq;
    return true;
  }
}
