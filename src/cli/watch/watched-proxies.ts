import { shellWord } from '../../deploy/shell-word.js';
import { serversOf, setServers } from './haproxy-socket.js';
import type { WatchedFile } from './watched-file.js';

/** What is to be applied. */
export interface Change {
  readonly file: WatchedFile;
  readonly text: string;
  readonly upstreams: readonly string[];
  /** The upstreams before; empty at the start. */
  readonly before: readonly string[];
  /** `--reload-command`. */
  readonly command: string | undefined;
  readonly backend: string;
  readonly socket: string;
}

interface WatchedProxy {
  /** Flags of the target, where the command line has none of them. */
  readonly flags: Readonly<Record<string, string>>;
  /** Makes the running proxy use the upstreams. Returns why it could not. */
  apply(change: Change): Promise<string | undefined>;
}

/** The targets whose upstreams can be watched. */
export const watchedProxies: Readonly<Record<string, WatchedProxy>> = {
  nginx: {
    flags: {},
    apply: ({ file, text, command = 'nginx -t && nginx -s reload' }) => file.replace(text, command),
  },
  haproxy: {
    flags: { 'spare-servers': '8' },
    async apply({ file, text, upstreams, before, command, backend, socket }) {
      // at the start, HAProxy has read the file only if it is the same
      const servers = before.length > 0 || file.text === text ? await serversOf(socket, backend) : undefined;
      if (servers !== undefined && (await setServers(socket, servers, before, upstreams))) {
        // for the next start of HAProxy
        file.write(text);
        return undefined;
      }
      return file.replace(
        text,
        command ?? `haproxy -c -f ${shellWord(file.file)} && systemctl reload haproxy`,
      );
    },
  },
};
