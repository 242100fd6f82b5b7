import { ratio } from './statistics.js';

/**
 * Compares what was measured with the floors for one major version of Node. A floor whose pair was not measured is left
 * out; where there is none for this version, `floor` is undefined and nothing fails. `overLoad` compares with a variant
 * under another load.
 */
export function checkFloors(floors, costsByLoad, nodeMajor) {
  return floors.flatMap(({ load, variant, over, overLoad = load, floor, target }) => {
    const costs = costsByLoad[load]?.[variant];
    const baseline = costsByLoad[overLoad]?.[over];
    if (costs === undefined || baseline === undefined) return [];
    const measured = ratio(costs, baseline);
    const atLeast = floor[nodeMajor];
    return [
      {
        name: `${load}: ${variant} over ${over}${overLoad === load ? '' : ` under ${overLoad}`}`,
        node: nodeMajor,
        measured,
        floor: atLeast,
        target: target[nodeMajor],
        ok: atLeast === undefined || measured.median >= atLeast,
      },
    ];
  });
}
