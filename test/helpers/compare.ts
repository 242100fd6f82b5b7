import { once } from 'node:events';
import http from 'node:http';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';

/** One request of a list that is sent to an app as it is and to the same app productionized. */
export interface Call {
  readonly path: string;
  readonly method?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  /** What in the body is another each time: a time, a random id. */
  readonly random?: RegExp;
  /** More headers, taken from answers that came before this call; those without a value are not sent. */
  readonly follow?: (replies: readonly Reply[]) => http.OutgoingHttpHeaders;
}

export interface Reply {
  /** 0 when the connection ended without an answer. */
  readonly status: number;
  readonly reason: string;
  readonly headers: ReadonlyMap<string, string>;
  /** Decoded from its `Content-Encoding`. */
  readonly body: Buffer;
  /** Headers behind the body, and those of informational answers before it. */
  readonly around: readonly string[];
  /** The connection ended before the message was complete. */
  readonly cut: boolean;
}

/** A client that keeps one connection to an app, and neither decodes nor repairs anything by itself. */
export class Client {
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  readonly port: number;

  constructor(port: number) {
    this.port = port;
  }

  /** Sends the calls in turn; each may lean on what the ones before it answered. */
  async all(calls: readonly Call[]): Promise<Reply[]> {
    const replies: Reply[] = [];
    for (const call of calls) replies.push(await this.send(call, replies));
    return replies;
  }

  async send({ body, path, method, headers, follow }: Call, before: readonly Reply[] = []): Promise<Reply> {
    const all = { host: 'app.test', ...headers, ...follow?.(before) };
    const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    if (body !== undefined && !('transfer-encoding' in given))
      given['content-length'] = Buffer.byteLength(body);
    const req = http.request({
      agent: this.#agent,
      host: '127.0.0.1',
      port: this.port,
      path,
      method,
      headers: given,
    });
    const around: string[] = [];
    req.on('information', ({ statusCode, rawHeaders }) => around.push(`${statusCode} ${rawHeaders.join()}`));
    req.end(body);
    let res: http.IncomingMessage;
    try {
      [res] = (await once(req, 'response')) as [http.IncomingMessage];
    } catch {
      return { status: 0, reason: '', headers: new Map(), body: Buffer.alloc(0), around, cut: true };
    }
    const chunks: Buffer[] = [];
    let cut = false;
    res.on('data', (chunk) => chunks.push(chunk));
    res.on('error', () => {
      cut = true;
    });
    await new Promise((resolve) => res.once('close', resolve));
    const received = new Map<string, string>();
    for (let i = 0; i < res.rawHeaders.length; i += 2) {
      const name = (res.rawHeaders[i] as string).toLowerCase();
      const value = res.rawHeaders[i + 1] as string;
      received.set(name, received.has(name) ? `${received.get(name)} | ${value}` : value);
    }
    return {
      status: res.statusCode as number,
      reason: res.statusMessage as string,
      headers: received,
      body: decode(Buffer.concat(chunks), received.get('content-encoding')),
      around: [...around, ...res.rawTrailers],
      cut: cut || !res.complete,
    };
  }

  close(): void {
    this.#agent.destroy();
  }
}

function decode(body: Buffer, encoding: string | undefined): Buffer {
  if (body.length === 0) return body;
  if (encoding === 'gzip') return gunzipSync(body);
  if (encoding === 'br') return brotliDecompressSync(body);
  if (encoding === 'deflate') return inflateSync(body);
  return body;
}

type Value = string | undefined;

