import { ratio } from './statistics.js';

/**
 * Compares what was measured with the floors for one major version of Node. A floor whose pair of variants was not
 * measured is left out; where there is none for this version, `floor` is undefined and nothing fails.
 */
export function checkFloors(floors, costsByLoad, nodeMajor) {
  return floors.flatMap(({ load, variant, over, floor, target }) => {
    const costs = costsByLoad[load]?.[variant];
    const baseline = costsByLoad[load]?.[over];
    if (costs === undefined || baseline === undefined) return [];
    const measured = ratio(costs, baseline);
    const atLeast = floor[nodeMajor];
    return [
      {
        load,
        variant,
        over,
        measured,
        floor: atLeast,
        target: target[nodeMajor],
        ok: atLeast === undefined || measured.median >= atLeast,
      },
    ];
  });
}
