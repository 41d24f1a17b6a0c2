// Icons of 16 × 16, in the colour of their text. Decoration only: words stand beside each.

import type { ReactNode } from 'react';

import type { Connection } from '../port';
import type { RequestKind, Status } from '../protocol';

function Icon({
  children,
  spin = false
}: {
  readonly children: ReactNode;
  readonly spin?: boolean;
}) {
  return (
    <svg
      className={spin ? 'jp-hitl-Icon jp-mod-spinning' : 'jp-hitl-Icon'}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {children}
    </svg>
  );
}

const ring = <circle cx="8" cy="8" r="6.25" />;

const statusShapes: Record<Status, ReactNode> = {
  queued: (
    <>
      {ring}
      <path d="M8 4.5V8l2.25 1.5" />
    </>
  ),
  running: <path d="M14.25 8A6.25 6.25 0 1 1 8 1.75" />,
  waiting: (
    <>
      {ring}
      <path d="M6.25 6.25a1.8 1.8 0 1 1 2.5 1.65c-.5.22-.75.5-.75 1.1" />
      <path d="M8 11.4v.01" />
    </>
  ),
  cancelling: <path d="M14.25 8A6.25 6.25 0 1 1 8 1.75" />,
  completed: (
    <>
      {ring}
      <path d="m5.25 8.25 2 2 3.5-4.25" />
    </>
  ),
  failed: (
    <>
      {ring}
      <path d="M8 4.75v4M8 11.2v.01" />
    </>
  ),
  cancelled: (
    <>
      {ring}
      <path d="M5.5 8h5" />
    </>
  )
};

export function StatusIcon({ status }: { readonly status: Status }) {
  return <Icon spin={status === 'running' || status === 'cancelling'}>{statusShapes[status]}</Icon>;
}

export function ConnectionIcon({ connection }: { readonly connection: Connection }) {
  if (connection === 'live') {
    return (
      <Icon>
        <circle cx="8" cy="8" r="3" fill="currentColor" stroke="none" />
      </Icon>
    );
  }
  if (connection === 'offline' || connection === 'refused') {
    return (
      <Icon>
        <circle cx="8" cy="8" r="3.75" />
        <path d="m3 13 10-10" />
      </Icon>
    );
  }
  return (
    <Icon spin>
      <path d="M13.5 8A5.5 5.5 0 1 1 8 2.5" />
    </Icon>
  );
}

export function KindIcon({ kind }: { readonly kind: RequestKind }) {
  const shapes: Record<RequestKind, ReactNode> = {
    confirm: statusShapes.waiting,
    user_input: (
      <>
        <path d="M9.75 3.25 12.75 6.25 6 13H3v-3z" />
        <path d="M8.5 4.5l3 3" />
      </>
    ),
    retry: statusShapes.failed
  };
  return <Icon>{shapes[kind]}</Icon>;
}

const actions = {
  stop: <rect x="4" y="4" width="8" height="8" rx="1" />,
  down: <path d="M8 3v9M4.25 8.5 8 12.25l3.75-3.75" />,
  find: (
    <>
      <circle cx="7" cy="7" r="4.25" />
      <path d="m10.25 10.25 3.25 3.25" />
    </>
  ),
  clear: (
    <>
      {ring}
      <path d="m3.75 12.25 8.5-8.5" />
    </>
  ),
  undo: (
    <>
      <path d="M3 6.5h6.75a3.5 3.5 0 0 1 0 7H6" />
      <path d="M5.75 3.5 2.75 6.5l3 3" />
    </>
  ),
  up: <path d="M4.25 9.75 8 6l3.75 3.75" />,
  next: <path d="M4.25 6.25 8 10l3.75-3.75" />,
  close: <path d="m4.5 4.5 7 7M11.5 4.5l-7 7" />,
  copy: (
    <>
      <rect x="5.75" y="5.75" width="7.5" height="7.5" rx="1" />
      <path d="M10.25 5.5V3.75a1 1 0 0 0-1-1h-5.5a1 1 0 0 0-1 1v5.5a1 1 0 0 0 1 1H5.5" />
    </>
  ),
  check: <path d="m3.5 8.5 3 3 6-7" />,
  cross: <path d="m4.5 4.5 7 7M11.5 4.5l-7 7" />,
  retry: (
    <>
      <path d="M13.25 8a5.25 5.25 0 1 1-1.6-3.75" />
      <path d="M13.25 2.25v3h-3" />
    </>
  ),
  clock: statusShapes.queued,
  info: (
    <>
      {ring}
      <path d="M8 7.5v3.75M8 4.8v.01" />
    </>
  ),
  inbox: (
    <>
      <path d="M2.5 9.25 4.25 3.5h7.5l1.75 5.75v3.25h-11z" />
      <path d="M2.75 9.25h3l1 1.75h2.5l1-1.75h3" />
    </>
  ),
  fold: <path d="m5.5 6.5 2.5 3 2.5-3" />,
  back: <path d="M9.75 3.75 5.5 8l4.25 4.25" />,
  open: (
    <>
      <path d="M9.25 3h3.75v3.75M13 3 7.75 8.25" />
      <path d="M7 3.75H3.5v8.75h8.75V9" />
    </>
  ),
  cell: (
    <>
      <rect x="2" y="4.25" width="12" height="7.5" rx="1" />
      <path d="m5 6.75 1.5 1.25L5 9.25" />
    </>
  ),
  bin: (
    <>
      <path d="M3.25 4.5h9.5M6.25 4.25V2.75h3.5v1.5" />
      <path d="m4.5 4.75.6 8.5h5.8l.6-8.5" />
    </>
  ),
  plus: <path d="M8 3.5v9M3.5 8h9" />
} as const;

export function ActionIcon({ name }: { readonly name: keyof typeof actions }) {
  return <Icon>{actions[name]}</Icon>;
}
