import { type Command, exitCodes, onlyArgument, UsageError } from './command.js';
import { type Commands, program } from './help.js';
import { print } from './output.js';

const shells = { bash, zsh, fish } as const;

/** The command `completion`, which prints a script that completes commands and options in a shell. */
export function completionCommand(commands: Commands): Command {
  return {
    summary: 'print the completion script of a shell',
    synopsis: `<${Object.keys(shells).join('|')}>`,
    description: `Prints a script that completes commands, options and files. Load it at the start of the shell:

  bash  eval "$(${program} completion bash)"
  zsh   eval "$(${program} completion zsh)"
  fish  ${program} completion fish | source`,
    options: { json: { type: 'boolean', help: 'print { shell, script } as JSON' } },
    examples: ['completion bash', 'completion fish'],
    completes: Object.keys(shells),
    async run(args) {
      const shell = onlyArgument('completion', 'the name of a shell: bash, zsh or fish', args);
      if (!Object.hasOwn(shells, shell)) {
        throw new UsageError(`completion: expected bash, zsh or fish, got ${JSON.stringify(shell)}`);
      }
      const script = shells[shell as keyof typeof shells](commands);
      print(args.values.json ? JSON.stringify({ shell, script }) : script);
      return exitCodes.done;
    },
  };
}

const flagsOf = ({ options }: Command): string[] =>
  [...Object.keys(options), 'help'].map((name) => `--${name}`);

/** The script for bash. It completes words from a list, and names of files and directories with `compgen`. */
function bash(commands: Commands): string {
  const cases = Object.entries(commands).map(([name, command]) => {
    const { completes = [] } = command;
    const action =
      completes === 'file'
        ? 'compgen -f -- "$word"'
        : completes === 'directory'
          ? 'compgen -d -- "$word"'
          : `compgen -W '${completes.join(' ')}' -- "$word"`;
    return `    ${name}) flags='${flagsOf(command).join(' ')}'; names() { ${action}; } ;;`;
  });
  return `_express_productionize() {
  local word="\${COMP_WORDS[COMP_CWORD]}" flags=''
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${Object.keys(commands).join(' ')}' -- "$word"))
    return
  fi
  names() { :; }
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
    *) COMPREPLY=($(names)) ;;
  esac
  unset -f names
}
complete -o filenames -F _express_productionize ${program}`;
}

function zsh(commands: Commands): string {
  return `autoload -Uz bashcompinit && bashcompinit
${bash(commands)}`;
}

function fish(commands: Commands): string {
  const line = (condition: string, rest: string): string =>
    `complete -c ${program} -n '${condition}' ${rest}`;
  const quote = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;
  return [
    `complete -c ${program} -f`,
    ...Object.entries(commands).flatMap(([name, { summary, options, completes = [] }]) => {
      const seen = `__fish_seen_subcommand_from ${name}`;
      return [
        line('__fish_use_subcommand', `-a ${name} -d ${quote(summary)}`),
        ...Object.entries(options).map(([option, { short, type, optional, help }]) =>
          line(
            seen,
            `-l ${option}${short ? ` -s ${short}` : ''}${type === 'string' && optional === undefined ? ' -r' : ''} -d ${quote(help)}`,
          ),
        ),
        ...(completes === 'file' || completes === 'directory'
          ? [line(seen, '-F')]
          : completes.length > 0
            ? [line(seen, `-a ${quote(completes.join(' '))}`)]
            : []),
      ];
    }),
  ].join('\n');
}
