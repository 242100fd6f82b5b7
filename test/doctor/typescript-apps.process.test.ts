import { mkdirSync, realpathSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { type AuditReport, audit } from '../../src/doctor/index.js';
import { auditInTurn, faultsIn, project, removeProjects } from './gallery-audits.js';

const root = path.join(__dirname, '../..');
const runsTypeScript = Boolean((process.features as { typescript?: unknown }).typescript);
const packageFile = (content: object) => JSON.stringify({ name: 'app', ...content });

afterAll(removeProjects);

/** The script of a TypeScript project, with links to the packages that it has. */
function written(packages: readonly string[], files: Readonly<Record<string, string>>): string {
  const directory = realpathSync(path.dirname(project({ 'server.cjs': null, ...files })));
  mkdirSync(path.join(directory, 'node_modules'));
  for (const name of packages) {
    const target = name === 'express-productionize' ? root : path.join(root, 'node_modules', name);
    symlinkSync(target, path.join(directory, 'node_modules', name));
  }
  return path.join(directory, 'server.ts');
}

/** What only a compiler understands: an enum, a namespace and properties of parameters. */
const compiled = `export enum Role { Reader = 'reader', Writer = 'writer' }
namespace names { export const first = 'Ada'; }
class Users {
  constructor(private readonly role: Role) {}
  all(): { name: string; role: Role }[] { return Array.from({ length: 200 }, () => ({ name: names.first, role: this.role })); }
}
export const users = new Users(Role.Reader);
`;
const erasable = `export const users = { all: (): { name: string }[] => Array.from({ length: 200 }, () => ({ name: 'Ada' })) };
`;

/** An app with routers and helmet. Its users are read by a synchronous function in the seventh line of a router. */
function app(fault: boolean, model: string, extension: 'js' | 'ts'): Record<string, string> {
  const read = fault ? 'readFileSync(file)' : 'await readFile(file)';
  return {
    'server.ts': `import express, { type Express } from 'express';
import helmet from 'helmet';
import { productionize } from 'express-productionize';
import { api } from './routes/api.${extension}';

const app: Express = express();
app.use(helmet());
app.use(express.json({ limit: '100kb' }));
app.use('/api', api);
app.get('/', (_req, res) => { res.send('home '.repeat(500)); });
productionize(app);
app.listen(Number(process.env.PORT ?? 3000));
`,
    'routes/api.ts': `import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Router, type Request, type Response } from 'express';
import { users } from '../model.${extension}';

interface Known { readonly id: string }
const load = async (file: string): Promise<Buffer> => ${read};

const router: Router = Router();
router.get('/users', (_req: Request, res: Response) => { res.json(users.all()); });
router.get('/users/:id', async (req: Request<Known>, res: Response): Promise<void> => { res.json({ id: req.params.id }); });
router.get('/file', async (_req: Request, res: Response): Promise<void> => { res.type('text').send(await load(process.argv[1] as string)); });
export { router as api };
void [readFile, readFileSync];
`,
    'model.ts': model,
  };
}

type Found = Pick<AuditReport, 'notes'> & { readonly found: readonly unknown[] };

/** A report, with the place of the fault relative to the project. */
async function auditOf(script: string, signals = false): Promise<Found> {
  const report = await auditInTurn(script, { signals });
  return {
    notes: report.notes,
    found: report.findings
      .filter(({ id }) => faultsIn(report).includes(id))
      .map(({ id, evidence }) => ({
        id,
        evidence: evidence.map(({ file = '', line, route }) => ({
          file: path.relative(path.dirname(script), path.resolve(file)),
          ...{ line, route },
        })),
      })),
  };
}

const packages = ['express', 'express-productionize', 'helmet'];
const fault = {
  id: 'synchronous-call',
  evidence: [{ file: 'routes/api.ts', line: 7, route: 'GET /api/file' }],
};

describe.each([
  ['ES modules', { type: 'module' }, true],
  ['CommonJS', {}, false],
])('a TypeScript app as %s under tsx', (_modules, content, signals) => {
  const files = { 'package.json': packageFile({ ...content, devDependencies: { tsx: '4' } }) };
  const notes = [
    'The script is TypeScript, and ran under tsx of the project.',
    'Not requested: GET /api/users/:id: no value is known, try --param id=<value>.',
  ];
  const audits: Promise<Found>[] = [];
  beforeAll(() => {
    for (const hasFault of [true, false]) {
      const script = written([...packages, 'tsx'], { ...files, ...app(hasFault, compiled, 'js') });
      audits.push(auditOf(script, signals && !hasFault));
    }
    for (const each of audits) each.catch(() => {});
  });

  it('has its one fault, at its line of the source', async () => {
    expect(await audits[0]).toEqual({ notes, found: [fault] });
  });

  it('has no fault without it', async () => {
    expect(await audits[1]).toEqual({ notes, found: [] });
  });
});

describe('a TypeScript app of a project without tsx', () => {
  const files = { 'package.json': packageFile({ type: 'module' }), ...app(true, erasable, 'ts') };

  if (runsTypeScript) {
    it('runs under a Node that removes the types, and has its one fault', async () => {
      const { notes, found } = await auditOf(written(packages, files));
      expect(notes).not.toContainEqual(expect.stringContaining('tsx'));
      expect(found).toEqual([fault]);
    });
  } else {
    it('is refused by an older Node, with what to do', async () => {
      await expect(audit(written(packages, files))).rejects.toThrow(
        /^Node v\S+ does not run TypeScript, and the project has no tsx\. Install tsx/,
      );
    });
  }
});
