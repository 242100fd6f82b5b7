import type { Check } from '../../support/options.js';
import type { DeploymentFacts } from '../deployment-facts.js';

function isText(expected: string, pattern: RegExp): Check {
  return (value) => (typeof value === 'string' && pattern.test(value) ? undefined : expected);
}

export const isImage = isText(
  'the name of an image, such as registry.example/shop:1.2.0',
  /^(?=.{1,512}$)[a-z\d](?:[\w.-]*[a-z\d])?(?::\d+)?(?:\/[a-z\d]+(?:[._-]+[a-z\d]+)*)*(?::\w[\w.-]{0,127})?(?:@sha256:[\da-f]{64})?$/,
);

export const isDnsLabel = isText(
  'a name of up to 63 of a-z, 0-9 and -, a letter first',
  /^[a-z](?:[a-z\d-]{0,61}[a-z\d])?$/,
);

/** The name of the package as the name of a service or an object: of up to 50 characters, a letter first. */
export function objectName({ name }: DeploymentFacts): string {
  const label = name
    .toLowerCase()
    .replace(/[^a-z\d]+/g, '-')
    .replace(/^[\d-]+/, '');
  return label.slice(0, 50).replace(/-+$/, '') || 'app';
}

/** Mebibytes for one container. */
export function memoryMebibytes({ memoryBytes }: DeploymentFacts): number {
  return memoryBytes === null ? 512 : Math.max(64, Math.ceil(memoryBytes / 2 ** 20));
}

export const seconds = (ms: number): number => Math.ceil(ms / 1000);

/** Sentences for all containers about what the app lacks. */
export function commonAdvice({ health, readsPort, port, cache }: DeploymentFacts): string[] {
  return [
    ...(health === null
      ? ['The app has no health checks: remove `healthChecks: false`, so that its state can be requested.']
      : []),
    ...(readsPort ? [] : [`The app does not read PORT: listen on process.env.PORT ?? ${port}.`]),
    ...(cache ? ['Each container has its own cache: pass `redisStore` as `store` to share one.'] : []),
  ];
}
