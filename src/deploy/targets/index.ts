import { compose } from './compose.js';
import { dockerfile } from './dockerfile.js';
import { grafana } from './grafana.js';
import { haproxy } from './haproxy.js';
import { kubernetes } from './kubernetes.js';
import { logrotate } from './logrotate.js';
import { nginx } from './nginx.js';
import { pm2 } from './pm2.js';
import { procfile } from './procfile.js';
import { prometheus } from './prometheus.js';
import { systemd } from './systemd.js';
import type { Target } from './target.js';
import { upstart } from './upstart.js';
import { varnish } from './varnish.js';

/** The targets by the name that the command line accepts. */
export const targets = {
  compose,
  dockerfile,
  grafana,
  haproxy,
  kubernetes,
  logrotate,
  nginx,
  pm2,
  procfile,
  prometheus,
  systemd,
  upstart,
  varnish,
} as const satisfies Readonly<Record<string, Target>>;

export type TargetName = keyof typeof targets;
