import { createLogger } from '../../src/index.js';
import { shortFormat } from '../../src/logging/terminal-lines.js';

const format = shortFormat(false);
const line = (fields: object) =>
  `${JSON.stringify({ level: 30, time: 1_700_000_000_000, pid: 7, ...fields })}\n`;
const time = /^\d\d:\d\d:\d\d\.\d{3} /;
const shown = (fields: object) => format(line(fields)).replace(time, '');

describe('a line on a terminal', () => {
  it('has the local time, the level, the text and the other fields', () => {
    expect(format(line({ msg: 'found', user: { id: 1 }, area: 'a b' }))).toMatch(time);
    expect(shown({ msg: 'found', user: { id: 1 }, area: 'a b' })).toBe('INFO found user={"id":1} area=a b\n');
    expect(shown({ level: 35, msg: 'own level' })).toBe('35 own level\n');
  });

  it('is one short line for a request', () => {
    const request = {
      method: 'GET',
      url: '/areas/7?x=1',
      route: '/areas/:id',
      durationMs: 3.2,
      reqId: 'r-1',
    };
    expect(shown({ ...request, status: 200, outcome: 'completed', msg: 'GET /areas/:id 200' })).toBe(
      'INFO GET /areas/7?x=1 200 3.2 ms reqId=r-1\n',
    );
    expect(shown({ ...request, status: null, outcome: 'aborted' })).toBe(
      'INFO GET /areas/7?x=1 aborted 3.2 ms reqId=r-1\n',
    );
  });

  it('has the stack of an error below it, with the causes that the stack names', () => {
    const err = { type: 'Error', message: 'down', stack: 'Error: down\n    at a.js:1' };
    expect(shown({ level: 50, msg: 'GET / 500', err })).toBe(
      'ERROR GET / 500\n    Error: down\n        at a.js:1\n',
    );
    expect(shown({ level: 50, msg: 'no stack', err: { message: 'down' } })).toBe(
      'ERROR no stack\n    down\n',
    );
  });

  it('prints control characters of a client, and does not pass them to the terminal', () => {
    const hostile = '\u001b[2J\u009b31m\u0007\r\u007f';
    expect(shown({ msg: hostile, [`k${hostile}`]: hostile, err: { stack: hostile } })).not.toMatch(
      /(?!\n)\p{Cc}/u,
    );
  });

  it('stays as it is where it is no JSON object', () => {
    for (const text of ['plain text\n', '[1]', '7\n', 'null\n', ''])
      expect(typeof format(text)).toBe('string');
    expect(format('plain text\n')).toBe('plain text\n');
    expect(format('7\n')).toBe('7\n');
  });

  it('colours the level where colours are on', () => {
    expect(shortFormat(true)(line({ msg: 'found' }))).toContain('\u001b[32mINFO\u001b[0m found');
  });
});

it('createLogger refuses a destination that is neither a stream nor a path', () => {
  expect(() => createLogger({ destination: 7 as never })).toThrow(/`destination`.*a string.*got 7/);
});
