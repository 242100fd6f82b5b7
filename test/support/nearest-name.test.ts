import { compression } from '../../src/index.js';
import { nearestName } from '../../src/support/nearest-name.js';

const known = ['level', 'threshold', 'dryRun', 'start', 'status', 'stop', '--workers', '--name'];

it.each([
  ['levle', 'level'],
  ['lvel', 'level'],
  ['dryrun', 'dryRun'],
  ['dry-run', 'dryRun'],
  ['thresh', 'threshold'],
  ['thresholdBytes', 'threshold'],
  ['strat', 'start'],
  ['stauts', 'status'],
  ['--worker', '--workers'],
  ['-workers', '--workers'],
])('%s is recognized as %s', (typed, expected) => {
  expect(nearestName(typed, known)).toBe(expected);
});

it.each(['', '$', 's', 'st', 'x', 'compression', 'constructor', '__proto__', 'a'.repeat(300)])(
  '%p is recognized as no known name',
  (typed) => {
    expect(nearestName(typed, known)).toBeUndefined();
  },
);

it('options and commands share it', () => {
  expect(() => compression({ thresold: 1 } as never)).toThrow('Did you mean `threshold`?');
  expect(() => compression({ $: 1 } as never)).toThrow('Known options: ');
});
