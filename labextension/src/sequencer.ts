// Lets each event through once and in order, whatever the carrier repeats.

import type { ServerMessage } from './protocol';

/**
 * The place of one viewer in a session's history.
 *
 * A comm is heard by every page that shows the widget, so one page's replay reaches the others too; and a socket that
 * reconnects may be told again what it knows. Nothing passes before the first `state_replay_start`.
 */
export class Sequencer {
  private begun: boolean;

  constructor(public lastSeq: number) {
    this.begun = lastSeq > 0;
  }

  /** The epoch under which `lastSeq` was seen. */
  epoch: number | null = null;

  /** The messages of this frame that are news. */
  accept(frame: readonly ServerMessage[]): readonly ServerMessage[] {
    return frame.filter(message => this.isNews(message));
  }

  private isNews(message: ServerMessage): boolean {
    switch (message.type) {
      case 'reset':
        this.epoch = message.epoch;
        this.lastSeq = 0;
        this.begun = true;
        return true;
      case 'state_replay_start':
        this.epoch = message.epoch;
        this.begun = true;
        return true;
      case 'error':
        return true;
      case 'state_replay_complete':
      case 'truncated':
      case 'draft':
        return this.begun;
      default:
        return this.begun && this.isNewEvent(message.seq);
    }
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
