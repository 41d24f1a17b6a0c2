// The page's own renderers, lent to the view: for charts and formulas, as the page marks them safe, and untrusted.

import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { drawable, drawnKind, rendererFor } from '../drawing';
import type { Drawing, PageRenderers } from '../drawing';
import type { Json } from '../protocol';

export class LabRenderers implements PageRenderers {
  constructor(private readonly registry: IRenderMimeRegistry) {}

  canDraw(mimeType: string, value: Json): boolean {
    return this.typeFor(mimeType) !== null && drawable(mimeType, value) !== null;
  }

  draw(place: HTMLElement, mimeType: string, value: Json): Drawing {
    const type = this.typeFor(mimeType);
    const given = drawable(mimeType, value);
    if (type === null || given === null) {
      return { done: Promise.reject(new Error(`${mimeType} is not drawn.`)), dispose: () => {} };
    }
    const model = this.registry.createModel({
      data: { [type]: given.value } as ReadonlyPartialJSONObject,
      metadata: { [type]: given.metadata } as ReadonlyPartialJSONObject,
      trusted: false
    });
    return new LabDrawing(place, this.registry.createRenderer(type), model);
  }

  /** The page's own type for this one; null where no renderer has it that is safe of itself. */
  private typeFor(mimeType: string): string | null {
    if (drawnKind(mimeType) === null) {
      return null;
    }
    const type = rendererFor(mimeType, this.registry.mimeTypes);
    return type !== null && this.registry.getFactory(type)?.safe === true ? type : null;
  }
}

class LabDrawing implements Drawing {
  readonly done: Promise<void>;
  private readonly observer: ResizeObserver;
  private width = 0;

  constructor(
    private readonly place: HTMLElement,
    private readonly renderer: IRenderMime.IRenderer,
    model: IRenderMime.IMimeModel
  ) {
    let begin: () => void = () => {};
    this.done = new Promise<void>(resolve => {
      begin = () => resolve(this.renderer.renderModel(model));
    });
    this.observer = new ResizeObserver(() => this.sized(begin));
    this.observer.observe(place);
  }

  /** A chart takes its size from its place, which may be in no page yet, or in a part of it that is not shown. */
  private sized(begin: () => void): void {
    const { clientWidth } = this.place;
    if (!this.place.isConnected || clientWidth === 0 || clientWidth === this.width) {
      return;
    }
    const isFirst = this.width === 0;
    this.width = clientWidth;
    if (isFirst) {
      Widget.attach(this.renderer, this.place);
      begin();
    } else {
      MessageLoop.sendMessage(this.renderer, Widget.ResizeMessage.UnknownSize);
    }
  }

  dispose(): void {
    this.observer.disconnect();
    if (!this.renderer.node.isConnected) {
      // A notebook takes cells out of the page that are not in sight; a widget out of it cannot be detached.
      this.renderer.clearFlag(Widget.Flag.IsAttached);
    }
    this.renderer.dispose();
    this.renderer.node.remove();
  }
}
