import path from 'node:path';
import { oracle, oracles } from './container-oracles.js';

type Labels = Readonly<Record<string, string>>;

/** The fields that more than one object depends on. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  // biome-ignore lint/suspicious/noExplicitAny: the schema has checked its fields
  readonly spec: any;
}

interface Validator {
  (object: unknown): boolean;
  readonly errors?: unknown[] | null;
}

interface SchemaGenerator {
  createGenerator(options: object): { createSchema(type: string): object };
}

interface SchemaCompiler {
  readonly default: new (options: object) => { compile(schema: object): Validator };
}

const validators = new Map<string, Validator>();

/** The strict schema of one kind: types, required fields and no unknown ones. */
function schemaOf({ apiVersion, kind }: KubernetesObject): Validator {
  const known = validators.get(kind);
  if (known) return known;
  const { createGenerator } = oracle<SchemaGenerator>('ts-json-schema-generator');
  const { default: Ajv } = oracle<SchemaCompiler>('ajv');
  const group = apiVersion === 'v1' ? 'core/v1' : apiVersion.replace('.k8s.io', '');
  const file = path.join(oracles(), 'node_modules/kubernetes-types', `${group}.d.ts`);
  const options = { path: file, type: kind, skipTypeCheck: true, additionalProperties: false };
  const schema = createGenerator(options).createSchema(kind);
  const validator = new Ajv({ strict: false, allErrors: true }).compile(schema);
  validators.set(kind, validator);
  return validator;
}

/** What is wrong with the objects of one app: alone, and beside each other. */
export function kubernetesErrors(objects: readonly KubernetesObject[]): unknown[] {
  const alone = objects.flatMap((object) => {
    const isValid = schemaOf(object);
    return isValid(object) ? [] : (isValid.errors ?? []);
  });
  return [...alone, ...formatErrors(objects), ...disagreements(objects)];
}

/** Quantities, and fields that are a number or a name. */
function formatErrors(objects: readonly KubernetesObject[]): unknown[] {
  return objects.flatMap((object) => {
    const models = oracle<Record<string, new (object: object) => { validate(): void }>>(
      `kubernetes-models/${object.apiVersion}`,
    );
    try {
      const Model = models[object.kind];
      if (Model === undefined) return [`no model of ${object.kind}`];
      new Model(object).validate();
      return [];
    } catch (error) {
      return [error];
    }
  });
}

function disagreements(objects: readonly KubernetesObject[]): string[] {
  const named = Object.fromEntries(objects.map((object) => [object.kind, object]));
  const specOf = (kind: string) => named[kind]?.spec ?? {};
  const { selector, template, replicas, strategy } = specOf('Deployment');
  const podLabels: Labels = template.metadata.labels;
  const [container] = template.spec.containers;
  const ports = container.ports.map(({ name }: { name: string }) => name);
  const selects = (labels: Labels): boolean =>
    Object.keys(labels).length > 0 &&
    Object.entries(labels).every(([key, value]) => podLabels[key] === value);
  const probes = ['startupProbe', 'readinessProbe', 'livenessProbe'].flatMap((name) => container[name] ?? []);
  const probed = probes.map(({ httpGet, tcpSocket }) => (httpGet ?? tcpSocket).port);
  const targets = [
    ...probed,
    specOf('Service').ports[0].targetPort,
    specOf('NetworkPolicy').ingress[0].ports[0].port,
  ];
  const { scaleTargetRef } = specOf('HorizontalPodAutoscaler');
  const mounts = container.volumeMounts.map(({ name }: { name: string }) => name);
  const checks: Record<string, boolean> = {
    'the selectors match the labels of the pods': [
      selector.matchLabels,
      specOf('Service').selector,
      specOf('PodDisruptionBudget').selector.matchLabels,
      specOf('NetworkPolicy').podSelector.matchLabels,
      ...template.spec.topologySpreadConstraints.map(
        ({ labelSelector }: { labelSelector: { matchLabels: Labels } }) => labelSelector.matchLabels,
      ),
    ].every(selects),
    'all ports are declared': targets.every((port) => ports.includes(port)) && probes.length >= 2,
    'the target of the autoscaler exists':
      scaleTargetRef.kind === 'Deployment' && scaleTargetRef.name === named.Deployment?.metadata.name,
    'the autoscaler alone sets the replicas': replicas === undefined,
    'no pod stops too early': strategy.rollingUpdate.maxUnavailable === 0,
    'all objects are in one namespace': new Set(objects.map(({ metadata }) => metadata.namespace)).size === 1,
    'the volumes exist': template.spec.volumes.every(({ name }: { name: string }) => mounts.includes(name)),
    'the values of env are text': container.env.every(
      ({ value }: { value: unknown }) => typeof value === 'string',
    ),
  };
  return Object.entries(checks).flatMap(([what, holds]) => (holds ? [] : [what]));
}
