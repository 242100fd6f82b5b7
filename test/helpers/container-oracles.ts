import { createRequire } from 'node:module';
import path from 'node:path';
import { installed } from './installed.js';

/** What checks files of containers: none of it is a dependency of the project. */
export const oracles = (): string =>
  installed(
    'dclint',
    '3',
    'yaml@2',
    'dockerfile-utils@0.16',
    'dockerfilelint@1.8',
    'kubernetes-types@1.30',
    'kubernetes-models@4',
    'ts-json-schema-generator@2',
    'ajv@8',
  );

export const oracle = <Module>(name: string): Module =>
  createRequire(path.join(oracles(), 'package.json'))(name) as Module;
