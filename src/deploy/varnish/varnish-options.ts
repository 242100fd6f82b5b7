import { isInteger, isOneOf } from '../../support/options.js';
import { type ProxyTargetOptions, proxyTargetOptions } from '../proxy-target.js';
import { integerOption, listOption, switchOption, textOption } from '../target-options.js';
import type { TargetOption } from '../targets/target.js';
import { isNetworkList } from '../values.js';

/** Options of the target `varnish`. */
export interface VarnishOptions extends ProxyTargetOptions {
  /** Networks from which `PURGE` requests are accepted. @default none */
  readonly purgeFrom?: readonly string[];
  /** What returns a client to the same instance. @default none */
  readonly affinity?: 'ip';
  /** Whether the health checks can be reached from outside. @default false */
  readonly exposeHealth?: boolean;
  /** The largest body of a request in bytes, where the client states its length. @default the limit of the body parsers of the app */
  readonly maxBodyBytes?: number;
  /** When stale responses are served instead of an error of the app. @default 'directives' */
  readonly stale?: 'directives' | 'always';
  /** Milliseconds between two checks of an instance. @default 1000 */
  readonly checkMs?: number;
}

export const varnishOptions: { readonly [Name in keyof Required<VarnishOptions>]: TargetOption } = {
  ...proxyTargetOptions,
  purgeFrom: listOption('<networks>', 'the networks from which PURGE is accepted', isNetworkList),
  affinity: textOption('<ip>', 'what returns a client to the same instance', isOneOf('ip')),
  exposeHealth: switchOption('the health checks can be reached from outside'),
  maxBodyBytes: integerOption('<bytes>', 'the largest body of a request', isInteger('bytes', 1)),
  stale: textOption(
    '<directives|always>',
    'when a stale response is served instead of an error',
    isOneOf('directives', 'always'),
  ),
  checkMs: integerOption(
    '<ms>',
    'milliseconds between two checks of an instance; default: 1000',
    isInteger('milliseconds', 100, 60_000),
  ),
};
