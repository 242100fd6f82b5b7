import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createLogger } from '../../src/index.js';
import { createLogDestination } from '../../src/logging/index.js';
import { limitLine, maxLineBytes } from '../../src/logging/line-limit.js';
import { memoryLog } from '../helpers/memory-log.js';

describe('the limit of a line', () => {
  it('cuts the longest fields, and states how long the line was', () => {
    const { lines, destination } = memoryLog();
    const logger = createLogger({ level: 'info', destination });
    logger.info(
      { small: 1, text: 'x'.repeat(200_000), list: Array.from({ length: 50_000 }, () => 1) },
      'big',
    );
    expect(Buffer.byteLength(JSON.stringify(lines[0]))).toBeLessThanOrEqual(maxLineBytes);
    expect(lines[0]).toMatchObject({ level: 30, small: 1, msg: 'big', cutFromBytes: expect.any(Number) });
    expect(lines[0]?.cutFromBytes).toBeGreaterThan(300_000);
  });

  it('holds for many fields, for text, and for characters of three bytes', () => {
    const many = Object.fromEntries(Array.from({ length: 9000 }, (_, i) => [`key${i}`, '漢字漢字']));
    for (const line of [
      `${JSON.stringify({ level: 30, msg: 'm', ...many })}\n`,
      '漢'.repeat(30_000),
      '"'.repeat(90_000),
    ]) {
      const limited = limitLine(line);
      expect(Buffer.byteLength(limited)).toBeLessThanOrEqual(maxLineBytes);
      expect(JSON.parse(limited)).toMatchObject({ level: 30, cutFromBytes: Buffer.byteLength(line) });
      expect(limited.endsWith('\n')).toBe(true);
    }
    const short = '漢'.repeat(21_000);
    expect(limitLine(short)).toBe(short);
  });

  it('holds for lines of other loggers on our destination', async () => {
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'line-limit-')), 'app.log');
    const destination = createLogDestination({ path: file });
    destination.write(`${JSON.stringify({ level: 30, msg: 'y'.repeat(100_000) })}\n`);
    await destination.close();
    const written = fs.readFileSync(file, 'utf8');
    expect(written.length).toBeLessThanOrEqual(maxLineBytes);
    expect(JSON.parse(written)).toMatchObject({ level: 30, msg: expect.stringMatching(/^y+…$/) });
    fs.rmSync(path.dirname(file), { recursive: true });
  });
});
