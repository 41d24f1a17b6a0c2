// A page to draw into, and the little of a browser that jsdom lacks.

import { act } from 'react';
import type { ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import type { Root } from 'react-dom/client';
import { vi } from 'vitest';

import { GUARD_MS } from '../src/view/card';

Object.assign(globalThis, {
  IS_REACT_ACT_ENVIRONMENT: true,
  ResizeObserver: class {
    observe() {}
    disconnect() {}
  }
});

export class TestPage {
  readonly element = document.createElement('div');
  private readonly root: Root;

  /** Time stands still, and goes on only by `pass`. */
  constructor() {
    vi.useFakeTimers();
    document.body.append(this.element);
    this.root = createRoot(this.element);
  }

  /** Draw it, and wait until cards take clicks. */
  async show(shown: ReactNode): Promise<void> {
    await this.rerender(shown);
    await this.pass(GUARD_MS);
  }

  rerender(shown: ReactNode): Promise<void> {
    return act(async () => this.root.render(shown));
  }

  close(): void {
    act(() => this.root.unmount());
    this.element.remove();
    vi.useRealTimers();
  }

  pass(milliseconds: number): Promise<void> {
    return act(async () => void vi.advanceTimersByTime(milliseconds));
  }

  do(action: () => void): Promise<void> {
    return act(async () => action());
  }

  all<E extends HTMLElement>(selector: string): readonly E[] {
    return Array.from(this.element.querySelectorAll<E>(selector));
  }

  get(selector: string): HTMLElement {
    const found = this.element.querySelector<HTMLElement>(selector);
    if (found === null) {
      throw new Error(`There is no ${selector}.`);
    }
    return found;
  }

  button(text: string, within: HTMLElement = this.element): HTMLElement {
    const buttons = Array.from(within.querySelectorAll('button'));
    const found = buttons.find(button => button.textContent?.trim() === text);
    if (found === undefined) {
      throw new Error(`There is no button “${text}”.`);
    }
    return found;
  }

  hasButton(text: string): boolean {
    return this.all('button').some(button => button.textContent?.trim() === text);
  }

  click(element: HTMLElement): Promise<void> {
    return this.do(() => element.click());
  }

  key(key: string, element: Element | null = document.activeElement): Promise<void> {
    return this.do(() =>
      element?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))
    );
  }

  type(input: HTMLInputElement, text: string): Promise<void> {
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set;
    return this.do(() => {
      set?.call(input, text);
      input.dispatchEvent(new Event('input', { bubbles: true }));
    });
  }

  get text(): string {
    return this.element.textContent ?? '';
  }
}
