import { readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const root = path.resolve(__dirname, '..');
const src = path.join(root, 'src');
// where no file is: the declarations of src are emitted to memory
const emittedTo = path.join(root, 'emitted');

/** Every entry of package.json, and what it exports: values, then types. */
const entries: Record<string, { source: string; values: string[]; types: string[] }> = {
  '.': {
    source: 'index',
    values: [
      'ProductionizeError',
      'bindStreamErrors',
      'bodyGuard',
      'cacheControl',
      'compression',
      'conditionReport',
      'createLogger',
      'createServer',
      'currentRequest',
      'deadline',
      'detectSyncIo',
      'errorHandler',
      'fatalErrors',
      'gracefulShutdown',
      'healthChecks',
      'loadShedding',
      'memoryStore',
      'metrics',
      'notFound',
      'onDrain',
      'onShutdown',
      'precompress',
      'productionGuard',
      'productionize',
      'report',
      'requestContext',
      'requestLogger',
      'responseCache',
      'restoreApp',
      'runCluster',
      'safeJsonParse',
      'setLogLevel',
      'setLogLevelOnSignal',
      'staticFiles',
      'stripPrototypeKeys',
      'wrapAsync',
    ],
    types: [
      'AppReport',
      'AsyncErrorsOptions',
      'Balancer',
      'BalancerLimits',
      'BlockedLoop',
      'CacheControlOptions',
      'CacheEntry',
      'CacheStore',
      'CheckResult',
      'Cluster',
      'ClusterOptions',
      'ClusterStatus',
      'CompressionOptions',
      'Deadline',
      'DeadlineCounts',
      'DeadlineOptions',
      'DebugBufferOptions',
      'Encoding',
      'ErrorCode',
      'ErrorHandler',
      'ErrorHandlerOptions',
      'Fact',
      'Facts',
      'FastPathOptions',
      'FatalErrorsOptions',
      'Finding',
      'GracefulShutdown',
      'GracefulShutdownOptions',
      'HealthCheck',
      'HealthCheckOptions',
      'HealthChecks',
      'HealthChecksOptions',
      'HookOptions',
      'ListenAddress',
      'LivenessThreadOptions',
      'LoadShedder',
      'LoadSheddingOptions',
      'LogLevelOptions',
      'LogLevelSignalOptions',
      'LoggerOptions',
      'MemoryStoreOptions',
      'Metrics',
      'MetricsOptions',
      'MetricsRegistry',
      'PartLogger',
      'PartReport',
      'PrecompressOptions',
      'PrecompressReport',
      'ProductionGuard',
      'ProductionGuardOptions',
      'ProductionizeOptions',
      'PurgeReport',
      'PurgeSelection',
      'ReloadResult',
      'RequestContext',
      'RequestContextOptions',
      'RequestFields',
      'RequestLoggerOptions',
      'ResponseCache',
      'ResponseCacheOptions',
      'SafeJson',
      'ServerOptions',
      'ServerReport',
      'SheddingPriority',
      'SheddingReason',
      'ShutdownHook',
      'StaticFilesOptions',
      'StickyOptions',
      'SyncIoDetector',
      'SyncIoFinding',
      'SyncIoGroup',
      'SyncIoOptions',
      'TraceContext',
      'WorkerState',
      'WorkerStatus',
    ],
  },
  './redis': {
    source: 'redis/index',
    values: ['redisStore'],
    types: [
      'CacheEntry',
      'CacheStore',
      'PartLogger',
      'PurgeReport',
      'PurgeSelection',
      'RedisStore',
      'RedisStoreClient',
      'RedisStoreOptions',
    ],
  },
  './testing': {
    source: 'testing/index',
    values: ['expectNoSyncIo'],
    types: ['ExpectNoSyncIoOptions', 'SyncIoFinding', 'SyncIoGroup'],
  },
  './systemd': {
    source: 'process/systemd/index',
    values: ['inheritedSockets', 'notifySystemd'],
    types: ['InheritedSocket'],
  },
  './logging': {
    source: 'logging/index',
    values: ['createLogDestination', 'serializeError'],
    types: ['LogDestination', 'LogDestinationOptions', 'LoggedError'],
  },
  './sync-io': {
    source: 'middleware/sync-io/register',
    values: [],
    types: [],
  },
  './preload': {
    source: 'preload/index',
    values: ['installServingHooks'],
    types: [],
  },
  './deploy': {
    source: 'deploy/index',
    values: ['checkDeploymentFile', 'deploymentFiles', 'nginxCache', 'readFacts', 'varnishCache'],
    types: [
      'Deployment',
      'DeploymentFacts',
      'DeploymentFile',
      'DeploymentFileCheck',
      'Finding',
      'HealthPaths',
      'NginxCacheOptions',
      'ProxyCacheOptions',
      'ReadFactsOptions',
      'StaticDirectory',
      'TargetName',
      'VarnishCacheOptions',
    ],
  },
  './doctor': {
    source: 'doctor/index',
    values: ['audit'],
    types: [
      'AuditOptions',
      'AuditReport',
      'Evidence',
      'Finding',
      'LiveAuditOptions',
      'LoopLoad',
      'Measured',
      'Practice',
      'RouteFacts',
      'RouteLatency',
      'Severity',
      'SilencedFinding',
      'TimeoutStep',
    ],
  },
  './eslint': {
    source: 'eslint/index',
    values: ['eslintConfig'],
    types: ['EslintConfigOptions', 'LintConfig'],
  },
  './store-conformance': {
    source: 'store-conformance/index',
    values: ['sharedStoreConformance', 'storeConformance'],
    types: ['CacheEntry', 'CacheStore', 'PurgeReport', 'PurgeSelection', 'SharedStoreCase', 'StoreCase'],
  },
};

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  lib: ['lib.es2023.d.ts', 'lib.dom.asynciterable.d.ts'],
  types: ['node'],
  strict: true,
  esModuleInterop: true,
  rootDir: src,
  outDir: emittedTo,
  declaration: true,
  emitDeclarationOnly: true,
};

