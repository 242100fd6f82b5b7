import { readDockerfile } from './dockerfile/dockerfile-reader.js';
import { imageRules } from './dockerfile/image-rules.js';
import { type AppSide, type Finding, findingsOf, type Rule } from './finding.js';
import { backendRules } from './haproxy/backend-rules.js';
import { frontendRules } from './haproxy/frontend-rules.js';
import { readHaproxy } from './haproxy/haproxy-reader.js';
import { nginxForwardedRules } from './nginx/nginx-forwarding.js';
import { readNginx } from './nginx/nginx-reader.js';
import { requestRules } from './nginx/request-rules.js';
import { upstreamRules } from './nginx/upstream-rules.js';
import { readEcosystem } from './pm2/ecosystem-reader.js';
import { pm2Rules } from './pm2/pm2-rules.js';
import { serviceRules } from './systemd/service-rules.js';
import { readUnit } from './systemd/unit-reader.js';
import { composeRules } from './yaml/compose-rules.js';
import { workloadRules } from './yaml/workload-rules.js';
import { readYaml } from './yaml/yaml-reader.js';

/** The names that such files usually have. */
export const usualFileNames =
  /^(?:(?:.*[.-])?Dockerfile(?:[.-].*)?|(?:docker-)?compose(?:[.-].*)?\.ya?ml|(?:kubernetes|k8s|deployment)\.ya?ml|nginx\.conf|haproxy\.cfg|(?:ecosystem|pm2)(?:\.\w+)?\.(?:[cm]?js|json)|.+\.service)$/i;

/** A kind of file: how it is recognized by its content, and what is checked in it. */
export interface FileKind {
  readonly name: string;
  readonly ruleIds: readonly string[];
  recognizes(text: string): boolean;
  check(file: string, text: string, app: AppSide): Finding[];
}

function kind<Tree>(
  name: string,
  recognizes: FileKind['recognizes'],
  read: (file: string, text: string) => Tree,
  rules: readonly Rule<Tree>[],
): FileKind {
  return {
    name,
    ruleIds: rules.map(({ id }) => id),
    recognizes,
    check: (file, text, app) => findingsOf(file, rules, read(file, text), app),
  };
}

/** The first line that is no comment. */
const firstLine = (text: string): string => /^(?!\s*(?:[#;]|$)).*$/m.exec(text)?.[0].trim() ?? '';

/** In the order in which they are tried. */
export const fileKinds: readonly FileKind[] = [
  kind('Kubernetes', (text) => /^apiVersion:/m.test(text) && /^kind:/m.test(text), readYaml, workloadRules),
  kind('Compose', (text) => /^services:/m.test(text), readYaml, composeRules),
  kind('systemd', (text) => /^\[[A-Z][A-Za-z-]*\]$/.test(firstLine(text)), readUnit, serviceRules),
  kind(
    'Dockerfile',
    (text) => /^(?:FROM|ARG)\s/i.test(firstLine(text)) && /^\s*FROM\s/im.test(text),
    readDockerfile,
    imageRules,
  ),
  kind(
    'PM2',
    (text) => /\bapps["']?\s*:\s*\[/.test(text) && /\bscript["']?\s*:/.test(text),
    readEcosystem,
    pm2Rules,
  ),
  kind(
    'HAProxy',
    (text) => /^(?:global|defaults|frontend|backend|listen)\b[^;{}\n]*$/m.test(text) && !/;\s*$/m.test(text),
    readHaproxy,
    [...frontendRules, ...backendRules],
  ),
  kind(
    'nginx',
    (text) => /^\s*(?:http|server|upstream|location|stream|events|proxy_\w+)\b[^\n]*[{;]/m.test(text),
    readNginx,
    [...upstreamRules, ...requestRules, ...nginxForwardedRules],
  ),
];
