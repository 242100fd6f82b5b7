/** The methods that OpenTelemetry knows; each other one is `_OTHER`, because a client may send any. */
export const methodNames = [
  '_OTHER',
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'CONNECT',
  'TRACE',
];

const indexes = new Map(methodNames.map((name, index) => [name, index]));

export function methodIndex(method: string): number {
  return indexes.get(method) ?? 0;
}
