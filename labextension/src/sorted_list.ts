// A list that stays in order while its items change, without being sorted again; each change makes a new array.

export class SortedList<T> {
  items: readonly T[] = [];

  constructor(
    private readonly rank: (item: T) => number,
    private readonly name: (item: T) => string
  ) {}

  /** Put an item in, in the place of `before` if that is here. */
  put(item: T, before: T | undefined): void {
    const at = before === undefined ? -1 : this.indexOf(before);
    if (at >= 0 && before !== undefined && this.compare(item, before) === 0) {
      this.items = this.items.with(at, item);
      return;
    }
    const rest = at >= 0 ? this.items.toSpliced(at, 1) : this.items;
    this.items = rest.toSpliced(this.placeIn(rest, item), 0, item);
  }

  remove(item: T): void {
    const at = this.indexOf(item);
    if (at >= 0) {
      this.items = this.items.toSpliced(at, 1);
    }
  }

  private indexOf(item: T): number {
    const at = this.placeIn(this.items, item);
    return at < this.items.length && this.name(this.items[at]) === this.name(item) ? at : -1;
  }

  /** Where it stands, or would stand. */
  private placeIn(items: readonly T[], item: T): number {
    let [low, high] = [0, items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.compare(items[middle], item) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private compare(a: T, b: T): number {
    const [left, right] = [this.rank(a), this.rank(b)];
    if (left !== right) {
      return left - right;
    }
    return this.name(a) < this.name(b) ? -1 : this.name(a) > this.name(b) ? 1 : 0;
  }
}
