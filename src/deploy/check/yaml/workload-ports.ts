import type { DeploymentFacts } from '../../deployment-facts.js';
import type { Disagreement } from '../finding.js';
import { containerPorts, objectsOf, selects, variablesIn, type Workload } from './workloads.js';
import { entryAt, itemsAt, nodeAt, textAt, type YamlEntry, type YamlNode } from './yaml-node.js';

export const probes = ['startupProbe', 'livenessProbe', 'readinessProbe'] as const;

/** The line and the text of an entry. */
export const at = (key: string, { line, value }: YamlEntry) => ({
  line,
  found: `${key}: ${textAt(value) ?? '…'}`,
});

/** The port on which the container listens; `undefined` where its image states it. */
function portOf({ container }: Workload, { port, readsPort }: DeploymentFacts): number | undefined {
  if (!readsPort) return port;
  const value = variablesIn(container).get('PORT')?.value ?? '';
  return /^\d+$/.test(value) ? Number(value) : undefined;
}

/** Where ports of a container, its probes and its services are not that of the app. */
export function portsOf(
  workload: Workload,
  facts: DeploymentFacts,
  file: readonly YamlNode[],
): Disagreement[] {
  const declared = containerPorts(workload.container);
  const actual = portOf(workload, facts);
  const [first] = declared;
  const expected = facts.readsPort
    ? 'the app listens on PORT'
    : `the app listens on port ${facts.port} and does not read PORT`;
  if (actual !== undefined && first && !declared.some(({ port }) => port === actual)) {
    return [
      { line: first.line, found: `containerPort: ${first.port}`, expected, fix: `containerPort: ${actual}` },
    ];
  }
  const known = [
    ...declared.flatMap(({ name, port }) => [name, String(port)]),
    ...(actual ? [String(actual)] : []),
  ];
  const used = [
    ...probes.flatMap((probe) =>
      ['httpGet', 'tcpSocket'].map(
        (action) => ['port', entryAt(workload.container, probe, action, 'port')] as const,
      ),
    ),
    ...objectsOf(file)
      .filter(
        (object) =>
          textAt(object, 'kind') === 'Service' && selects(nodeAt(object, 'spec', 'selector'), workload),
      )
      .flatMap((object) => itemsAt(object, 'spec', 'ports'))
      .map((item) => ['targetPort', entryAt(item, 'targetPort')] as const),
  ];
  return used.flatMap(([key, entry]) => {
    const value = textAt(entry?.value);
    if (entry === undefined || value === undefined || known.length === 0 || known.includes(value)) return [];
    const fix = `${key}: ${first?.name ?? actual ?? first?.port}`;
    return [{ ...at(key, entry), expected: `the container listens on ${actual ?? first?.port}`, fix }];
  });
}
