export type { Connection, Port, PortHandler, Reply, SubscribeOptions } from '../src/port';
export type {
  Command,
  Json,
  JournalEvent,
  MimeBundle,
  ServerMessage,
  Snapshot,
  Summary
} from '../src/protocol';
