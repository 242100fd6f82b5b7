import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const root = path.resolve(__dirname, '..');
const pages = ['README.md', ...readdirSync(path.join(root, 'docs')).map((name) => `docs/${name}`)].filter(
  (name) => name.endsWith('.md'),
);

interface Sample {
  readonly name: string;
  readonly language: string;
  readonly text: string;
}

const samples: Sample[] = pages.flatMap((page) => {
  const text = readFileSync(path.join(root, page), 'utf8');
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    name: `${page}:${text.slice(0, match.index).split('\n').length + 1}`,
    language: match[1] as string,
    text: match[2] as string,
  }));
});
const inLanguage = (...languages: string[]) => samples.filter(({ language }) => languages.includes(language));

/**
 * What stands in the app of a reader, and in no package: a sample may use it without a declaration. Everything else has to be
 * imported by the sample itself.
 */
const readersApp = `
import type { Application, RequestHandler } from 'express';
declare global {
  const app: Application, api: RequestHandler, weather: RequestHandler, news: RequestHandler, me: RequestHandler;
  const products: { save(id: string, body: unknown): Promise<void> } & object[];
  const users: { find(id: unknown): Promise<object> };
  const rows: string;
  const pool: { query(sql: string): Promise<object>; end(): Promise<void> };
  const wss: { clients: Set<{ close(code: number): void }> };
  const logger: import('pino').Logger;
  const manifest: Set<string>;
  const AppModule: new () => object;
  const myStore: () => import('express-productionize').CacheStore;
}
`;

/** The sources of the entries that samples import. */
const sources = {
  redis: './src/redis/index.ts',
  testing: './src/testing/index.ts',
  systemd: './src/process/systemd/index.ts',
  logging: './src/logging/index.ts',
  deploy: './src/deploy/index.ts',
  'store-conformance': './src/store-conformance/index.ts',
};

interface Checked {
  /** What the type checker finds, by the line of the page. */
  readonly problems: string[];
  readonly program: ts.Program;
}

function check(checked: readonly Sample[]): Checked {
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const directory = path.join(root, 'test/samples');
  const files = new Map([[path.join(directory, 'readers-app.d.ts'), readersApp]]);
  const origins = new Map<string, Sample>();
  for (const [index, sample] of checked.entries()) {
    const file = path.join(
      directory,
      `sample-${index}.${sample.text.includes('module.exports') ? 'cts' : 'mts'}`,
    );
    files.set(
      file,
      `${sample.text}\nexport {};\n`.replace(/^(module\.exports[\s\S]*)\nexport \{\};\n$/, '$1'),
    );
    origins.set(file, sample);
  }
  const entries = Object.entries(sources).map(([name, source]) => [
    `express-productionize/${name}`,
    [source],
  ]);
  const paths = { ...options.paths, ...Object.fromEntries(entries) };
  const loose = {
    ...options,
    paths,
    noImplicitAny: false,
    noImplicitOverride: false,
    noUncheckedIndexedAccess: false,
  };
  const host = ts.createCompilerHost(loose);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (file) => files.has(file) || fileExists(file);
  host.readFile = (file) => files.get(file) ?? readFile(file);
  host.getSourceFile = (file, ...rest) => {
    const text = files.get(file);
    return text === undefined
      ? getSourceFile(file, ...rest)
      : ts.createSourceFile(file, text, {
          languageVersion: ts.ScriptTarget.ES2022,
          impliedNodeFormat: file.endsWith('.cts') ? ts.ModuleKind.CommonJS : ts.ModuleKind.ESNext,
        });
  };
  const program = ts.createProgram([...files.keys()], loose, host);
  const problems = [...files.keys()].flatMap((file) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ messageText }) =>
        `${origins.get(file)?.name ?? 'the app of the reader'}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
  });
  return { problems, program };
}

/** The names of the options of each part of `productionize`, as its types declare them. */
function optionsOfParts(program: ts.Program): Map<string, string[]> {
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(path.join(root, 'src/core/productionize-options.ts')) as ts.SourceFile;
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(source) as ts.Symbol);
  const options = exported.find(({ name }) => name === 'ProductionizeOptions') as ts.Symbol;
  const parts = checker.getDeclaredTypeOfSymbol(options).getProperties();
  return new Map(
    parts.map((part) => {
      const type = checker.getTypeOfSymbol(part);
      // a part also accepts what the app has instead: a middleware, or a logger
      const objects = (type.isUnion() ? type.types : [type]).filter(
        (each) =>
          each.flags & ts.TypeFlags.Object &&
          each.getCallSignatures().length === 0 &&
          each.getSymbol()?.name !== 'PartLogger',
      );
      return [part.name, objects.flatMap((each) => each.getProperties().map(({ name }) => name))];
    }),
  );
}

describe('the samples of the documentation', () => {
  it('are found, in languages that are checked', () => {
    expect(inLanguage('js', 'ts').length).toBeGreaterThan(25);
    const languages = new Set(samples.map(({ language }) => language));
    expect([...languages].sort()).toEqual(['', 'dockerfile', 'ini', 'js', 'json', 'sh', 'ts', 'yaml']);
  });

  // one program for all: most of the time of the type checker is spent on the packages that they import
  const broken = [
    { name: 'no import', language: 'js', text: 'productionize(app);' },
    {
      name: 'no such option',
      language: 'js',
      text: "import { productionize } from 'express-productionize';\nproductionize(app, { gone: true });",
    },
  ];
  let problems: string[];
  let program: ts.Program;
  beforeAll(() => {
    ({ problems, program } = check([...inLanguage('js', 'ts'), ...broken]));
  });

  it('compile, with the imports they show', () => {
    expect(problems.filter((problem) => !problem.startsWith('no '))).toEqual([]);
  });

  it('would not compile without an import, nor with a removed option', () => {
    expect(problems.filter((problem) => problem.startsWith('no '))).toEqual([
      expect.stringContaining("no import: Cannot find name 'productionize'"),
      expect.stringContaining("'gone' does not exist in type 'ProductionizeOptions'"),
    ]);
  });

  it('match the page with every option of every part, and no other', () => {
    const page = readFileSync(path.join(root, 'docs/options.md'), 'utf8');
    const documented = new Map(
      page.split(/^## /m).map((section) => {
        const rows = [...section.matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name as string);
        return [section.split('\n', 1)[0] as string, rows.sort()];
      }),
    );
    const declared = optionsOfParts(program);
    expect(documented.get('The parts')).toEqual([...declared.keys()].sort());
    for (const [part, names] of declared)
      expect([part, documented.get(part) ?? []]).toEqual([part, names.sort()]);
  });

  it('are JSON, one value per line', () => {
    for (const { text } of inLanguage('json')) {
      for (const line of text.trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
    }
  });

  it('call commands that exist, and entries that the package has', () => {
    const lines = inLanguage('sh').flatMap(({ text }) => text.trim().split('\n'));
    const found = (pattern: RegExp) => lines.flatMap((line) => pattern.exec(line)?.[1] ?? []);
    const commands = readdirSync(path.join(root, 'src/cli')).map((name) => path.parse(name).name);
    const called = found(/npx express-productionize ([\w-]+)/);
    expect(called.length).toBeGreaterThan(5);
    expect(called.filter((name) => !commands.includes(name))).toEqual([]);
    const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      exports: object;
    };
    expect(
      found(/--import express-productionize\/(\S+)/).filter((name) => !(`./${name}` in exports)),
    ).toEqual([]);
  });
});
