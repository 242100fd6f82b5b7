import { type Check, isInteger } from '../../support/options.js';
import { integerOption, type TargetOptions, textOption } from '../target-options.js';
import { isDnsLabel, isImage } from './container-options.js';

/** Options of the target `kubernetes`. */
export interface KubernetesOptions {
  /** The image of the app, with a version or a digest. @default '<name>:latest' */
  readonly image?: string;
  /** The namespace of all objects. @default the namespace of the context in which they are applied */
  readonly namespace?: string;
  /** Labels of all objects, in addition to `app.kubernetes.io/name`. @default {} */
  readonly labels?: Readonly<Record<string, string>>;
  /** @default 2 */
  readonly minReplicas?: number;
  /** @default 10, or `minReplicas` where that is more */
  readonly maxReplicas?: number;
  /** The CPU that is reserved for one container, in thousandths. @default 500 */
  readonly cpu?: number;
  /** The namespace from which requests arrive, beside the namespace of the app. @default 'ingress-nginx' */
  readonly ingressNamespace?: string;
  /** The number of proxies in front of the app. @default 1 */
  readonly hops?: number;
  /**
   * Seconds before SIGTERM. The app accepts requests for 5 s after SIGTERM itself, so 0 is right unless its option
   * `delayMs` is shorter.
   * @default 0
   */
  readonly preStopSeconds?: number;
}

const ownLabel = 'app.kubernetes.io/name';
const labelKey =
  /^(?:(?=[^/]{1,253}\/)[a-z\d](?:[a-z\d.-]*[a-z\d])?\/)?[A-Za-z\d](?:[\w.-]{0,61}[A-Za-z\d])?$/;
const labelValue = /^(?:[A-Za-z\d](?:[\w.-]{0,61}[A-Za-z\d])?)?$/;

const isLabels: Check = (value) =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(value).every(
    ([key, text]) =>
      labelKey.test(key) && key !== ownLabel && typeof text === 'string' && labelValue.test(text),
  )
    ? undefined
    : `an object of labels, without ${ownLabel}`;

function parseLabels(text: string): unknown {
  const pairs = text.split(',').map((pair) => /^([^=]*)=(.*)$/s.exec(pair)?.slice(1, 3));
  return pairs.some((pair) => pair === undefined) ? text : Object.fromEntries(pairs as [string, string][]);
}

const isReplicas = isInteger('replicas', 1, 5000);

export const kubernetesOptions: TargetOptions<KubernetesOptions> = {
  image: textOption('<image>', 'the image of the app, with a version or a digest', isImage),
  namespace: textOption('<name>', 'the namespace of all objects', isDnsLabel),
  labels: {
    value: '<key=value,…>',
    help: 'labels of all objects',
    parse: parseLabels,
    check: isLabels,
  },
  minReplicas: integerOption('<n>', 'the least number of pods; default: 2', isReplicas),
  maxReplicas: integerOption('<n>', 'the largest number of pods; default: 10', isReplicas),
  cpu: integerOption(
    '<thousandths>',
    'the CPU that is reserved for a pod; default: 500',
    isInteger('thousandths', 1, 256_000),
  ),
  ingressNamespace: textOption(
    '<name>',
    'the namespace of the ingress controller; default: ingress-nginx',
    isDnsLabel,
  ),
  hops: integerOption('<n>', 'the proxies in front of the app; default: 1', isInteger('hops', 0, 16)),
  preStopSeconds: integerOption(
    '<seconds>',
    'seconds before SIGTERM; default: 0, since the app itself accepts requests for 5 s',
    isInteger('seconds', 0, 600),
  ),
};
