/** What keeps the signals of a supervisor from the app, in a command. */
export interface CommandFault {
  readonly kind: 'npm' | 'shell';
  /** What to start instead. */
  readonly fix: string;
}

const managers = /^(?:npm|npx|pnpm|pnpx|yarn|yarnpkg|bun|bunx|corepack)$/;
const shells = /^(?:sh|bash|dash|ash|zsh)$/;
/** Programs that start their arguments and pass signals on. */
const wrappers =
  /^(?:env|tini|dumb-init|catatonit|docker-entrypoint\.sh|exec|nice|ionice|chrt|setpriv|gosu|su-exec)$/;

const baseName = (word: string): string => word.replace(/^.*\//, '');

/** Looks for a package manager or a shell between a supervisor and node. `words` are those of the command. */
export function commandFault(words: readonly string[], script: string): CommandFault | undefined {
  const program = programOf(words);
  const [name, ...rest] = program;
  if (name === undefined) return undefined;
  if (managers.test(baseName(name))) return { kind: 'npm', fix: `node ${script}` };
  const at = rest.findIndex((word) => /^-[a-z]*c$/.test(word));
  if (!shells.test(baseName(name)) || at < 0) return undefined;
  const inner = rest[at + 1] ?? '';
  return shellFault(inner, script);
}

/** Looks for the same in the text of a shell. */
export function shellFault(text: string, script: string): CommandFault | undefined {
  const last =
    text
      .split(/&&|\|\||;|\n/)
      .at(-1)
      ?.trim() ?? '';
  const words = last.split(/\s+/);
  const [name = ''] = programOf(words);
  if (managers.test(baseName(name))) return { kind: 'npm', fix: `node ${script}` };
  if (words[0] === 'exec' || last === '') return undefined;
  return { kind: 'shell', fix: `exec ${last}` };
}

/** The words from the first that is no wrapper, option of a wrapper or assignment. */
function programOf(words: readonly string[]): readonly string[] {
  const at = words.findIndex((word, i) => {
    if (/^[A-Za-z_]\w*=/.test(word) || word === '--') return false;
    return !wrappers.test(baseName(word)) && !(i > 0 && word.startsWith('-'));
  });
  return at < 0 ? [] : words.slice(at);
}

/** Whether the command sets NODE_ENV itself. */
export function setsNodeEnv(words: readonly string[]): boolean {
  const text = words.join(' ');
  return /(?:^|\s)NODE_ENV=/.test(text) || /express-productionize\S*\s+start\b/.test(text);
}

/** Whether a value of NODE_ENV is another one than `production`. A variable can have any value. */
export function isOtherEnvironment(value: string | undefined): boolean {
  return value !== undefined && value !== 'production' && !value.includes('$');
}

/** The URL paths and ports of a health check in a command. */
export function checkedAddress(words: readonly string[]): { path?: string; port?: number } {
  const text = words.join(' ');
  const [, urlPort, urlPath] =
    /https?:\/\/[\w.[\]-]+?(?::(\d+))?(\/[^\s'"`)?#]*)?(?=[\s'"`)?#]|$)/.exec(text) ?? [];
  const [, option] = /--path[= ](\/\S*)/.exec(text) ?? [];
  const [, portOption] = /--port[= ](\d+)/.exec(text) ?? [];
  const port = urlPort ?? portOption;
  return { path: urlPath ?? option, ...(port !== undefined && { port: Number(port) }) };
}
