import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(__dirname, '..');
const { files } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { files: string[] };
// npm packs these three whatever `files` says
const packed = ['README.md', 'LICENSE', 'package.json', ...files];

function isPacked(file: string): boolean {
  return packed.some((entry) => file === entry || file.startsWith(`${entry}/`));
}

const documents = ['.', 'docs', 'examples', 'bench'].flatMap((directory) =>
  readdirSync(path.join(root, directory))
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.posix.join(directory, name)),
);

/** A document without its code, where brackets are no links and hashes are no headings. */
function prose(file: string): string {
  return readFileSync(path.join(root, file), 'utf8').replace(/^(```+)[\s\S]*?^\1/gm, '');
}

function linksOf(file: string): string[] {
  const text = prose(file).replace(/`[^`\n]*`/g, '');
  const found = text.matchAll(/\]\(\s*<?([^\s)>]+)|^\[[^\]]+\]:\s*(\S+)|\b(?:href|src)="([^"]+)"/gm);
  return [...found].map(([, inline, reference, html]) => (inline ?? reference ?? html) as string);
}

/** The anchors of a document's headings, by the rule that GitHub and npm share. */
function anchorsOf(file: string): string[] {
  const seen = new Map<string, number>();
  return [...prose(file).matchAll(/^#{1,6} +(.+?) *#*$/gm)].map(([, heading = '']) => {
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
    const slug = text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
      .replace(/ /g, '-');
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    return times === 0 ? slug : `${slug}-${times}`;
  });
}

interface Link {
  readonly from: string;
  readonly link: string;
  /** The file that a relative link leads to, seen from the root. */
  readonly target: string;
  readonly anchor: string;
}

const links: Link[] = documents.flatMap((from) =>
  linksOf(from).map((link) => {
    const [file = '', anchor = ''] = link.split('#');
    const target = file === '' ? from : path.posix.join(path.posix.dirname(from), file);
    return { from, link, target, anchor };
  }),
);
const relative = links.filter(({ link }) => !/^[a-z][a-z0-9+.-]*:/i.test(link));
const named = ({ from, link }: Link) => `${from}: ${link}`;

describe('links of the documentation', () => {
  it('are found', () => {
    expect(relative.length).toBeGreaterThan(15);
    expect(anchorsOf('README.md')).toEqual(
      expect.arrayContaining(['what-changes-in-your-app', 'where-it-runs']),
    );
  });

  it('lead to a file', () => {
    const broken = relative.filter(({ target }) => !existsSync(path.join(root, target)));
    expect(broken.map(named)).toEqual([]);
  });

  it('lead to a heading, where they have an anchor', () => {
    const broken = relative.filter(
      ({ target, anchor }) => anchor !== '' && target.endsWith('.md') && !anchorsOf(target).includes(anchor),
    );
    expect(broken.map(named)).toEqual([]);
  });

  it('lead from a packed file to a packed file, so that they work from node_modules', () => {
    const outside = relative.filter((link) => isPacked(link.from) && !isPacked(link.target));
    expect(outside.map(named)).toEqual([]);
  });

  it('contain no address of this package, which only its publisher can give', () => {
    const own = links.filter(({ link }) => /^\w+:.*express-productionize/.test(link));
    expect(own.map(named)).toEqual([]);
  });
});

describe('the package', () => {
  it('has the documentation in it', () => {
    for (const file of ['README.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE', 'docs']) {
      expect(isPacked(file)).toBe(true);
      expect(existsSync(path.join(root, file))).toBe(true);
    }
  });

  it('has a README of at most 900 words', () => {
    const words = readFileSync(path.join(root, 'README.md'), 'utf8').split(/\s+/).filter(Boolean);
    expect(words.length).toBeLessThanOrEqual(900);
  });

  it('has a section of the changelog for its version', () => {
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
    const sections = readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8').match(/^## .+$/gm);
    expect(sections).toContain(`## ${version}`);
  });

  it('links every document in docs from the README', () => {
    const linked = relative.filter(({ from }) => from === 'README.md').map(({ target }) => target);
    const missing = documents.filter((file) => file.startsWith('docs/') && !linked.includes(file));
    expect(missing).toEqual([]);
  });

  it('has a line for each runtime dependency, and for no other', () => {
    const { dependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
    const table = readFileSync(path.join(root, 'docs/dependencies.md'), 'utf8').split('\n## ')[0] as string;
    const rows = [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name);
    expect(rows.sort()).toEqual(Object.keys(dependencies).sort());
    const readme = readFileSync(path.join(root, 'README.md'), 'utf8').split(
      '\n## Dependencies\n',
    )[1] as string;
    for (const name of rows) expect(readme).toContain(`\`${name}\``);
  });
});