/** What productionize changes on purpose: whether a pair of different values of a header is such a change. */
const intended: Record<string, (plain: Value, ours: Value, pair: Pair) => boolean> = {
  // the two answers were made at different moments
  date: (plain, ours) => [plain, ours].every((value) => !Number.isNaN(Date.parse(value ?? ''))),
  'x-ratelimit-reset': (plain, ours) => Number(plain) > 0 && Number(ours) > 0,
  // the context's id, to find the log line by
  'x-request-id': (plain, ours) => plain === undefined && ours !== undefined,
  // the guard switched it off: "Reduce fingerprinting" of Express's security practices
  'x-powered-by': (plain, ours) => plain === 'Express' && ours === undefined,
  // idle connections outlive those of a load balancer
  'keep-alive': (plain, ours) => plain === 'timeout=5' && ours === 'timeout=65',
  // compression: the encoding of the same bytes, what describes the encoded ones, and what caches must know
  'content-encoding': (_plain, ours, { call }) => {
    const accepted = String(call.headers?.['accept-encoding'] ?? '');
    return (
      ours === undefined || accepted.split(/, */).some((item) => item.split(';')[0] === ours || item === '*')
    );
  },
  'content-length': (_plain, _ours, pair) => encodedOtherwise(pair),
  'transfer-encoding': (_plain, _ours, pair) => encodedOtherwise(pair),
  'accept-ranges': (plain, ours, pair) => plain === 'bytes' && ours === undefined && encodedOtherwise(pair),
  etag: (plain, ours, { call, plain: { status } }) =>
    ours === `W/${plain}` && (status === 304 || call.headers?.['accept-encoding'] !== undefined),
  vary: (plain, ours) =>
    listOf(ours)
      .filter((name) => name !== 'accept-encoding')
      .join() === listOf(plain).join(),
};

/** What the last error handler does otherwise than Express's own. */
const intendedOnErrors: typeof intended = {
  // nobody is to keep an error, whatever the handler had said of its own answer
  'cache-control': (_plain, ours) => ours === 'no-store',
  // the form of the answer follows the Accept header
  vary: (plain, ours) => [...listOf(plain), 'accept'].every((name) => listOf(ours).includes(name)),
  // they described the file that could not be sent, not the answer
  etag: (_plain, ours) => ours === undefined,
  'last-modified': (_plain, ours) => ours === undefined,
  // HEAD has the length of the page that GET has, which names another method
  'content-length': (plain, ours, { call }) => call.method === 'HEAD' && Number(ours) === Number(plain) - 1,
};

interface Pair {
  readonly call: Call;
  readonly plain: Reply;
  readonly ours: Reply;
}

function encodedOtherwise({ plain, ours }: Pair): boolean {
  return plain.headers.get('content-encoding') !== ours.headers.get('content-encoding');
}

function listOf(value: Value): string[] {
  return value === undefined ? [] : value.toLowerCase().split(/\s*[,|]\s*/);
}

/** Whether an answer is the page of Express's final handler, which ours takes the place of. */
function isFinal({ status, headers }: Reply): boolean {
  return status >= 400 && headers.get('content-security-policy') === "default-src 'none'";
}

/** Every difference between two answers to one call that is not intended, as text. */
export function differences(call: Call, plain: Reply, ours: Reply): string[] {
  const pair = { call, plain, ours };
  const found: string[] = [];
  const note = (what: string, before: unknown, after: unknown) => {
    found.push(
      `${call.method ?? 'GET'} ${call.path}: ${what} ${JSON.stringify(before)} became ${JSON.stringify(after)}`,
    );
  };
  if (plain.status !== ours.status) note('status', plain.status, ours.status);
  if (plain.reason !== ours.reason) note('reason', plain.reason, ours.reason);
  if (plain.cut !== ours.cut) note('cut', plain.cut, ours.cut);
  if (String(plain.around) !== String(ours.around)) note('trailers or hints', plain.around, ours.around);
  const stable = ({ body }: Reply) => withoutFrames(body).replace(call.random ?? /$^/, '');
  if (stable(plain) !== stable(ours)) note('body', excerpt(stable(plain)), excerpt(stable(ours)));
  const otherBytes = call.random !== undefined || !plain.body.equals(ours.body);
  for (const name of new Set([...plain.headers.keys(), ...ours.headers.keys()])) {
    const [before, after] = [plain.headers.get(name), ours.headers.get(name)];
    if (before === after || intended[name]?.(before, after, pair)) continue;
    if (isFinal(plain) && isFinal(ours) && intendedOnErrors[name]?.(before, after, pair)) continue;
    // where the bodies differ as they may, so does what is made from their bytes
    if (otherBytes && (name === 'content-length' || name === 'etag')) continue;
    note(name, before, after);
  }
  return found;
}

/** A body without the frames of a stack an app shows to its clients: they name the functions that called it. */
function withoutFrames(body: Buffer): string {
  return body.toString('latin1').replace(/(?:\n {4}at .*)+/g, '');
}

function excerpt(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}… (${text.length} bytes)` : text;
}
