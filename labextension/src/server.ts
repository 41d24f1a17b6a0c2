// How a page speaks to `hitl/…` on its server; each host has its own way.

/** The part of a WebSocket that is used. */
export interface Socket {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: (() => void) | null;
  send(data: string): void;
  close(code?: number): void;
}

export interface Server {
  /** A request to `hitl/<path>`. */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** A socket to `hitl/<path>`. */
  open(path: string, query: URLSearchParams, protocols: readonly string[]): Socket;
}
