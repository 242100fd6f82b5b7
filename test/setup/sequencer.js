import Sequencer from '@jest/test-sequencer';

const forks = ({ path }) => path.endsWith('.process.test.ts');

/** Files that fork programs and wait take turns with files that compute, so that both are run at the same time. */
export default class TakingTurns extends Sequencer {
  sort(tests) {
    const longestFirst = super.sort(tests);
    const waiting = longestFirst.filter(forks);
    const computing = longestFirst.filter((test) => !forks(test));
    const turns = Math.max(waiting.length, computing.length);
    return Array.from({ length: turns }, (_, at) => [waiting[at], computing[at]])
      .flat()
      .filter((test) => test !== undefined);
  }
}
