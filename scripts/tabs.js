import ts from 'typescript';

/** Indents code with tabs, which are a half or a quarter of its spaces. Lines inside of a template are left as they are. */
export function indentWithTabs(code, width) {
  const source = ts.createSourceFile('code.ts', code, ts.ScriptTarget.Latest);
  const templates = [];
  const visit = (node) => {
    if (ts.isTemplateLiteralToken(node)) templates.push([node.getStart(source), node.end]);
    else ts.forEachChild(node, visit);
  };
  visit(source);
  const indent = new RegExp(`^(?: {${width}})+`, 'gm');
  let next = 0;
  return code.replace(indent, (spaces, at) => {
    while (next < templates.length && templates[next][1] <= at) next++;
    const [start = Number.POSITIVE_INFINITY] = templates[next] ?? [];
    return start < at ? spaces : '\t'.repeat(spaces.length / width);
  });
}
