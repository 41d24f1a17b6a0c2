// Whether something can be seen: not scrolled away, not in a tab behind another.

/** Tells now and whenever it changes; returns how to stop. Where a browser cannot tell, it counts as seen. */
export function watchSeen(element: Element, listener: (visible: boolean) => void): () => void {
  if (typeof IntersectionObserver === 'undefined') {
    listener(true);
    return () => {};
  }
  const observer = new IntersectionObserver(entries => {
    const last = entries.at(-1);
    if (last !== undefined) {
      listener(last.isIntersecting);
    }
  });
  observer.observe(element);
  return () => observer.disconnect();
}
