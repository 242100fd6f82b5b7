type Method = (this: unknown, body: unknown) => unknown;

/** The settings that Express's own methods read, and their effect on a response with a content type. */
const effects = {
  json: {
    body: { a: 1 },
    settings: ['json escape', 'json replacer', 'json spaces'],
    headers: ['content-type: text/plain'],
    sent: ['send {"a":1} '],
  },
  send: {
    body: 'text',
    settings: ['etag fn'],
    headers: ['content-length: 4', 'content-type: text/plain; charset=utf-8'],
    sent: ['end text utf8'],
  },
};

/**
 * Whether a method is Express's own `res.json` or `res.send`. It is called on an object that records its effects. A
 * function that wraps the method has the same effects, but the settings are read one call deeper. Text and name of the
 * function prove nothing: a wrapper may contain the same words, and a bundle may be minified.
 */
export function isExpressMethod(name: keyof typeof effects, method: unknown): method is Method {
  if (typeof method !== 'function') return false;
  const { body, ...expected } = effects[name];
  const headers = new Map([['content-type', 'text/plain']]);
  const settings: string[] = [];
  const sent: string[] = [];
  let directDepth = 0;
  const app = {
    get(setting: string): undefined {
      const depth = stackDepth();
      if (directDepth === 0) directDepth = depth;
      else settings.push(depth === directDepth ? setting : 'read by another function');
    },
  };
  const record = (how: string) => (text: unknown, encoding?: unknown) =>
    void sent.push(`${how} ${text} ${encoding ?? ''}`);
  const response = {
    app,
    req: { method: 'GET', headers: {}, fresh: false },
    statusCode: 200,
    get: (header: string) => headers.get(header.toLowerCase()),
    set: (header: string, value: unknown) => void headers.set(header.toLowerCase(), String(value)),
    send: record('send'),
    end: record('end'),
  };
  try {
    for (const called of [readSetting, method as Method]) called.call(response, body);
  } catch {
    return false;
  }
  const found = {
    settings: settings.sort(),
    headers: [...headers].map((header) => header.join(': ')).sort(),
    sent,
  };
  return JSON.stringify(found) === JSON.stringify(expected);
}

/** Reads a setting directly, as Express's own methods do. */
function readSetting(this: unknown): void {
  (this as { app: { get(setting: string): unknown } }).app.get('');
}

/** The number of calls on the stack. */
function stackDepth(): number {
  const { stackTraceLimit, prepareStackTrace } = Error;
  try {
    Error.stackTraceLimit = Number.POSITIVE_INFINITY;
    Error.prepareStackTrace = (_error, calls) => calls.length;
    return new Error().stack as unknown as number;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    Error.prepareStackTrace = prepareStackTrace;
  }
}
