// How long to wait before the n-th try: doubling, with jitter, so that a restarted server is not met by all at once.

export interface Backoff {
  /** Milliseconds before try `n` (1, 2, …), or null: give up. */
  (n: number): number | null;
}

export const FIRST_MS = 400;
export const LONGEST_MS = 15_000;
export const TRIES = 12;

/** 0.4 s, 0.8 s, … up to 15 s, each spread by half; gives up after about two minutes. */
export function doubling(random: () => number = Math.random): Backoff {
  return n => {
    if (n > TRIES) {
      return null;
    }
    const full = Math.min(FIRST_MS * 2 ** (n - 1), LONGEST_MS);
    return full * (0.5 + random() / 2);
  };
}
