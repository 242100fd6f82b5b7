import { format, makeReport, passed } from '../../src/cli/drill/drill-report.js';
import { TrafficCounts } from '../../src/cli/drill/traffic-counts.js';
import { controlFrame, type Frame, frameReader, opcodes } from '../../src/cli/drill/web-socket-frames.js';

describe('the report', () => {
  const drilled = {
    script: '/app.js',
    port: 3000,
    path: '/',
    status: 200,
    workers: 2,
    reloads: 10,
    reloaded: 10,
    seconds: 12.3,
    deaths: 0,
    problem: null,
  };
  const counts = (kind: string, sent: number, failures: unknown[] = [], reconnected = 0, ms = 0) => {
    const made = new TrafficCounts(kind);
    made.sent = sent;
    made.completed = sent - failures.length;
    made.reconnected = reconnected;
    made.waited(ms);
    for (const failure of failures) made.fail(failure);
    return made;
  };
  const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });

  it('is a table with aligned columns and a verdict', () => {
    const report = makeReport(drilled, [
      counts('keep-alive', 1_234_567, [], 80, 1234.4),
      counts('slow readers', 8),
    ]);
    expect(format(report)).toBe(
      [
        '10 reloads of 2 workers, 12.3 s; GET / on port 3000 responds with 200',
        '',
        'traffic            sent  completed  failed  reconnected   slowest',
        'keep-alive    1,234,567  1,234,567       0           80  1,234 ms',
        'slow readers          8          8       0            0      0 ms',
        '',
        'Passed: 0 of 1,234,575 lost over 10 reloads.',
      ].join('\n'),
    );
    expect(passed(report)).toBe(true);
  });

  it('names the reasons of each loss with their counts', () => {
    const failures = [reset, reset, new Error('status 503')];
    const report = makeReport(drilled, [counts('keep-alive', 100, failures), counts('uploads', 3)]);
    expect(format(report).split('\n').slice(-3)).toEqual([
      'keep-alive: 2 × ECONNRESET',
      'keep-alive: 1 × status 503',
      'Failed: 3 of 103 lost over 10 reloads.',
    ]);
    expect(report.traffic[0]).toMatchObject({ failed: 3, losses: { ECONNRESET: 2, 'status 503': 1 } });
    expect(passed(report)).toBe(false);
  });

  it('fails for a problem and for a death without any loss', () => {
    const problem = makeReport({ ...drilled, reloaded: 2, problem: 'the time limit was reached' }, [
      counts('keep-alive', 1),
    ]);
    expect(problem.verdict).toBe(
      'Failed: 0 of 1 lost over 2 reloads. Only 2 of 10 reloads were done: the time limit was reached.',
    );
    const death = makeReport({ ...drilled, reloads: 1, reloaded: 1, deaths: 1 }, [counts('keep-alive', 1)]);
    expect(death.verdict).toBe('Failed: 0 of 1 lost over 1 reload. 1 worker died.');
    expect([passed(problem), passed(death)]).toEqual([false, false]);
  });
});

describe('frames of a WebSocket', () => {
  const server = (opcode: number, payload: Buffer, head: Buffer) =>
    Buffer.concat([Buffer.from([0x80 | opcode]), head, payload]);
  const long = Buffer.alloc(3000, 'x');
  const length64 = Buffer.alloc(9);
  length64[0] = 127;
  length64.writeBigUInt64BE(3000n, 1);
  const bytes = Buffer.concat([
    server(1, Buffer.from('hi'), Buffer.from([2])),
    server(2, long.subarray(0, 300), Buffer.from([126, 300 >> 8, 300 & 0xff])),
    server(2, long, length64),
    server(opcodes.pong, Buffer.alloc(0), Buffer.from([0])),
    server(opcodes.close, Buffer.from([0x03, 0xf4]), Buffer.from([2])),
  ]);

  it.each([1, 7, 4096, 1_000_000])('are parsed from chunks of %i bytes', (size) => {
    const frames: Frame[] = [];
    const read = frameReader((frame) => frames.push(frame));
    for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size));
    expect(frames.map(({ opcode, payload }) => [opcode, payload.length])).toEqual([
      [1, 2],
      [2, 300],
      [2, 3000],
      [opcodes.pong, 0],
      [opcodes.close, 2],
    ]);
    expect(frames.at(-1)?.payload.readUInt16BE()).toBe(1012);
  });

  it('are masked by the client', () => {
    const frame = controlFrame(opcodes.close, Buffer.from([0x03, 0xe8]));
    expect([...frame.subarray(0, 2)]).toEqual([0x88, 0x82]);
    const mask = frame.subarray(2, 6);
    expect(frame.subarray(6).map((byte, i) => byte ^ (mask[i] as number))).toEqual(Buffer.from([0x03, 0xe8]));
  });
});