function emitDeclarations(): Map<string, string> {
  const files = new Map<string, string>();
  const sources = Object.values(entries).map(({ source }) => path.join(src, `${source}.ts`));
  const program = ts.createProgram(sources, { ...options, skipLibCheck: true });
  program.emit(undefined, (file, text) => void files.set(path.normalize(file), text), undefined, true);
  return files;
}

/** The declarations as a user's compiler sees them. */
function declarations(): ts.Program {
  const files = emitDeclarations();
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, directoryExists } = host;
  host.fileExists = (file) => files.has(path.normalize(file)) || fileExists(file);
  host.readFile = (file) => files.get(path.normalize(file)) ?? readFile(file);
  host.directoryExists = (dir) =>
    path.normalize(dir).startsWith(emittedTo) || (directoryExists?.(dir) ?? false);
  host.getSourceFile = (file, target) => {
    const text = host.readFile(file);
    return text === undefined ? undefined : ts.createSourceFile(file, text, target, true);
  };
  const roots = Object.values(entries).map(({ source }) => path.join(emittedTo, `${source}.d.ts`));
  return ts.createProgram(roots, { ...options, outDir: undefined, noEmit: true, skipLibCheck: false }, host);
}

const program = declarations();
const checker = program.getTypeChecker();

function resolve(symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

function exportsOf(source: string): ts.Symbol[] {
  const file = program.getSourceFile(path.join(emittedTo, `${source}.d.ts`));
  const module = file && checker.getSymbolAtLocation(file);
  return module ? checker.getExportsOfModule(module) : [];
}

const isOurs = (node: ts.Node): boolean =>
  path.normalize(node.getSourceFile().fileName).startsWith(emittedTo);

/** The names of our own declarations that a declaration mentions. */
function* mentioned(node: ts.Node): Generator<ts.Symbol> {
  if (
    ts.canHaveModifiers(node) &&
    ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword)
  ) {
    return;
  }
  // the names of a table, which are a union of strings to a user
  if (ts.isTypeOperatorNode(node) && ts.isTypeQueryNode(node.type)) return;
  let name: ts.Node | undefined;
  if (ts.isTypeReferenceNode(node)) name = node.typeName;
  else if (ts.isExpressionWithTypeArguments(node)) name = node.expression;
  else if (ts.isTypeQueryNode(node)) name = node.exprName;
  else if (ts.isImportTypeNode(node)) name = node.qualifier;
  const symbol = name && checker.getSymbolAtLocation(name);
  if (symbol) {
    const target = resolve(symbol);
    const typeParameter = target.flags & ts.SymbolFlags.TypeParameter;
    if (!typeParameter && target.declarations?.some(isOurs)) yield target;
  }
  for (const child of node.getChildren()) yield* mentioned(child);
}

it('has an entry in package.json, with types under node10 too, for each entry here and for no other', () => {
  const { exports, typesVersions } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const { './package.json': itself, ...rest } = exports;
  expect(itself).toBe('./package.json');
  expect(Object.keys(rest).sort()).toEqual(Object.keys(entries).sort());
  const names = Object.keys(entries).filter((name) => name !== '.');
  expect(Object.keys(typesVersions['*']).sort()).toEqual(names.map((name) => name.slice(2)).sort());
});

describe.each(Object.entries(entries))('%s', (_name, { source, values, types }) => {
  const symbols = exportsOf(source);

  it('exports this, and nothing else', () => {
    const isValue = (symbol: ts.Symbol) => (resolve(symbol).flags & ts.SymbolFlags.Value) !== 0;
    const names = (list: ts.Symbol[]) => list.map(({ name }) => name).sort();
    expect(names(symbols.filter(isValue))).toEqual([...values]);
    expect(names(symbols.filter((symbol) => !isValue(symbol)))).toEqual([...types]);
  });

  it('exports every type that an export mentions', () => {
    const exported = new Set(symbols.map(resolve));
    const missing = symbols.flatMap((symbol) =>
      (resolve(symbol).declarations ?? [])
        .flatMap((declaration) => [...mentioned(declaration)])
        .filter((used) => !exported.has(used))
        .map((used) => `${symbol.name} mentions ${used.name}`),
    );
    expect([...new Set(missing)]).toEqual([]);
  });

  it('exports no type that no export mentions', () => {
    const used = new Set(
      symbols.flatMap((symbol) =>
        (resolve(symbol).declarations ?? []).flatMap((declaration) => [...mentioned(declaration)]),
      ),
    );
    const isType = (symbol: ts.Symbol) => (resolve(symbol).flags & ts.SymbolFlags.Value) === 0;
    const unused = symbols.filter((symbol) => isType(symbol) && !used.has(resolve(symbol)));
    // an app opts in to it, by a line of its own
    expect(unused.map(({ name }) => name).filter((name) => name !== 'RequestFields')).toEqual([]);
  });
});

it('compiles where skipLibCheck is false', () => {
  const ours = program.getSourceFiles().filter(isOurs);
  expect(ours.length).toBeGreaterThan(20);
  const problems = ours.flatMap((file) => [
    ...program.getSyntacticDiagnostics(file),
    ...program.getSemanticDiagnostics(file),
  ]);
  expect(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
});
