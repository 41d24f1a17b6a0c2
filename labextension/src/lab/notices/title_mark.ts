// "(2) " before the document's title. The page writes its title anew whenever it likes, so the mark is put there again.

export class TitleMark {
  private count = 0;
  private plain = '';
  /** What the title was after the mark was put there, as the document gives it back. */
  private marked: string | null = null;
  private observer: MutationObserver | null = null;

  constructor(private readonly page: Document) {}

  /** So many wait; 0 takes the mark away. */
  show(count: number): void {
    this.count = count;
    if (count > 0) {
      this.watch();
      this.put();
    } else {
      this.takeAway();
    }
  }

  private put(): void {
    const { title } = this.page;
    // Who writes something around our mark has not taken it away. Two such could go on for ever.
    if (this.marked !== null && title.includes(this.marked) && this.marked.startsWith(this.mark)) {
      return;
    }
    this.plain = this.unmarked(title);
    this.page.title = `${this.mark} ${this.plain}`;
    this.marked = this.page.title;
  }

  private takeAway(): void {
    this.observer?.disconnect();
    this.observer = null;
    if (this.marked !== null) {
      this.page.title = this.unmarked(this.page.title);
      this.marked = null;
    }
  }

  private get mark(): string {
    return `(${this.count})`;
  }

  private unmarked(title: string): string {
    return this.marked === null ? title : title.replace(this.marked, () => this.plain);
  }

  /** The head and not the title's element alone: that may be another one tomorrow. */
  private watch(): void {
    if (this.observer === null) {
      this.observer = new MutationObserver(() => this.put());
      this.observer.observe(this.page.head, {
        childList: true,
        characterData: true,
        subtree: true
      });
    }
  }
}
