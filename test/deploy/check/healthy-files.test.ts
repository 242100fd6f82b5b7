import { checkDeploymentFile } from '../../../src/deploy/index.js';
import { checkedFacts, checkedFiles, textOf } from '../../helpers/checked-files.js';

it.each(checkedFiles)('%s agrees with the app', (name) => {
  expect(checkDeploymentFile({ name, text: textOf(name), facts: checkedFacts })).toEqual([]);
});
