interface Attachment {
  users: number;
  readonly detach: () => void;
}

/**
 * Attaches something that all callers with the same carrier share. The first call attaches it, and the last release
 * detaches it. The carrier is a value of {@link processWide}, or the server or prototype that it is attached to.
 * Returns the function that releases this caller's share; calling it twice has no further effect.
 */
export function attachShared(carrier: object, key: PropertyKey, attach: () => () => void): () => void {
  const attachments = carrier as Record<PropertyKey, Attachment | undefined>;
  attachments[key] ??= { users: 0, detach: attach() };
  const attachment = attachments[key];
  attachment.users += 1;
  return once(() => {
    attachment.users -= 1;
    if (attachment.users > 0) return;
    delete attachments[key];
    attachment.detach();
  });
}

/** Returns a function that calls several undo functions in order. */
export function undoAll(undo: Iterable<() => void>): () => void {
  return () => {
    for (const each of undo) each();
  };
}

/** Wraps a function so that only the first call has an effect. */
export function once<Args extends unknown[]>(action: (...args: Args) => void): (...args: Args) => void {
  let called = false;
  return (...args) => {
    if (called) return;
    called = true;
    action(...args);
  };
}
