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
    if (this.page.title !== this.marked) {
      this.plain = this.page.title;
    }
    const wanted = `(${this.count}) ${this.plain}`.trim();
    if (this.page.title !== wanted) {
      this.page.title = wanted;
    }
    this.marked = this.page.title;
  }

  private takeAway(): void {
    this.observer?.disconnect();
    this.observer = null;
    if (this.marked !== null && this.page.title === this.marked) {
      this.page.title = this.plain;
    }
    this.marked = null;
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
