import { readFileSync } from 'node:fs';
import path from 'node:path';
import { checkDeploymentFile } from '../../../src/deploy/index.js';
import { checkedFacts } from '../../helpers/checked-files.js';

const directory = path.join(__dirname, '../../fixtures/deploy-check');

it.each([
  'nginx.conf',
  'haproxy.cfg',
  'shop.service',
  'Dockerfile',
  'compose.yaml',
  'deployment.yaml',
  'ecosystem.config.cjs',
])('%s agrees with the app', (name) => {
  const text = readFileSync(path.join(directory, name), 'utf8');
  expect(checkDeploymentFile({ name, text, facts: checkedFacts })).toEqual([]);
});
