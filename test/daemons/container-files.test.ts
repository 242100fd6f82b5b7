import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { compose } from '../../src/deploy/targets/compose.js';
import { dockerfile } from '../../src/deploy/targets/dockerfile.js';
import { kubernetes } from '../../src/deploy/targets/kubernetes.js';
import { containerFacts, differentContainers } from '../helpers/container-facts.js';
import { oracle, oracles } from '../helpers/container-oracles.js';
import { cleanUp, execFile, folder } from '../helpers/daemons.js';
import { type KubernetesObject, kubernetesErrors } from '../helpers/kubernetes-schema.js';
import { itNeeds } from '../helpers/needs.js';

afterAll(cleanUp);

/** Each set of facts with options that differ, too. */
const cases = differentContainers.map((facts, index) => ({
  facts: containerFacts(facts),
  image: index % 2 === 0 ? {} : { image: 'registry.example/team/shop:1.2.0' },
  index,
}));

/** What every container must have. */
const safe = { read_only: true, cap_drop: ['ALL'] };

/** Writes one file for each case, in a directory of its own. */
function write(name: string, textOf: (each: (typeof cases)[number]) => string): string[] {
  const home = folder();
  return cases.map((each) => {
    const directory = path.join(home, String(each.index));
    mkdirSync(directory);
    const file = path.join(directory, name);
    writeFileSync(file, textOf(each));
    return file;
  });
}

const first = (files: readonly { text: string }[]): string => files[0]?.text ?? '';

/** The linter demands a tag for the name of a stage, and reads `--start-period` as `--start`. */
const isMistake = (line: string): boolean => /^FROM packages AS |^HEALTHCHECK .*--start-period/.test(line);

describe('files for containers', () => {
  it('more than 30 Dockerfiles have no problem in the parser of Docker, and pass a linter', async () => {
    const { validate } = oracle<{ validate(text: string): unknown[] }>('dockerfile-utils');
    const files = write('Dockerfile', ({ facts, image }) => {
      const text = first(dockerfile.generate(facts, image));
      expect(validate(text)).toEqual([]);
      expect(text).toMatch(/\nCMD \["node",.*\]\n$/);
      return text;
    });
    expect(files.length).toBeGreaterThan(30);
    const linter = path.join(oracles(), 'node_modules/.bin/dockerfilelint');
    // it exits with the number of issues
    const { stdout } = await execFile(linter, ['-o', 'json', ...files]).catch((error) => error);
    const result: { files: { issues: { content: string }[] }[] } = JSON.parse(stdout);
    const issues = result.files.flatMap((file) => file.issues).filter(({ content }) => !isMistake(content));
    expect(issues).toEqual([]);
  });

  itNeeds('docker-compose')('more than 30 compose files pass Compose and the schema of dclint', async () => {
    const { parse } = oracle<{ parse(text: string): object }>('yaml');
    const files = write('compose.yaml', ({ facts, image, index }) => {
      // a path with other characters is refused for nginx
      const isPlain = Object.values(facts.health ?? {}).every((name) => /^[\w/-]+$/.test(name));
      const proxy = isPlain && index % 4 !== 3;
      const text = first(compose.generate(facts, { ...image, instances: (index % 3) + 1, proxy }));
      expect(parse(text)).toMatchObject({ services: { app: safe, ...(proxy && { nginx: safe }) } });
      return text;
    });
    const linter = path.join(oracles(), 'node_modules/.bin/dclint');
    await execFile(linter, ['--quiet', ...files]);
    // it takes long, so only files that differ by more than a value
    for (const file of [...files.slice(0, 2), ...files.slice(-10, -6)]) {
      await execFile('docker-compose', ['-f', file, 'config', '-q']);
    }
  });

  it('more than 30 manifests pass the schema of Kubernetes, and their objects agree', () => {
    const { parseAllDocuments } = oracle<{ parseAllDocuments(text: string): Document[] }>('yaml');
    interface Document {
      readonly errors: unknown[];
      toJS(): KubernetesObject;
    }
    for (const { facts, image, index } of cases) {
      const options =
        index % 3 === 0 ? {} : { namespace: 'web', labels: { 'example.com/team': 'on' }, hops: 2 };
      const text = first(kubernetes.generate(facts, { ...image, ...options, preStopSeconds: index % 2 }));
      const documents = parseAllDocuments(text);
      expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
      expect(kubernetesErrors(documents.map((document) => document.toJS()))).toEqual([]);
    }
  });
});
