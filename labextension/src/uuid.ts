// The names of sessions: only a version 4 UUID ever becomes a part of an address.

const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export function isUuid4(text: unknown): text is string {
  return typeof text === 'string' && UUID4.test(text);
}
