// Which notices a person wants, as the settings say now. Without settings: as they are by default, for this page.

export interface NoticeChoices {
  readonly toasts: boolean;
  readonly titleMark: boolean;
  readonly browserNotifications: boolean;
}

export const DEFAULT_CHOICES: NoticeChoices = {
  toasts: true,
  titleMark: true,
  browserNotifications: false
};

/** The part of JupyterLab's `ISettings` that is needed. */
export interface StoredSettings {
  readonly changed: { connect(listener: () => void): unknown };
  get(key: string): { readonly composite: unknown };
  set(key: string, value: boolean): Promise<void>;
}

export class NoticeSettings {
  private choices = DEFAULT_CHOICES;
  private stored: StoredSettings | null = null;
  private readonly listeners = new Set<() => void>();

  get current(): NoticeChoices {
    return this.choices;
  }

  /** Follow what is stored from now on. */
  follow(stored: StoredSettings): void {
    this.stored = stored;
    stored.changed.connect(() => this.read(stored));
    this.read(stored);
  }

  async set(name: keyof NoticeChoices, value: boolean): Promise<void> {
    // At once, whatever becomes of the request: who turns something off sees no more of it.
    this.take({ ...this.choices, [name]: value });
    await this.stored?.set(name, value);
  }

  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  private read(stored: StoredSettings): void {
    const choice = (name: keyof NoticeChoices) => {
      const value = stored.get(name).composite;
      return typeof value === 'boolean' ? value : DEFAULT_CHOICES[name];
    };
    this.take({
      toasts: choice('toasts'),
      titleMark: choice('titleMark'),
      browserNotifications: choice('browserNotifications')
    });
  }

  private take(choices: NoticeChoices): void {
    this.choices = choices;
    this.listeners.forEach(listener => listener());
  }
}
