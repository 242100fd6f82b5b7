import type { DeploymentFacts } from '../../deployment-facts.js';
import { entriesOf, entryAt, itemsAt, nodeAt, textAt, type YamlNode } from './yaml-node.js';

/** An object that runs containers of the app. */
export interface Workload {
  readonly object: YamlNode;
  readonly kind: string;
  readonly name: string | undefined;
  /** The specification of its pods. */
  readonly pod: YamlNode;
  readonly container: YamlNode;
}

const kinds = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Pod']);

/** All objects of a file. The items of a `List` count as well. */
export function objectsOf(file: readonly YamlNode[]): YamlNode[] {
  return file.flatMap((document) =>
    textAt(document, 'kind') === 'List' ? itemsAt(document, 'items') : [document],
  );
}

/** The objects that run the app: those known to, else the only one. */
export function workloadsOf(file: readonly YamlNode[], facts: DeploymentFacts): Workload[] {
  const all = objectsOf(file).flatMap((object) => {
    const kind = textAt(object, 'kind') ?? '';
    const pod = kind === 'Pod' ? nodeAt(object, 'spec') : nodeAt(object, 'spec', 'template', 'spec');
    if (!kinds.has(kind) || pod === undefined) return [];
    const containers = itemsAt(pod, 'containers');
    const own = containers.filter((container) => isApp(container, facts));
    const found = own.length > 0 ? own : containers.length === 1 ? containers : [];
    const name = textAt(object, 'metadata', 'name');
    return found.map((container) => ({ object, kind, name, pod, container, isKnown: own.length > 0 }));
  });
  const known = all.filter(({ isKnown }) => isKnown);
  return known.length > 0 ? known : all.length === 1 ? all : [];
}

function isApp(container: YamlNode, { port, name }: DeploymentFacts): boolean {
  const [program = ''] = [...commandWords(container)];
  return (
    textAt(container, 'name') === name ||
    variablesIn(container).has('NODE_ENV') ||
    /^(?:\S*\/)?(?:node|npm|npx|yarn|pnpm)$/.test(program) ||
    containerPorts(container).some((each) => each.port === port)
  );
}

export const commandWords = (container: YamlNode): string[] =>
  ['command', 'args'].flatMap((key) => itemsAt(container, key).map((item) => textAt(item) ?? ''));

/** The variables with a literal value. */
export function variablesIn(container: YamlNode): Map<string, { value: string; line: number }> {
  return new Map(
    itemsAt(container, 'env').map((item) => [
      textAt(item, 'name') ?? '',
      { value: textAt(item, 'value') ?? '$', line: (entryAt(item, 'value') ?? item).line },
    ]),
  );
}

export function containerPorts(container: YamlNode): { name?: string; port: number; line: number }[] {
  return itemsAt(container, 'ports').map((item) => ({
    name: textAt(item, 'name'),
    port: Number(textAt(item, 'containerPort')),
    line: (entryAt(item, 'containerPort') ?? item).line,
  }));
}

/** Whether a selector, as a map of labels, selects the pods of a workload. */
export function selects(selector: YamlNode | undefined, { object, kind }: Workload): boolean {
  const labels =
    kind === 'Pod'
      ? nodeAt(object, 'metadata', 'labels')
      : nodeAt(object, 'spec', 'template', 'metadata', 'labels');
  const wanted = entriesOf(selector);
  return wanted.length > 0 && wanted.every(([key, { value }]) => textAt(labels, key) === textAt(value));
}
